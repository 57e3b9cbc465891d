"""Best ratios of plasticity to fluctuations in the stationary state: of the lowest error, and of equation 9."""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.ratio.stationary import landscape_of, stationary_curvature, stationary_loss
from plastodyn.theory.roots import bisect
from plastodyn.types import Bools, Floats

_BISECTIONS = 42
_RATIO_RANGE = (1e-6, 1e6)
_GRID, _REFINEMENTS = 100, 6


def stationary_optimum(
    eigenvalues: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    multiplicities: ArrayLike | None = None,
    *,
    shares: ArrayLike | None = None,
    correlation_time: ArrayLike = 0.0,
) -> Floats:
    """The ratio |dc| / |de| at which `stationary_loss` is lowest.

    For a quadratic loss it does not depend on the size of the fluctuations, nor on the scale of the curvatures.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        fluctuation: |de| per step, above 0.
        precision: q = gamma1 / gamma2, above 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.
        shares: of |de|^2 along each eigenvector; isotropic unless given.
        correlation_time: of the fluctuations, in steps; white unless given, infinite for a constant direction.

    Returns:
        The ratio, dimensionless, broadcast over ``fluctuation``, ``precision`` and ``correlation_time``; NaN where it does not
        lie between 1e-6 and 1e6.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory, beyond the paper.

    >>> round(float(stationary_optimum(np.full(100, 2.0), 0.3, np.inf)), 3)
    1.0
    >>> round(float(stationary_optimum(np.full(100, 2.0), 0.3, np.inf, correlation_time=20.0)), 2)
    1.11
    """
    checks.number("fluctuation", fluctuation, above=0)
    checks.number("precision", precision, above=0, infinite=True)
    checks.number("correlation_time", correlation_time, at_least=0, infinite=True)
    checks.broadcast(fluctuation=fluctuation, precision=precision, correlation_time=correlation_time)
    lam, mult, share = landscape_of(eigenvalues, multiplicities, shares)
    lam = lam / lam.max()
    _, q, time = np.broadcast_arrays(*(np.asarray(x, float) for x in (fluctuation, precision, correlation_time)))
    low, high = (np.full(q.shape, np.log(end)) for end in _RATIO_RANGE)
    best, loss = low, np.full((1, *q.shape), np.inf)
    for _ in range(_REFINEMENTS):
        # Shape (grid, ...): every pass looks closer between the neighbours of the lowest point.
        grid = np.linspace(low, high, _GRID)
        loss = stationary_loss(lam, np.exp(grid), 1.0, q, mult, shares=share, correlation_time=time)
        lowest = np.argmin(loss, axis=0)[None]
        low, best, high = (np.take_along_axis(grid, np.clip(lowest + beside, 0, _GRID - 1), axis=0)[0] for beside in (-1, 0, 1))
    found = np.isfinite(loss.min(axis=0)) & (best > np.log(_RATIO_RANGE[0])) & (best < np.log(_RATIO_RANGE[1]))
    return np.where(found, np.exp(best), np.nan)


def greedy_optimum(
    eigenvalues: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    multiplicities: ArrayLike | None = None,
    *,
    shares: ArrayLike | None = None,
) -> Floats:
    """The fixed point of equation 9: the ratio at which ``sqrt(Q[de] / Q[dc])`` equals the ratio itself.

    Q[dc] depends on the stationary state, and so on the ratio (`stationary_curvature`); ``Q[de] = sum_i p_i lam_i``, which is
    tr H / N for isotropic fluctuations. Equation 9 supposes fluctuations that are independent from step to step.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        fluctuation: |de| per step, above 0.
        precision: q = gamma1 / gamma2, above 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.
        shares: of |de|^2 along each eigenvector; isotropic unless given.

    Returns:
        The ratio, dimensionless, broadcast over ``fluctuation`` and ``precision``; never above 1 for isotropic fluctuations.

    Raises:
        ValueError: if an argument is out of range.

    Source: equation 9 of the paper, closed by this project's stationary theory.

    >>> round(float(greedy_optimum(np.full(100, 2.0), 0.3, 5.0)), 6)
    1.0
    """
    checks.number("fluctuation", fluctuation, above=0)
    checks.number("precision", precision, above=0, infinite=True)
    checks.broadcast(fluctuation=fluctuation, precision=precision)
    lam, mult, share = landscape_of(eigenvalues, multiplicities, shares)
    lam = lam / lam.max()
    q_fluctuation = np.sum(share * lam)
    _, q = np.broadcast_arrays(*(np.asarray(x, float) for x in (fluctuation, precision)))
    # The curvature along plasticity lies between those of the flattest and of the steepest direction.
    occurs = (lam > 0) & (mult + share > 0)
    ends = (
        np.sqrt(q_fluctuation / lam[occurs].max()),
        np.sqrt(q_fluctuation / min(lam[occurs].min(), np.average(lam, weights=mult))),
    )
    low, high = (np.full(q.shape, np.log(max(end, _RATIO_RANGE[0]))) for end in ends)

    def below(log_ratio: Floats) -> Bools:
        along = stationary_curvature(lam, np.exp(log_ratio), 1.0, q, mult, shares=share)
        return np.sqrt(q_fluctuation / along) > np.exp(log_ratio)

    return np.exp(bisect(below, low, high, _BISECTIONS)[0]) if q_fluctuation > 0 else np.zeros(q.shape)
