"""Joining a circuit, a rule and observables: who reads which signal, and who keeps which symmetry."""

from collections.abc import Iterable
from typing import Protocol

from plastodyn import checks
from plastodyn.protocol.circuit import AbstractCircuit
from plastodyn.protocol.moment import missing
from plastodyn.protocol.rule import Rule, Wrapped
from plastodyn.protocol.symmetry import Symmetry


class Reader(Protocol):
    """What is checked of an observable."""

    @property
    def name(self) -> str:
        """What a complaint calls it."""
        ...

    @property
    def reads(self) -> frozenset[str]:
        """The signals that it reads."""
        ...


def signals_read(rule: Rule) -> frozenset[str]:
    """All signals that a rule and its parts read.

    >>> from plastodyn import rules
    >>> sorted(signals_read(rules.gradient(0.1) + rules.beeline(0.1)))
    ['loss', 'teacher']
    """
    return rule.reads.union(*(signals_read(part) for part in rule.parts))


def check_joined(circuit: AbstractCircuit, rule: Rule, observed: Iterable[Reader] = ()) -> None:
    """Refuse a rule or an observable that reads a signal its circuit does not offer, or a rule that breaks a symmetry.

    Args:
        circuit: what learns.
        rule: how its weights change.
        observed: observables, each with a ``name`` and the signals it ``reads``.

    Raises:
        ValueError: naming the signal or the symmetry.

    >>> from plastodyn import circuits, rules
    >>> import jax.numpy as jnp
    >>> check_joined(circuits.Circuit(lambda w: jnp.sum(w), jnp.ones(2)), rules.beeline(0.1))
    Traceback (most recent call last):
    ...
    ValueError: rule reads the signal 'teacher', which the circuit does not offer; Circuit offers 'loss'
    """
    checks.instance("circuit", circuit, AbstractCircuit, "a circuit, such as pd.Circuit(loss=..., weights=...)")
    checks.instance("rule", rule, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    _check_signals(circuit, "rule", signals_read(rule))
    for item in observed:
        _check_signals(circuit, f"record: {item.name}", item.reads)
    _check_writers(rule)
    for symmetry in sorted(circuit.symmetries, key=lambda symmetry: symmetry.name):
        if rule.keeps(symmetry):
            continue
        raise ValueError(
            f"rule must {symmetry.asks}: the circuit's coordinates are exact for such rules only, "
            f"and {_breaker(rule, symmetry)} does not promise to; use the whole circuit"
        )


def _check_signals(circuit: AbstractCircuit, reader: str, reads: frozenset[str]) -> None:
    lacking = sorted(reads - circuit.signals)
    if lacking:
        raise ValueError(missing(circuit, f"{reader} reads the signal {', '.join(map(repr, lacking))}"))


def _check_writers(rule: Rule) -> None:
    """Refuse two rules that decide the same part of the structure, and one whose events something around it cannot change."""
    writers: dict[str, Rule] = {}
    for part in _all_parts(rule):
        for what in sorted(part.writes):
            if what in writers:
                names = f"{type(writers[what]).__name__} and {type(part).__name__}"
                raise ValueError(f"rule must leave {what} to one of its parts: {names} would undo one another")
            writers[what] = part
        inner = [each for each in _all_parts(part) if each.writes] if isinstance(part, Wrapped) else []
        if inner:
            raise ValueError(
                f"rule must have {type(inner[0]).__name__} beside its other parts, not within {type(part).__name__}, "
                "which acts on weights and not on structure: give it a gate or a rate of its own"
            )


def _all_parts(rule: Rule) -> Iterable[Rule]:
    """A rule, its parts and theirs, outermost first."""
    yield rule
    for part in rule.parts:
        yield from _all_parts(part)


def _breaker(rule: Rule, symmetry: Symmetry) -> str:
    """The name of the innermost part that does not keep a symmetry."""
    for part in rule.parts:
        if not part.keeps(symmetry):
            return _breaker(part, symmetry)
    return type(rule).__name__
