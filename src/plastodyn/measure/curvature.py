"""Curvature of a loss along a direction, by Hessian-vector products: no Hessian is formed."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from plastodyn import checks, tree
from plastodyn.measure.operator import Operator, Product
from plastodyn.runtime.convolutions import compiled
from plastodyn.tree import Weights
from plastodyn.types import Scalar

Loss = Callable[[Weights], Scalar]
"""A scalar function of a pytree of weights, traceable by JAX."""


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
