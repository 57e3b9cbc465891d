"""Parameter sweeps: axes in, chunks on all cores, one Zarr store out, resumed after any interruption."""

from plastodyn.sweeps.integrity import Damage
from plastodyn.sweeps.run import sweep, verify
from plastodyn.sweeps.workers import LocalWorkers, one_core

__all__ = ["Damage", "LocalWorkers", "one_core", "sweep", "verify"]
