"""`sweep`: an experiment and axes in; a resumable Zarr store out. `work` goes on with a store that is there."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from plastodyn import checks
from plastodyn.runtime import provenance
from plastodyn.sweeps import members, pilot
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.checking import forget, mended
from plastodyn.sweeps.layout import Layout
from plastodyn.sweeps.members import Failed, line_of
from plastodyn.sweeps.pilot import Cost, Plan, Refused
from plastodyn.sweeps.place import is_empty, place_of, prepare
from plastodyn.sweeps.session import MOST_LOSSES, Limit, Outcome, Session, tidy
from plastodyn.sweeps.specification import Specification, specify
from plastodyn.sweeps.staff import staff_of
from plastodyn.sweeps.workers import LocalWorkers, WorkerLostAtStart, WorkerStartError

Experiment = Callable[..., xr.Dataset]
Axes = Mapping[str, Sequence[Any]]


def sweep(
    experiment: Experiment,
    axes: Axes,
    *,
    store: str | PathLike[str],
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    batch: Mapping[str, int] | None = None,
    chunk: Mapping[str, int] | None = None,
    workers: int | None = None,
    executor: Any = None,
    attributes: Mapping[str, str] | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Run an experiment at every point of a grid, in chunks, on all cores, into one Zarr store; go on where it stopped.

    The numbers depend on the specification only: experiment, axes, parameters, seed, sizes of batches and the version of
    plastodyn. They are the same bits whatever the number of workers, the order of chunks or interruptions, on the same
    processor and the same versions of JAX and NumPy (``chunk_origin`` tells those of each chunk). Several processes, on one
    machine or on many, may share a store: each claims the chunks that it computes, and those of a dead one are taken over.

    Args:
        experiment: ``experiment(point, key, **parameters)``, at the top level of an importable module. ``point`` maps
            each axis to the array of its values in this batch, ``key`` is the batch's random key; returned is a Dataset
            over all axes of ``point``, its other dimensions and variables the same at all points. It may have a text
            ``member_error`` over the axes: why a point failed, empty where it did not.
        axes: name to distinct finite numbers, or texts. The result is over their product.
        store: directory to write; what is done there already is not done again.
        seed: whole number, at least 0; a batch's key is folded from it and the place of the batch's first point.
        parameters: further arguments of the experiment, JSON values.
        batch: points of an axis that the experiment gets at once; one unless given. As many batches are stored together as
            take about 30 seconds and at most 64 MB.
        chunk: the same of other axes, along which each batch is stored by itself.
        workers: processes, each on one core; as many as cores unless given.
        executor: computes instead of local processes: a ``dask.distributed.Client``, or any
            ``concurrent.futures.Executor``, whose workers see ``store`` and have one JAX device (`one_core`).
        attributes: texts to keep with a new store: where it comes from.
        progress: show a bar on standard error when it lasts more than 2 seconds.

    Returns:
        The store as a Dataset that reads values when they are needed. Beside the experiment's variables it has, for each
        point, ``member_status`` (0 not computed, 1 done, 2 failed, 3 diverged, 4 killed its worker) and ``member_error``; and
        for each chunk ``chunk_status`` (0 not done, 1 done, 2 some members failed), ``chunk_seconds``, ``chunk_cpu_seconds``
        and ``chunk_origin`` (time, commit, versions, machine). Attributes hold specification, hash, parameters, seed, commit.

    Raises:
        ValueError: if an argument is out of range, or the store holds something else.
        RuntimeError: at the end, if members failed, which a next call tries again; at once, if nothing can be stored.
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
    specification = specify(experiment, axes, parameters, seed, batch, chunk)
    kept = _texts(attributes)
    place = place_of(store)
    staff = staff_of(workers, executor)
    layout = stores.layout_of(place, specification)
    damaged = [] if layout is None else mended(place, specification, layout)
    if layout is None or damaged or (stores.statuses(place) != stores.DONE).any():
        prepare(place)
        if damaged:
            forget(place, specification, damaged)
        plan = Plan(specification, _growing(specification, chunk), staff.processes)
        with ExitStack() as after, staff.hands() as hands, _told_how_to_go_on(place):
            if layout is None:
                _begin(hands, plan, place, kept)
            outcome = _session(hands, after, place, staff.window, None).run(progress)
        _raise_failed(outcome, specification)
    else:
        tidy(place)
    return stores.dataset(place)


def begin(
    experiment: Experiment,
    axes: Axes,
    *,
    store: str | PathLike[str],
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    batch: Mapping[str, int] | None = None,
    chunk: Mapping[str, int] | None = None,
    workers: int | None = None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Make the store of a sweep and compute its first batch only; `work` goes on with it, on any machine.

    Args:
        experiment: as `sweep` takes it.
        axes: as there.
        store: as there; nothing is done where it is there already.
        seed: as there.
        parameters: as there.
        batch: as there.
        chunk: as there.
        workers: that will work at it: there are several chunks for each.
        attributes: as there.

    Raises:
        ValueError: if an argument is out of range, or the store holds something else.
        RuntimeError: if the batches that were tried failed; nothing is written then.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     begin(noisy_bowl, {"rate": [0.1, 0.5], "noise": [0.0]}, store=directory + "/bowl.zarr", seed=0)
    ...     done = work(directory + "/bowl.zarr", workers=1)
    ...     print(done.chunks, done.computed, done.left)
    2 1 0
    """
    specification = specify(experiment, axes, parameters, seed, batch, chunk)
    kept = _texts(attributes)
    place, staff = place_of(store), staff_of(workers, None)
    if stores.layout_of(place, specification) is None:
        prepare(place)
        with LocalWorkers(1) as hands:
            _begin(hands, Plan(specification, _growing(specification, chunk), staff.processes), place, kept)


def cost(
    experiment: Experiment,
    axes: Axes,
    *,
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    batch: Mapping[str, int] | None = None,
    chunk: Mapping[str, int] | None = None,
    workers: int | None = None,
) -> Cost:
    """What a sweep would cost, by up to three of its batches; nothing is written.

    Args:
        experiment: as `sweep` takes it.
        axes: as there.
        seed: as there.
        parameters: as there.
        batch: as there.
        chunk: as there.
        workers: that would work at it.

    Returns:
        How the store would be cut, seconds and bytes of a batch, seconds of compiling, and the most memory that a worker held.

    Raises:
        ValueError: if an argument is out of range.
        RuntimeError: if the batches that were tried failed.

    Source: this project.

    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> cost(noisy_bowl, {"rate": [0.1, 0.5], "noise": [0.0]}, seed=0, chunk={"rate": 2}).layout.batch
    (2, 1)
    """
    specification = specify(experiment, axes, parameters, seed, batch, chunk)
    with LocalWorkers(1) as hands:
        plan = Plan(specification, _growing(specification, chunk), staff_of(workers, None).processes)
        return _first_answer(hands, pilot.cost, plan)


class Worked(NamedTuple):
    """How a call of `work` ended.

    Args:
        chunks: of the store.
        computed: by this call.
        left: not done when it ended: for lack of time.
        failed: members of the store that failed, computed by whomever.
        first_failure: the first that this call met, in one line; empty if there is none.
    """

    chunks: int
    computed: int
    left: int
    failed: int
    first_failure: str


def work(
    store: str | PathLike[str],
    *,
    workers: int | None = None,
    executor: Any = None,
    seconds: float | None = None,
    progress: bool = True,
) -> Worked:
    """Go on with a store until nothing is left, or its time is over; any number of processes may do so at once.

    No chunk is begun of which not one batch would end in time, if it took as long as in the longest chunk so far; when the time
    is over, what is under way is given up, but for what was stored on the way: every half minute, what there is of a chunk.

    Args:
        store: of a `sweep`, begun by `begin` or by one that was interrupted. Its experiment must be importable here.
        workers: processes, each on one core; as many as cores unless given.
        executor: as `sweep` takes it.
        seconds: that it may take; no end unless given. Not with an executor, whose workers may be on machines of other clocks.
        progress: show a bar on standard error when it lasts more than 2 seconds.

    Returns:
        How it ended.

    Raises:
        ValueError: if there is no store, or its experiment or plastodyn are not those that it was begun with.
        RuntimeError: if nothing can be stored, or the executor breaks.
        KeyboardInterrupt: on Ctrl-C; what is done stays done.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     axes = {"rate": [0.1, 0.5], "noise": [0.0]}
    ...     _ = sweep(noisy_bowl, axes, store=directory + "/bowl.zarr", seed=0, workers=1)
    ...     work(directory + "/bowl.zarr").left
    0
    """
    began = time.monotonic()
    checks.flag("progress", progress)
    if seconds is not None:
        checks.one_number("seconds", seconds, above=0)
        if executor is not None:
            raise ValueError("seconds must be given without executor, whose workers may have other clocks; got both")
    place, staff = place_of(store), staff_of(workers, executor)
    specification, layout = stores.sweep_to_run(place)
    _refuse_links(place)
    left = int((stores.statuses(place) != stores.DONE).sum())
    outcome = Outcome(0, [], False)
    if left:
        prepare(place)
        limit = None if seconds is None else _limit(began + seconds, place, layout)
        with ExitStack() as after, staff.hands() as hands, _told_how_to_go_on(place):
            outcome = _session(hands, after, place, staff.window, limit).run(progress)
    status = stores.statuses(place)
    first = outcome.failed[0] if outcome.failed else None
    return Worked(
        status.size,
        outcome.computed,
        int((status == stores.MISSING).sum()),
        int(np.isin(stores.member_statuses(place), (members.FAILED, members.KILLED)).sum()),
        "" if first is None else f"{_coordinates(first, specification)}: {first.line}",
    )


def _refuse_links(place: Path) -> None:
    """Nothing is written behind a link to elsewhere, as a store may have that somebody sent."""
    linked = next((path for path in sorted(place.iterdir()) if path.is_symlink() or (path / "c").is_symlink()), None)
    if linked is not None:
        raise ValueError(f"store must hold its own files; {linked} is, or holds, a link to elsewhere")


def _limit(end: float, place: Path, layout: Layout) -> Limit:
    longest = stores.seconds_of_done(place).max(initial=0.0)
    return Limit(end, longest / layout.batches_of_a_chunk, layout.batches_of_a_chunk)


def _growing(specification: Specification, chunk: Mapping[str, int] | None) -> tuple[bool, ...]:
    return tuple(name not in (chunk or {}) for name in specification.axes)


def _texts(attributes: Any) -> dict[str, str]:
    given = {} if attributes is None else attributes
    if not isinstance(given, Mapping) or not all(isinstance(each, str) for pair in given.items() for each in pair):
        raise ValueError(f"attributes must be a mapping of names to texts, or None; got {checks.shown(attributes)}")
    return dict(given)


def _begin(hands: Executor, plan: Plan, place: Path, attributes: dict[str, str]) -> None:
    """Make the store; what is in its way, or fails, is an error."""
    if is_empty(place):
        kept = {**provenance.attributes(), **attributes}
        _first_answer(hands, pilot.begin, plan, place, kept)


def _first_answer(hands: Executor, function: Callable[..., Any], plan: Plan, *arguments: Any) -> Any:
    """What the pilot says; a member that kills its worker twice is passed over."""
    deaths, at_start, last = 0, 0, ""
    while deaths <= 2 * pilot.TRIED and at_start < MOST_LOSSES:
        try:
            future = hands.submit(function, plan, deaths // 2, *arguments)
        except BrokenExecutor as error:
            raise RuntimeError(f"the executor broke: {error}; nothing was computed") from None
        try:
            found = future.result()
        except WorkerStartError:
            raise
        except WorkerLostAtStart as error:
            at_start, last = at_start + 1, line_of(error)
            continue
        except Exception as error:
            deaths, last = deaths + 1, line_of(error)
            continue
        if not isinstance(found, Refused):
            return found
        error = RuntimeError(f"nothing was written: {found.line}")
        error.add_note(found.full)
        raise error
    raise RuntimeError(f"nothing was written: every worker was lost, the last by {last}")


def _session(hands: Executor, after: ExitStack, place: Path, window: int | None, limit: Limit | None) -> Session:
    """A session that lets go of what is under way ``after`` its workers have ended."""
    session = Session(hands, place, window, limit)
    after.callback(session.give_up)
    return session


def _raise_failed(outcome: Outcome, specification: Specification) -> None:
    if not outcome.failed:
        return
    first = min(outcome.failed, key=lambda each: each.place)
    count = sum(each.number for each in outcome.failed)
    said = "1 member" if count == 1 else f"{count} members"
    error = RuntimeError(
        f"{said} failed, the first at {_coordinates(first, specification)}: {first.line}; the same call tries them again"
    )
    error.add_note(first.full)
    raise error


def _coordinates(failed: Failed, specification: Specification) -> str:
    pairs = zip(specification.axes.items(), failed.place, strict=True)
    return ", ".join(f"{name} = {points[place]}" for (name, points), place in pairs)


@contextmanager
def _told_how_to_go_on(place: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stop:
        done = f"{int((stores.statuses(place) == stores.DONE).sum())} chunks are" if not is_empty(place) else "nothing is"
        told = f"sweep interrupted; {done} done in {place}, and the same call goes on from there"
        raise type(stop)(told) from None
