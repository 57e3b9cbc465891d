"""Signs of plasticity by neuron: whole rows or columns of a weight matrix learn with the opposite sign."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks
from plastodyn.protocol import INPUT_ROTATION, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter

_SIDES = {"presynaptic": 1, "postsynaptic": 0}


class NeuronSigns(eqx.Module):
    """A sign for each neuron on one side of one weight matrix; see `presynaptic` and `postsynaptic`."""

    neurons: Parameter
    layer: int = eqx.field(static=True)
    side: str = eqx.field(static=True)

    @property
    def by_fraction(self) -> bool:
        """Whether ``neurons`` is the fraction that is flipped, or an axis of fractions, and not one sign for each."""
        return np.ndim(self.neurons) == 0 or hasattr(self.neurons, "dims")

    def keeps(self, symmetry: Symmetry) -> bool:
        """Signs by input neuron keep rotations of hidden units, signs by hidden unit those that do not mix the signs."""
        if self.side == "presynaptic" and self.layer == 0:
            return symmetry != INPUT_ROTATION
        by_hidden_unit = (self.side == "presynaptic") == (self.layer == 1)
        return symmetry == INPUT_ROTATION or not by_hidden_unit or self._keeps_hidden_units(symmetry)

    def _keeps_hidden_units(self, symmetry: Symmetry) -> bool:
        units, each = len(symmetry.signs), np.asarray(self.neurons)
        if self.by_fraction:
            found = np.where(np.arange(units) < np.round(np.reshape(each, (-1, 1)) * units), -1, 1)
            return all(map(symmetry.commutes_with, found))
        return symmetry.commutes_with(each)

    def signs(self, weights: Weights) -> Weights:
        """+1 or -1 for every weight, in a shape that broadcasts against its array."""
        leaves, structure = jax.tree.flatten(weights)
        matrices = [index for index, leaf in enumerate(leaves) if leaf.ndim == 2]
        if not self.layer < len(matrices):
            raise ValueError(f"layer must be below the number of weight matrices, {len(matrices)}; got {self.layer}")
        chosen = matrices[self.layer]
        found: list[Array] = [jnp.ones((), leaf.dtype) for leaf in leaves]
        axis = _SIDES[self.side]
        signs = self._of_neurons(leaves[chosen].shape[axis], leaves[chosen].dtype)
        found[chosen] = signs[None, :] if axis else signs[:, None]
        return jax.tree.unflatten(structure, found)

    def _of_neurons(self, count: int, dtype: jnp.dtype) -> Array:
        if self.by_fraction:
            flipped = jnp.round(self.neurons * count)
            return jnp.where(jnp.arange(count) < flipped, -1, 1).astype(dtype)
        if jnp.shape(self.neurons) != (count,):
            found = jnp.shape(self.neurons)[0]
            raise ValueError(f"neurons must hold one sign for each of the {count} {self.side} neurons; got {found} signs")
        return jnp.asarray(self.neurons, dtype)


def presynaptic(neurons: Number | Sequence[int], layer: int = 0) -> NeuronSigns:
    """Flip the plasticity of all synapses that originate from some neurons: columns of ``W``, ``dW -> dW D``.

    Args:
        neurons: the fraction that is flipped, within [0, 1], a number or an axis: the first ``round(fraction n)`` of
            the n neurons; or a vector of +1 and -1, one for each neuron, such as +1 for excitatory and -1 for
            inhibitory ones.
        layer: which weight matrix, of shape (outputs, inputs), counted from the inputs.

    Returns:
        Signs for `flipped`.

    Raises:
        ValueError: if the fraction is out of range, a sign is neither +1 nor -1, or ``layer`` is negative.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), the ``col`` modification of their scripts: ``dW1 = -eta grad D1``.

    >>> presynaptic(0.5).signs((jnp.ones((3, 4)),))[0].tolist()
    [[-1.0, -1.0, 1.0, 1.0]]
    """
    return _neuron_signs(neurons, layer, "presynaptic")


def postsynaptic(neurons: Number | Sequence[int], layer: int = 0) -> NeuronSigns:
    """Flip the plasticity of all synapses that end on some neurons: rows of ``W``, ``dW -> D dW``.

    Args:
        neurons: as in `presynaptic`.
        layer: which weight matrix, counted from the inputs.

    Returns:
        Signs for `flipped`.

    Raises:
        ValueError: if the fraction is out of range, a sign is neither +1 nor -1, or ``layer`` is negative.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), the ``row`` modification of their scripts.

    >>> postsynaptic([1, -1, 1]).signs((jnp.ones((3, 4)),))[0].tolist()
    [[1.0], [-1.0], [1.0]]
    """
    return _neuron_signs(neurons, layer, "postsynaptic")


def _neuron_signs(neurons: Number | Sequence[int], layer: int, side: str) -> NeuronSigns:
    checks.count("layer", layer)
    if isinstance(neurons, str | float | int) or hasattr(neurons, "dims") or getattr(neurons, "shape", None) == ():
        checks.parameter("neurons", neurons, at_least=0, at_most=1)
        return NeuronSigns(neurons, layer, side)
    if not _is_vector_of_signs(neurons):
        checks.refuse("neurons", neurons, "a fraction, or a vector of +1 and -1")
    return NeuronSigns(np.asarray(neurons, float), layer, side)


def _is_vector_of_signs(neurons: object) -> bool:
    try:
        values = np.asarray(neurons)
    except Exception:  # What is no array at all may fail in any way.
        return False
    return values.dtype.kind in "iuf" and values.ndim == 1 and values.size > 0 and bool(np.isin(values, (-1, 1)).all())
