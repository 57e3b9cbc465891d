"""Multiplicative fluctuations: sizes that wander in proportion to themselves, as dendritic spines do."""

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class LogNormal(Rule):
    """Ornstein-Uhlenbeck motion of log |w|; see `log_normal`."""

    median: Parameter
    spread: Parameter
    correlation_time: Parameter

    def draw(self, weights: Weights, key: Array) -> Weights:
        """Standard normal, one for each weight."""
        return tree.normal_like(key, weights)

    def increment(self, moment: Moment, state: State, dt: Array, noise: Weights) -> tuple[Weights, State]:
        """``w exp(m + a (log|w| - m) + spread sqrt(1 - a^2) z - log|w|) - w``, the exact transition."""
        memory = jnp.exp(-dt / self.correlation_time)
        centre = jnp.log(self.median)

        def change(weight: Array, z: Array) -> Array:
            size = jnp.log(jnp.maximum(jnp.abs(weight), jnp.finfo(weight.dtype).tiny))
            shift = (1 - memory) * (centre - size) + self.spread * jnp.sqrt(1 - memory**2) * z
            return weight * jnp.expm1(shift)

        return jax.tree.map(change, moment.weights, noise), state


def log_normal(median: Number, spread: Number, correlation_time: Number) -> LogNormal:
    """Spine-like fluctuations: log |w| is an Ornstein-Uhlenbeck process, so that sizes are log-normal; signs stay.

    ``d log|w| = -(log|w| - log median) dt / correlation_time + spread sqrt(2 / correlation_time) dW``. Stationary law:
    ``log|w|`` normal with mean ``log median`` and standard deviation ``spread``. A weight of exactly 0 stays 0.

    Args:
        median: stationary median of |w|, above 0.
        spread: stationary standard deviation of log |w|, at least 0.
        correlation_time: in units of time (steps), above 0.

    Raises:
        ValueError: if an argument is out of range.

    Source: Loewenstein, Kuras and Rumpel (2011), log-normal spine sizes with multiplicative dynamics.

    >>> log_normal(median=0.3, spread=0.5, correlation_time=100.0).median
    0.3
    """
    checks.parameter("median", median, above=0)
    checks.parameter("spread", spread, at_least=0)
    checks.parameter("correlation_time", correlation_time, above=0)
    return LogNormal(median, spread, correlation_time)
