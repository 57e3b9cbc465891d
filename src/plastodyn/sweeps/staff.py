"""Who computes a sweep: processes of this machine, or an executor."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, NamedTuple

from plastodyn import checks
from plastodyn.sweeps.workers import LocalWorkers, cores

_TASKS_PER_WORKER = 2
"""Handed out at a time: the one it works at, and the next."""


class Staff(NamedTuple):
    """Who computes: how many local processes, or an executor."""

    processes: int
    executor: Executor | None

    @property
    def window(self) -> int | None:
        """Tasks handed out at a time: an executor may be many machines, and gets all."""
        return _TASKS_PER_WORKER * self.processes if self.executor is None else None

    @contextmanager
    def hands(self) -> Iterator[Executor]:
        """The executor given, left running; or local workers, ended at once when the block is left."""
        if self.executor is not None:
            yield self.executor
            return
        own = LocalWorkers(self.processes)
        try:
            yield own
        finally:
            own.stop()


def staff_of(workers: int | None, executor: Any) -> Staff:
    """What the arguments ``workers`` and ``executor`` of a sweep ask for; refuses what cannot compute."""
    if workers is not None:
        checks.count("workers", workers, at_least=1)
    if executor is not None and not isinstance(executor, Executor) and hasattr(executor, "get_executor"):
        # A client of Dask; chunks are handed to it anew even if it knows one of the same name.
        executor = executor.get_executor(pure=False)
    if executor is not None and (workers is not None or not isinstance(executor, Executor)):
        raise ValueError(
            "executor must be a dask.distributed.Client or a concurrent.futures.Executor, given without workers; got "
            f"{checks.shown(executor)}"
        )
    return Staff(workers or cores(), executor)
