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
_SMALLEST_GAIN = 1e-200
"""Of the gain at which the steepest direction would grow."""
_SUM_ROUNDING = 1e-6


class Landscape(NamedTuple):
    """Curvatures, how often each occurs, and the share of |de|^2 along each: one number a node."""

    curvatures: Floats
    multiplicities: Floats
    shares: Floats


class Drive(NamedTuple):
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
    (2 - kappa lam_i)``, and ``E F = (1/2) sum_i s_i^2 / (kappa (2 - kappa lam_i))``. Exact for isotropic H, many weights and
    white fluctuations. A flat direction costs as much as a steep one once it has settled, which takes ``1 / (kappa lam_i)``
    steps; an eigenvalue of exactly 0 never does and costs nothing. A shorter run lies below the stationary loss.

    Fluctuations in a constant direction, ``correlation_time = inf``, must be outweighed: where gamma1 is at most |de| the
    weights run away and the loss is infinite. Just above it the loss with a memory is not to be trusted (at a ratio of 1.05
    and 200 steps, a third of the theory's), nor where in addition the rule has no error and all curvatures are equal: the
    weights then move along the push alone, and the loss is up to 5 times the theory's.

    Args:
        eigenvalues: n of H, each as often as it occurs (or with ``multiplicities``); at least 0, one above 0. Those below 0 by
            no more than the largest times n times the rounding of single precision, 1.2e-7, count as 0, whatever the type of
            the array: of a Hessian that JAX computed more is not known.
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
    landscape = landscape_of(eigenvalues, multiplicities, shares)
    drive = drive_of(plasticity, fluctuation, precision, correlation_time)
    lam = landscape.curvatures
    kappa = _gain(landscape, drive)[..., None]
    # Where the fluctuations outweigh the plasticity kappa may be 0; the answer there is infinite in any case.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.sum(_variance(landscape, drive, kappa) / (kappa * (2 - kappa * lam)), axis=-1, where=lam > 0)
        alternating = _left_over(landscape, drive, kappa) / (kappa[..., 0] ** 2 * lam.max())
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
    landscape = landscape_of(eigenvalues, multiplicities, shares)
    drive = drive_of(plasticity, fluctuation, precision, 0.0)
    kappa = _gain(landscape, drive)[..., None]
    lam, mult, _ = landscape
    with np.errstate(divide="ignore", invalid="ignore"):
        squared_gradient = np.where(lam > 0, _variance(landscape, drive, kappa) * lam / (2 - kappa * lam), 0.0)
    # The steepest direction takes what the others leave of the gradient's size, as in `stationary_loss`.
    left = _left_over(landscape, drive, kappa) / kappa[..., 0]
    total = np.sum(squared_gradient, axis=-1) + left
    q_gradient = (np.sum(squared_gradient * lam, axis=-1) + left * lam.max()) / total
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
        steps: T, whole numbers, at least 0.
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
    if np.any(np.asarray(steps, float) % 1 != 0):
        checks.refuse("steps", steps, "whole numbers")
    landscape = landscape_of(eigenvalues, multiplicities, None)
    drive = drive_of(plasticity, fluctuation, precision, 0.0)
    duration = np.asarray(steps, float)[..., None]
    rate = _gain(landscape, drive)[..., None] * landscape.curvatures
    with np.errstate(divide="ignore", invalid="ignore"):
        # For small rates the difference from 1 would be lost in rounding.
        gone = np.where(rate < 0.5, -np.expm1(duration * np.log1p(-np.minimum(rate, 0.5))), 1 - (1 - rate) ** duration)
        each = np.where(rate > 0, 2 * gone / (rate * (2 - rate)), duration)
    return np.sqrt(np.sum(_variance(landscape, drive, rate * 0) * each, axis=-1))


def landscape_of(eigenvalues: ArrayLike, multiplicities: ArrayLike | None, shares: ArrayLike | None) -> Landscape:
    """The curvatures with their multiplicities and shares of |de|^2, checked."""
    lam = _without_rounding(eigenvalues)
    if not (lam > 0).any():
        raise ValueError("eigenvalues must hold at least one above 0; got a loss without curvature")
    mult = _of_each("multiplicities", np.ones_like(lam) if multiplicities is None else multiplicities, lam)
    if not mult.any():
        raise ValueError("multiplicities must hold at least one above 0; got none")
    share = _of_each("shares", mult / np.sum(mult) if shares is None else shares, lam)
    if abs(np.sum(share) - 1) > _SUM_ROUNDING:
        raise ValueError(f"shares must have the sum 1; got {np.sum(share):g}")
    if not ((lam > 0) & (mult + share > 0)).any():
        raise ValueError("eigenvalues must hold at least one above 0 that occurs; got a loss without curvature")
    return Landscape(lam, mult, share)


def _without_rounding(eigenvalues: ArrayLike) -> Floats:
    """Eigenvalues in double precision, those that only rounding made negative as 0; others that are negative are refused."""
    checks.number("eigenvalues", eigenvalues)
    lam = np.ravel(np.asarray(eigenvalues, float))
    # `measure.hessian_eigenvalues` gives those of a matrix in single precision as double: the type does not tell.
    rounding = lam.size * float(np.finfo(np.float32).eps) * lam.max()
    if (lam < -rounding).any() or rounding < 0:
        checks.number("eigenvalues", eigenvalues, at_least=0)
    return np.maximum(lam, 0.0)


def _of_each(name: str, given: ArrayLike, lam: Floats) -> Floats:
    """A number at least 0 for every eigenvalue."""
    checks.number(name, given, at_least=0)
    found = np.ravel(np.asarray(given, float))
    if found.shape != lam.shape:
        raise ValueError(f"{name} must have the length of eigenvalues, {lam.size}; got {found.size}")
    return found


def drive_of(plasticity: ArrayLike, fluctuation: ArrayLike, precision: ArrayLike, correlation_time: ArrayLike) -> Drive:
    """What a rule and fluctuations do in a step, checked and broadcast."""
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
    return Drive(magnitude / np.sqrt(1 + 1 / q**2), error**2, size**2, memory)


def _variance(landscape: Landscape, drive: Drive, kappa: Floats) -> Floats:
    """s_i^2 for kappa of shape (..., 1); infinite where a constant push meets no curvature."""
    lam, mult, share = landscape
    error, fluctuation, memory = drive.error[..., None], drive.fluctuation[..., None], drive.memory[..., None]
    kept = memory * (1 - kappa * lam)
    # 1 - kept, without losing a small kappa.
    lost = (1 - memory) + memory * kappa * lam
    with np.errstate(divide="ignore", invalid="ignore"):
        return error * mult / np.sum(mult) + fluctuation * np.where(share > 0, share * (1 + kept) / lost, 0.0)


def _gradient_power(landscape: Landscape, drive: Drive, kappa: Floats) -> Floats:
    """``kappa^2 E|gradF|^2``, which grows with kappa."""
    lam = landscape.curvatures
    with np.errstate(divide="ignore", invalid="ignore"):
        each = kappa * lam * _variance(landscape, drive, kappa) / (2 - kappa * lam)
    return np.sum(each, axis=-1, where=lam > 0)


def _gain(landscape: Landscape, drive: Drive) -> Floats:
    """Kappa, by bisection up to the gain at which the steepest direction would grow; in logarithms, for kappa may be tiny."""
    most = 2 / landscape.curvatures.max()
    low, high = (np.full(drive.directed.shape, np.log(end * most)) for end in (_SMALLEST_GAIN, 1.0))

    def too_weak(log_kappa: Floats) -> Bools:
        return _gradient_power(landscape, drive, np.exp(log_kappa)[..., None]) < drive.directed**2

    return np.minimum(np.exp(bisect(too_weak, low, high, _BISECTIONS)[0]), most)


def _left_over(landscape: Landscape, drive: Drive, kappa: Floats) -> Floats:
    """Of ``kappa^2 E|gradF|^2``, what no fluctuation drives: the steepest direction takes it by changing sign at each step."""
    left = np.clip(drive.directed**2 - _gradient_power(landscape, drive, kappa), 0, None)
    return np.where(kappa[..., 0] * landscape.curvatures.max() > 2 * (1 - 1e-9), left, 0.0)


def _outweighs(landscape: Landscape, drive: Drive) -> Bools:
    """Whether plasticity can hold its own: against a constant push it must be larger than the push."""
    push = drive.fluctuation * np.sum(landscape.shares, where=landscape.curvatures > 0)
    # The shares add up to 1 but for rounding.
    return (drive.memory < 1) | (drive.directed**2 > push * (1 + _SUM_ROUNDING))
