"""Bounds on learning: how fast a circuit can learn here, how hard the task is, and how large the circuit should be."""

from plastodyn.theory.bounds.rate import (
    Landscape,
    Plasticity,
    best_interval,
    direction_difficulty,
    largest_difficulty,
    largest_irrelevant,
    largest_noise,
    learning_rate,
    learning_rate_variance,
    task_difficulty,
)
from plastodyn.theory.bounds.size import optimal_size, optimal_size_as_printed, optimal_size_if_spread

__all__ = [
    "Landscape",
    "Plasticity",
    "best_interval",
    "direction_difficulty",
    "largest_difficulty",
    "largest_irrelevant",
    "largest_noise",
    "learning_rate",
    "learning_rate_variance",
    "optimal_size",
    "optimal_size_as_printed",
    "optimal_size_if_spread",
    "task_difficulty",
]
