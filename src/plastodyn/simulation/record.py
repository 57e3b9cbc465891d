"""What to record, and when."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from plastodyn import checks, tree
from plastodyn.protocol import AbstractCircuit, Instants, Moment
from plastodyn.protocol.event import NEVER

OBSERVABLES: dict[str, Callable[[Moment], Any]] = {
    "loss": lambda moment: moment.loss(),
    "weights": lambda moment: tree.ravel(moment.weights),
    "weight_norm": lambda moment: tree.norm(moment.weights),
    "gradient_norm": lambda moment: tree.norm(moment.gradient()),
}
_READS = {"loss": frozenset({"loss"}), "gradient_norm": frozenset({"loss"})}


class Signal(NamedTuple):
    """A signal of the circuit as an observable."""

    name: str

    def __call__(self, moment: Moment) -> Any:
        """Its value here."""
        return moment.signal(self.name)


class Observable(NamedTuple):
    """A quantity, the steps at which it is recorded (``start, start + every, ..., stop``), and the signals it reads."""

    name: str
    function: Callable[[Moment], Any]
    every: int
    start: int
    stop: int | None
    reads: frozenset[str] = frozenset()

    def within(self, first: int, last: int) -> range:
        """The recorded steps of a run from step ``first`` to step ``last``, both included.

        >>> list(observe("loss", every=2, start=-5).within(0, 10)), list(observe("loss", every=4).within(6, 12))
        ([6, 8, 10], [8, 12])
        """
        stop = last if self.stop is None else min(self.stop, last)
        start = max(first, last + 1 + self.start) if self.start < 0 else self.start
        start += max(0, -(-(first - start) // self.every)) * self.every
        return range(start, stop + 1, self.every)


def instants(window: range) -> Instants:
    """Recorded steps as the engine takes them.

    >>> instants(range(2, 9, 3))
    Instants(first=2, last=8, every=3, at=None)
    >>> int(instants(range(0)).following(0)) == NEVER
    True
    """
    if not len(window):
        return Instants(NEVER, 0, 1)
    return Instants(window[0], window[-1], window.step if len(window) > 1 else 1)


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
        what: ``loss``, ``weights``, ``weight_norm``, ``gradient_norm``, the name of a signal of the circuit such as
            ``coherence``, or a function of the `Moment` that returns an array (of its ``weights``, ``time``, ``activity``,
            ``structure``, signals, and of the ``rule`` and its ``state``). The function may carry an attribute ``reads`` that
            names the signals it needs.
        every: stride in steps; each observable of a run has its own. Where large steps make a mode change sign at every
            step, an odd stride sees both of its phases.
        start: first step recorded; negative counts from the end, as in ``start=-101`` for the last 101.
        stop: last step recorded; the end of the run unless given.
        name: of the variable in the result; the function's own name unless given.

    Raises:
        ValueError: on a stride below 1, or a name that is no identifier. Whether the circuit has the signal is seen when a run
            begins.

    >>> list(observe("loss", every=2, start=-5).within(0, 10))
    [6, 8, 10]
    """
    checks.count("every", every, at_least=1)
    checks.count("start", start, at_least=-(2**31))
    if stop is not None:
        checks.count("stop", stop, at_least=0)
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(f"name must be an identifier; got {checks.shown(name)}")
    if callable(what):
        checks.function("what", what, takes=1, of=" of the moment")
        label = name or str(getattr(what, "__name__", ""))
        return Observable(label, what, every, start, stop, frozenset(getattr(what, "reads", ())))
    if not (isinstance(what, str) and what.isidentifier()):
        checks.one_of("what", what, OBSERVABLES)
    if what not in OBSERVABLES:
        return Observable(name or what, Signal(what), every, start, stop, frozenset({what}))
    return Observable(name or what, OBSERVABLES[what], every, start, stop, _READS.get(what, frozenset()))


def observables(record: Sequence[Any] | None, circuit: AbstractCircuit) -> tuple[Observable, ...]:
    """The ``record`` argument of `simulate` as observables, checked for distinct names.

    Unless told otherwise a run records the task error, or the norm of the weights of a circuit that has none.

    >>> import jax.numpy as jnp, plastodyn as pd
    >>> circuit = pd.Circuit(lambda w: jnp.sum(w**2), jnp.ones(2))
    >>> [o.name for o in observables(["loss", observe("weights", every=10)], circuit)]
    ['loss', 'weights']
    """
    if record is None:
        record = ["loss" if "loss" in circuit.signals else "weight_norm"]
    if isinstance(record, str) or not isinstance(record, Sequence):
        raise ValueError(f"record must be a list of names, functions or observe(...); got {checks.shown(record)}")
    known = (*OBSERVABLES, *sorted(circuit.signals - set(OBSERVABLES)))
    for item in record:
        if not callable(item) and not isinstance(item, Observable):
            checks.one_of("record", item, known)
    found = tuple(item if isinstance(item, Observable) else observe(item) for item in record)
    for item in found:
        if isinstance(item.function, Signal):
            checks.one_of("record", item.function.name, known)
        if not item.name.isidentifier():
            raise ValueError(
                f"name must be given for an observable without a name of its own; got {checks.shown(item.function)}"
            )
    names = [item.name for item in found]
    if len(set(names)) < len(names):
        raise ValueError(f"record must name each observable once; got {names}")
    return found
