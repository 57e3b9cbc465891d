"""Plasticity of synapses between oscillators, and the gate through which their synchrony acts on any rule."""

from typing import ClassVar

import equinox as eqx
import jax
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule
from plastodyn.rules.wrap.gated import Gate
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State

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
