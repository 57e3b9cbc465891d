"""How weights change: one file for each plasticity rule, and the ways to combine them."""

from plastodyn.protocol import Moment, Rule, Sum
from plastodyn.rules.beeline import beeline
from plastodyn.rules.constrained import constrained
from plastodyn.rules.exact_norm import exact_norm
from plastodyn.rules.feedback import direct_feedback_alignment, feedback_alignment
from plastodyn.rules.gradient import gradient, noisy, noisy_gradient
from plastodyn.rules.modify import flipped, gated
from plastodyn.rules.neurons import postsynaptic, presynaptic
from plastodyn.rules.newton import newton
from plastodyn.rules.perturbation import keep_or_oppose, node_perturbation, weight_perturbation
from plastodyn.rules.staged import early, late, staged

__all__ = [
    "Moment",
    "Rule",
    "Sum",
    "beeline",
    "constrained",
    "direct_feedback_alignment",
    "early",
    "exact_norm",
    "feedback_alignment",
    "flipped",
    "gated",
    "gradient",
    "keep_or_oppose",
    "late",
    "newton",
    "node_perturbation",
    "noisy",
    "noisy_gradient",
    "postsynaptic",
    "presynaptic",
    "staged",
    "weight_perturbation",
]
