"""Any differentiable loss as a circuit: the way in for a user's own model."""

from collections.abc import Callable
from typing import ClassVar

import jax
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
        ValueError: if ``loss`` is not callable, does not return a scalar, or the weights are not finite floats.

    >>> import jax.numpy as jnp
    >>> circuit = Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(3))
    >>> float(circuit.loss_at(circuit.weights))
    3.0
    """

    function: Callable[[Weights], Array]
    weights: Weights
    signals: ClassVar[frozenset[str]] = frozenset({"loss"})

    def __init__(self, loss: Callable[[Weights], Array], weights: Weights) -> None:
        if not callable(loss):
            raise ValueError(f"loss must be a function of the weights; got {checks.shown(loss)}")
        checks.weights("weights", weights)
        shape = getattr(jax.eval_shape(loss, weights), "shape", None)
        if shape != ():
            raise ValueError(f"loss must return a scalar; got an output of shape {shape}")
        self.function, self.weights = loss, weights

    def loss(self, moment: Moment) -> Array:
        """The task error F(w)."""
        return self.function(moment.weights)
