"""What learns: weights, a loss or other signals, and optionally a fast activity."""

from plastodyn.circuits import perturbations
from plastodyn.circuits.integrator import Integrator, integrator
from plastodyn.circuits.layered.enlarged import enlarged, expanded, semi_orthogonal
from plastodyn.circuits.layered.layers import fan_in_normal, fan_in_uniform, glorot_uniform
from plastodyn.circuits.layered.linear import LinearStudentTeacher, input_covariance, through_covariance
from plastodyn.circuits.layered.matching import Matched, matched
from plastodyn.circuits.layered.patterns import PatternLayer, pattern_layer
from plastodyn.circuits.layered.resampled import Resampled, resampled
from plastodyn.circuits.layered.student_teacher import (
    Layers,
    StudentTeacher,
    gaussian_inputs,
    half_squared_error,
    mean_squared_error,
    mixed_inputs,
    student_teacher,
)
from plastodyn.circuits.layered.symmetry import principal_axes, reachable, reachable_by_sign
from plastodyn.circuits.loss import Circuit
from plastodyn.circuits.minibatches import Minibatches, minibatches
from plastodyn.circuits.oscillators import frequencies
from plastodyn.circuits.oscillators.graph import neighbours_of
from plastodyn.circuits.oscillators.kuramoto import kuramoto, weighted_kuramoto
from plastodyn.circuits.rhythm import WithRhythm, with_rhythm
from plastodyn.circuits.torch_circuit import from_torch
from plastodyn.circuits.tracking import Tracking, tracking
from plastodyn.protocol import AbstractCircuit, Event, event

__all__ = [
    "AbstractCircuit",
    "Circuit",
    "Event",
    "Integrator",
    "Layers",
    "LinearStudentTeacher",
    "Matched",
    "Minibatches",
    "PatternLayer",
    "Resampled",
    "StudentTeacher",
    "Tracking",
    "WithRhythm",
    "enlarged",
    "event",
    "expanded",
    "fan_in_normal",
    "fan_in_uniform",
    "frequencies",
    "from_torch",
    "gaussian_inputs",
    "glorot_uniform",
    "half_squared_error",
    "input_covariance",
    "integrator",
    "kuramoto",
    "matched",
    "mean_squared_error",
    "minibatches",
    "mixed_inputs",
    "neighbours_of",
    "pattern_layer",
    "perturbations",
    "principal_axes",
    "reachable",
    "reachable_by_sign",
    "resampled",
    "semi_orthogonal",
    "student_teacher",
    "through_covariance",
    "tracking",
    "weighted_kuramoto",
    "with_rhythm",
]
