"""Any loss on data: a circuit whose rule is taught at each step by examples drawn from a set."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
from jax import Array

from plastodyn import checks
from plastodyn.protocol import AbstractCircuit, Moment
from plastodyn.tree import Weights

Data = Any
"""A pytree of arrays, whose first axes run over examples."""


class Minibatches(AbstractCircuit):
    """A loss on data of which the rule sees a fresh draw at each step; see `minibatches`.

    Observables read the loss over the whole set.
    """

    function: Callable[[Weights, Data], Array]
    weights: Weights
    data: Data
    size: int | None = eqx.field(static=True)
    signals: ClassVar[frozenset[str]] = frozenset({"loss"})

    def loss(self, moment: Moment) -> Array:
        """The task error F(w) over the data: the whole set, or those of a step."""
        return self.function(moment.weights, self.data)

    def sample(self, key: Array) -> "Minibatches":
        """The circuit on ``size`` examples drawn with replacement; itself where the whole set teaches."""
        if self.size is None:
            return self
        chosen = jax.random.randint(key, (self.size,), 0, _examples(self.data))
        return eqx.tree_at(lambda circuit: circuit.data, self, jax.tree.map(lambda leaf: leaf[chosen], self.data))


def minibatches(loss: Callable[[Weights, Data], Array], weights: Weights, data: Data, size: int | None = None) -> Minibatches:
    """Any differentiable loss on data, ``F(w) = loss(w, data)``, its rule taught by ``size`` examples drawn at each step.

    A list of such circuits, one for each replica, may hold data of its own each: their loss is one function.

    Args:
        loss: function of the weights and the data that returns a scalar, a mean over examples; traceable by JAX.
        weights: pytree of floating-point arrays at which learning starts.
        data: pytree of arrays of numbers, such as ``(inputs, labels)``; the first axis of each runs over the examples.
        size: examples a step, drawn with replacement; the whole set, undrawn, unless given.

    Returns:
        A circuit with the signal ``loss``: over the examples of a step for its rule, over the whole set for observables.

    Raises:
        ValueError: if the loss fails or returns no scalar, or an argument is out of range.

    Source: Robbins and Monro (1951).

    >>> import jax.numpy as jnp
    >>> error = lambda w, data: jnp.mean((data[0] @ w - data[1]) ** 2)
    >>> inputs = jax.random.normal(jax.random.key(0), (50, 3))
    >>> circuit = minibatches(error, jnp.zeros(3), (inputs, inputs @ jnp.ones(3)), size=10)
    >>> circuit.sample(jax.random.key(1)).data[0].shape, circuit.data[0].shape
    ((10, 3), (50, 3))
    """
    checks.function("loss", loss, takes=2, of=" of the weights and the data")
    checks.weights("weights", weights)
    checks.arrays("data", data)
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(data)}
    if len(lengths) > 1 or 0 in lengths:
        raise ValueError(f"data must be arrays of one number of examples, along their first axes; got {sorted(lengths)}")
    if size is not None:
        checks.count("size", size, at_least=1)
    checks.scalar_loss("loss", loss, weights, data, on=" on these weights and data")
    return Minibatches(loss, weights, jax.tree.map(jax.numpy.asarray, data), size)


def _examples(data: Data) -> int:
    return jax.tree.leaves(data)[0].shape[0]
