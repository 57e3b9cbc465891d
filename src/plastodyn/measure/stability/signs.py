"""Signs of plasticity, one for each weight: +1 learns downhill, -1 uphill."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.rules.wrap.neurons import NeuronSigns
from plastodyn.tree import Weights


def full_signs(signs: Weights | NeuronSigns, weights: Weights) -> Weights:
    """Signs in the full shapes of the weights.

    Args:
        signs: of neurons (`rules.presynaptic`, `rules.postsynaptic`), or a pytree in the structure of the weights, each
            leaf of which broadcasts against its weights and holds +1 or -1.
        weights: pytree of floating-point arrays.

    Returns:
        A pytree like the weights, of +1 and -1.

    Raises:
        ValueError: if the signs do not fit the weights, or are not +1 and -1; or if the fraction of neurons that is to be
            flipped, above 0, rounds to none of them.

    Source: this project.

    >>> full_signs((1.0, jnp.array([-1.0])), (jnp.ones(2), jnp.ones(2)))[1].tolist()
    [-1.0, -1.0]
    """
    if isinstance(signs, NeuronSigns):
        neurons, signs = signs, signs.signs(weights)
        if neurons.by_fraction and float(neurons.neurons) > 0 and not flipped_share(signs):
            count = max(leaf.size for leaf in jax.tree.leaves(signs))
            raise ValueError(
                f"the fraction of flipped neurons must make at least one of the {count} {neurons.side} neurons of layer "
                f"{neurons.layer}, {0.5 / count:.2g} or more; {float(neurons.neurons):g} of them rounds to none"
            )
    checks.pytree("signs", signs)
    expected, got = jax.tree.structure(weights), jax.tree.structure(signs)
    if got != expected:
        raise ValueError(f"signs must have the structure of the weights, {expected}; got {got}")
    checks.entries("signs", signs, (1, -1))
    return jax.tree_util.tree_map_with_path(_full, signs, weights)


def flipped_share(signs: Weights) -> float:
    """The share of all weights whose sign is -1.

    >>> flipped_share((jnp.array([1.0, -1.0]), jnp.ones(2)))
    0.25
    """
    return sum(int(np.sum(np.asarray(leaf) < 0)) for leaf in jax.tree.leaves(signs)) / tree.size(signs)


def _full(path: tuple[object, ...], sign: Array | np.ndarray | float, weight: Array) -> Array:
    place = "signs" + jax.tree_util.keystr(path)
    values = np.asarray(sign)
    if not _broadcasts(values.shape, weight.shape):
        raise ValueError(f"{place} must broadcast to the shape of its weights, {weight.shape}; got {values.shape}")
    return jnp.broadcast_to(jnp.asarray(values, weight.dtype), weight.shape)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False
