"""Feedback alignment: errors travel back through fixed random weights instead of the transposed forward ones."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks
from plastodyn.circuits import Layers
from plastodyn.protocol import Moment, Rule
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter

Feedback = tuple[Array, ...]


class FeedbackAlignment(Rule):
    """Backpropagation through random feedback, layer by layer; see `feedback_alignment`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"layers"})

    def init(self, moment: Moment, key: Array) -> Feedback:
        """Feedback to each hidden layer, from the layer above, drawn as that layer's forward weights are scaled."""
        kernels = moment.weights.kernels[1:]
        return _draw(key, [(k.shape[1], k.shape[0]) for k in kernels], kernels)

    def velocity(self, moment: Moment, state: Feedback) -> Layers:
        """``-rate delta_k h_(k-1)'`` with ``delta_k = B_k delta_(k+1) phi'(a_k)``."""
        rates, slopes, error = moment.signal("layers")
        output = delta = error * slopes[-1]
        deltas = [delta]
        for feedback, slope in zip(reversed(state), reversed(slopes[:-1]), strict=True):
            delta = (feedback @ self._sent_back(delta, output)) * slope
            deltas.insert(0, delta)
        changes = tuple(-self.rate * d @ h.T for d, h in zip(deltas, rates[:-1], strict=True))
        biases = tuple(-self.rate * d.sum(axis=1) for d in deltas) if moment.weights.biases else ()
        return Layers(changes, biases)

    def _sent_back(self, above: Array, output: Array) -> Array:
        """The error that a hidden layer receives: that of the layer above it."""
        del output
        return above


class DirectFeedbackAlignment(FeedbackAlignment):
    """The output's error sent straight to every hidden layer; see `direct_feedback_alignment`."""

    def init(self, moment: Moment, key: Array) -> Feedback:
        """Feedback to each hidden layer from the output."""
        kernels = moment.weights.kernels[1:]
        outputs = kernels[-1].shape[0] if kernels else 0
        return _draw(key, [(k.shape[1], outputs) for k in kernels], kernels)

    def _sent_back(self, above: Array, output: Array) -> Array:
        del above
        return output


def _draw(key: Array, shapes: list[tuple[int, int]], kernels: Weights) -> Feedback:
    """Normal feedback with the root mean square of the forward weights that it stands in for."""
    keys = jax.random.split(key, max(len(shapes), 1))
    return tuple(
        jnp.sqrt(jnp.mean(kernel**2)) * jax.random.normal(k, shape, kernel.dtype)
        for k, shape, kernel in zip(keys, shapes, kernels, strict=False)
    )


def feedback_alignment(rate: Number) -> FeedbackAlignment:
    """Feedback alignment: gradient descent whose errors come back through fixed random matrices ``B_k`` for ``W_(k+1)'``.

    ``delta_L = dF/dy phi'(a_L)``, ``delta_k = (B_k delta_(k+1)) phi'(a_k)``, ``dW_k = -rate delta_k h_(k-1)'``. The
    entries of ``B_k`` are normal, with the root mean square of the initial ``W_(k+1)``, drawn from the run's key.

    Args:
        rate: learning rate, at least 0; a number or an axis.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    Source: Lillicrap et al. (2016), as compared by Ninou, Kadmon and Cayco-Gajic (2025).

    >>> feedback_alignment(0.1)
    FeedbackAlignment(rate=0.1)
    """
    checks.parameter("rate", rate, at_least=0)
    return FeedbackAlignment(rate)


def direct_feedback_alignment(rate: Number) -> DirectFeedbackAlignment:
    """Direct feedback alignment: the output's error reaches every hidden layer by its own random matrix.

    ``delta_k = (B_k delta_L) phi'(a_k)``, ``dW_k = -rate delta_k h_(k-1)'``. With one hidden layer it is feedback alignment.

    Args:
        rate: learning rate, at least 0; a number or an axis.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    Source: Nokland (2016), as compared by Ninou, Kadmon and Cayco-Gajic (2025).

    >>> direct_feedback_alignment(0.1)
    DirectFeedbackAlignment(rate=0.1)
    """
    checks.parameter("rate", rate, at_least=0)
    return DirectFeedbackAlignment(rate)
