"""The Poincare ball: hyperbolic space of curvature -1 as the open unit ball, metric ``(2 / (1 - |p|^2))^2 |dp|^2``.

Points and vectors have shape (..., d) and broadcast. No formula subtracts nearly equal numbers where points are near one
another, so that single precision keeps its digits there: with ``e = q - p`` the sum ``-p (+) q`` is
``((1 - |p|^2) e - |e|^2 p) / D`` and ``D = (1 - |p|^2)(1 - |q|^2) + |e|^2``.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from plastodyn import checks
from plastodyn.numerics import root

LARGEST_NORM = 0.95
"""How far from the centre points are kept unless told otherwise: beyond it single precision loses digits of ``1 - |p|^2``."""


def _squares(vectors: Array) -> Array:
    return jnp.sum(vectors**2, axis=-1, keepdims=True)


def _length(vectors: Array) -> Array:
    """``|v|``, shape (..., 1), with gradient 0 instead of NaN at the origin, and no overflow of squares."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(vectors), axis=-1, keepdims=True))
    unit = jnp.where(largest > 0, largest, 1.0)
    return unit * root(_squares(vectors / unit))


def _room(points: Array) -> Array:
    """``1 - |p|^2``."""
    length = _length(points)
    return (1 - length) * (1 + length)


def conformal_factor(points: ArrayLike) -> Array:
    """``lambda_p = 2 / (1 - |p|^2)``: hyperbolic length of a short vector at p over its Euclidean length.

    Args:
        points: p, shape (..., d), within the ball.

    Returns:
        Shape (...).

    >>> float(conformal_factor([0.0, 0.0]))
    2.0
    """
    return 2 / _room(_within("points", points))[..., 0]


def distance(first: ArrayLike, second: ArrayLike) -> Array:
    """``d(p, q) = 2 arsinh(|p - q| / sqrt((1 - |p|^2)(1 - |q|^2)))``.

    Args:
        first: p, shape (..., d), within the ball.
        second: q, shape (..., d), within the ball.

    Returns:
        Shape (...).

    Raises:
        ValueError: if a point is not within the ball.

    >>> round(float(distance([0.0, 0.0], [0.5, 0.0])), 6), round(float(jnp.log(3)), 6)
    (1.098612, 1.098612)
    """
    p, q = _within("first", first), _within("second", second)
    _fit(first=p, second=q)
    return _apart(p, q)[..., 0]


def _apart(p: Array, q: Array) -> Array:
    """Distance, shape (..., 1)."""
    return 2 * jnp.arcsinh(_length(p - q) / jnp.sqrt(_room(p) * _room(q)))


def add(first: ArrayLike, second: ArrayLike) -> Array:
    """Moebius addition ``p (+) q``, the translation along p; ``-p (+) (p (+) q) = q``.

    ``((1 + 2 p.q + |q|^2) p + (1 - |p|^2) q) / (1 + 2 p.q + |p|^2 |q|^2)``

    Args:
        first: p, shape (..., d), within the ball.
        second: q, shape (..., d), within the ball.

    Returns:
        Shape (..., d).

    Raises:
        ValueError: if a point is not within the ball.

    >>> [round(float(x), 5) for x in add([0.3, 0.0], [0.0, 0.4])]
    [0.34306, 0.35883]
    """
    p, q = _within("first", first), _within("second", second)
    _fit(first=p, second=q)
    return _difference(-p, q)


def _difference(origin: Array, point: Array) -> Array:
    """``-p (+) q``."""
    apart = point - origin
    numerator = _room(origin) * apart - _squares(apart) * origin
    return numerator / (_room(origin) * _room(point) + _squares(apart))


def logarithm(origin: ArrayLike, points: ArrayLike) -> Array:
    """The vector at p that points along the geodesic to q and is as long as it: ``lambda_p |log_p q| = d(p, q)``.

    Args:
        origin: p, shape (..., d), within the ball.
        points: q, shape (..., d), within the ball.

    Returns:
        Shape (..., d).

    Raises:
        ValueError: if a point is not within the ball.

    >>> [round(float(x), 5) for x in logarithm([0.0, 0.0], [0.5, 0.0])]
    [0.54931, 0.0]
    """
    p, q = _within("origin", origin), _within("points", points)
    _fit(origin=p, points=q)
    along = _difference(p, q)
    # By the distance, since the inverse tangent loses the digits of |along| near 1.
    length = _length(along)
    return _room(p) * 0.5 * _apart(p, q) / jnp.where(length > 0, length, 1.0) * along


def exponential(origin: ArrayLike, vectors: ArrayLike) -> Array:
    """The end of the geodesic that leaves p along v, of length ``lambda_p |v|``: ``p (+) tanh(lambda_p |v| / 2) v / |v|``.

    Args:
        origin: p, shape (..., d), within the ball.
        vectors: v, shape (..., d).

    Returns:
        Shape (..., d).

    Raises:
        ValueError: if a point is not within the ball or a vector not finite.

    >>> [round(float(x), 5) for x in exponential([0.0, 0.0], [0.5493061, 0.0])]
    [0.5, 0.0]
    """
    p = _within("origin", origin)
    v = _finite("vectors", vectors)
    _fit(origin=p, vectors=v)
    scaled = v / _room(p)
    # Rounding may end on the sphere, or beyond.
    return _kept(_difference(-p, _ratio(jnp.tanh, scaled) * scaled), 1 - float(jnp.finfo(p.dtype).eps))


def _ratio(function: Callable[[Array], Array], vectors: Array) -> Array:
    """``f(|v|) / |v|`` of an odd function of slope 1, which tends to 1."""
    length = _length(vectors)
    positive = length > 0
    safe = jnp.where(positive, length, 1.0)
    return jnp.where(positive, function(safe) / safe, 1.0)


def into_ball(points: ArrayLike, largest_norm: float = LARGEST_NORM) -> Array:
    """Points no further from the centre than a norm, the others moved towards it.

    Args:
        points: shape (..., d).
        largest_norm: above 0, below 1.

    Returns:
        Shape (..., d).

    Raises:
        ValueError: if a point is not finite or the norm out of range.

    >>> [round(float(x), 5) for x in into_ball([3.0, 4.0])]
    [0.57, 0.76]
    """
    found = _finite("points", points)
    checks.one_number("largest_norm", largest_norm, above=0, at_most=1 - 1e-6)
    return _kept(found, largest_norm)


def _kept(points: Array, largest_norm: float) -> Array:
    length = _length(points)
    return jnp.where(length > largest_norm, points / jnp.where(length > 0, length, 1.0) * largest_norm, points)


def _within(name: str, points: ArrayLike) -> Array:
    """Points as an array, those that are known now checked; in the precision that they will have."""
    if isinstance(points, Tracer):
        return points
    checks.number(name, points)
    # NumPy's, since within a trace all that JAX makes is traced; in double precision where JAX works in it.
    double = jax.config.read("jax_enable_x64") and np.asarray(points).dtype != np.float32
    found = np.asarray(points, np.float64 if double else np.float32)
    if not found.ndim:
        raise ValueError(f"{name} must be points of shape (..., d); got {checks.shown(points)}")
    checks.within_unit_ball(name, found)
    return jnp.asarray(found)


def _fit(**arrays: Array) -> None:
    """Refuse points and vectors of different dimensions, or that do not broadcast."""
    shapes = [np.shape(array) for array in arrays.values()]
    try:
        np.broadcast_shapes(*(shape[:-1] for shape in shapes))
        fit = len({shape[-1] for shape in shapes}) == 1
    except ValueError:
        fit = False
    if not fit:
        names, found = " and ".join(arrays), " and ".join(map(str, shapes))
        raise ValueError(f"{names} must broadcast and have as many coordinates; got shapes {found}")


def _finite(name: str, vectors: ArrayLike) -> Array:
    """Vectors as an array, those that are known now checked."""
    if isinstance(vectors, Tracer):
        return vectors
    checks.number(name, vectors)
    if not np.ndim(vectors):
        raise ValueError(f"{name} must have shape (..., d); got {checks.shown(vectors)}")
    return jnp.asarray(vectors if hasattr(vectors, "dtype") else np.asarray(vectors, float))
