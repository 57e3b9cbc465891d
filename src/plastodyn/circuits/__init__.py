"""What learns: weights, a loss or other signals, and optionally a fast activity."""

from plastodyn.circuits.base import AbstractCircuit, Circuit
from plastodyn.circuits.student_teacher import (
    Layers,
    Resampled,
    StudentTeacher,
    gaussian_inputs,
    half_squared_error,
    mean_squared_error,
    mixed_inputs,
    resampled,
    student_teacher,
)

__all__ = [
    "AbstractCircuit",
    "Circuit",
    "Layers",
    "Resampled",
    "StudentTeacher",
    "gaussian_inputs",
    "half_squared_error",
    "mean_squared_error",
    "mixed_inputs",
    "resampled",
    "student_teacher",
]
