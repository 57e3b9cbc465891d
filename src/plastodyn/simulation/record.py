"""What to record, when, and how a run is cut so that nothing else is kept."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from plastodyn import checks, tree
from plastodyn.protocol import Moment

OBSERVABLES: dict[str, Callable[[Moment], Any]] = {
    "loss": lambda moment: moment.loss(),
    "weights": lambda moment: tree.ravel(moment.weights),
    "weight_norm": lambda moment: tree.norm(moment.weights),
    "gradient_norm": lambda moment: tree.norm(moment.gradient()),
}


class Observable(NamedTuple):
    """A quantity and the steps at which it is recorded: ``start, start + every, ..., stop``."""

    name: str
    function: Callable[[Moment], Any]
    every: int
    start: int
    stop: int | None

    def within(self, steps: int) -> range:
        """The recorded steps of a run of ``steps`` steps, its start (0) and end included."""
        stop = steps if self.stop is None else min(self.stop, steps)
        start = max(0, steps + 1 + self.start) if self.start < 0 else self.start
        return range(start, stop + 1, self.every)


def observe(
    what: str | Callable[[Moment], Any],
    *,
    every: int = 1,
    start: int = 0,
    stop: int | None = None,
    name: str | None = None,
) -> Observable:
    """An observable for ``simulate(record=[...])``, with its stride and window.

    Args:
        what: ``loss``, ``weights``, ``weight_norm``, ``gradient_norm``, or a function of the `Moment` (its
            ``circuit``, ``weights``, ``time`` and ``activity``) that returns an array.
        every: stride in steps. The strides of one run must divide one another. Where large steps make a mode change
            sign at every step, an odd stride sees both of its phases.
        start: first step recorded; negative counts from the end, as in ``start=-101`` for the last 101.
        stop: last step recorded; the end of the run unless given.
        name: of the variable in the result; the function's own name unless given.

    Raises:
        ValueError: on an unknown name, a stride below 1, or a function without a usable name.

    >>> list(observe("loss", every=2, start=-5).within(10))
    [6, 8, 10]
    """
    checks.count("every", every, at_least=1)
    checks.count("start", start, at_least=-(2**31))
    if stop is not None:
        checks.count("stop", stop, at_least=0)
    if callable(what):
        label = name or str(getattr(what, "__name__", ""))
        if not label.isidentifier():
            raise ValueError(f"name must be given for an observable without a name of its own; got {what!r}")
        return Observable(label, what, every, start, stop)
    checks.one_of("what", what, OBSERVABLES)
    return Observable(name or what, OBSERVABLES[what], every, start, stop)


def observables(record: Sequence[Any]) -> tuple[Observable, ...]:
    """The ``record`` argument of `simulate` as observables, checked for distinct names and nested strides.

    >>> [o.name for o in observables(["loss", observe("weights", every=10)])]
    ['loss', 'weights']
    """
    if isinstance(record, str) or not isinstance(record, Sequence):
        raise ValueError(f"record must be a list of names, functions or observe(...); got {record!r}")
    found = tuple(item if isinstance(item, Observable) else observe(item) for item in record)
    names = [item.name for item in found]
    if len(set(names)) < len(names):
        raise ValueError(f"record must name each observable once; got {names}")
    strides = sorted({item.every for item in found})
    for small, large in pairwise(strides):
        if large % small:
            raise ValueError(f"strides of recorded observables must divide one another; got {small} and {large}")
    return found


class Piece(NamedTuple):
    """A stretch of steps during which the same observables are recorded, all of them at its first step."""

    start: int
    length: int
    active: tuple[int, ...]


def pieces(items: Sequence[Observable], steps: int, longest: int) -> Iterator[Piece]:
    """Cut a run into pieces no longer than ``longest`` steps (or one stride, where that is longer).

    Each piece begins at a recorded step of all its active observables, so that nested loops serve all strides.

    >>> [tuple(p) for p in pieces([observe("loss", start=7)], 10, 5)]
    [(0, 5, ()), (5, 2, ()), (7, 3, (0,))]
    """
    windows = [item.within(steps) for item in items]
    at = 0
    while at < steps:
        active = tuple(i for i, window in enumerate(windows) if at in window)
        # What is not active now begins, or comes round again, at its next recorded step.
        following = [_next(window, at) for i, window in enumerate(windows) if i not in active]
        expiring = [windows[i][-1] + 1 for i in active]
        end = min([steps, *filter(None, following), *expiring])
        stride = max((windows[i].step for i in active), default=1)
        length = min(end - at, max(longest // stride * stride, stride))
        yield Piece(at, length, active)
        at += length


def _next(window: range, after: int) -> int | None:
    if not len(window) or window[-1] <= after:
        return None
    if window.start > after:
        return window.start
    return after + window.step - (after - window.start) % window.step


def recorded_at(piece: Piece, every: int) -> range:
    """The steps of a piece at which an observable of stride ``every`` is recorded.

    >>> list(recorded_at(Piece(10, 5, (0,)), 2))
    [10, 12, 14]
    """
    return range(piece.start, piece.start + piece.length, every)


def rounds(items: Iterator[Piece], until: Observable | None) -> list[list[Piece]]:
    """Pieces gathered into rounds of at least ``until.every`` steps, after which members may retire; else one round.

    >>> cut = [Piece(0, 5, ()), Piece(5, 2, ()), Piece(7, 3, ())]
    >>> [len(found) for found in rounds(iter(cut), observe(lambda moment: True, every=6, name="done"))]
    [2, 1]
    """
    found: list[list[Piece]] = [[]]
    for piece in items:
        if until is not None and found[-1] and piece.start - found[-1][0].start >= until.every:
            found.append([])
        found[-1].append(piece)
    return found
