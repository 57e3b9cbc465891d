"""Hyperbolic space: the Poincare ball, and who is near whom in it."""

from plastodyn.geometry.morton import morton_order
from plastodyn.geometry.neighbours import Nearby, candidate_count, nearby, nearest_neighbours, refreshed
from plastodyn.geometry.poincare import LARGEST_NORM, add, conformal_factor, distance, exponential, into_ball, logarithm

__all__ = [
    "LARGEST_NORM",
    "Nearby",
    "add",
    "candidate_count",
    "conformal_factor",
    "distance",
    "exponential",
    "into_ball",
    "logarithm",
    "morton_order",
    "nearby",
    "nearest_neighbours",
    "refreshed",
]
