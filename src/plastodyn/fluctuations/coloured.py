"""Fluctuations with a memory: Ornstein-Uhlenbeck noise as the velocity of the weights, or as their place."""

import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import INPUT_ROTATION, Moment, Rule, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter


def correlated(fresh: Weights, previous: Weights, memory: Array) -> Weights:
    """One exact step of a unit-variance Ornstein-Uhlenbeck process: ``x <- a x + sqrt(1 - a^2) z``.

    Args:
        fresh: z, standard normal.
        previous: x.
        memory: a.

    >>> correlated(jnp.zeros(3), jnp.ones(3), jnp.float32(1.0)).tolist()
    [1.0, 1.0, 1.0]
    """
    return tree.add(tree.scale(memory, previous), tree.scale(jnp.sqrt(1 - memory**2), fresh))


class OrnsteinUhlenbeck(Rule):
    """Coloured noise; see `ornstein_uhlenbeck`."""

    rate: Parameter
    correlation_time: Parameter

    def keeps(self, symmetry: Symmetry) -> bool:
        """Rotations of the inputs: no direction is preferred."""
        return symmetry == INPUT_ROTATION

    def init(self, moment: Moment, key: Array) -> Weights:
        """A draw from the stationary law: standard normal."""
        return tree.normal_like(key, moment.weights)

    def velocity(self, moment: Moment, state: Weights) -> Weights:
        """``rate x / sqrt(N)``."""
        return tree.scale(self.rate / jnp.sqrt(tree.size(moment.weights)), state)

    def draw(self, weights: Weights, key: Array) -> Weights:
        """Standard normal, one for each weight."""
        return tree.normal_like(key, weights)

    def increment(self, moment: Moment, state: Weights, dt: Array, noise: Weights) -> tuple[None, Weights]:
        """No jump of the weights; the noise itself moves on."""
        del moment
        return None, correlated(noise, state, jnp.exp(-dt / self.correlation_time))


def ornstein_uhlenbeck(rate: Number, correlation_time: Number) -> OrnsteinUhlenbeck:
    """Coloured fluctuations: ``dw/dt = rate x / sqrt(N)``, x an Ornstein-Uhlenbeck process of unit variance.

    ``<x_i(t) x_j(s)> = delta_ij exp(-|t - s| / correlation_time)``, started in its stationary law and advanced exactly.

    Args:
        rate: root-mean-square speed of the weights, norm per unit time, at least 0.
        correlation_time: in units of time (steps), above 0.

    Raises:
        ValueError: if ``rate`` is negative or ``correlation_time`` not positive.

    Source: Uhlenbeck and Ornstein (1930); the AR(1) task-irrelevant plasticity of Raman, Rotondo and O'Leary (2019).

    >>> ornstein_uhlenbeck(0.1, correlation_time=20.0).correlation_time
    20.0
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("correlation_time", correlation_time, above=0)
    return OrnsteinUhlenbeck(rate, correlation_time)


class MeanReverting(Rule):
    """Weights that wander about where they started; see `mean_reverting`."""

    spread: Parameter
    correlation_time: Parameter

    def init(self, moment: Moment, key: Array) -> Weights:
        """Where the weights start: what they return to."""
        del key
        return moment.weights

    def draw(self, weights: Weights, key: Array) -> Weights:
        """Standard normal, one for each weight."""
        return tree.normal_like(key, weights)

    def increment(self, moment: Moment, state: Weights, dt: Array, noise: Weights) -> tuple[Weights, Weights]:
        """``(a - 1) (w - w_0) + spread sqrt(1 - a^2) z``, the exact transition."""
        memory = jnp.exp(-dt / self.correlation_time)
        away = tree.add(moment.weights, tree.scale(-1.0, state))
        random = tree.scale(self.spread * jnp.sqrt(1 - memory**2), noise)
        return tree.add(tree.scale(memory - 1, away), random), state


def mean_reverting(spread: Number, correlation_time: Number) -> MeanReverting:
    """Weights that wander about where they started: each is an Ornstein-Uhlenbeck process in place, not in speed.

    ``dw_i = -(w_i - w_i(0)) dt / correlation_time + spread sqrt(2 / correlation_time) dW_i``, advanced exactly. Stationary
    law: normal about ``w_i(0)`` with standard deviation ``spread``.

    Args:
        spread: stationary standard deviation of every weight, in units of weight, at least 0.
        correlation_time: in units of time (steps), above 0.

    Raises:
        ValueError: if ``spread`` is negative or ``correlation_time`` not positive.

    Source: Uhlenbeck and Ornstein (1930); spine sizes that fluctuate about a mean, Yasumatsu et al. (2008).

    >>> mean_reverting(0.1, correlation_time=500.0).spread
    0.1
    """
    checks.parameter("spread", spread, at_least=0)
    checks.parameter("correlation_time", correlation_time, above=0)
    return MeanReverting(spread, correlation_time)
