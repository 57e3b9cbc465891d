"""White synaptic fluctuations: of exact norm at each step, or as a Wiener process."""

import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import INPUT_ROTATION, Moment, Rule, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class White(Rule):
    """Isotropic steps of exact norm; see `white`."""

    rate: Parameter

    def keeps(self, symmetry: Symmetry) -> bool:
        """Rotations of the inputs: no direction is preferred."""
        return symmetry == INPUT_ROTATION

    def draw(self, weights: Weights, key: Array) -> Weights:
        """A direction uniform on the unit sphere."""
        return tree.unit(tree.normal_like(key, weights))

    def increment(self, moment: Moment, state: State, dt: Array, noise: Weights) -> tuple[Weights, State]:
        """``rate sqrt(dt) n_hat``."""
        del moment
        return tree.scale(self.rate * jnp.sqrt(dt), noise), state


class SynapticNoise(White):
    """Isotropic steps of exact norm, of a size given for one synapse; see `synaptic_noise`."""

    def increment(self, moment: Moment, state: State, dt: Array, noise: Weights) -> tuple[Weights, State]:
        """``rate sqrt(N dt) n_hat``."""
        return tree.scale(self.rate * jnp.sqrt(dt * tree.size(moment.weights)), noise), state


class Wiener(Rule):
    """Independent Brownian motion of every weight; see `wiener`."""

    rate: Parameter

    def keeps(self, symmetry: Symmetry) -> bool:
        """Rotations of the inputs: no direction is preferred."""
        return symmetry == INPUT_ROTATION

    def draw(self, weights: Weights, key: Array) -> Weights:
        """Standard normal, one for each weight."""
        return tree.normal_like(key, weights)

    def increment(self, moment: Moment, state: State, dt: Array, noise: Weights) -> tuple[Weights, State]:
        """``rate sqrt(dt / N) z``."""
        amplitude = self.rate * jnp.sqrt(dt / tree.size(moment.weights))
        return tree.scale(amplitude, noise), state


def white(rate: Number) -> White:
    """White fluctuations of exact norm: ``de = rate sqrt(dt) n_hat``, n_hat uniform on the unit sphere.

    The norm is over all weights jointly, so that one weight moves by about ``rate / sqrt(N)`` per step.

    Args:
        rate: |de| per step (per square root of time in a flow), at least 0.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    Source: Raman and O'Leary (2021), methods, weight dynamics.

    >>> white(0.3).rate
    0.3
    """
    checks.parameter("rate", rate, at_least=0)
    return White(rate)


def synaptic_noise(rate: Number) -> SynapticNoise:
    """White fluctuations of a size given for each synapse: ``de = rate sqrt(N dt) n_hat``, so that |de| grows with the circuit.

    The same as `white` of ``rate sqrt(N)``, N the number of weights.

    Args:
        rate: gamma3, root-mean-square change of one weight per step (per square root of time in a flow), at least 0.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    Source: Raman, Rotondo and O'Leary (2019), synaptic noise.

    >>> synaptic_noise(0.05).rate
    0.05
    """
    checks.parameter("rate", rate, at_least=0)
    return SynapticNoise(rate)


def wiener(rate: Number) -> Wiener:
    """A Wiener process on all weights: ``dw = rate dW / sqrt(N)``, so that ``E|dw|^2 = rate^2 dt``.

    The continuous-time counterpart of `white`, with the same mean square.

    Args:
        rate: root-mean-square norm per square root of time, at least 0.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    Source: standard; see Raman and O'Leary (2021), equation 5, for rates as magnitudes per time.

    >>> wiener(0.3).rate
    0.3
    """
    checks.parameter("rate", rate, at_least=0)
    return Wiener(rate)
