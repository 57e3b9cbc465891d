"""plastodyn: theory and simulation of learning dynamics in circuits whose plasticity is imperfect."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from plastodyn.runtime import devices

devices.use_all_cores()

if TYPE_CHECKING:
    from plastodyn import (
        attention,
        certify,
        circuits,
        experiments,
        figures,
        fluctuations,
        geometry,
        measure,
        papers,
        protocol,
        rules,
        solvers,
        sweeps,
        synapses,
        theory,
    )
    from plastodyn.circuits import Circuit, perturbations
    from plastodyn.simulation import Interrupted, axis, observe, simulate, weights_of
    from plastodyn.sweeps import sweep

__version__ = "0.1.0"

__all__ = [
    "Circuit",
    "Interrupted",
    "attention",
    "axis",
    "certify",
    "circuits",
    "experiments",
    "figures",
    "fluctuations",
    "geometry",
    "measure",
    "observe",
    "papers",
    "perturbations",
    "protocol",
    "rules",
    "simulate",
    "solvers",
    "sweep",
    "sweeps",
    "synapses",
    "theory",
    "weights_of",
]

# Where a name is found when it is first used: `plastodyn --help` does without JAX.
_HOMES = {
    "Circuit": "circuits",
    "perturbations": "circuits",
    "Interrupted": "simulation",
    "axis": "simulation",
    "observe": "simulation",
    "simulate": "simulation",
    "weights_of": "simulation",
    "sweep": "sweeps",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(import_module(f"plastodyn.{_HOMES[name]}"), name)
    elif name in __all__:
        found = import_module(f"plastodyn.{name}")
    else:
        raise AttributeError(f"module 'plastodyn' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", "__doc__"})
