"""How weights change: one file for each plasticity rule, and the ways to combine them."""

from plastodyn.protocol import Moment, Rule, Sum
from plastodyn.rules.beeline import beeline
from plastodyn.rules.feedback import direct_feedback_alignment, feedback_alignment
from plastodyn.rules.gradient import gradient, noisy, noisy_gradient
from plastodyn.rules.hebbian import bcm, hebbian, oja
from plastodyn.rules.newton import newton
from plastodyn.rules.oscillatory import coherence_gate, decay, homeostatic_gate, phase_hebbian
from plastodyn.rules.perturbation import keep_or_oppose, node_perturbation, weight_perturbation
from plastodyn.rules.staged import early, late, staged
from plastodyn.rules.structural.drift import hyperbolic_drift
from plastodyn.rules.structural.turnover import prune_and_sprout
from plastodyn.rules.wrap import Gate, averaged, constrained, exact_norm, flipped, gated, postsynaptic, presynaptic

__all__ = [
    "Gate",
    "Moment",
    "Rule",
    "Sum",
    "averaged",
    "bcm",
    "beeline",
    "coherence_gate",
    "constrained",
    "decay",
    "direct_feedback_alignment",
    "early",
    "exact_norm",
    "feedback_alignment",
    "flipped",
    "gated",
    "gradient",
    "hebbian",
    "homeostatic_gate",
    "hyperbolic_drift",
    "keep_or_oppose",
    "late",
    "newton",
    "node_perturbation",
    "noisy",
    "noisy_gradient",
    "oja",
    "phase_hebbian",
    "postsynaptic",
    "presynaptic",
    "prune_and_sprout",
    "staged",
    "weight_perturbation",
]
