"""Linear algebra on weight pytrees: norms, inner products and random directions.

``None`` stands for "no change" throughout, so that a rule without a deterministic part costs nothing.
"""

from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

Weights = Any
"""Any pytree of floating-point arrays."""


def size(weights: Weights) -> int:
    """Number of weights N in the pytree.

    >>> size({"a": jnp.ones((2, 3)), "b": jnp.ones(4)})
    10
    """
    return sum(int(leaf.size) for leaf in jax.tree.leaves(weights))


def add(first: Weights | None, second: Weights | None) -> Weights | None:
    """Sum of two changes, either of which may be ``None``.

    >>> add(None, jnp.ones(2)).tolist()
    [1.0, 1.0]
    """
    if first is None:
        return second
    if second is None:
        return first
    return jax.tree.map(jnp.add, first, second)


def scale(factor: Array | float, change: Weights | None) -> Weights | None:
    """The change times one number; ``None`` stays ``None``.

    >>> scale(2.0, jnp.ones(2)).tolist()
    [2.0, 2.0]
    """
    # In the precision of the change: under x64 a number would otherwise widen it.
    return jax.tree.map(lambda leaf: jnp.asarray(factor, leaf.dtype) * leaf, change)


def dot(first: Weights, second: Weights) -> Array:
    """Euclidean inner product over all leaves.

    >>> float(dot({"a": jnp.ones(3)}, {"a": 2 * jnp.ones(3)}))
    6.0
    """
    # A product of vectors: XLA on a CPU otherwise adds up a long array number by number.
    products = jax.tree.map(jnp.vdot, first, second)
    return sum(jax.tree.leaves(products), start=jnp.zeros((), _dtype(first)))


def norm(weights: Weights) -> Array:
    """Euclidean norm over all leaves jointly.

    >>> float(norm({"a": jnp.array([3.0]), "b": jnp.array([4.0])}))
    5.0
    """
    return jnp.sqrt(dot(weights, weights))


def unit(weights: Weights) -> Weights:
    """The direction v/|v|; the zero vector stays zero.

    >>> unit(jnp.array([3.0, 4.0])).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    length = norm(weights)
    return scale(1 / jnp.where(length > 0, length, 1), weights)


def normal_like(key: Array, weights: Weights) -> Weights:
    """Independent standard normal entries in the shape of ``weights``.

    One flat draw serves all leaves: for the few hundred weights of a small circuit, a draw per leaf costs three times as much.

    >>> normal_like(jax.random.key(0), (jnp.ones((2, 2)), jnp.ones(3)))[0].shape
    (2, 2)
    """
    return _split(jax.random.normal(key, (size(weights),), _dtype(weights)), weights)


def signs_like(key: Array, weights: Weights) -> Weights:
    """Independent random signs, +1 or -1, in the shape of ``weights``.

    Each random word gives 32 signs: for a large model drawing numbers would otherwise cost more than a gradient.

    >>> signs_like(jax.random.key(0), jnp.ones(4)).tolist()
    [1.0, 1.0, 1.0, -1.0]
    """
    count = size(weights)
    words = jax.random.bits(key, (-(-count // 32),), "uint32")
    bits = (words[:, None] >> jnp.arange(32, dtype="uint32")) & 1
    signs = (2 * bits.astype("int32") - 1).reshape(-1)[:count]
    return _split(signs.astype(_dtype(weights)), weights)


def _dtype(weights: Weights) -> np.dtype:
    return jnp.result_type(*jax.tree.leaves(weights))


def _split(flat: Array, like: Weights) -> Weights:
    """A vector cut into leaves of the shapes of ``like``."""
    leaves, structure = jax.tree.flatten(like)
    bounds = [0]
    for leaf in leaves:
        bounds.append(bounds[-1] + leaf.size)
    parts = [flat[start:stop].reshape(leaf.shape) for (start, stop), leaf in zip(pairwise(bounds), leaves, strict=True)]
    return jax.tree.unflatten(structure, parts)


def ravel(weights: Weights) -> Array:
    """All weights in one vector, leaf after leaf.

    >>> ravel((jnp.zeros((2, 2)), jnp.ones(1))).tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0]
    """
    return ravel_pytree(weights)[0]


def unravel(like: Weights, flat: Array | np.ndarray) -> Weights:
    """The inverse of :func:`ravel`: a vector of length N in the structure of ``like``.

    >>> unravel((jnp.zeros((1, 2)), jnp.ones(1)), jnp.arange(3.0))[0].tolist()
    [[0.0, 1.0]]
    """
    return ravel_pytree(like)[1](jnp.asarray(flat, ravel(like).dtype))
