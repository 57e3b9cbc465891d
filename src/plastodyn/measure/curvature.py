"""Curvature of a loss along a direction, by Hessian-vector products: no Hessian is formed."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from plastodyn import checks, tree
from plastodyn.measure.operator import Operator, Product
from plastodyn.runtime.convolutions import compiled
from plastodyn.tree import Weights
from plastodyn.types import Key, Scalar

Loss = Callable[[Weights], Scalar]
"""A scalar function of a pytree of weights, traceable by JAX."""
_DIRECTIONS = 64
"""Random directions: the mean of n'Hn over them is known to a few per cent unless very few curvatures dominate."""
_SAME = 0.25
"""Share by which the curvature over a step may differ from that at its start: the ratios move by no more than that."""
_ROUNDINGS = 8
"""Roundings of the loss in a second difference: it adds four losses, each of which may be off by two."""


class SecondDifference(NamedTuple):
    """The mean curvature of a loss over steps of one size."""

    value: float
    is_quadratic: bool
    """Whether that is the curvature at their start, as far as directions and rounding let one tell."""


def check_loss(loss: Loss, weights: Weights) -> None:
    """Refuse a loss that is not one floating-point number at these weights, and weights that are not finite floats.

    >>> check_loss(lambda w: w, jnp.ones(2))
    Traceback (most recent call last):
    ...
    ValueError: loss must return a scalar; got an output of shape (2,)
    """
    checks.loss("loss", loss)
    checks.weights("weights", weights)
    checks.scalar_loss("loss", loss, weights, on=" on these weights")


def hessian_product(loss: Loss, weights: Weights) -> Product:
    """The map v -> H v at fixed weights: the gradient linearised once, then applied as often as needed.

    Args:
        loss: scalar function of the weights.
        weights: pytree of floating-point arrays.

    Returns:
        A linear function on pytrees of the same structure.

    Raises:
        ValueError: if the loss is not one number at finite floats as weights.

    Source: Pearlmutter (1994).

    >>> hessian_product(lambda w: jnp.sum(w**4), jnp.ones(2))(jnp.array([1.0, 0.0])).tolist()
    [12.0, 0.0]
    """
    check_loss(loss, weights)
    return _linearized(loss, weights)


@compiled
def _linearized(loss: Loss, weights: Weights) -> Product:
    # Compiled, so that a second call with an equal loss is handed the same function, and nothing is compiled again.
    return jax.linearize(jax.grad(loss), weights)[1]


def hessian_operator(loss: Loss, weights: Weights) -> Operator:
    """The Hessian of a loss at fixed weights as a matrix-free operator.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays.

    Returns:
        What `trace`, `spectrum`, `extremes` and `leading_pairs` take.

    Raises:
        ValueError: if the weights are not finite floats.

    Source: Pearlmutter (1994).

    >>> hessian_operator(lambda w: jnp.sum(w**4), jnp.ones(2)).product(jnp.array([1.0, 0.0])).tolist()
    [12.0, 0.0]
    """
    check_loss(loss, weights)
    return Operator(hessian_product(loss, weights), weights)


def curvature(loss: Loss, weights: Weights, direction: Weights) -> Scalar:
    """Upward curvature of a loss along a direction: ``Q_w[v] = v' H v / |v|^2``; the length of v does not matter.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays.
        direction: pytree of the same structure and shapes, not all zero.

    Returns:
        A scalar, in units of loss per weight^2.

    Raises:
        ValueError: if the direction is zero, or differs from the weights in structure or shapes.

    Source: Raman and O'Leary (2021), the operator Q of box 2.

    >>> float(curvature(lambda w: jnp.sum(w**2), jnp.ones(3), jnp.array([0.0, 2.0, 0.0])))
    2.0
    """
    check_loss(loss, weights)
    checks.weights("direction", direction)
    checks.alike("direction", direction, weights)
    if float(tree.norm(direction)) == 0:
        raise ValueError("direction must not be zero: a zero vector has no curvature")
    along = tree.unit(direction)
    _, product = jax.jvp(jax.grad(loss), (weights,), (along,))
    return jnp.asarray(tree.dot(along, product))


def second_difference(loss: Loss, weights: Weights, size: float, *, key: Key) -> SecondDifference:
    """Mean curvature of a loss over steps of a size s: that of ``(F(w + s n) + F(w - s n) - 2 F(w)) / s^2`` over directions n.

    For a quadratic loss it is the mean of ``n' H n``; where it differs from that by more than a quarter, beyond three
    standard errors and rounding, no theory that takes the loss for a parabola holds for steps of this size.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays.
        size: norm of a step, positive.
        key: random key.

    Returns:
        The mean, in units of loss per weight^2, and whether the loss counts as quadratic over such steps.

    Source: Taylor's theorem.

    >>> loss = lambda w: jnp.sum(w**2) + jnp.sum(w**2) ** 2
    >>> found = second_difference(loss, jnp.zeros(3), 1.0, key=jax.random.key(0))
    >>> round(found.value, 3), found.is_quadratic
    (4.0, False)
    """
    gradient = jax.grad(loss)

    def one(each: Key) -> tuple[Scalar, Scalar]:
        direction = tree.unit(tree.normal_like(each, weights))
        forth, back = (loss(tree.add(weights, tree.scale(s, direction))) for s in (size, -size))
        over = (forth + back - 2 * loss(weights)) / size**2
        return over, tree.dot(direction, jax.jvp(gradient, (weights,), (direction,))[1])

    over, start = (np.asarray(each, float) for each in compiled(partial(jax.lax.map, one))(jax.random.split(key, _DIRECTIONS)))
    precision = float(jnp.finfo(tree.ravel(weights).dtype).eps)
    rounding = _ROUNDINGS * precision * abs(float(loss(weights))) / size**2
    known = 3 * (over - start).std(ddof=1) / _DIRECTIONS**0.5 + rounding
    return SecondDifference(float(over.mean()), bool(abs((over - start).mean()) <= _SAME * abs(start.mean()) + known))
