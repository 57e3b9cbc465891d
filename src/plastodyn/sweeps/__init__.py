"""Parameter sweeps: axes in, chunks on all cores, one Zarr store out, resumed after any interruption."""

from plastodyn.sweeps.checking import Recomputed, recompute, verify
from plastodyn.sweeps.integrity import Damage
from plastodyn.sweeps.pilot import Cost
from plastodyn.sweeps.run import Worked, begin, cost, sweep, work
from plastodyn.sweeps.state import Failure, Status, failures, fingerprint, status
from plastodyn.sweeps.workers import LocalWorkers, cores, one_core

__all__ = [
    "Cost",
    "Damage",
    "Failure",
    "LocalWorkers",
    "Recomputed",
    "Status",
    "Worked",
    "begin",
    "cores",
    "cost",
    "failures",
    "fingerprint",
    "one_core",
    "recompute",
    "status",
    "sweep",
    "verify",
    "work",
]
