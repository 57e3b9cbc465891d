"""Parameter sweeps: axes in, chunks on all cores, one Zarr store out, resumed after any interruption."""

from plastodyn.sweeps.run import sweep
from plastodyn.sweeps.workers import LocalWorkers, one_core

__all__ = ["LocalWorkers", "one_core", "sweep"]
