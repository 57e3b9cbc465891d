"""The error that plasticity and fluctuations settle at, and the ratio of the two at which it is lowest.

For a quadratic loss ``F = w'Hw / 2`` the gradient's norm self-averages, so that plasticity of exact norm acts as a linear
rule of gain kappa: along an eigenvector, ``w <- (1 - kappa lam) w + noise``. What is left is the noise's variance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.roots import bisect
from plastodyn.types import Bools, Floats

_BISECTIONS = 64
_FIXED_POINT_STEPS, _SETTLED = 100, 1e-12
_RATIO_RANGE = (1e-3, 1e3)
_GRID, _REFINEMENTS = 60, 5
_SUM_ROUNDING = 1e-6


class _Landscape(NamedTuple):
    """Curvatures, how often each occurs, and the share of |de|^2 along each: one number a node."""

    curvatures: Floats
    multiplicities: Floats
    shares: Floats


class _Drive(NamedTuple):
    """What moves the weights in a step: gamma1, the variances of the rule's error and of fluctuations, their memory."""

    directed: Floats
    error: Floats
    fluctuation: Floats
    memory: Floats


def stationary_loss(
    eigenvalues: ArrayLike,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    multiplicities: ArrayLike | None = None,
    *,
    shares: ArrayLike | None = None,
    correlation_time: ArrayLike = 0.0,
) -> Floats:
    """Stationary error of exact-norm noisy gradient plasticity against fluctuations, for ``F = w'Hw / 2``.

    Along eigenvector i fluctuations of correlation time tau, ``a = exp(-1 / tau)``, add up to the variance

    ``s_i^2 = gamma2^2 / n + |de|^2 p_i (1 + a g_i) / (1 - a g_i)``,  ``g_i = 1 - kappa lam_i``,

    with ``p_i`` their share along it (``1 / n`` if isotropic). The gain kappa solves ``gamma1^2 = sum_i kappa lam_i s_i^2 /
    (2 - kappa lam_i)``, and ``E F = (1/2) sum_i s_i^2 / (kappa (2 - kappa lam_i))``. Exact for isotropic H and many weights. A
    flat direction costs as much as a steep one once it has settled, which takes ``1 / (kappa lam_i)`` steps; an eigenvalue of
    exactly 0 never does and costs nothing. A shorter run lies below the stationary loss.

    Fluctuations in a constant direction, ``correlation_time = inf``, must be outweighed: where gamma1 is at most |de| the
    weights run away and the loss is infinite.

    Args:
        eigenvalues: of H, each as often as it occurs (or with ``multiplicities``); at least 0, one above 0.
        plasticity: |dc| per step, above 0.
        fluctuation: |de| per step (root mean square), at least 0.
        precision: q = gamma1 / gamma2 of the rule, above 0 (infinite for no error).
        multiplicities: how often each eigenvalue occurs, need not be whole (Lanczos); 1 unless given.
        shares: of |de|^2 along each eigenvector, at least 0, with sum 1; proportional to ``multiplicities`` unless given.
        correlation_time: of the fluctuations, in steps, at least 0: 0 for white ones, infinite for a constant direction.

    Returns:
        E F in units of loss, broadcast over ``plasticity``, ``fluctuation``, ``precision`` and ``correlation_time``.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory; checked by simulation, beyond the paper.

    >>> round(float(stationary_loss(np.full(100, 2.0), 0.3, 0.3, np.inf)), 3)
    0.09
    >>> round(float(stationary_loss(np.full(100, 2.0), 0.2, 0.3, np.inf, correlation_time=20.0)), 1)
    26.1
    """
    landscape = _landscape(eigenvalues, multiplicities, shares)
    drive = _drive(plasticity, fluctuation, precision, correlation_time)
    lam = landscape.curvatures
    kappa = _gain(landscape, drive)[..., None]
    # Where the fluctuations outweigh the plasticity kappa may be 0; the answer there is infinite in any case.
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sum(_variance(landscape, drive, kappa) / (kappa * (2 - kappa * lam)), axis=-1, where=lam > 0)
        # Where all that drives the weights is constant, the steepest direction takes the rest by changing sign at each step.
        left = np.clip(drive.directed**2 - _gradient_power(landscape, drive, kappa), 0, None)
        alternating = np.where(_at_the_limit(lam, kappa), left / (kappa[..., 0] ** 2 * lam.max()), 0.0)
    return np.where(_outweighs(landscape, drive), 0.5 * (spread + alternating), np.inf)


def stationary_curvature(
    eigenvalues: ArrayLike,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    multiplicities: ArrayLike | None = None,
    *,
    shares: ArrayLike | None = None,
) -> Floats:
    """Curvature Q[dc] of the noisy gradient in the stationary state of `stationary_loss`, under white fluctuations.

    ``Q[gradF]`` weighs eigenvalues by the stationary ``lam_i^2 var(w_i)``, ``var(w_i) = s_i^2 / (kappa lam_i
    (2 - kappa lam_i))``; `noisy` mixes it with the mean curvature of the rule's error.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        plasticity: |dc| per step, above 0.
        fluctuation: |de| per step, at least 0.
        precision: q = gamma1 / gamma2, above 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.
        shares: of |de|^2 along each eigenvector; isotropic unless given.

    Returns:
        The curvature in units of loss per weight^2, broadcast.

    Raises:
        ValueError: if an argument is out of range.

    Source: equations 14 and A6 of the paper in the stationary state of this project's theory.

    >>> float(stationary_curvature(np.full(10, 2.0), 0.3, 0.3, 1.0))
    2.0
    """
    landscape = _landscape(eigenvalues, multiplicities, shares)
    drive = _drive(plasticity, fluctuation, precision, 0.0)
    kappa = _gain(landscape, drive)[..., None]
    lam, mult, _ = landscape
    squared_gradient = _variance(landscape, drive, kappa) * lam / (2 - kappa * lam)
    q_gradient = np.sum(squared_gradient * lam, axis=-1) / np.sum(squared_gradient, axis=-1)
    mean_curvature = np.sum(mult * lam) / np.sum(mult)
    share = 1 / (1 + 1 / np.square(np.asarray(precision, float)))
    return share * q_gradient + (1 - share) * mean_curvature


def stationary_displacement(
    eigenvalues: ArrayLike,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    steps: ArrayLike,
    multiplicities: ArrayLike | None = None,
) -> Floats:
    """How far the weights wander in a number of steps while the error stays where it is, under white fluctuations.

    ``E|w(t + T) - w(t)|^2 = sum_i 2 var(w_i) (1 - (1 - kappa lam_i)^T)``, ``var(w_i) = s_i^2 / (kappa lam_i (2 - kappa
    lam_i))``; along a flat direction it is ``s_i^2 T``, free diffusion.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        plasticity: |dc| per step, above 0.
        fluctuation: |de| per step, at least 0.
        precision: q = gamma1 / gamma2, above 0 (infinite for no error).
        steps: T, at least 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.

    Returns:
        The root mean square distance, in units of weight, broadcast over the arguments but the first and the last.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory, beyond the paper; the drift of figure 1c.

    >>> round(float(stationary_displacement(np.full(100, 2.0), 0.3, 0.3, np.inf, 1000)), 3)  # sqrt(2) |w|
    0.424
    """
    checks.number("steps", steps, at_least=0)
    landscape = _landscape(eigenvalues, multiplicities, None)
    drive = _drive(plasticity, fluctuation, precision, 0.0)
    duration = np.asarray(steps, float)[..., None]
    rate = _gain(landscape, drive)[..., None] * landscape.curvatures
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(rate > 0, 2 * (1 - (1 - rate) ** duration) / (rate * (2 - rate)), duration)
    return np.sqrt(np.sum(_variance(landscape, drive, rate * 0) * each, axis=-1))


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

    For a quadratic loss it does not depend on the size of the fluctuations.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        fluctuation: |de| per step, above 0.
        precision: q = gamma1 / gamma2, above 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.
        shares: of |de|^2 along each eigenvector; isotropic unless given.
        correlation_time: of the fluctuations, in steps; white unless given, infinite for a constant direction.

    Returns:
        The ratio, dimensionless, between 0.001 and 1000, broadcast over ``fluctuation``, ``precision`` and
        ``correlation_time``.

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
    size, q, time = np.broadcast_arrays(*(np.asarray(x, float) for x in (fluctuation, precision, correlation_time)))
    low, high = (np.full(size.shape, np.log(end)) for end in _RATIO_RANGE)
    best = low
    for _ in range(_REFINEMENTS):
        # Shape (grid, ...): every pass looks closer between the neighbours of the lowest point.
        grid = np.linspace(low, high, _GRID)
        loss = stationary_loss(eigenvalues, np.exp(grid) * size, size, q, multiplicities, shares=shares, correlation_time=time)
        lowest = np.argmin(loss, axis=0)[None]
        low, best, high = (np.take_along_axis(grid, np.clip(lowest + beside, 0, _GRID - 1), axis=0)[0] for beside in (-1, 0, 1))
    return np.exp(best)


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
    lam, mult, share = _landscape(eigenvalues, multiplicities, shares)
    q_fluctuation = np.sum(share * lam)
    size, q = np.broadcast_arrays(*(np.asarray(x, float) for x in (fluctuation, precision)))
    ratio = np.ones(size.shape)
    for _ in range(_FIXED_POINT_STEPS):
        # A contraction: the curvature along plasticity changes slowly with the ratio.
        before, ratio = ratio, np.sqrt(q_fluctuation / stationary_curvature(lam, ratio * size, size, q, mult, shares=share))
        if np.allclose(ratio, before, rtol=_SETTLED, atol=0):
            break
    return ratio


def _landscape(eigenvalues: ArrayLike, multiplicities: ArrayLike | None, shares: ArrayLike | None) -> _Landscape:
    checks.number("eigenvalues", eigenvalues, at_least=0)
    lam = np.ravel(np.asarray(eigenvalues, float))
    if not (lam > 0).any():
        raise ValueError("eigenvalues must hold at least one above 0; got a loss without curvature")
    mult = _of_each("multiplicities", np.ones_like(lam) if multiplicities is None else multiplicities, lam)
    share = _of_each("shares", mult / np.sum(mult) if shares is None else shares, lam)
    if abs(np.sum(share) - 1) > _SUM_ROUNDING:
        raise ValueError(f"shares must have the sum 1; got {np.sum(share):g}")
    return _Landscape(lam, mult, share)


def _of_each(name: str, given: ArrayLike, lam: Floats) -> Floats:
    """A number at least 0 for every eigenvalue."""
    checks.number(name, given, at_least=0)
    found = np.ravel(np.asarray(given, float))
    if found.shape != lam.shape:
        raise ValueError(f"{name} must have the length of eigenvalues, {lam.size}; got {found.size}")
    return found


def _drive(plasticity: ArrayLike, fluctuation: ArrayLike, precision: ArrayLike, correlation_time: ArrayLike) -> _Drive:
    checks.number("plasticity", plasticity, above=0)
    checks.number("fluctuation", fluctuation, at_least=0)
    checks.number("precision", precision, above=0, infinite=True)
    checks.number("correlation_time", correlation_time, at_least=0, infinite=True)
    checks.broadcast(plasticity=plasticity, fluctuation=fluctuation, precision=precision, correlation_time=correlation_time)
    given = (np.asarray(value, float) for value in (plasticity, fluctuation, precision, correlation_time))
    magnitude, size, q, time = np.broadcast_arrays(*given)
    error = magnitude / np.sqrt(1 + q**2)
    if ((error <= 0) & (size <= 0)).any():
        raise ValueError("fluctuation must be above 0 where the rule has no error: nothing then drives the weights")
    with np.errstate(divide="ignore"):
        memory = np.exp(-1 / time)
    return _Drive(magnitude / np.sqrt(1 + 1 / q**2), error**2, size**2, memory)


def _variance(landscape: _Landscape, drive: _Drive, kappa: Floats) -> Floats:
    """s_i^2 for kappa of shape (..., 1); infinite where a constant push meets no curvature."""
    lam, mult, share = landscape
    error, fluctuation, memory = drive.error[..., None], drive.fluctuation[..., None], drive.memory[..., None]
    kept = memory * (1 - kappa * lam)
    with np.errstate(divide="ignore", invalid="ignore"):
        return error * mult / np.sum(mult) + fluctuation * np.where(share > 0, share * (1 + kept) / (1 - kept), 0.0)


def _gradient_power(landscape: _Landscape, drive: _Drive, kappa: Floats) -> Floats:
    """``kappa^2 E|gradF|^2``, which grows with kappa."""
    lam = landscape.curvatures
    with np.errstate(divide="ignore", invalid="ignore"):
        each = kappa * lam * _variance(landscape, drive, kappa) / (2 - kappa * lam)
    return np.sum(each, axis=-1, where=lam > 0)


def _gain(landscape: _Landscape, drive: _Drive) -> Floats:
    """Kappa, by bisection between 0 and the gain at which the steepest direction would grow."""
    low, high = np.zeros(drive.directed.shape), np.full(drive.directed.shape, 2 / landscape.curvatures.max())

    def too_weak(kappa: Floats) -> Bools:
        return _gradient_power(landscape, drive, kappa[..., None]) < drive.directed**2

    return bisect(too_weak, low, high, _BISECTIONS)[0]


def _at_the_limit(lam: Floats, kappa: Floats) -> Bools:
    return kappa[..., 0] * lam.max() > 2 * (1 - 1e-9)


def _outweighs(landscape: _Landscape, drive: _Drive) -> Bools:
    """Whether plasticity can hold its own: against a constant push it must be larger than the push."""
    push = drive.fluctuation * np.sum(landscape.shares, where=landscape.curvatures > 0)
    return (drive.memory < 1) | (drive.directed**2 > push)
