"""What a circuit is: weights, signals that plasticity rules may read and, optionally, a fast activity."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
from jax import Array

from plastodyn import checks
from plastodyn.tree import Weights


class AbstractCircuit(eqx.Module):
    """A circuit offers ``weights`` (where learning starts), and the signals it names.

    A signal is a method or attribute of the same name; ``loss(weights)`` is the commonest. A rule declares the
    signals it reads, and the two are checked against each other when they are joined. The fields of a circuit are
    arrays that the engine may batch, so a subclass stores its data as arrays.
    """

    weights: eqx.AbstractVar[Any]
    signals: ClassVar[frozenset[str]] = frozenset()

    def sample(self, key: Array) -> "AbstractCircuit":
        """The circuit as plasticity sees it during one step: itself, unless its inputs are redrawn."""
        del key
        return self

    @property
    def activity(self) -> Any:
        """Initial fast state (firing rates, phases); ``None`` where the circuit has none."""
        return None

    def activity_velocity(self, weights: Weights, activity: Any, time: Array) -> Any:
        """Time derivative of the activity."""
        del weights, time
        return jax.tree.map(lambda leaf: 0 * leaf, activity)

    def jump(self, weights: Weights, activity: Any, time: Array, dt: Array) -> Any:
        """The activity after the events within ``(time, time + dt]``, such as a saccade; unchanged where there are none."""
        del weights, time, dt
        return activity


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
    >>> float(circuit.loss(circuit.weights))
    3.0
    """

    loss: Callable[[Weights], Array]
    weights: Weights
    signals: ClassVar[frozenset[str]] = frozenset({"loss"})

    def __check_init__(self) -> None:
        if not callable(self.loss):
            raise ValueError(f"loss must be a function of the weights; got {self.loss!r}")
        checks.weights("weights", self.weights)
        shape = getattr(jax.eval_shape(self.loss, self.weights), "shape", None)
        if shape != ():
            raise ValueError(f"loss must return a scalar; got an output of shape {shape}")
