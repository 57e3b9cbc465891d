"""Equations 6 to 14 and A6: the magnitude of plasticity that lowers the error most over one interval."""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.types import Floats


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
