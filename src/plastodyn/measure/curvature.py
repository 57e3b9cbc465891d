"""Curvature of a loss along a direction, by Hessian-vector products: no Hessian is formed."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.tree import Weights

Loss = Callable[[Any], Array]


def hessian_product(loss: Loss, weights: Weights) -> Callable[[Weights], Weights]:
    """The map v -> H v at fixed weights: the gradient linearised once, then applied as often as needed.

    Args:
        loss: scalar function of the weights.
        weights: pytree of floating-point arrays.

    Returns:
        A linear function on pytrees of the same structure.

    Source: Pearlmutter (1994).

    >>> hessian_product(lambda w: jnp.sum(w**4), jnp.ones(2))(jnp.array([1.0, 0.0])).tolist()
    [12.0, 0.0]
    """
    return jax.linearize(jax.grad(loss), weights)[1]


def curvature(loss: Loss, weights: Weights, direction: Weights) -> Array:
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
    checks.weights("weights", weights)
    checks.weights("direction", direction)
    same = jax.tree.structure(weights) == jax.tree.structure(direction)
    if not same or [x.shape for x in jax.tree.leaves(weights)] != [x.shape for x in jax.tree.leaves(direction)]:
        raise ValueError("direction must have the structure and shapes of weights")
    if float(tree.norm(direction)) == 0:
        raise ValueError("direction must not be zero: a zero vector has no curvature")
    along = tree.unit(direction)
    _, product = jax.jvp(jax.grad(loss), (weights,), (along,))
    return jnp.asarray(tree.dot(along, product))
