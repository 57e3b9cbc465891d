"""Coupled phase oscillators and plasticity that synchrony gates (Kuramoto; Ott and Antonsen; Hays 2026).

``dtheta_i/dt = omega_i + (K/N) sum_j sin(theta_j - theta_i)``; the coherence is ``r = |sum_j exp(i theta_j)| / N``.
Frequencies follow a density g that is symmetric about its centre and falls to both sides; they are counted from the centre.
"""

from plastodyn.theory.kuramoto.energy import (
    composite_energy,
    coupling_energy,
    largest_weight_share,
    rotating_energy,
    target_weights,
    weighted_energy,
)
from plastodyn.theory.kuramoto.finite_size import coherence_spread, incoherent_coherence, random_coherence
from plastodyn.theory.kuramoto.hebbian import critical_flipped_fraction, locked_coherence
from plastodyn.theory.kuramoto.locking import critical_coupling, order_parameter, ott_antonsen
from plastodyn.theory.kuramoto.pair import phase_difference, slip_period
from plastodyn.theory.kuramoto.timescales import collapse_rate, fast_time, slow_time, weight_bound

__all__ = [
    "coherence_spread",
    "collapse_rate",
    "composite_energy",
    "coupling_energy",
    "critical_coupling",
    "critical_flipped_fraction",
    "fast_time",
    "incoherent_coherence",
    "largest_weight_share",
    "locked_coherence",
    "order_parameter",
    "ott_antonsen",
    "phase_difference",
    "random_coherence",
    "rotating_energy",
    "slip_period",
    "slow_time",
    "target_weights",
    "weight_bound",
    "weighted_energy",
]
