"""The protocol: what a circuit and a rule are, how they are joined, and the one step that all simulation is made of."""

from plastodyn.protocol.circuit import AbstractCircuit
from plastodyn.protocol.event import Event, Instants, event
from plastodyn.protocol.join import SYMMETRIES, check_joined, signals_read
from plastodyn.protocol.moment import Moment
from plastodyn.protocol.rule import Rule, Scaled, Sum, Wrapped
from plastodyn.protocol.step import Carry, begin, happen, rule_change, step, velocities

__all__ = [
    "SYMMETRIES",
    "AbstractCircuit",
    "Carry",
    "Event",
    "Instants",
    "Moment",
    "Rule",
    "Scaled",
    "Sum",
    "Wrapped",
    "begin",
    "check_joined",
    "event",
    "happen",
    "rule_change",
    "signals_read",
    "step",
    "velocities",
]
