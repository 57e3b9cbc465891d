"""All members of one run on their way: carried chunk by chunk, retired when they are done, results kept on the host."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import tree
from plastodyn.simulation import dataset, engine
from plastodyn.simulation.members import Members
from plastodyn.simulation.plan import Timing, plan
from plastodyn.simulation.progress import Bar
from plastodyn.simulation.record import Observable, Piece, pieces, recorded_at, rounds
from plastodyn.tree import Weights

OK, DIVERGED, INTERRUPTED, RETIRED = 0, 1, 2, 3
"""Status of a member: finished, ended with weights that are not finite, stopped before its end, or done before it."""


class Ensemble:
    """The state of one run: results on the host, filled in chunk by chunk."""

    def __init__(
        self,
        members: Members,
        timing: Timing,
        recorded: tuple[Observable, ...],
        until: Observable | None,
        weights: Weights,
        chunk: int | None,
    ) -> None:
        self.members, self.timing, self.recorded, self.until = members, timing, recorded, until
        self.dtype = np.dtype(jnp.result_type(*jax.tree.leaves(weights)))
        self.windows = [item.within(timing.steps) for item in recorded]
        self.program, longest = plan(members, timing, recorded if until is None else (*recorded, until), chunk)
        self.rounds = rounds(pieces(recorded, timing.steps, longest if until is None else min(longest, until.every)), until)
        self.records: list[np.ndarray | None] = [None] * len(recorded)
        self.weights = np.full((members.total, tree.size(weights)), np.nan, self.dtype)
        self.taken = np.zeros(members.total, int)
        self.status = np.full(members.total, INTERRUPTED, np.int8)
        self._carries: Any = None
        self._kinds: Any = None

    def check(self) -> None:
        """Refuse a condition that is not one truth value for each member.

        Raises:
            ValueError: if ``until`` returns anything else.
        """
        if self.until is None:
            return
        shapes = jax.eval_shape(engine.one_snapshot(self.program, (len(self.recorded),)), *self.members.one(), self._clock(0))
        found = shapes[0]
        if found.shape != () or found.dtype != bool:
            raise ValueError(f"until must return one truth value; got an array of shape {found.shape} and type {found.dtype}")

    def compute(self, bar: Bar) -> None:
        """Carry all members through all steps; between rounds those that are done drop out."""
        width = self.program.devices * self.program.chunk
        active = np.arange(self.members.total)
        for stretch in self.rounds:
            for first in range(0, len(active), width):
                self._carry(active[first : first + width], stretch, bar)
            left = active[self.status[active] == INTERRUPTED]
            bar.advance((len(active) - len(left)) * (self.timing.steps - _end(stretch)))
            active = left

    def _carry(self, group: np.ndarray, stretch: list[Piece], bar: Bar) -> None:
        width = self.program.devices * self.program.chunk
        # A group that is not full repeats its last member rather than compile for another shape.
        chosen = group[np.minimum(np.arange(width), len(group) - 1)].reshape(self.program.devices, self.program.chunk)
        keys, batched = self.members.take(chosen)
        shared = self.members.shared
        carry = self._start(chosen, keys, batched, shared, stretch[0].start)
        for piece in stretch:
            task = engine.compiled(self.program, "advance", piece.active, piece.length)
            carry, found = task(carry, keys, batched, shared, self._clock(piece.start))
            self._keep(found, piece, group)
            bar.advance(piece.length * len(group))
        end = _end(stretch)
        done = self._done(carry, batched, shared, end)[: len(group)]
        self.taken[group] = end
        if end == self.timing.steps or done.any():
            self._finish(carry, batched, shared, group, done, end)
        if end < self.timing.steps:
            self._store(carry, group)

    def _start(self, chosen: np.ndarray, keys: Array, batched: Any, shared: Any, start: int) -> engine.Carry:
        if start == 0:
            return engine.compiled(self.program, "begin")(keys, batched, shared)
        return jax.tree.map(lambda stored, kind: _restored(stored[chosen], kind), self._carries, self._kinds)

    def _store(self, carry: engine.Carry, group: np.ndarray) -> None:
        """Keep a group's carry on the host until its next round."""
        plain = jax.tree.map(_plain, carry)
        if self._carries is None:
            total = self.members.total
            self._carries = jax.tree.map(lambda leaf: np.zeros((total, *leaf.shape[2:]), leaf.dtype), plain)
            self._kinds = jax.tree.map(lambda leaf: leaf.dtype, carry)
        for store, leaf in zip(jax.tree.leaves(self._carries), jax.tree.leaves(plain), strict=True):
            store[group] = _rows(leaf, len(group))

    def _done(self, carry: engine.Carry, batched: Any, shared: Any, end: int) -> np.ndarray:
        """Which members need not go on: those that meet the condition, and those that diverged."""
        if self.until is None or end == self.timing.steps:
            return np.zeros(self.program.devices * self.program.chunk, bool)
        met = engine.compiled(self.program, "snapshot", (len(self.recorded),))(carry, batched, shared, self._clock(end))[0]
        flat = _flat(carry.weights)
        return np.asarray(met).reshape(-1) | ~np.isfinite(flat).all(axis=1)

    def _finish(self, carry: engine.Carry, batched: Any, shared: Any, group: np.ndarray, done: np.ndarray, end: int) -> None:
        """Record the last instant, final weights and status of the members of a group that end here."""
        last = end == self.timing.steps
        chosen = np.ones(len(group), bool) if last else done
        # A member that is done stays what it is for the rest of the run.
        observed = tuple(i for i, w in enumerate(self.windows) if len(w) and (end in w if last else w[-1] >= end))
        if observed:
            found = engine.compiled(self.program, "snapshot", observed)(carry, batched, shared, self._clock(end))
            for index, values in zip(observed, found, strict=True):
                window = self.windows[index]
                before = range(window.start, min(end, window.stop), window.step)
                rest = slice(len(window) - 1 if last else len(before), None)
                self._write(index, _rows(values, len(group))[chosen][:, None], group[chosen], rest)
        flat = _flat(carry.weights)[: len(group)]
        self.weights[group[chosen]] = flat[chosen]
        finite = np.isfinite(flat).all(axis=1)
        self.status[group[chosen]] = np.where(finite, OK if last else RETIRED, DIVERGED)[chosen]

    def _keep(self, found: dict[int, Array], piece: Piece, group: np.ndarray) -> None:
        for index, values in found.items():
            window = self.windows[index]
            begin = window.index(recorded_at(piece, window.step)[0])
            host = _rows(values, len(group))
            self._write(index, host, group, slice(begin, begin + host.shape[1]))

    def _write(self, index: int, values: np.ndarray, rows: np.ndarray, place: slice) -> None:
        store = self.records[index]
        if store is None:
            kind = values.dtype if np.issubdtype(values.dtype, np.floating) else self.dtype
            store = np.full((self.members.total, len(self.windows[index]), *values.shape[2:]), np.nan, kind)
            self.records[index] = store
        store[rows, place] = values

    def _clock(self, start: int) -> engine.Clock:
        return engine.Clock(np.int32(start), self.dtype.type(self.timing.dt))

    def _unrecorded(self, index: int) -> np.ndarray:
        """The record of an observable before whose window the run was interrupted."""
        one = engine.one_snapshot(self.program, (index,))
        shape = jax.eval_shape(one, *self.members.one(), self._clock(0))[0].shape
        return np.full((self.members.total, len(self.windows[index]), *shape), np.nan, self.dtype)

    def outcome(self) -> dataset.Outcome:
        """What has been computed so far."""
        return dataset.Outcome(
            self.members,
            self.recorded,
            self.windows,
            [self._unrecorded(i) if found is None else found for i, found in enumerate(self.records)],
            self.weights,
            self.status,
            self.taken,
            self.timing.dt,
            self.timing.is_flow,
        )


def _end(stretch: list[Piece]) -> int:
    return stretch[-1].start + stretch[-1].length


def _plain(leaf: Array) -> Array:
    """Random keys as the numbers that they are made of, so that the host can hold them."""
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def _restored(stored: np.ndarray, kind: Any) -> Any:
    """What `_plain` took apart, put together again."""
    return jax.random.wrap_key_data(jnp.asarray(stored)) if jnp.issubdtype(kind, jax.dtypes.prng_key) else stored


def _rows(values: Array, count: int) -> np.ndarray:
    """Device and chunk axes joined into one, cut to the members that are meant."""
    host = np.asarray(values)
    return host.reshape(-1, *host.shape[2:])[:count]


def _flat(weights: Weights) -> np.ndarray:
    """Weights of a group raveled, shape (members, N)."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(weights)]
    return np.concatenate([leaf.reshape(leaf.shape[0] * leaf.shape[1], -1) for leaf in leaves], axis=1)
