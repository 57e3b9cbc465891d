"""How much plasticity is right against fluctuations of a given size (Raman and O'Leary, eLife 2021).

``dw = dc + de``: compensatory plasticity and synaptic fluctuations per interval; ``Q[v] = v'Hv / |v|^2`` is the upward
curvature of the loss along v. The greedy theory (equations 6-14) asks for the magnitude |dc| that lowers the error
most over one interval; the stationary theory, this project's own, for the one whose stationary error is lowest.
"""

import numpy as np
from jaxtyping import Bool
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from plastodyn import checks
from plastodyn.theory.roots import bisect
from plastodyn.types import Floats

_BISECTIONS = 100
_FIXED_POINT_STEPS = 100
_RATIO_RANGE = (1e-3, 1e3)


def _numbers(*values: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(value, float) for value in values)


def optimal_magnitude(gradient_norm: ArrayLike, cosine: ArrayLike, curvature: ArrayLike) -> Floats:
    """The magnitude that lowers the error most over one interval: ``|dc|* = -|gradF| cosine / Q[dc]``.

    Args:
        gradient_norm: |gradF|, at least 0, loss per weight.
        cosine: between dc and gradF, within [-1, 0] for a direction of descent.
        curvature: Q[dc], above 0, loss per weight^2.

    Returns:
        The magnitude, in units of weight, broadcast over the arguments.

    Raises:
        ValueError: if an argument is out of range.

    Source: equation 6.

    >>> float(optimal_magnitude(2.0, -0.5, 4.0))
    0.25
    """
    checks.number("gradient_norm", gradient_norm, at_least=0)
    checks.number("cosine", cosine, at_least=-1, at_most=0)
    checks.number("curvature", curvature, above=0)
    checks.broadcast(gradient_norm=gradient_norm, cosine=cosine, curvature=curvature)
    gradient_norm, cosine, curvature = _numbers(gradient_norm, cosine, curvature)
    return -gradient_norm * cosine / curvature


def steady_state(q_fluctuation: ArrayLike, q_plasticity: ArrayLike) -> Floats:
    """The best ratio of plasticity to fluctuations at steady error: ``|dc|* / |de| = sqrt(Q[de] / Q[dc])``.

    Args:
        q_fluctuation: curvature Q[de] along fluctuations, at least 0.
        q_plasticity: curvature Q[dc] along plasticity, above 0.

    Returns:
        The ratio, dimensionless, broadcast over the arguments.

    Raises:
        ValueError: if ``q_fluctuation`` is negative or ``q_plasticity`` not positive: equation 9 then has no answer.

    Source: equation 9.

    >>> float(steady_state(1.0, 4.0))
    0.5
    """
    checks.number("q_fluctuation", q_fluctuation, at_least=0)
    checks.number("q_plasticity", q_plasticity, above=0)
    checks.broadcast(q_fluctuation=q_fluctuation, q_plasticity=q_plasticity)
    q_fluctuation, q_plasticity = _numbers(q_fluctuation, q_plasticity)
    return np.sqrt(q_fluctuation / q_plasticity)


def learning(q_fluctuation: ArrayLike, q_plasticity: ArrayLike, fluctuation: ArrayLike, error_change: ArrayLike) -> Floats:
    """The best magnitude while learning: ``|dc|* = sqrt((Q[de] |de|^2 - 2 E[dF]) / Q[dc])``, larger than at steady error.

    Args:
        q_fluctuation: curvature Q[de], at least 0.
        q_plasticity: curvature Q[dc], above 0.
        fluctuation: |de| per interval, at least 0, in units of weight.
        error_change: E[dF] per interval, at most 0.

    Returns:
        The magnitude |dc|*, in units of weight, broadcast over the arguments.

    Raises:
        ValueError: if an argument is out of range.

    Source: equation 10.

    >>> float(learning(1.0, 1.0, 1.0, -4.0))
    3.0
    """
    checks.number("q_fluctuation", q_fluctuation, at_least=0)
    checks.number("q_plasticity", q_plasticity, above=0)
    checks.number("fluctuation", fluctuation, at_least=0)
    checks.number("error_change", error_change, at_most=0)
    checks.broadcast(q_fluctuation=q_fluctuation, q_plasticity=q_plasticity, fluctuation=fluctuation, error_change=error_change)
    q_fluctuation, q_plasticity, size, change = _numbers(q_fluctuation, q_plasticity, fluctuation, error_change)
    return np.sqrt((q_fluctuation * size**2 - 2 * change) / q_plasticity)


def isotropic(hessian_trace: ArrayLike, weights: ArrayLike) -> Floats:
    """Expected curvature of an isotropic fluctuation: ``E Q[de] = tr H / N``.

    Args:
        hessian_trace: tr H, loss per weight^2.
        weights: N, at least 1.

    Returns:
        The expected curvature, broadcast over the arguments.

    Raises:
        ValueError: if ``weights`` is below 1.

    Source: equation 12.

    >>> float(isotropic(6.0, 3))
    2.0
    """
    checks.number("hessian_trace", hessian_trace)
    checks.number("weights", weights, at_least=1)
    checks.broadcast(hessian_trace=hessian_trace, weights=weights)
    hessian_trace, weights = _numbers(hessian_trace, weights)
    return hessian_trace / weights


def quadratic(eigenvalues: ArrayLike, projections: ArrayLike) -> Floats:
    """Curvature of the gradient of a quadratic loss: ``Q[gradF] = sum c_i^2 lam_i^3 / sum c_i^2 lam_i^2``.

    Args:
        eigenvalues: of H, shape (..., n).
        projections: c_i of ``w - w*`` on the eigenvectors, shape (..., n).

    Returns:
        The curvature, shape (...).

    Raises:
        ValueError: if the gradient is zero, so that it has no direction.

    Source: equation 14.

    >>> float(quadratic([1.0, 3.0], [1.0, 1.0]))
    2.8
    """
    checks.number("eigenvalues", eigenvalues)
    checks.number("projections", projections)
    checks.broadcast(eigenvalues=eigenvalues, projections=projections)
    eigenvalues, projections = _numbers(eigenvalues, projections)
    squared_gradient = np.sum(projections**2 * eigenvalues**2, axis=-1)
    if (squared_gradient <= 0).any():
        raise ValueError("projections must not all fall on zero eigenvalues: the gradient vanishes there")
    return np.sum(projections**2 * eigenvalues**3, axis=-1) / squared_gradient


def noisy(q_ideal: ArrayLike, ideal: ArrayLike, q_noise: ArrayLike, noise: ArrayLike) -> Floats:
    """Curvature of an imperfect rule ``dc = dc~ + nu``: ``(|dc~|^2 Q[dc~] + |nu|^2 Q[nu]) / (|dc~|^2 + |nu|^2)``.

    Args:
        q_ideal: curvature Q[dc~] of the ideal rule.
        ideal: its magnitude |dc~|, at least 0.
        q_noise: curvature Q[nu] of its error.
        noise: magnitude |nu|, at least 0.

    Returns:
        The expected curvature Q[dc], broadcast over the arguments.

    Raises:
        ValueError: if a magnitude is negative, or both are 0.

    Source: appendix, equation A6.

    >>> float(noisy(4.0, 1.0, 2.0, 1.0))
    3.0
    """
    checks.number("ideal", ideal, at_least=0)
    checks.number("noise", noise, at_least=0)
    checks.number("q_ideal", q_ideal)
    checks.number("q_noise", q_noise)
    checks.broadcast(q_ideal=q_ideal, ideal=ideal, q_noise=q_noise, noise=noise)
    q_ideal, ideal, q_noise, noise = _numbers(q_ideal, ideal, q_noise, noise)
    total = ideal**2 + noise**2
    if (total == 0).any():
        raise ValueError("ideal and noise must not both be 0: the rule then has no direction")
    return (ideal**2 * q_ideal + noise**2 * q_noise) / total


def stationary_loss(
    eigenvalues: ArrayLike,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    multiplicities: ArrayLike | None = None,
) -> Floats:
    """Stationary error of exact-norm noisy gradient plasticity against white fluctuations, for ``F = w'Hw / 2``.

    The gradient's norm self-averages, so that plasticity of exact norm acts as a linear rule of gain kappa:
    ``gamma1^2 = sigma^2 kappa sum_i lam_i / (2 - kappa lam_i)`` with ``sigma^2 = (gamma2^2 + |de|^2) / n``, and
    ``E F = (sigma^2 / 2) sum_i 1 / (kappa (2 - kappa lam_i))``. Exact for isotropic H and many weights. A flat direction
    costs as much as a steep one once it has settled, which takes ``1 / (kappa lam_i)`` steps; an eigenvalue of exactly 0
    never does and costs nothing. A shorter run lies below the stationary loss.

    Args:
        eigenvalues: of H, each as often as it occurs (or with ``multiplicities``); at least 0, one above 0.
        plasticity: |dc| per step, above 0.
        fluctuation: |de| per step, at least 0.
        precision: q = gamma1 / gamma2 of the rule, above 0 (infinite for no error).
        multiplicities: how often each eigenvalue occurs, need not be whole (Lanczos); 1 unless given.

    Returns:
        E F in units of loss, broadcast over ``plasticity``, ``fluctuation`` and ``precision``.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory; checked by simulation, beyond the paper.

    >>> round(float(stationary_loss(np.full(100, 2.0), 0.3, 0.3, np.inf)), 3)
    0.09
    """
    lam, mult = _spectrum(eigenvalues, multiplicities)
    directed, variance = _directed_and_variance(mult, plasticity, fluctuation, precision)
    kappa = _gain(lam, mult, directed, variance)[..., None]
    curved = lam > 0
    per_weight = np.where(curved, 1 / (kappa * (2 - kappa * lam)), 0.0)
    return 0.5 * variance * np.sum(mult * per_weight, axis=-1)


def stationary_curvature(
    eigenvalues: ArrayLike,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    multiplicities: ArrayLike | None = None,
) -> Floats:
    """Curvature Q[dc] of the noisy gradient in the stationary state of `stationary_loss`.

    ``Q[gradF]`` weighs eigenvalues by the stationary ``lam_i^2 var(w_i)``, ``var(w_i) = sigma^2 / (kappa lam_i
    (2 - kappa lam_i))``; `noisy` mixes it with the mean curvature of the rule's error.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        plasticity: |dc| per step, above 0.
        fluctuation: |de| per step, at least 0.
        precision: q = gamma1 / gamma2, above 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.

    Returns:
        The curvature in units of loss per weight^2, broadcast.

    Raises:
        ValueError: if an argument is out of range.

    Source: equations 14 and A6 of the paper in the stationary state of this project's theory.

    >>> float(stationary_curvature(np.full(10, 2.0), 0.3, 0.3, 1.0))
    2.0
    """
    lam, mult = _spectrum(eigenvalues, multiplicities)
    directed, variance = _directed_and_variance(mult, plasticity, fluctuation, precision)
    kappa = _gain(lam, mult, directed, variance)[..., None]
    squared_gradient = mult * lam / (2 - kappa * lam)
    q_gradient = np.sum(squared_gradient * lam, axis=-1) / np.sum(squared_gradient, axis=-1)
    mean_curvature = np.sum(mult * lam) / np.sum(mult)
    share = 1 / (1 + 1 / np.square(np.asarray(precision, float)))
    return share * q_gradient + (1 - share) * mean_curvature


def stationary_optimum(
    eigenvalues: ArrayLike, fluctuation: ArrayLike, precision: ArrayLike, multiplicities: ArrayLike | None = None
) -> Floats:
    """The ratio |dc| / |de| at which `stationary_loss` is lowest.

    For a quadratic loss it does not depend on the size of the fluctuations.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        fluctuation: |de| per step, above 0.
        precision: q = gamma1 / gamma2, above 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.

    Returns:
        The ratio, dimensionless, broadcast over ``fluctuation`` and ``precision``.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory, beyond the paper.

    >>> round(float(stationary_optimum(np.full(100, 2.0), 0.3, np.inf)), 3)
    1.0
    """
    checks.number("fluctuation", fluctuation, above=0)
    checks.number("precision", precision, above=0, infinite=True)
    checks.broadcast(fluctuation=fluctuation, precision=precision)

    def best(size: float, q: float) -> float:
        found = minimize_scalar(
            lambda log_ratio: float(stationary_loss(eigenvalues, np.exp(log_ratio) * size, size, q, multiplicities)),
            bounds=np.log(_RATIO_RANGE),
            method="bounded",
            options={"xatol": 1e-6},
        )
        return float(np.exp(found.x))

    return np.vectorize(best, otypes=[float])(*_numbers(fluctuation, precision))


def greedy_optimum(
    eigenvalues: ArrayLike, fluctuation: ArrayLike, precision: ArrayLike, multiplicities: ArrayLike | None = None
) -> Floats:
    """The fixed point of equation 9: the ratio at which ``sqrt(Q[de] / Q[dc])`` equals the ratio itself.

    Q[dc] depends on the stationary state, and so on the ratio (`stationary_curvature`); Q[de] = tr H / N.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        fluctuation: |de| per step, above 0.
        precision: q = gamma1 / gamma2, above 0.
        multiplicities: how often each eigenvalue occurs; 1 unless given.

    Returns:
        The ratio, dimensionless, broadcast over ``fluctuation`` and ``precision``; never above 1.

    Raises:
        ValueError: if an argument is out of range.

    Source: equation 9 of the paper, closed by this project's stationary theory.

    >>> float(greedy_optimum(np.full(100, 2.0), 0.3, 5.0))
    1.0
    """
    checks.number("fluctuation", fluctuation, above=0)
    checks.number("precision", precision, above=0, infinite=True)
    checks.broadcast(fluctuation=fluctuation, precision=precision)
    lam, mult = _spectrum(eigenvalues, multiplicities)
    mean_curvature = np.sum(mult * lam) / np.sum(mult)
    size, q = np.broadcast_arrays(*_numbers(fluctuation, precision))
    ratio = np.ones(size.shape)
    for _ in range(_FIXED_POINT_STEPS):
        # A contraction: the curvature along plasticity changes slowly with the ratio.
        ratio = np.sqrt(mean_curvature / stationary_curvature(lam, ratio * size, size, q, mult))
    return ratio


def _spectrum(eigenvalues: ArrayLike, multiplicities: ArrayLike | None) -> tuple[Floats, Floats]:
    checks.number("eigenvalues", eigenvalues, at_least=0)
    lam = np.ravel(np.asarray(eigenvalues, float))
    if not (lam > 0).any():
        raise ValueError("eigenvalues must hold at least one above 0; got a loss without curvature")
    checks.number("multiplicities", 1.0 if multiplicities is None else multiplicities, at_least=0)
    mult = np.ones_like(lam) if multiplicities is None else np.ravel(np.asarray(multiplicities, float))
    if mult.shape != lam.shape:
        raise ValueError(f"multiplicities must have the length of eigenvalues, {lam.size}; got {mult.size}")
    return lam, mult


def _directed_and_variance(
    mult: Floats, plasticity: ArrayLike, fluctuation: ArrayLike, precision: ArrayLike
) -> tuple[Floats, Floats]:
    """gamma1, and the variance per weight and step of everything random: (gamma2^2 + |de|^2) / n."""
    checks.number("plasticity", plasticity, above=0)
    checks.number("fluctuation", fluctuation, at_least=0)
    checks.number("precision", precision, above=0, infinite=True)
    checks.broadcast(plasticity=plasticity, fluctuation=fluctuation, precision=precision)
    magnitude, size, q = np.broadcast_arrays(*_numbers(plasticity, fluctuation, precision))
    directed = magnitude / np.sqrt(1 + 1 / q**2)
    random = magnitude / np.sqrt(1 + q**2)
    return directed, (random**2 + size**2) / np.sum(mult)


def _gain(lam: Floats, mult: Floats, directed: Floats, variance: Floats) -> Floats:
    """Kappa of ``gamma1^2 = sigma^2 kappa sum_i lam_i / (2 - kappa lam_i)``, by bisection: the right side increases."""
    if (variance <= 0).any():
        raise ValueError("fluctuation must be above 0 where the rule has no error: nothing then drives the weights")
    low, high = np.zeros(directed.shape), np.full(directed.shape, 2 / lam.max())

    def too_weak(kappa: Floats) -> Bool[np.ndarray, "..."]:
        with np.errstate(divide="ignore"):
            power = variance * kappa * np.sum(mult * lam / (2 - kappa[..., None] * lam), axis=-1)
        return power < directed**2

    return bisect(too_weak, low, high, _BISECTIONS)[0]
