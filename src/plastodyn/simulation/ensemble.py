"""All members of one run on their way: carried chunk by chunk, retired when they are done, results kept on the host."""

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn.protocol import Carry, Event
from plastodyn.runtime import interrupts
from plastodyn.runtime.pace import Pace
from plastodyn.runtime.progress import Bar
from plastodyn.simulation import dataset, engine, memory
from plastodyn.simulation.members import Population
from plastodyn.simulation.memory import Recorded
from plastodyn.simulation.plan import Timing, observed_shape, plan
from plastodyn.simulation.record import Observable, instants
from plastodyn.simulation.status import Status, of_ends


class _Reached(NamedTuple):
    """What one call came to: what members carry after it, what it recorded, and the steps that it went from and to."""

    carry: Carry
    found: tuple[Array, ...]
    start: int
    stop: int


class Ensemble:
    """The state of one run: results on the host, filled in chunk by chunk."""

    def __init__(
        self,
        population: Population,
        timing: Timing,
        recorded: tuple[Observable, ...],
        until: Observable | None,
        events: tuple[Event, ...],
        chunk: int | None,
    ) -> None:
        self.population, self.timing, self.recorded, self.until = population, timing, recorded, until
        self.windows = [item.within(timing.first, timing.last) for item in recorded]
        observed = recorded if until is None else (*recorded, until)
        self.program = plan(population, timing, observed, tuple(item.instants(timing.dt) for item in events), chunk)
        leaves, layout = jax.tree.flatten(population.one())
        self.one = (layout, tuple(leaves))
        one = jax.eval_shape(lambda *system: engine.begin(self.program, *system), *population.one())
        plain = jax.eval_shape(lambda carry: jax.tree.map(_plain, carry), one)
        self.kinds = jax.tree.map(lambda leaf: leaf.dtype, one)
        self.dtype = np.dtype(jnp.result_type(*jax.tree.leaves(one.weights)))
        kept = [
            Recorded(item.name, len(window), self._kept_of(which))
            for which, (item, window) in enumerate(zip(recorded, self.windows, strict=True))
        ]
        drawn = jax.eval_shape(lambda *system: engine.draw(self.program, jnp.int32(0), *system), *population.one())
        memory.check(population, self.program, kept, plain, drawn)
        self.carries: Carry = jax.tree.map(lambda leaf: np.zeros((population.total, *leaf.shape), leaf.dtype), plain)
        # Room for records: NaN until they are there.
        self.records = [np.full((population.total, item.instants, *item.one.shape), np.nan, item.one.dtype) for item in kept]
        self.taken = np.full(population.total, timing.first)
        self.status = np.full(population.total, Status.INTERRUPTED, np.int8)
        self.begun = np.zeros(population.total, bool)
        self.stored = np.zeros(population.total, bool)
        self._pace = Pace()

    def _kept_of(self, which: int) -> jax.ShapeDtypeStruct:
        """Shape and type of one record of one observable on the host."""
        one = observed_shape(self.program, which, *self.one)
        # What is no number with a NaN is kept in floats that hold it.
        kind = one.dtype if jnp.issubdtype(one.dtype, jnp.inexact) else np.float64 if one.dtype.itemsize > 2 else self.dtype
        return jax.ShapeDtypeStruct(one.shape, kind)

    def resume(self, carries: Carry, done: np.ndarray, status: np.ndarray, taken: np.ndarray) -> None:
        """Go on from what an earlier run carried; members that were done there stay as they are."""
        self.carries = carries
        self.begun[:] = self.stored[:] = True
        self.status[done], self.taken[done] = status[done], taken[done]
        if done.any():
            for at in np.unique(taken[done]):
                self._hold(np.flatnonzero(done & (taken == at)), self.timing.first, int(at))

    def check(self) -> None:
        """Refuse a condition that is not one truth value for each member.

        Raises:
            ValueError: if ``until`` returns anything else.
        """
        if self.until is None:
            return
        found = observed_shape(self.program, len(self.recorded), *self.one)
        if found.shape != () or found.dtype != bool:
            raise ValueError(f"until must return one truth value; got an array of shape {found.shape} and type {found.dtype}")

    def compute(self, bar: Bar) -> None:
        """Carry all members through all steps; between rounds those that are done drop out."""
        width = self.program.devices * self.program.chunk
        start = self.timing.first
        self._retire_at_the_start()
        active = np.flatnonzero(self.status == Status.INTERRUPTED)
        for stop in self._round_ends():
            for first in range(0, len(active), width):
                self._carry(active[first : first + width], start, stop, bar)
            left = active[self.status[active] == Status.INTERRUPTED]
            bar.advance((len(active) - len(left)) * (self.timing.last - stop))
            active, start = left, stop

    def _retire_at_the_start(self) -> None:
        """Ask the condition where an earlier run ended, if it is due there: that run did not ask at its last step."""
        if self.until is None or not self.begun.any() or self.timing.first % self.until.every:
            return
        active = np.flatnonzero(self.status == Status.INTERRUPTED)
        width = self.program.devices * self.program.chunk
        for first in range(0, len(active), width):
            group = active[first : first + width]
            members, carry = self._started(group)
            self.taken[group] = self.timing.first
            self._finish(carry, members, group, self.timing.first)

    def _round_ends(self) -> Iterable[int]:
        """The steps at which members may retire, whatever the step that the run began at; and the end."""
        first, last = self.timing.first, self.timing.last
        if self.until is None:
            return [last]
        every = self.until.every
        return itertools.chain(range((first // every + 1) * every, last, every), [last])

    def _carry(self, group: np.ndarray, start: int, stop: int, bar: Bar) -> None:
        members, carry = self._started(group)
        advance, last = engine.compiled_advance(self.program), self.timing.last
        # The record of the last instant is made behind the last step.
        end, index = stop + (stop == last), start
        reached = None
        try:
            while index < end:
                self._pace.start()
                following = min(end, index + self._pace.steps, *self._room_ends(index))
                # The call uses its carry up: Ctrl-C waits until there is another.
                with interrupts.held():
                    reached = _Reached(*advance(carry, members, self._clock(index, following)), index, following)
                    self._keep(reached, group)
                made = min(following, last) - index
                self._pace.finish(max(made, 1))
                bar.advance(made * len(group))
                carry, index = reached.carry, following
        except KeyboardInterrupt:
            self._save(reached, group)
            raise
        self._store(carry, group, stop)
        self._finish(carry, members, group, stop)

    def _save(self, reached: _Reached | None, group: np.ndarray) -> None:
        """What a run that is interrupted has come to: the last call ends, unless the next one has its carry already."""
        if reached is None:
            return
        self._keep(reached, group)
        if not any(leaf.is_deleted() for leaf in jax.tree.leaves(reached.carry)):
            self._store(reached.carry, group, min(reached.stop, self.timing.last))

    def _started(self, group: np.ndarray) -> tuple[engine.Members, Carry]:
        """The members of a group on the devices, and what they carry: from the start, or from where they were left."""
        # A group that is not full repeats its last member rather than compile for another shape.
        width = self.program.devices * self.program.chunk
        chosen = group[np.minimum(np.arange(width), len(group) - 1)].reshape(self.program.devices, self.program.chunk)
        members = engine.Members(*self.population.take(chosen), self.population.shared)
        if not self.begun[group[0]]:
            self.begun[group] = True
            return members, engine.compiled_begin(self.program)(members)
        return members, jax.tree.map(lambda stored, kind: _restored(stored[chosen], kind), self.carries, self.kinds)

    def _room_ends(self, index: int) -> list[int]:
        """For each observable, the step before which a call from ``index`` on must stop for lack of room."""
        ends = []
        for window, room in zip(self.windows, self.program.room, strict=False):
            coming = range(max(0, -(-(index - window.start) // window.step)), len(window))
            ends += [window[coming[room]]] if len(coming) > room else []
        return ends

    def _clock(self, start: int, stop: int) -> engine.Clock:
        windows = tuple(instants(window) for window in self.windows)
        steps = jax.tree.map(np.int32, (start, stop, self.timing.last))
        return engine.Clock._make((*steps, self.dtype.type(self.timing.dt), jax.tree.map(np.int32, windows)))

    def _keep(self, reached: _Reached, group: np.ndarray) -> None:
        """Put what a call has recorded where it belongs."""
        _, found, start, stop = reached
        jax.block_until_ready(found)
        for values, window, record in zip(found, self.windows, self.records, strict=False):
            before, after = (len(range(window.start, min(at, window.stop), window.step)) for at in (start, stop))
            if after > before:
                record[group, before:after] = _rows(values, len(group))[:, : after - before]

    def _store(self, carry: Carry, group: np.ndarray, at: int) -> None:
        """Keep a group's carry, after so many steps, on the host: for its next round, or as its end."""
        plain = jax.tree.map(_plain, carry)
        for store, leaf in zip(jax.tree.leaves(self.carries), jax.tree.leaves(plain), strict=True):
            store[group] = _rows(leaf, len(group))
        self.taken[group], self.stored[group] = at, True

    def _finish(self, carry: Carry, members: engine.Members, group: np.ndarray, stop: int) -> None:
        """Status of the members of a group that end here, the last ones or those that are done; they keep what they are."""
        ends = of_ends(jax.tree.map(lambda leaf: leaf[group], self.carries))
        if stop == self.timing.last:
            self.status[group] = ends
            return
        met = engine.compiled_snapshot(self.program, (len(self.recorded),))(carry, members, self._clock(stop, stop))[0]
        done = _rows(met, len(group)) | (ends != Status.FINISHED)
        self.status[group[done]] = np.where(ends == Status.FINISHED, Status.RETIRED, ends)[done]
        if done.any():
            self._hold(group[done], stop)

    def _hold(self, rows: np.ndarray, since: int, at: int | None = None) -> None:
        """Fill the records of members that are done from a step on: they stay what they were ``at`` the step of their end."""
        rest = {which: range(len(w))[len(range(w.start, min(since, w.stop), w.step)) :] for which, w in enumerate(self.windows)}
        which = tuple(place for place, left in rest.items() if len(left))
        if not which:
            return
        ended = since if at is None else at
        width = self.program.devices * self.program.chunk
        for first in range(0, len(rows), width):
            group = rows[first : first + width]
            members, carry = self._started(group)
            found = engine.compiled_snapshot(self.program, which)(carry, members, self._clock(ended, ended))
            for place, values in zip(which, found, strict=True):
                self.records[place][group, rest[place].start :] = _rows(values, len(group))[:, None]

    def outcome(self) -> dataset.Outcome:
        """What has been computed so far."""
        return dataset.Outcome(
            self.population,
            self.timing,
            self.recorded,
            self.windows,
            self.records,
            self.carries,
            self.status,
            self.taken,
            self.stored,
        )


def _plain(leaf: Any) -> Any:
    """Random keys as the numbers that they are made of, so that the host can hold them."""
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _restored(stored: np.ndarray, kind: Any) -> Any:
    """What `_plain` took apart, put together again."""
    if jnp.issubdtype(kind, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(stored), impl=str(jax.random.key_impl(jnp.empty((), kind))))
    return stored


def _rows(values: Array | np.ndarray, count: int) -> np.ndarray:
    """Device and chunk axes joined into one, cut to the members that are meant."""
    host = np.asarray(values)
    return host.reshape(-1, *host.shape[2:])[:count]
