"""Synaptic fluctuations: changes unrelated to the task, on the same protocol as rules."""

from plastodyn.fluctuations.coloured import mean_reverting, ornstein_uhlenbeck
from plastodyn.fluctuations.confined import confined, sparing
from plastodyn.fluctuations.multiplicative import log_normal
from plastodyn.fluctuations.systematic import drift, homeostatic_scaling
from plastodyn.fluctuations.white import synaptic_noise, white, wiener

__all__ = [
    "confined",
    "drift",
    "homeostatic_scaling",
    "log_normal",
    "mean_reverting",
    "ornstein_uhlenbeck",
    "sparing",
    "synaptic_noise",
    "white",
    "wiener",
]
