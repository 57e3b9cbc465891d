"""The first batch of a sweep: tells its shapes, its time and its memory, and so how the store is to be cut."""

import math
import time
import traceback
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from plastodyn.runtime.memory import most_held
from plastodyn.sweeps import block as blocks
from plastodyn.sweeps import claims
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.block import Block
from plastodyn.sweeps.chunk import origin
from plastodyn.sweeps.commit import Record, commit
from plastodyn.sweeps.layout import TARGET_SECONDS, Box, Layout, fit, one_batch_each
from plastodyn.sweeps.making import ensure
from plastodyn.sweeps.members import line_of
from plastodyn.sweeps.specification import Specification

TRIED = 3
"""The first batch, the last and the one in the middle may stand for all."""


class Plan(NamedTuple):
    """A sweep that is about to begin: which axes may have several batches in a chunk, and how many work at it."""

    specification: Specification
    growing: tuple[bool, ...]
    workers: int


class Cost(NamedTuple):
    """What a sweep costs, by its first batch, the last and the one in the middle; by fewer where they last long.

    Args:
        layout: how its store would be cut.
        seconds: of one batch, once compiled.
        starting: seconds that the first batch of a worker takes more, for it compiles.
        compiling: seconds that a batch takes more in a worker that has computed another one: near 0 where all are one program.
        bytes: of the results of one batch, before they are compressed.
        memory: bytes, the most that the worker held.
    """

    layout: Layout
    seconds: float
    starting: float
    compiling: float
    bytes: int
    memory: int

    @property
    def batches(self) -> int:
        """In all."""
        return math.prod(-(-size // length) for size, length in zip(self.layout.sizes, self.layout.batch, strict=True))

    def processor_seconds(self, workers: int) -> tuple[float, float]:
        """Of all batches by so many workers: if each compiles once, and if it does so for each of its batches."""
        at_once = min(workers, self.batches)
        least = self.batches * self.seconds + at_once * self.starting
        return least, least + (self.batches - at_once) * self.compiling


class Refused(NamedTuple):
    """Why there is no store: in one line, and in full."""

    line: str
    full: str


class _First(NamedTuple):
    batch: Box
    block: Block
    seconds: float
    cpu_seconds: float


def cost(plan: Plan, passed: int) -> Cost | Refused:
    """Time the first batch, or another one where some are ``passed`` over, and two others; nothing is written."""
    first = _first(plan, passed)
    if isinstance(first, Refused):
        return first
    own = _seconds(plan, first.batch)
    starting = max(first.seconds - own, 0.0)
    size = blocks.size(first.block)
    seconds, compiling, spent = [own], [], first.seconds + own
    for batch in _tried(plan)[passed:]:
        if batch == first.batch or spent > TARGET_SECONDS:
            continue
        try:
            cold, warm = _seconds(plan, batch), _seconds(plan, batch)
        except BaseException:  # A member that fails costs itself, and tells nothing of the time of others.
            continue
        seconds.append(warm)
        compiling.append(max(cold - warm, 0.0))
        spent += cold + warm
    return Cost(_layout(plan, own, size), fmean(seconds), starting, fmean(compiling or [0.0]), size, most_held())


def _seconds(plan: Plan, batch: Box) -> float:
    started = time.perf_counter()
    blocks.run_batch(plan.specification, batch)
    return time.perf_counter() - started


def begin(plan: Plan, passed: int, place: Path, attributes: dict[str, str]) -> Refused | None:
    """Make the store of a sweep from its first batch, which is kept where it is a whole chunk.

    Args:
        plan: of the sweep.
        passed: batches to pass over: they killed a worker.
        place: of the store.
        attributes: to keep with it.
    """
    started = time.perf_counter()
    first = _first(plan, passed)
    if isinstance(first, Refused):
        return first
    each = _again(plan, first)
    layout = _layout(plan, each, blocks.size(first.block))
    try:
        ensure(place, plan.specification, layout, first.block, {**attributes, stores.BATCH_SECONDS: f"{each:.6g}"})
    except (OSError, ValueError) as error:
        return Refused(f"it could not be made: {line_of(error)}", traceback.format_exc())
    # Another process may have been first, and have cut it otherwise.
    layout = stores.layout_of(place, plan.specification)
    assert layout is not None
    index = tuple(side.start // length for side, length in zip(first.batch, layout.chunk, strict=True))
    if layout.box(index) == first.batch:
        _keep(plan, place, first, index, time.perf_counter() - started)
    return None


def _keep(plan: Plan, place: Path, first: _First, index: tuple[int, ...], seconds: float) -> None:
    claim = claims.take(place, index)
    if claim is None:
        return
    try:
        record = Record(seconds, first.cpu_seconds, origin())
        if stores.status_of(place, index) == stores.MISSING:
            commit(place, plan.specification, first.batch, index, first.block, record, claim)
    finally:
        claim.drop()


def _first(plan: Plan, passed: int) -> _First | Refused:
    """The first batch that does not fail, among the first, the last and the one in the middle."""
    refused, tried = None, _tried(plan)
    for batch in tried[passed:]:
        started, cpu = time.perf_counter(), time.process_time()
        try:
            found = blocks.run_batch(plan.specification, batch)
        except BaseException as error:  # As in `block.compute`.
            told = f"all {len(tried)} members that were tried failed, the first: {line_of(error)}"
            refused = refused or Refused(told, traceback.format_exc())
            continue
        return _First(batch, found, time.perf_counter() - started, time.process_time() - cpu)
    return refused or Refused("every worker that tried a first member was killed, as when memory runs out", "")


def _tried(plan: Plan) -> list[Box]:
    layout = _finest(plan)
    last = math.prod(layout.grid) - 1
    numbers = dict.fromkeys((0, last, last // 2))
    return [layout.box(tuple(map(int, np.unravel_index(number, layout.grid)))) for number in numbers]


def _again(plan: Plan, first: _First) -> float:
    """Seconds of the first batch, computed again where compiling may have been most of it."""
    if first.seconds >= TARGET_SECONDS or not any(plan.growing):
        return first.seconds
    return _seconds(plan, first.batch)


def _finest(plan: Plan) -> Layout:
    return one_batch_each(tuple(map(len, plan.specification.axes.values())), tuple(plan.specification.batch.values()))


def _layout(plan: Plan, seconds: float, size: float) -> Layout:
    finest = _finest(plan)
    return fit(finest.sizes, finest.batch, plan.growing, seconds, size, plan.workers) if any(plan.growing) else finest
