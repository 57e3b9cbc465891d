"""plastodyn: theory and simulation of learning dynamics in circuits whose plasticity is imperfect."""

from plastodyn import devices

devices.use_all_cores()

from plastodyn import circuits, fluctuations, measure, perturbations, rules, theory  # noqa: E402
from plastodyn.circuits import Circuit  # noqa: E402
from plastodyn.simulation import Interrupted, axis, observe, simulate, solvers  # noqa: E402
from plastodyn.sweeps import sweep  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "Circuit",
    "Interrupted",
    "axis",
    "circuits",
    "fluctuations",
    "measure",
    "observe",
    "perturbations",
    "rules",
    "simulate",
    "solvers",
    "sweep",
    "theory",
]
