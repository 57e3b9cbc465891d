"""`sweep`: an experiment and axes in; a resumable Zarr store out."""

import queue
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from plastodyn import checks
from plastodyn.runtime import provenance
from plastodyn.runtime.progress import Bar
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.chunk import Failure, OtherLayout, Task, compute, pilot
from plastodyn.sweeps.integrity import Damage, damages, lost_statuses
from plastodyn.sweeps.layout import TARGET_SECONDS, Index, Layout, fit, one_batch_each
from plastodyn.sweeps.specification import Specification, specify
from plastodyn.sweeps.workers import LocalWorkers, WorkerStartError, cores

_ATTEMPTS = 3
"""How often a chunk may lose its worker before it counts as failed."""
_HEARTBEAT = 0.5
_PILOT_PATIENCE = TARGET_SECONDS + 30.0


def sweep(
    experiment: Callable[..., xr.Dataset],
    axes: Mapping[str, Sequence[Any]],
    *,
    store: str | PathLike[str],
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    chunk: Mapping[str, int] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Run an experiment at every point of a grid, in chunks, on all cores, into one Zarr store; go on where it stopped.

    The numbers depend on the specification only: experiment, axes, parameters, seed, ``chunk`` and the version of
    plastodyn. They are the same bits whatever the number of workers, the order of chunks or interruptions, on the same
    processor and the same versions of JAX and NumPy (``chunk_origin`` tells those of each chunk). Several processes, on one
    machine or on many, may share a store: each takes the chunks in an order of its own and passes over those that are done.

    Args:
        experiment: ``experiment(point, key, **parameters)``, at the top level of an importable module. ``point`` maps
            each axis to the array of its values in this batch, ``key`` is the batch's random key; returned is a Dataset
            over all axes of ``point``, its other dimensions and variables the same at all points.
        axes: name to distinct finite numbers, or texts. The result is over their product.
        store: directory to write; what is done there already is not done again.
        seed: whole number, at least 0; a batch's key is folded from it and the place of the batch's first point.
        parameters: further arguments of the experiment, JSON values.
        chunk: points of an axis that the experiment gets at once, and that are stored together. Along axes not named it
            gets one point at a time, and so many are stored together as take about 30 seconds and at most 64 MB.
        workers: processes, each on one core; as many as cores unless given.
        executor: computes instead of local processes: any ``concurrent.futures.Executor`` whose workers see ``store``
            and have one JAX device (`one_core`).
        progress: show a bar on standard error when it lasts more than 2 seconds.

    Returns:
        The store as a Dataset that reads values when they are needed. Beside the experiment's variables it has, for each
        chunk, ``chunk_status`` (0 not done, 1 done, 2 failed), ``chunk_seconds``, ``chunk_cpu_seconds`` and
        ``chunk_origin`` (time, commit, versions, machine). Attributes hold specification, hash, parameters, seed, commit.

    Raises:
        ValueError: if an argument is out of range, or the store holds something else.
        RuntimeError: at the end, if the experiment raised errors; a next call tries those chunks again.
        KeyboardInterrupt: on Ctrl-C; what is done stays done.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     axes = {"rate": [0.1, 0.5], "noise": [0.0, 0.1]}
    ...     found = sweep(noisy_bowl, axes, store=directory + "/bowl.zarr", seed=0, chunk={"rate": 2, "noise": 1}, workers=1)
    ...     print(dict(found.loss.sizes), found.chunk_status.values.tolist())
    ...     print(found.loss.sel(rate=0.5, noise=0.0, replica=0)[:3].values.tolist())
    {'rate': 2, 'noise': 2, 'replica': 4, 'step': 21} [[1, 1]]
    [1.5, 0.375, 0.09375]
    """
    checks.flag("progress", progress)
    specification = specify(experiment, axes, parameters, seed, chunk)
    if workers is not None:
        checks.count("workers", workers, at_least=1)
    if executor is not None and (workers is not None or not isinstance(executor, Executor)):
        raise ValueError(f"executor must be a concurrent.futures.Executor, given without workers; got {checks.shown(executor)}")
    place = stores.place_of(store)
    layout = stores.layout_of(place, specification)
    damaged = [] if layout is None else _mended(place, specification, layout)
    if layout is None or damaged or (stores.statuses(place) != stores.DONE).any():
        stores.prepare(place)
        if damaged:
            _warn_of(damaged, place)
            with _as_damage(place, damaged):
                stores.forget(place, specification, damaged)
        count = workers or cores()
        with _hands(executor, count) as hands, _told_how_to_go_on(place):
            growing = tuple(name not in (chunk or {}) for name in specification.axes)
            layout = layout or _choose(hands, specification, growing, count)
            while not _Session(hands, place, specification, layout).run(progress):
                layout = stores.layout_of(place, specification) or layout
    return stores.dataset(place)


def verify(store: str | PathLike[str]) -> list[Damage]:
    """What in a store is not what was written there; nothing, in a sound one.

    Every file is read: its own checksum is checked, and that of the values of each chunk. `sweep`, called again, computes
    damaged chunks again. Checksums tell accidents, not forgers: who changes values and checksums alike is not found.

    Args:
        store: of a `sweep`.

    Returns:
        For each damage its place, the index of the chunk along each axis or None for what all chunks share, and what it is.

    Raises:
        ValueError: if there is no store of a sweep, or what describes it is damaged.

    Source: this project.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     place, axes = Path(directory) / "bowl.zarr", {"rate": [0.1, 0.5], "noise": [0.0]}
    ...     _ = sweep(noisy_bowl, axes, store=place, seed=0, chunk={"rate": 1, "noise": 1}, workers=1)
    ...     (place / "loss" / "c" / "1" / "0" / "0" / "0").unlink()
    ...     print([damage.place for damage in verify(place)])
    [(1, 0)]
    """
    place = stores.place_of(store)
    specification = stores.specification_of(place)
    layout = stores.layout_of(place, specification)
    assert layout is not None
    return [*damages(place, specification, layout), *lost_statuses(place, layout)]


def _mended(place: Path, specification: Specification, layout: Layout) -> list[Damage]:
    """Damages that have to be computed again; descriptions of arrays are written again without."""
    found = list(damages(place, specification, layout))
    if found:
        with _as_damage(place, found):
            names = stores.mend_descriptions(place)
        if names:
            warnings.warn(f"{place} was damaged in what describes {', '.join(names)}, which is written again", stacklevel=3)
            found = list(damages(place, specification, layout))
    return found


@contextmanager
def _as_damage(place: Path, damaged: list[Damage]) -> Iterator[None]:
    """Where damage cannot be mended, say that, and not that an experiment failed."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"store must be one that can be written to: {place} is damaged, {damaged[0].what}; mending it failed: {error}"
        ) from error


def _warn_of(damaged: list[Damage], place: Path) -> None:
    first = damaged[0]
    where = "" if first.place is None else f" at {first.place}"
    warnings.warn(
        f"{place} is damaged in {len(damaged)} places, which are computed again; the first{where}: {first.what}", stacklevel=3
    )


class _Session:
    """The state of one call: what is being computed, what was lost or failed."""

    def __init__(self, hands: Executor, place: Path, specification: Specification, layout: Layout) -> None:
        self.hands, self.place = hands, place
        attributes = provenance.attributes()
        status = stores.statuses(place) if place.exists() and any(place.iterdir()) else np.zeros(layout.grid, np.int8)
        missing = [tuple(map(int, index)) for index in np.argwhere(status != stores.DONE)]
        # Processes that share a store pass over what the others have done, so each goes through it in an order of its own.
        random.SystemRandom().shuffle(missing)
        self.tasks = [Task(place, specification, layout, index, attributes) for index in missing]
        self.total = status.size
        self.answers: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self.under_way: dict[Future[Any], Task] = {}
        self.losses: Counter[Index] = Counter()
        self.failures: list[Failure] = []
        self.superseded = False

    def run(self, progress: bool) -> bool:
        """Compute what is missing; raise what failed at the end. False if another process has cut the store otherwise."""
        before = self.total - len(self.tasks)
        try:
            with Bar("sweep", self.total, progress, before) as bar:
                for task in self.tasks:
                    self._submit(task)
                while self.under_way and not self.superseded:
                    waiting = len(self.under_way)
                    self._take()
                    failed = f"{len(self.failures)} failed" if self.failures else ""
                    bar.advance(waiting - len(self.under_way), failed)
        finally:
            for future in self.under_way:
                future.cancel()
            # Where nothing can be written, that is what the failures say.
            with suppress(OSError):
                stores.mark_failed(self.place, [] if self.superseded else [failure.place for failure in self.failures])
        if self.failures and not self.superseded:
            raise self._error()
        return not self.superseded

    def _submit(self, task: Task) -> None:
        try:
            future = self.hands.submit(compute, task)
        except BrokenExecutor as error:
            raise RuntimeError(f"the executor broke: {error}; the chunks that are done stay in {self.place}") from None
        self.under_way[future] = task
        future.add_done_callback(self.answers.put)

    def _take(self) -> None:
        try:
            future = self.answers.get(timeout=_HEARTBEAT)
        except queue.Empty:
            return
        task = self.under_way.pop(future)
        try:
            failure = future.result()
        except WorkerStartError:
            raise
        except Exception as error:
            # The worker died, not the experiment: its chunk is tried again elsewhere.
            self.losses[task.place] += 1
            if self.losses[task.place] < _ATTEMPTS:
                self._submit(task)
                return
            failure = Failure(task.place, f"lost its worker {_ATTEMPTS} times, {error}", str(error))
        if isinstance(failure, OtherLayout):
            self.superseded = True
        elif failure is not None:
            self.failures.append(failure)

    def _error(self) -> RuntimeError:
        self.failures.sort()
        places = ", ".join(str(failure.place) for failure in self.failures[:5]) + (", ..." if len(self.failures) > 5 else "")
        error = RuntimeError(
            f"{len(self.failures)} of {self.total} chunks failed, at {places}; the first: {self.failures[0].line}; "
            "the same call tries them again"
        )
        error.add_note(self.failures[0].full)
        return error


def _choose(hands: Executor, specification: Specification, growing: tuple[bool, ...], workers: int) -> Layout:
    """The layout of a new store: the finest if nothing is left to choose, if a batch is slow or if the first one fails."""
    sizes = tuple(len(points) for points in specification.axes.values())
    batch = tuple(specification.batch.values())
    finest = one_batch_each(sizes, batch)
    if not any(growing):
        return finest
    try:
        cost = hands.submit(pilot, specification, finest, TARGET_SECONDS).result(timeout=_PILOT_PATIENCE)
    except (BrokenExecutor, TimeoutError):
        cost = None
    return finest if cost is None else fit(sizes, batch, growing, cost.seconds, cost.size, workers)


@contextmanager
def _hands(executor: Executor | None, count: int) -> Iterator[Executor]:
    """The executor given, left running; or local workers, ended at once when the block is left."""
    if executor is not None:
        yield executor
        return
    own = LocalWorkers(count)
    try:
        yield own
    finally:
        own.stop()


@contextmanager
def _told_how_to_go_on(place: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        done = (
            f"{int((stores.statuses(place) == stores.DONE).sum())} chunks are"
            if (place / "zarr.json").exists()
            else "nothing is"
        )
        raise KeyboardInterrupt(f"sweep interrupted; {done} done in {place}, and the same call goes on from there") from None
