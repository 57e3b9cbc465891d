"""Any differentiable loss as a circuit: the way in for a user's own model."""

from collections.abc import Callable
from typing import ClassVar

from jax import Array

from plastodyn import checks
from plastodyn.protocol import AbstractCircuit, Moment
from plastodyn.tree import Weights


class Circuit(AbstractCircuit):
    """Any differentiable loss on any pytree of weights: the way in for a user's own model.

    Its one signal is ``loss``: F(w), a scalar.

    Args:
        loss: function of the weights that returns a scalar, traceable by JAX.
        weights: pytree of floating-point arrays at which learning starts.

    Raises:
        ValueError: if ``loss`` is no function, fails, or does not return one floating-point number, or the weights are not
            finite floats.

    >>> import jax.numpy as jnp
    >>> circuit = Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(3))
    >>> float(circuit.loss_at(circuit.weights))
    3.0
    """

    function: Callable[[Weights], Array]
    weights: Weights
    signals: ClassVar[frozenset[str]] = frozenset({"loss"})

    def __init__(self, loss: Callable[[Weights], Array], weights: Weights) -> None:
        checks.loss("loss", loss)
        checks.weights("weights", weights)
        checks.scalar_loss("loss", loss, weights, on=" on these weights")
        self.function, self.weights = loss, weights

    def loss(self, moment: Moment) -> Array:
        """The task error F(w)."""
        return self.function(moment.weights)
