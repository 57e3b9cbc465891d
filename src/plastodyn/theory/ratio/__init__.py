"""How much plasticity is right against fluctuations of a given size (Raman and O'Leary, eLife 2021).

``dw = dc + de``: compensatory plasticity and synaptic fluctuations per interval; ``Q[v] = v'Hv / |v|^2`` is the upward
curvature of the loss along v. The greedy theory (equations 6-14) asks for the magnitude |dc| that lowers the error
most over one interval; the stationary theory, this project's own, for the one whose stationary error is lowest.
"""

from plastodyn.theory.ratio.greedy import isotropic, learning, noisy, optimal_magnitude, quadratic, steady_state
from plastodyn.theory.ratio.optima import greedy_optimum, stationary_optimum
from plastodyn.theory.ratio.stationary import stationary_curvature, stationary_displacement, stationary_loss

__all__ = [
    "greedy_optimum",
    "isotropic",
    "learning",
    "noisy",
    "optimal_magnitude",
    "quadratic",
    "stationary_curvature",
    "stationary_displacement",
    "stationary_loss",
    "stationary_optimum",
    "steady_state",
]
