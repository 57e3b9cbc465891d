"""Drives a circuit by a rule through time and returns a labelled Dataset."""

from plastodyn.simulation.axes import axis
from plastodyn.simulation.record import observe
from plastodyn.simulation.run import Interrupted, simulate
from plastodyn.simulation.weights import weights_of

__all__ = ["Interrupted", "axis", "observe", "simulate", "weights_of"]
