"""The protocol: what a circuit and a rule are, how they are joined, and the one step that all simulation is made of."""

from plastodyn.protocol.circuit import AbstractCircuit
from plastodyn.protocol.event import Event, Instants, event
from plastodyn.protocol.join import check_joined, signals_read
from plastodyn.protocol.moment import Moment
from plastodyn.protocol.rule import Rule, Scaled, Sum, Wrapped
from plastodyn.protocol.step import Carry, begin, happen, rule_change, step, velocities
from plastodyn.protocol.symmetry import HIDDEN_SPAN, INPUT_ROTATION, Symmetry, hidden_span_by_sign

__all__ = [
    "HIDDEN_SPAN",
    "INPUT_ROTATION",
    "AbstractCircuit",
    "Carry",
    "Event",
    "Instants",
    "Moment",
    "Rule",
    "Scaled",
    "Sum",
    "Symmetry",
    "Wrapped",
    "begin",
    "check_joined",
    "event",
    "happen",
    "hidden_span_by_sign",
    "rule_change",
    "signals_read",
    "step",
    "velocities",
]
