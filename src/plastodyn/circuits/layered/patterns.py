"""One layer of units that meets input patterns one after the other: the stage of Hebbian learning. It has no task error."""

from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.circuits.layered.layers import ACTIVATIONS
from plastodyn.protocol import AbstractCircuit, Moment


class PatternLayer(AbstractCircuit):
    """Units ``y = phi(W x)`` on patterns x that are drawn at each step; see `pattern_layer`."""

    weights: Float[Array, "outputs inputs"]
    patterns: Float[Array, "inputs patterns"]
    samples: int = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    signals: ClassVar[frozenset[str]] = frozenset({"presynaptic", "postsynaptic"})

    def presynaptic(self, moment: Moment) -> Float[Array, "inputs samples"]:
        """The patterns, shape (inputs, samples)."""
        del moment
        return self.patterns

    def postsynaptic(self, moment: Moment) -> Float[Array, "outputs samples"]:
        """The responses ``phi(W x)``, shape (outputs, samples)."""
        return ACTIVATIONS[self.activation](moment.weights @ self.patterns)

    def sample(self, key: Array) -> "PatternLayer":
        """The circuit on the patterns of one step."""
        chosen = jax.random.randint(key, (self.samples,), 0, self.patterns.shape[1])
        return eqx.tree_at(lambda circuit: circuit.patterns, self, self.patterns[:, chosen])


def pattern_layer(
    patterns: Array | Sequence[Sequence[float]],
    outputs: int = 1,
    *,
    key: Array,
    samples: int = 1,
    activation: str = "linear",
    scale: float = 0.1,
    dtype: str = "float32",
) -> PatternLayer:
    """One layer, ``y = phi(W x)``, that meets ``samples`` patterns drawn with replacement at each step.

    It offers pre- and postsynaptic activity, for `rules.hebbian`, `rules.oja` and `rules.bcm`, and no task error.

    Args:
        patterns: the set that is drawn from, shape (inputs, number of patterns).
        outputs: units, at least 1.
        key: random key of the initial weights, normal with standard deviation ``scale / sqrt(inputs)``.
        samples: patterns a step, over which rules average.
        activation: ``linear``, ``relu``, ``tanh`` or ``sigmoid``.
        scale: of the initial weights, above 0.
        dtype: ``float32`` or ``float64``.

    Raises:
        ValueError: if an argument is out of range, or the patterns are not a matrix of finite numbers.

    Source: Oja (1982) and Bienenstock, Cooper and Munro (1982), whose neurons these are.

    >>> circuit = pattern_layer(jnp.eye(3), outputs=2, key=jax.random.key(0))
    >>> circuit.start.signal("postsynaptic").shape, circuit.sample(jax.random.key(1)).patterns.shape
    ((2, 3), (3, 1))
    """
    checks.count("outputs", outputs, at_least=1)
    checks.count("samples", samples, at_least=1)
    checks.key("key", key)
    checks.one_of("activation", activation, ACTIVATIONS)
    checks.one_number("scale", scale, above=0)
    checks.one_of("dtype", dtype, ("float32", "float64"))
    checks.number("patterns", patterns)
    data = jnp.asarray(patterns, dtype)
    if data.ndim != 2 or not data.size:
        raise ValueError(f"patterns must have shape (inputs, number of patterns); got {data.shape}")
    checks.weights("patterns", data)
    weights = scale * data.shape[0] ** -0.5 * jax.random.normal(key, (outputs, data.shape[0]), data.dtype)
    return PatternLayer(weights, data, samples, activation)
