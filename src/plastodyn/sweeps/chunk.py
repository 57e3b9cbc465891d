"""One chunk, from a task to files: what a worker does."""

import json
import platform
import time
import traceback
from pathlib import Path
from typing import NamedTuple

import jax

from plastodyn.runtime import provenance
from plastodyn.sweeps import block as blocks
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.layout import Box, Index, Layout
from plastodyn.sweeps.specification import Specification


class Task(NamedTuple):
    """A chunk to compute and where to put it; `place` is its index along the axes, `attributes` are the store's."""

    store: Path
    specification: Specification
    layout: Layout
    place: Index
    attributes: dict[str, str]


class Failure(NamedTuple):
    """An error of the experiment at one chunk: in one line, and in full."""

    place: Index
    line: str
    full: str


class OtherLayout:
    """Another process was the first to make the store, and cut it in another way: nothing was written."""


class Cost(NamedTuple):
    """Of one batch: time once compiled, and bytes of its result."""

    seconds: float
    size: float


def compute(task: Task) -> Failure | OtherLayout | None:
    """Compute a chunk and commit it, unless another process has done so; the failure, if the experiment raised an error."""
    if stores.is_cut_otherwise(task.store, task.layout):
        return OtherLayout()
    return None if stores.is_done(task.store, task.place) else _compute(task)


def _compute(task: Task) -> Failure | OtherLayout | None:
    wall, cpu = time.perf_counter(), time.process_time()
    box = task.layout.box(task.place)
    try:
        _check_devices()
        found = blocks.compute(task.specification, task.layout, box)
    except (Exception, SystemExit) as error:
        return _failure(task, error)
    try:
        stores.ensure(task.store, task.specification, task.layout, found, task.attributes)
        if stores.is_cut_otherwise(task.store, task.layout):
            return OtherLayout()
        record = stores.Record(time.perf_counter() - wall, time.process_time() - cpu, _origin())
        stores.commit(task.store, task.specification, box, task.place, found, record)
    except ValueError as error:
        return _failure(task, error)
    except Exception as error:
        return _failure(task, error, "it was computed, and could not be stored: ")
    return None


def _failure(task: Task, error: BaseException, what: str = "") -> Failure:
    first = (str(error).strip() or "no message").splitlines()[0]
    return Failure(task.place, f"{what}{type(error).__name__}: {first}", traceback.format_exc())


def pilot(specification: Specification, layout: Layout, enough: float) -> Cost | None:
    """What the first batch costs, computed again where compiling may have been most of it; ``None`` if it fails."""
    batch = layout.batches(layout.box((0,) * len(layout.sizes)))[0]
    try:
        first = _timed(specification, batch)
        return first if first.seconds >= enough else _timed(specification, batch)
    except Exception:
        # As a chunk it will fail again, and be reported.
        return None


def _timed(specification: Specification, batch: Box) -> Cost:
    started = time.perf_counter()
    found = blocks.run_batch(specification, batch)
    return Cost(time.perf_counter() - started, blocks.size(found))


def _check_devices() -> None:
    """A batch spread over several devices is another program and may round otherwise."""
    count = len(jax.local_devices())
    if count != 1:
        raise ValueError(f"executor must have workers in which JAX has one device, see plastodyn.sweeps.one_core; got {count}")


def _origin() -> str:
    return json.dumps({**provenance.attributes(), "host": platform.node(), "device": jax.local_devices()[0].device_kind})
