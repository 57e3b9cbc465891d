"""How much plasticity is right against fluctuations of a given size (Raman and O'Leary, eLife 2021).

``dw = dc + de``: compensatory plasticity and synaptic fluctuations per interval; ``Q[v] = v'Hv / |v|^2`` is the upward
curvature of the loss along v. The greedy theory (equations 6-14) asks for the magnitude |dc| that lowers the error
most over one interval; the stationary theory, this project's own, for the one whose stationary error is lowest. Both hold
near a solution; the adiabatic theory holds where fluctuations have made a network with a hidden layer forget it.
"""

from plastodyn.theory.ratio.adiabatic import adiabatic_loss, joined_loss
from plastodyn.theory.ratio.finite import loss_after
from plastodyn.theory.ratio.greedy import isotropic, learning, noisy, optimal_magnitude, quadratic, steady_state
from plastodyn.theory.ratio.memory import diffusion_cosine, memory_number
from plastodyn.theory.ratio.network import solution_curvatures
from plastodyn.theory.ratio.optima import greedy_optimum, stationary_optimum
from plastodyn.theory.ratio.stationary import stationary_curvature, stationary_displacement, stationary_loss

__all__ = [
    "adiabatic_loss",
    "diffusion_cosine",
    "greedy_optimum",
    "isotropic",
    "joined_loss",
    "learning",
    "loss_after",
    "memory_number",
    "noisy",
    "optimal_magnitude",
    "quadratic",
    "solution_curvatures",
    "stationary_curvature",
    "stationary_displacement",
    "stationary_loss",
    "stationary_optimum",
    "steady_state",
]
