"""Systematic fluctuations: a steady or slowly turning drift, and homeostatic scaling of each neuron's inputs."""

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.fluctuations.coloured import correlated
from plastodyn.protocol import INPUT_ROTATION, Moment, Rule, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter


class Drift(Rule):
    """Motion at constant speed in a direction that turns slowly or not at all; see `drift`."""

    rate: Parameter
    turning_time: Parameter

    def keeps(self, symmetry: Symmetry) -> bool:
        """Rotations of the inputs: no direction is preferred."""
        return symmetry == INPUT_ROTATION

    def init(self, moment: Moment, key: Array) -> Weights:
        """A random direction."""
        return tree.normal_like(key, moment.weights)

    def velocity(self, moment: Moment, state: Weights) -> Weights:
        """``rate x / |x|``."""
        del moment
        return tree.scale(self.rate, tree.unit(state))

    def draw(self, weights: Weights, key: Array) -> Weights:
        """Standard normal, one for each weight."""
        return tree.normal_like(key, weights)

    def increment(self, moment: Moment, state: Weights, dt: Array, noise: Weights) -> tuple[None, Weights]:
        """The direction turns."""
        del moment
        return None, correlated(noise, state, jnp.exp(-dt / self.turning_time))


class HomeostaticScaling(Rule):
    """Multiplicative scaling of each neuron's inputs towards a set point; see `homeostatic_scaling`."""

    rate: Parameter

    def init(self, moment: Moment, key: Array) -> Weights:
        """The total strength of each neuron's inputs at the start: the set point."""
        del key
        return jax.tree.map(_total_strength, moment.weights)

    def velocity(self, moment: Moment, state: Weights) -> Weights:
        """``rate (1 - S_i / S_i(0)) w_ij``."""

        def towards(weight: Array, goal: Array) -> Array:
            # A neuron without inputs at the start has no set point to return to.
            excess = jnp.where(goal > 0, 1 - _total_strength(weight) / jnp.where(goal > 0, goal, 1), 0)
            return self.rate * excess * weight

        return jax.tree.map(towards, moment.weights, state)


def _total_strength(weight: Array) -> Array:
    return jnp.sum(jnp.abs(weight), axis=-1 if weight.ndim else None, keepdims=True)


def drift(rate: Number, turning_time: Number = jnp.inf) -> Drift:
    """Systematic change unrelated to the task: constant speed in a random direction, fixed or slowly turning.

    ``dw/dt = rate x_hat``; x performs an Ornstein-Uhlenbeck motion with correlation time ``turning_time`` (never turns
    when infinite).

    Args:
        rate: speed, norm over all weights per unit time, at least 0.
        turning_time: in units of time (steps), above 0; infinite for a fixed direction.

    Raises:
        ValueError: if ``rate`` is negative or ``turning_time`` not positive.

    Source: Raman and O'Leary (2021), box 1: fluctuations include systematic, task-independent mechanisms.

    >>> drift(0.1, turning_time=500.0).rate
    0.1
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("turning_time", turning_time, above=0, infinite=True)
    return Drift(rate, turning_time)


def homeostatic_scaling(rate: Number) -> HomeostaticScaling:
    """Scaling of each neuron's inputs towards their initial total strength: ``dw_ij/dt = rate (1 - S_i / S_i(0)) w_ij``.

    ``S_i = sum_j |w_ij|`` over the last axis of each array (presynaptic neurons); where ``S_i(0) = 0``, no scaling.

    Args:
        rate: per unit time, at least 0.

    Raises:
        ValueError: if ``rate`` is negative.

    Source: Raman and O'Leary (2021), box 1 (homeostatic plasticity); Turrigiano (2008).

    >>> homeostatic_scaling(0.01).rate
    0.01
    """
    checks.parameter("rate", rate, at_least=0)
    return HomeostaticScaling(rate)
