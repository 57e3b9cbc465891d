"""What learns: weights, a loss or other signals, and optionally a fast activity."""

from plastodyn.circuits.base import AbstractCircuit, Circuit
from plastodyn.circuits.integrator import Integrator, integrator
from plastodyn.circuits.layers import fan_in_normal, fan_in_uniform, glorot_uniform
from plastodyn.circuits.linear import LinearStudentTeacher, input_covariance, through_covariance
from plastodyn.circuits.matching import Matched, matched
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
from plastodyn.circuits.symmetry import principal_axes, reachable, reachable_by_sign
from plastodyn.circuits.tracking import Tracking, tracking

__all__ = [
    "AbstractCircuit",
    "Circuit",
    "Integrator",
    "Layers",
    "LinearStudentTeacher",
    "Matched",
    "Resampled",
    "StudentTeacher",
    "Tracking",
    "fan_in_normal",
    "fan_in_uniform",
    "gaussian_inputs",
    "glorot_uniform",
    "half_squared_error",
    "input_covariance",
    "integrator",
    "matched",
    "mean_squared_error",
    "mixed_inputs",
    "principal_axes",
    "reachable",
    "reachable_by_sign",
    "resampled",
    "student_teacher",
    "through_covariance",
    "tracking",
]
