"""Drives a circuit by a rule through time and returns a labelled Dataset."""

from plastodyn.simulation.axes import axis
from plastodyn.simulation.record import observe
from plastodyn.simulation.run import simulate

__all__ = ["axis", "observe", "simulate"]
