"""Events: changes at instants that are known before the run, such as saccades and the rewiring of a graph."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from plastodyn import checks

NEVER = 2**31 - 1
"""A step that no run reaches."""
_ROUNDING = 1e-6
"""Share of a step by which a time may miss the step that it is meant for."""


class Instants(NamedTuple):
    """Steps at which something is due: ``first, first + every, ..., last``, or those listed in ``at``."""

    first: int = 0
    last: int = NEVER - 1
    every: int = 1
    at: tuple[int, ...] | None = None

    def following(self, index: Array) -> Array:
        """The first due step from ``index`` on; `NEVER` where there is none. Traceable.

        >>> [int(Instants(2, 8, 3).following(jnp.int32(i))) for i in (0, 2, 3, 8)] == [2, 2, 5, 8]
        True
        >>> [int(Instants(at=(4, 6)).following(jnp.int32(i))) for i in (0, 5, 7)] == [4, 6, NEVER]
        True
        """
        if self.at is not None:
            listed = jnp.asarray((*self.at, NEVER), jnp.int32)
            return listed[jnp.searchsorted(listed, index)]
        past = jnp.maximum(index - self.first, 0)
        # Rounded up without a sum that could leave 32 bits.
        due = self.first - (-past // self.every) * self.every
        return jnp.where((due <= self.last) & (due >= index), due, NEVER)


class Event(NamedTuple):
    """A change at known instants, which costs nothing at any other step; see `event`."""

    action: Callable[..., Any]
    every: float | None = None
    times: tuple[float, ...] | None = None

    def instants(self, dt: float) -> Instants:
        """The steps at whose end it happens.

        Raises:
            ValueError: if the period is not a whole number of steps.

        >>> event(print, every=2.0).instants(0.5)
        Instants(first=4, last=2147483646, every=4, at=None)
        >>> event(print, times=[0.3, 1.0]).instants(0.25).at
        (2, 4)
        """
        if self.times is not None:
            reached = (t / dt for t in self.times if t / dt < NEVER - 1)
            return Instants(at=tuple(sorted({max(1, math.ceil(t - _ROUNDING)) for t in reached})))
        assert self.every is not None
        if self.every / dt >= NEVER - 1:
            return Instants(NEVER, 0, 1)
        steps = round(self.every / dt)
        if steps < 1 or abs(steps * dt - self.every) > _ROUNDING * self.every:
            raise ValueError(f"every of an event must be a whole number of steps of length {dt:g}; got {self.every:g}")
        return Instants(steps, every=steps)


def event(action: Callable[..., Any], *, every: float | None = None, times: Sequence[float] | None = None) -> Event:
    """Something that happens at the end of certain steps.

    A circuit lists such events in ``events``; their ``action(moment, key)`` returns a `Moment` with other weights,
    activity or structure (``moment.replace(...)``). A rule may list events too; their ``action(moment, state, key)``
    returns a moment and the rule's next state. Shapes and types stay what they are. The key is the event's own.

    Args:
        action: a method of the circuit or rule, traceable by JAX.
        every: period, in units of time (steps, in a discrete run); a whole number of steps. Not at time 0.
        times: instead of a period, instants above 0; each belongs to the step within which it falls.

    Raises:
        ValueError: if neither or both of ``every`` and ``times`` are given, or one is not positive.

    >>> event(print, every=2.0).every
    2.0
    """
    checks.function("action", action, of=" of a moment and a key")
    if every is not None and times is None:
        _fixed("every", every)
        checks.one_number("every", every, above=0)
    if (every is None) == (times is None):
        raise ValueError(f"give an event either every or times; got every={every!r} and times={checks.shown(times)}")
    if every is not None:
        return Event(action, every=float(every))
    assert times is not None
    _fixed("times", times)
    checks.number("times", times, above=0)
    if np.ndim(times) != 1:
        raise ValueError(f"times of an event must be a sequence of numbers; got {checks.shown(times)}")
    return Event(action, times=tuple(float(t) for t in np.ravel(np.asarray(times, float))))


def _fixed(name: str, value: object) -> None:
    if hasattr(value, "dims"):
        raise ValueError(f"{name} of an event must be plain numbers, the same for all members; got an axis")
    if isinstance(value, Tracer):
        raise ValueError(f"{name} of an event must be known before the run: keep it in a field with eqx.field(static=True)")
