"""One chunk, from a task to files: what a worker does."""

import functools
import json
import platform
import time
import traceback
import uuid
from pathlib import Path
from typing import NamedTuple

import jax

from plastodyn.runtime import provenance
from plastodyn.sweeps import block as blocks
from plastodyn.sweeps import claims
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.block import Block
from plastodyn.sweeps.claims import Claim
from plastodyn.sweeps.commit import Record, commit
from plastodyn.sweeps.integrity import is_sound
from plastodyn.sweeps.layout import Box, Index, Layout
from plastodyn.sweeps.members import Failed, line_of
from plastodyn.sweeps.specification import Specification


class Task(NamedTuple):
    """A chunk of a store to compute; `place` is its index along the axes.

    It is not begun after `not_after`, on the monotonic clock of this machine. `failed` is the origin of a chunk whose members
    are to be tried again; one that failed otherwise since has been tried by another worker.
    """

    store: Path
    place: Index
    failed: str = ""
    not_after: float | None = None


class Done(NamedTuple):
    """A chunk that is in the store, by this worker or another one, and what failed in it."""

    seconds: float = 0.0
    failed: Failed | None = None


class Busy(NamedTuple):
    """Another worker has the chunk."""


class Late(NamedTuple):
    """The chunk was not begun, for there was not enough time left."""


class Stopped(NamedTuple):
    """Nothing that concerns one chunk only: the store takes nothing, or the worker cannot compute: in one line, and in full."""

    line: str
    full: str


Answer = Done | Busy | Late | Stopped


def compute(task: Task) -> Answer:
    """Compute a chunk and commit it, unless another worker has done so or is about to."""
    if task.not_after is not None and time.monotonic() > task.not_after:
        return Late()
    if _is_settled(task):
        return Done()
    try:
        _check_devices()
        # What cannot be imported here, or is other code than the store was begun with, is no fault of a member.
        described = (task.store / "zarr.json").stat()
        specification, layout = _sweep_of(task.store, (described.st_ino, described.st_mtime_ns))
        claim = claims.take(task.store, task.place)
    except (Exception, SystemExit) as error:
        return Stopped(line_of(error), traceback.format_exc())
    if claim is None:
        return Busy()
    try:
        # It may have been done between the look at its status and the claim.
        return Done() if _is_settled(task) else _compute(task, specification, layout, claim)
    except Exception as error:
        return Stopped(f"it could not be stored: {line_of(error)}", traceback.format_exc())
    finally:
        claim.drop()


def _is_settled(task: Task) -> bool:
    """Whether nothing is left to be done: it is done, or has been tried since the session began that handed it out."""
    status = stores.status_of(task.store, task.place)
    return status == stores.DONE or (status == stores.FAILED and stores.origin_of(task.store, task.place) != task.failed)


@functools.lru_cache(maxsize=8)
def _sweep_of(store: Path, state: tuple[int, int]) -> tuple[Specification, Layout]:
    """What a store holds and how it is cut, read once as long as its description stays the same file."""
    del state
    return stores.sweep_to_run(store)


def _compute(task: Task, specification: Specification, layout: Layout, claim: Claim) -> Answer:
    wall, cpu = time.perf_counter(), time.process_time()
    box = layout.box(task.place)
    begun, before = _begun(task, specification, box)

    def save(block: Block) -> None:
        # One that was taken over is another worker's to write.
        if claim.is_held():
            spent = (time.perf_counter() - wall + before[0], time.process_time() - cpu + before[1])
            commit(task.store, specification, box, task.place, block, Record(*spent, origin()), claim)

    found = blocks.compute(specification, layout, box, begun, claim, save)
    if not claim.is_held():
        # It is not done before the other one has written it.
        return Busy()
    save(found.block)
    return Done(time.perf_counter() - wall, found.failed)


def _begun(task: Task, specification: Specification, box: Box) -> tuple[Block, tuple[float, float]]:
    """What there is of a chunk, unless it is damaged, and the time and processor time that it took."""
    if stores.has_checksum(task.store, task.place) and is_sound(task.store, specification, task.place, box):
        return stores.stored(task.store, specification, box), stores.time_of(task.store, task.place)
    return stores.blank(task.store, specification, box), (0.0, 0.0)


def _check_devices() -> None:
    """A batch spread over several devices is another program and may round otherwise."""
    count = len(jax.local_devices())
    if count != 1:
        raise ValueError(f"executor must have workers in which JAX has one device, see plastodyn.sweeps.one_core; got {count}")


def origin() -> str:
    """When, with what and where this process computes, as JSON."""
    device = jax.local_devices()[0].device_kind
    # The number tells one try of a chunk from another.
    return json.dumps({**provenance.attributes(), "host": platform.node(), "device": device, "try": uuid.uuid4().hex[:12]})
