"""One process that fills a store: what is being computed, what others have, what was lost or failed."""

import functools
import queue
import random
import time
from collections import Counter, deque
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plastodyn.runtime.progress import Bar
from plastodyn.sweeps import claims
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.chunk import Busy, Done, Late, Stopped, Task, compute
from plastodyn.sweeps.layout import Index
from plastodyn.sweeps.members import Failed
from plastodyn.sweeps.workers import WorkerLostAtStart, WorkerStartError

MOST_LOSSES = 20
"""A chunk that loses its worker so often is given up, whatever its claim says; and so many workers lost as they start."""
HALF_WRITTEN = ".partial"
"""What ends the name of a file that Zarr has not written to its end."""
_HEARTBEAT = 0.5
_LOOK_EVERY = 2.0
"""Seconds between two looks at what other processes do."""


class Limit(NamedTuple):
    """No chunk is begun of which no batch would end before ``end``, on the monotonic clock; then the rest is given up."""

    end: float
    longest: float
    """Seconds of a batch of the longest chunk until now."""
    batches: int
    """In a chunk: what is done of one is stored on the way."""


class Outcome(NamedTuple):
    """How a session ended.

    Args:
        computed: chunks, by this process.
        failed: of each chunk with members that failed.
        is_late: whether it ended for lack of time.
    """

    computed: int
    failed: list[Failed]
    is_late: bool


class Session:
    """Hands chunks that are not done to workers until none is left.

    Args:
        hands: computes.
        place: of the store.
        window: tasks handed out at a time; all at once if None.
        limit: of time.
    """

    def __init__(
        self,
        hands: Executor,
        place: Path,
        window: int | None = None,
        limit: Limit | None = None,
    ) -> None:
        self.hands, self.place, self.limit = hands, place, limit
        status = stores.statuses(place)
        missing = [tuple(map(int, index)) for index in np.argwhere(status != stores.DONE)]
        failed = [tuple(map(int, index)) for index in np.argwhere(status == stores.FAILED)]
        self.failed_before = {index: stores.origin_of(place, index) for index in failed}
        # Processes that share a store go through it in an order of their own, and so seldom ask for the same chunk.
        random.SystemRandom().shuffle(missing)
        self.total, self.pending = status.size, deque(missing)
        self.window = len(missing) if window is None else window
        self.answers: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self.under_way: dict[Future[Any], Index] = {}
        self.elsewhere: set[Index] = set()
        self.losses: Counter[Index] = Counter()
        self.lost_at_start = 0
        self.watch, self.next_look = claims.Watch(), 0.0
        self.computed, self.failed, self.is_late = 0, [], False

    def run(self, progress: bool) -> Outcome:
        """Compute what is missing.

        Raises:
            RuntimeError: if the executor breaks, or the store does not take what was computed.
        """
        with Bar("sweep", self.total, progress, self.total - len(self.pending)) as bar:
            while self.pending or self.under_way or self.elsewhere:
                left = len(self.pending) + len(self.under_way) + len(self.elsewhere)
                self._hand_out()
                self._take()
                self._look_elsewhere()
                if self._time_is_over():
                    break
                done = left - len(self.pending) - len(self.under_way) - len(self.elsewhere)
                bar.advance(done, self._said())
        tidy(self.place)
        return Outcome(self.computed, self.failed, self.is_late)

    def give_up(self) -> None:
        """Let go of what is under way, once its workers have ended."""
        for future, place in self.under_way.items():
            future.cancel()
            claims.let_go(self.place, place)
        claims.tidy(self.place, self._is_done)

    def _said(self) -> str:
        failed = sum(each.number for each in self.failed)
        others = f"{len(self.elsewhere)} at other workers" if self.elsewhere and not self.pending else ""
        return ", ".join(filter(None, [f"{failed} members failed" if failed else "", others]))

    def _hand_out(self) -> None:
        while self.pending and len(self.under_way) < self.window:
            not_after = None if self.limit is None else self.limit.end - self.limit.longest
            if not_after is not None and time.monotonic() > not_after:
                self.is_late = True
                self.pending.clear()
                self.elsewhere.clear()
                return
            place = self.pending.popleft()
            task = Task(self.place, place, self.failed_before.get(place, ""), not_after)
            try:
                future = self.hands.submit(compute, task)
            except (BrokenExecutor, RuntimeError) as error:
                raise self._broken(error) from None
            self.under_way[future] = place
            future.add_done_callback(self.answers.put)

    def _take(self) -> None:
        try:
            future = self.answers.get(timeout=_HEARTBEAT)
        except queue.Empty:
            return
        place = self.under_way.pop(future)
        try:
            answer = future.result()
        except WorkerStartError:
            raise
        except CancelledError as error:
            raise self._broken(error) from None
        except Exception as error:
            self._lost(place, error)
            return
        self.lost_at_start = 0
        self._answered(place, answer)

    def _answered(self, place: Index, answer: Any) -> None:
        if isinstance(answer, Stopped):
            error = RuntimeError(
                f"the sweep stopped at chunk {place}: {answer.line}; what is done stays in {self.place}, and the same call "
                "goes on from there"
            )
            error.add_note(answer.full)
            raise error
        if isinstance(answer, Busy):
            self.elsewhere.add(place)
        elif isinstance(answer, Late):
            self.is_late = True
        elif isinstance(answer, Done):
            self.computed += answer.seconds > 0
            self.failed += [answer.failed] if answer.failed else []
            if self.limit is not None:
                each = answer.seconds / self.limit.batches
                self.limit = self.limit._replace(longest=max(each, self.limit.longest))

    def _lost(self, place: Index, error: Exception) -> None:
        """The worker died, not the experiment: its chunk is tried again, after all others, and says which batch it was at."""
        if self._is_done(place):
            # It died between storing and saying so.
            self.computed += 1
            return
        if isinstance(error, WorkerLostAtStart):
            self.lost_at_start += 1
            what, times = "workers were killed as they started", self.lost_at_start
        else:
            claims.blame(self.place, place)
            self.losses[place] += 1
            what, times = f"chunk {place} lost its worker", self.losses[place]
        if times < MOST_LOSSES:
            self.pending.append(place)
            return
        raise RuntimeError(f"{what} {MOST_LOSSES} times: {error}; what is done stays in {self.place}")

    def _is_done(self, place: Index) -> bool:
        return _is_done(self.place, place)

    def _look_elsewhere(self) -> None:
        """Chunks that others work at are done by and by, or their worker is found dead."""
        if not self.elsewhere or time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + _LOOK_EVERY
        for place in sorted(self.elsewhere):
            if self._is_done(place):
                self.elsewhere.discard(place)
            elif self.watch.is_stale(self.place, place):
                found = claims.read(self.place, place)
                if found is None or not found.is_free():
                    claims.seize(self.place, place, found)
                self.elsewhere.discard(place)
                self.pending.append(place)

    def _time_is_over(self) -> bool:
        if self.limit is None or time.monotonic() < self.limit.end:
            return False
        self.is_late = True
        return True

    def _broken(self, error: BaseException) -> RuntimeError:
        cancelled = "its tasks were cancelled, as when its scheduler ends"
        what = str(error) or (cancelled if isinstance(error, CancelledError) else type(error).__name__)
        return RuntimeError(f"the executor broke: {what}; the chunks that are done stay in {self.place}")


def tidy(store: Path) -> None:
    """Take away what processes that died left: their claims; and, where nothing is left to be done, files half written."""
    claims.tidy(store, functools.partial(_is_done, store))
    if (stores.statuses(store) == stores.DONE).all() and not claims.holders(store):
        for path in store.rglob(f"*{HALF_WRITTEN}"):
            with suppress(OSError):
                path.unlink()


def _is_done(store: Path, place: Index) -> bool:
    return stores.status_of(store, place) == stores.DONE
