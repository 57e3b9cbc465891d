"""Signs of plasticity by neuron: rows or columns of a weight matrix, or channels of a kernel, learn with the opposite sign."""

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

LAYOUTS = {
    "outputs-inputs": {"presynaptic": 1, "postsynaptic": 0},
    "inputs-outputs": {"presynaptic": -2, "postsynaptic": -1},
}
"""Which axis of a weight array belongs to the neurons of either side; kernels of convolutions have axes of space besides."""


class NeuronSigns(eqx.Module):
    """A sign for each neuron on one side of one weight array; see `presynaptic` and `postsynaptic`."""

    neurons: Parameter
    layer: int = eqx.field(static=True)
    side: str = eqx.field(static=True)
    layout: str = eqx.field(static=True, default="outputs-inputs")

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
        layers = [index for index, leaf in enumerate(leaves) if leaf.ndim >= 2]
        if not self.layer < len(layers):
            matrices = f"{len(layers)} arrays of two dimensions or more" if layers else "no array of two dimensions"
            raise ValueError(
                f"layer must be below the number of weight matrices; got {self.layer}, and {matrices} in the weights"
            )
        chosen = layers[self.layer]
        found: list[Array] = [jnp.ones((), leaf.dtype) for leaf in leaves]
        weight, axis = leaves[chosen], LAYOUTS[self.layout][self.side]
        shape = [1] * weight.ndim
        shape[axis] = weight.shape[axis]
        found[chosen] = self._of_neurons(shape[axis], weight.dtype).reshape(shape)
        return jax.tree.unflatten(structure, found)

    def _of_neurons(self, count: int, dtype: jnp.dtype) -> Array:
        if self.by_fraction:
            flipped = jnp.round(self.neurons * count)
            return jnp.where(jnp.arange(count) < flipped, -1, 1).astype(dtype)
        if jnp.shape(self.neurons) != (count,):
            found = jnp.shape(self.neurons)[0]
            raise ValueError(f"neurons must hold one sign for each of the {count} {self.side} neurons; got {found} signs")
        return jnp.asarray(self.neurons, dtype)


def presynaptic(neurons: Number | Sequence[int], layer: int = 0, *, layout: str = "outputs-inputs") -> NeuronSigns:
    """Flip the plasticity of all synapses that originate from some neurons: columns of ``W``, ``dW -> dW D``.

    Args:
        neurons: the fraction that is flipped, within [0, 1], a number or an axis: the first ``round(fraction n)`` of
            the n neurons; or a vector of +1 and -1, one for each neuron, such as +1 for excitatory and -1 for
            inhibitory ones.
        layer: which weight array, of those with two or more dimensions, counted from the inputs.
        layout: ``outputs-inputs`` where matrices have the shape (outputs, inputs) and kernels of convolutions
            (outputs, inputs, space...); ``inputs-outputs`` where they have (inputs, outputs) and (space..., inputs, outputs).

    Returns:
        Signs for `flipped`.

    Raises:
        ValueError: if the fraction is out of range, a sign is neither +1 nor -1, ``layer`` is negative, or the layout is
            another.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), the ``col`` modification of their scripts: ``dW1 = -eta grad D1``.

    >>> presynaptic(0.5).signs((jnp.ones((3, 4)),))[0].tolist()
    [[-1.0, -1.0, 1.0, 1.0]]
    """
    return _neuron_signs(neurons, layer, "presynaptic", layout)


def postsynaptic(neurons: Number | Sequence[int], layer: int = 0, *, layout: str = "outputs-inputs") -> NeuronSigns:
    """Flip the plasticity of all synapses that end on some neurons: rows of ``W``, ``dW -> D dW``.

    Args:
        neurons: as in `presynaptic`.
        layer: as in `presynaptic`.
        layout: as in `presynaptic`.

    Returns:
        Signs for `flipped`.

    Raises:
        ValueError: as for `presynaptic`.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), the ``row`` modification of their scripts.

    >>> postsynaptic([1, -1, 1]).signs((jnp.ones((3, 4)),))[0].tolist()
    [[1.0], [-1.0], [1.0]]
    """
    return _neuron_signs(neurons, layer, "postsynaptic", layout)


def _neuron_signs(neurons: Number | Sequence[int], layer: int, side: str, layout: str) -> NeuronSigns:
    checks.count("layer", layer)
    checks.one_of("layout", layout, LAYOUTS)
    if isinstance(neurons, str | float | int) or hasattr(neurons, "dims") or getattr(neurons, "shape", None) == ():
        checks.parameter("neurons", neurons, at_least=0, at_most=1)
        return NeuronSigns(neurons, layer, side, layout)
    if not _is_vector_of_signs(neurons):
        checks.refuse("neurons", neurons, "a fraction, or a vector of +1 and -1")
    return NeuronSigns(np.asarray(neurons, float), layer, side, layout)


def _is_vector_of_signs(neurons: object) -> bool:
    try:
        values = np.asarray(neurons)
    except Exception:  # What is no array at all may fail in any way.
        return False
    return values.dtype.kind in "iuf" and values.ndim == 1 and values.size > 0 and bool(np.isin(values, (-1, 1)).all())
