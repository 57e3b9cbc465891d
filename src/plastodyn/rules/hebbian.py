"""Plasticity from pre- and postsynaptic activity alone: Hebb's rule, Oja's and that of Bienenstock, Cooper and Munro."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule
from plastodyn.tree import Weights
from plastodyn.types import Noise, Number, Parameter, State

_ACTIVITY = frozenset({"presynaptic", "postsynaptic"})


def _correlation(post: Array, pre: Array) -> Array:
    """``<y x'>`` over samples; for a bias, whose input is 1, ``<y>``."""
    return post @ pre.T / post.shape[-1]


class Hebbian(Rule):
    """Synapses between neurons that are active together grow; see `hebbian`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = _ACTIVITY

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``rate <y x'>``."""
        del state
        together = jax.tree.map(_correlation, moment.signal("postsynaptic"), moment.signal("presynaptic"))
        return tree.scale(self.rate, together)


class Oja(Rule):
    """Hebb's rule with forgetting in proportion to the squared response; see `oja`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = _ACTIVITY

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``rate (<y x'> - <y^2> w)``."""
        del state

        def change(weight: Array, post: Array, pre: Array) -> Array:
            power = jnp.mean(post**2, axis=-1)
            return _correlation(post, pre) - power.reshape(-1, *(1,) * (weight.ndim - 1)) * weight

        return tree.scale(
            self.rate, jax.tree.map(change, moment.weights, moment.signal("postsynaptic"), moment.signal("presynaptic"))
        )


class BCM(Rule):
    """A response above its sliding threshold strengthens, one below it weakens; see `bcm`."""

    rate: Parameter
    threshold_time: Parameter
    reads: ClassVar[frozenset[str]] = _ACTIVITY

    def init(self, moment: Moment, key: Array) -> Weights:
        """The threshold of each unit, shape (outputs,): the mean square of its responses at the start."""
        del key
        return jax.tree.map(_power, moment.signal("postsynaptic"))

    def velocity(self, moment: Moment, state: Weights) -> Weights:
        """``rate <y (y - theta) x'>``."""

        def change(threshold: Array, post: Array, pre: Array) -> Array:
            return _correlation(post * (post - threshold[:, None]), pre)

        return tree.scale(self.rate, jax.tree.map(change, state, moment.signal("postsynaptic"), moment.signal("presynaptic")))

    def increment(self, moment: Moment, state: Weights, dt: Array, noise: Noise) -> tuple[None, Weights]:
        """No jump of the weights; the threshold follows the mean square response."""
        del noise
        share = -jnp.expm1(-dt / self.threshold_time)
        return None, jax.tree.map(lambda old, post: old + share * (_power(post) - old), state, moment.signal("postsynaptic"))


def _power(post: Array) -> Array:
    return jnp.mean(post**2, axis=-1)


def hebbian(rate: Number) -> Hebbian:
    """Hebb's rule, ``dW/dt = rate <y x'>``, the mean over the samples of the moment. Nothing bounds the weights.

    Args:
        rate: per unit of time and squared activity; a number or an axis; below 0 it is anti-Hebbian.

    Raises:
        ValueError: if ``rate`` is not finite.

    Source: Hebb (1949).

    >>> hebbian(0.1)
    Hebbian(rate=0.1)
    """
    checks.parameter("rate", rate)
    return Hebbian(rate)


def oja(rate: Number) -> Oja:
    """Oja's rule, ``dw/dt = rate (<y x'> - <y^2> w)``: a linear unit finds the first principal component, at norm 1.

    Each unit of a layer learns by itself; all find the same component.

    Args:
        rate: per unit of time and squared activity, at least 0; a number or an axis.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    Source: Oja (1982).

    >>> oja(0.1)
    Oja(rate=0.1)
    """
    checks.parameter("rate", rate, at_least=0)
    return Oja(rate)


def bcm(rate: Number, threshold_time: Number) -> BCM:
    """The rule of Bienenstock, Cooper and Munro: ``dW/dt = rate <y (y - theta) x'>``, ``tau dtheta/dt = y^2 - theta``.

    Among P linearly independent patterns, each as frequent, a unit that responds to some at first comes to respond to one
    only, with y = P; one whose responses all start below 0 falls silent. Each unit learns by itself. The threshold must move
    faster than the weights, or they oscillate.

    Args:
        rate: per unit of time and cubed activity, at least 0; a number or an axis.
        threshold_time: tau, in units of time (steps), above 0.

    Raises:
        ValueError: if ``rate`` is negative or ``threshold_time`` not positive.

    Source: Bienenstock, Cooper and Munro (1982), with the quadratic threshold of Intrator and Cooper (1992).

    >>> bcm(0.01, threshold_time=20.0)
    BCM(rate=0.01, threshold_time=20.0)
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("threshold_time", threshold_time, above=0)
    return BCM(rate, threshold_time)
