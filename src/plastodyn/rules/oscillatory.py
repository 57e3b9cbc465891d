"""Plasticity of synapses between oscillators, and the gate through which their synchrony acts on any rule."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule
from plastodyn.rules.wrap.gated import Gate
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State

_FIRST_THRESHOLD, _LEAST_THRESHOLD = 0.5, 0.01
_COHERENCES = ("coherence", "cluster_coherence", "local_coherence")


class PhaseHebbian(Rule):
    """Synapses between oscillators of like phase grow; see `phase_hebbian`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"alignment"})

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``rate cos(theta_i - theta_j)``."""
        del state
        return tree.scale(self.rate, moment.signal("alignment"))


class Decay(Rule):
    """Weights forget; see `decay`."""

    rate: Parameter

    @property
    def fastest_decay(self) -> float:
        """The rate."""
        return float(np.max(np.asarray(self.rate)))

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``-rate w``."""
        del state
        return tree.scale(-self.rate, moment.weights)


class CoherenceGate(Gate):
    """A sigmoid of a coherence; see `coherence_gate`."""

    slope: Parameter
    centre: Parameter
    signal: str = eqx.field(static=True)

    @property
    def reads(self) -> frozenset[str]:
        """The coherence."""
        return frozenset({self.signal})

    def opening(self, moment: Moment, memory: State) -> Array:
        """``1 / (1 + exp(-beta (r - r_c)))``."""
        del memory
        return jax.nn.sigmoid(self.slope * (moment.signal(self.signal) - self.centre))


class HomeostaticGate(Gate):
    """A sigmoid of a coherence about a threshold that adapts; see `homeostatic_gate`."""

    rate: Parameter
    target: Parameter
    width: Parameter
    largest: Parameter
    signal: str = eqx.field(static=True)

    @property
    def reads(self) -> frozenset[str]:
        """The coherence."""
        return frozenset({self.signal})

    def start(self, moment: Moment, key: Array) -> Array:
        """Thresholds at the start."""
        del key
        return jnp.full_like(moment.signal(self.signal), _FIRST_THRESHOLD)

    def opening(self, moment: Moment, memory: Array) -> Array:
        """``1 / (1 + exp(-(q - s) / T))``."""
        return jax.nn.sigmoid((moment.signal(self.signal) - memory) / self.width)

    def remember(self, memory: Array, moment: Moment, dt: Array) -> Array:
        """``s <- s + dt rate (a - target)``, between 0.01 and the largest."""
        moved = memory + dt * self.rate * (self.opening(moment, memory) - self.target)
        return jnp.clip(moved, _LEAST_THRESHOLD, self.largest).astype(memory.dtype)


def phase_hebbian(rate: Number) -> PhaseHebbian:
    """Hebb's rule between oscillators, ``dW_ij/dt = rate cos(theta_i - theta_j)``. Nothing bounds the weights: add a `decay`.

    Args:
        rate: eps eta, per unit of time; a number or an axis; below 0 it is anti-Hebbian.

    Raises:
        ValueError: if ``rate`` is not finite.

    Source: Hays (2026), with the weights that a phase difference gives.

    >>> phase_hebbian(0.02)
    PhaseHebbian(rate=0.02)
    """
    checks.parameter("rate", rate)
    return PhaseHebbian(rate)


def decay(rate: Number) -> Decay:
    """Weights that forget, ``dw/dt = -rate w``.

    Args:
        rate: per unit of time, at least 0; a number or an axis.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    >>> decay(0.02)
    Decay(rate=0.02)
    """
    checks.parameter("rate", rate, at_least=0)
    return Decay(rate)


def coherence_gate(slope: Number, centre: Number, signal: str = "coherence") -> CoherenceGate:
    """A gate that synchrony opens, ``G(r) = 1 / (1 + exp(-beta (r - r_c)))``; for `gated`, around any rule.

    Args:
        slope: beta; a number or an axis.
        centre: r_c, the coherence at which it is half open, from 0 to 1; a number or an axis.
        signal: whose coherence: ``coherence`` of all, ``cluster_coherence`` of the postsynaptic oscillator's cluster, or
            ``local_coherence`` of its neighbours.

    Raises:
        ValueError: if a number is out of range or the signal is none of the three.

    Source: Hays (2026), the gate of figure 2; those of a cluster and of neighbours are this project's.

    >>> from plastodyn import rules
    >>> rule = rules.gated(rules.phase_hebbian(0.02), coherence_gate(20.0, 0.5)) + rules.decay(0.02)
    """
    checks.parameter("slope", slope)
    checks.parameter("centre", centre, at_least=0, at_most=1)
    checks.one_of("signal", signal, _COHERENCES)
    return CoherenceGate(slope, centre, signal)


def homeostatic_gate(
    rate: Number, target: Number = 0.1, *, width: Number = 0.2, largest: Number = 2.0, signal: str = "local_coherence"
) -> HomeostaticGate:
    """A gate whose threshold adapts until it is open as far as a target: ``a = 1 / (1 + exp(-(q - s) / T))``.

    ``ds/dt = rate (a - target)``, started at 0.5 and kept between 0.01 and ``largest``: an oscillator (or a circuit) that is
    often coherent asks for more. The opening a is the activity of the parent model.

    Args:
        rate: eta_s, of the threshold, per unit of time, at least 0; a number or an axis.
        target: rho, of the mean opening, from 0 to 1.
        width: T, above 0. With a coherence of 1 and thresholds up to ``largest``, the opening cannot fall below
            ``1 / (1 + exp((largest - 1) / T))``: 0.007 here, but 0.27 at the parent's T = 1 and largest threshold of 0.99.
        largest: upper bound of the threshold, above 0.01.
        signal: q: ``coherence``, ``cluster_coherence`` or ``local_coherence``.

    Raises:
        ValueError: if a number is out of range or the signal is none of the three.

    Source: Hays (2026), threshold adaptation of its parent on resonant sparse geometry networks.

    >>> from plastodyn import rules
    >>> rule = rules.gated(rules.phase_hebbian(0.02), homeostatic_gate(0.02)) + rules.decay(0.02)
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("target", target, at_least=0, at_most=1)
    checks.parameter("width", width, above=0)
    checks.parameter("largest", largest, above=_LEAST_THRESHOLD)
    checks.one_of("signal", signal, _COHERENCES)
    return HomeostaticGate(rate, target, width, largest, signal)
