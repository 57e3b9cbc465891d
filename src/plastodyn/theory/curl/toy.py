"""The smallest circuit with a curl: ``y = w2 w1 x`` whose second synapse learns with the wrong sign.

With whitened input and a target ``s`` for ``w1 w2``, the error is ``e = w1 w2 - s`` and
``w1' = -e w2``, ``w2' = +e w1``. In polar coordinates ``w = r (cos th, sin th)`` the radius is fixed and
``th' = (r^2/2) sin(2 th) - s``: for ``r^2 > 2 |s|`` the angle settles on the hyperbola ``w1 w2 = s``, where
``|w2| > |w1|``; for ``r^2 < 2 |s|`` it turns for ever, once in ``2 pi / sqrt(s^2 - r^4/4)``.
"""

import numpy as np
from jaxtyping import Complex, Float
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.types import Floats


def toy_velocity(weights: ArrayLike, target: ArrayLike) -> Float[np.ndarray, "*points 2"]:
    """Curl descent with one flipped synapse: ``w1' = -e w2``, ``w2' = +e w1``, ``e = w1 w2 - s``.

    Args:
        weights: (w1, w2), shape (..., 2).
        target: s, the product to reach, shape (...).

    Returns:
        The velocity at learning rate 1, shape (..., 2).

    Raises:
        ValueError: if ``weights`` does not hold two per point, or an argument is not finite.

    Source: figure 1.

    >>> toy_velocity([2.0, 1.0], 1.0)
    array([-1.,  2.])
    """
    w1, w2 = _pair(weights)
    checks.number("target", target)
    checks.broadcast(weights=w1, target=target)
    error = w1 * w2 - np.asarray(target, float)
    return np.stack(np.broadcast_arrays(-error * w2, error * w1), axis=-1)


def toy_conserved(weights: ArrayLike) -> Floats:
    """The squared norm ``w1^2 + w2^2``, which curl descent keeps; a solution is reached only if it is above ``2 |s|``.

    Args:
        weights: (w1, w2), shape (..., 2).

    Returns:
        The squared norm, shape (...).

    Raises:
        ValueError: if ``weights`` does not hold two finite numbers per point.

    Source: figure 1; gradient descent keeps ``w1^2 - w2^2`` instead.

    >>> float(toy_conserved([3.0, 4.0]))
    25.0
    """
    w1, w2 = _pair(weights)
    return w1**2 + w2**2


def toy_growth_rate(weights: ArrayLike) -> Floats:
    """Growth rate of the error: ``e' / e = w1^2 - w2^2``, exact anywhere; on the hyperbola, stable where negative.

    Args:
        weights: (w1, w2), shape (..., 2).

    Returns:
        The rate per unit of time, shape (...); the flipped synapse is w2.

    Raises:
        ValueError: if ``weights`` does not hold two finite numbers per point.

    Source: figure 1.

    >>> toy_growth_rate([[2.0, 0.5], [0.5, 2.0]])
    array([ 3.75, -3.75])
    """
    w1, w2 = _pair(weights)
    return w1**2 - w2**2


def toy_origin_eigenvalues(target: ArrayLike) -> Complex[np.ndarray, "*points 2"]:
    """Eigenvalues of the field's Jacobian at the origin: ``+i s`` and ``-i s``, a centre where gradient descent has a saddle.

    Args:
        target: s, shape (...).

    Returns:
        The eigenvalues, shape (..., 2).

    Raises:
        ValueError: if ``target`` is not finite.

    Source: figure 1.

    >>> toy_origin_eigenvalues(2.0).imag
    array([ 2., -2.])
    """
    checks.number("target", target)
    return 1j * np.asarray(target, float)[..., None] * np.array([1.0, -1.0])


def _pair(weights: ArrayLike) -> tuple[Floats, Floats]:
    checks.number("weights", weights)
    points = np.asarray(weights, float)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(f"weights must have the shape (..., 2); got {points.shape}")
    return points[..., 0], points[..., 1]
