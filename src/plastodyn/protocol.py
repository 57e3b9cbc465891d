"""The protocol: a rule is a few pure functions of the moment and of its own explicit state.

In one step of length dt the weights move to ``settle(w + dt * velocity + increment)``. A higher-order solver replaces
``dt * velocity`` by its own combination of velocities; the rest is the same, so that one rule serves discrete steps
(dt = 1) and flows. Random numbers are drawn apart, by ``draw``: an increment is a deterministic function of them, and
the engine draws for many steps at a time.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
from jax import Array

from plastodyn import checks, tree
from plastodyn.circuits.base import AbstractCircuit
from plastodyn.tree import Weights


class Moment(eqx.Module):
    """What a rule may read at one instant: the circuit's signals at these weights, activity and time.

    ``circuit`` offers the signals that the rule declares in ``reads``; the two have been checked against each other.
    """

    circuit: Any
    weights: Weights
    time: Array
    activity: Any = None
    motion: Callable[["Moment"], Weights | None] | None = None

    def velocity(self) -> Weights | None:
        """The deterministic velocity that the rule gives the weights here; for observables, not for rules."""
        return None if self.motion is None else self.motion(self)

    def loss(self) -> Array:
        """The task error F(w)."""
        return self.circuit.loss(self.weights)

    def gradient(self) -> Weights:
        """The gradient of the task error with respect to the weights."""
        return jax.grad(self.circuit.loss)(self.weights)


class Rule(eqx.Module):
    """How weights change. Subclasses replace what they need; ``None`` means "no change".

    Numbers are fields, so that an axis may stand where a number is expected. Rules compose by ``+`` and by a scalar
    ``*``; see also `flipped`, `gated`, `constrained` and `exact_norm`.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    @property
    def parts(self) -> tuple["Rule", ...]:
        """The rules that this one is made of."""
        return ()

    def init(self, moment: Moment, key: Array) -> Any:
        """State at the start; ``None`` for a rule without memory."""
        del moment, key
        return None

    def velocity(self, moment: Moment, state: Any) -> Weights | None:
        """Deterministic change of the weights per unit time."""
        del moment, state
        return None

    def draw(self, weights: Weights, key: Array) -> Any:
        """The random numbers of one step, from the key and the shapes of the weights alone.

        A rule that needs numbers of another shape may return the key itself and draw in ``increment``.
        """
        del weights, key
        return None

    def increment(self, moment: Moment, state: Any, dt: Array, noise: Any) -> tuple[Weights | None, Any]:
        """Random change of the weights over ``dt``, a function of the ``noise`` drawn; and the next state."""
        del moment, dt, noise
        return None, state

    def settle(self, weights: Weights, state: Any) -> Weights:
        """The weights brought back onto the rule's constraint, whatever moved them."""
        del state
        return weights

    def tangent(self, change: Weights, weights: Weights, state: Any) -> Weights:
        """The part of a velocity along the rule's constraint: what a flow of order above 1 needs besides ``settle``."""
        del weights, state
        return change

    def __add__(self, other: "Rule") -> "Sum":
        if not isinstance(other, Rule):
            return NotImplemented
        return Sum((*_terms(self), *_terms(other)))

    def __mul__(self, factor: Any) -> "Scaled":
        checks.number("factor", factor)
        return Scaled(self, factor)

    __rmul__ = __mul__
    # Let a rule, not NumPy or xarray, decide what an array times a rule means.
    __array_ufunc__ = None
    __array_priority__ = 1000


class Sum(Rule):
    """Several rules acting at once: velocities and increments add, and every constraint holds."""

    rules: tuple[Rule, ...]

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The terms."""
        return self.rules

    def init(self, moment: Moment, key: Array) -> Any:
        """One state for each term."""
        return tuple(rule.init(moment, k) for rule, k in zip(self.rules, _keys(key, self.rules), strict=True))

    def velocity(self, moment: Moment, state: Any) -> Weights | None:
        """Sum of the terms' velocities."""
        total = None
        for rule, own in zip(self.rules, state, strict=True):
            total = tree.add(total, rule.velocity(moment, own))
        return total

    def draw(self, weights: Weights, key: Array) -> Any:
        """Independent random numbers for each term."""
        return tuple(rule.draw(weights, k) for rule, k in zip(self.rules, _keys(key, self.rules), strict=True))

    def increment(self, moment: Moment, state: Any, dt: Array, noise: Any) -> tuple[Weights | None, Any]:
        """Sum of the terms' increments."""
        total, states = None, []
        for rule, own, drawn in zip(self.rules, state, noise, strict=True):
            change, following = rule.increment(moment, own, dt, drawn)
            total = tree.add(total, change)
            states.append(following)
        return total, tuple(states)

    def settle(self, weights: Weights, state: Any) -> Weights:
        """Each term's constraint in turn."""
        for rule, own in zip(self.rules, state, strict=True):
            weights = rule.settle(weights, own)
        return weights

    def tangent(self, change: Weights, weights: Weights, state: Any) -> Weights:
        """Along each term's constraint in turn."""
        for rule, own in zip(self.rules, state, strict=True):
            change = rule.tangent(change, weights, own)
        return change


class Wrapped(Rule):
    """A rule whose change is ``transform``-ed; the base of `flipped`, `gated`, `exact_norm` and scalar multiples."""

    rule: eqx.AbstractVar[Rule]

    def transform(self, change: Weights, moment: Moment) -> Weights:
        """What becomes of the inner rule's change: of its velocity and of its increment, each on its own."""
        del moment
        return change

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rule inside."""
        return (self.rule,)

    def init(self, moment: Moment, key: Array) -> Any:
        """The inner rule's state."""
        return self.rule.init(moment, key)

    def velocity(self, moment: Moment, state: Any) -> Weights | None:
        """The inner velocity, transformed."""
        change = self.rule.velocity(moment, state)
        return None if change is None else self.transform(change, moment)

    def draw(self, weights: Weights, key: Array) -> Any:
        """The inner rule's random numbers."""
        return self.rule.draw(weights, key)

    def increment(self, moment: Moment, state: Any, dt: Array, noise: Any) -> tuple[Weights | None, Any]:
        """The inner increment, transformed."""
        change, state = self.rule.increment(moment, state, dt, noise)
        return None if change is None else self.transform(change, moment), state

    def settle(self, weights: Weights, state: Any) -> Weights:
        """The inner rule's constraint."""
        return self.rule.settle(weights, state)

    def tangent(self, change: Weights, weights: Weights, state: Any) -> Weights:
        """Along the inner rule's constraint."""
        return self.rule.tangent(change, weights, state)


class Scaled(Wrapped):
    """A rule times a number: both its velocity and its increments are multiplied."""

    rule: Rule
    factor: Any

    def transform(self, change: Weights, moment: Moment) -> Weights:
        """``factor`` times the change."""
        del moment
        return tree.scale(self.factor, change)


def signals_read(rule: Rule) -> frozenset[str]:
    """All signals that a rule and its parts read.

    >>> from plastodyn import rules
    >>> sorted(signals_read(rules.gradient(0.1) + rules.beeline(0.1)))
    ['loss', 'teacher']
    """
    return rule.reads.union(*(signals_read(part) for part in rule.parts))


def check_joined(circuit: AbstractCircuit, rule: Rule) -> None:
    """Refuse a rule that reads a signal its circuit does not offer.

    >>> from plastodyn import circuits, rules
    >>> import jax.numpy as jnp
    >>> check_joined(circuits.Circuit(lambda w: jnp.sum(w), jnp.ones(2)), rules.beeline(0.1))
    Traceback (most recent call last):
    ...
    ValueError: rule reads the signal 'teacher', which the circuit does not offer; Circuit offers 'loss'
    """
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be a plastodyn rule, such as pd.rules.gradient(0.1); got {rule!r}")
    missing = sorted(signals_read(rule) - circuit.signals)
    if missing:
        offered = ", ".join(map(repr, sorted(circuit.signals))) or "no signals"
        wanted = ", ".join(map(repr, missing))
        raise ValueError(
            f"rule reads the signal {wanted}, which the circuit does not offer; {type(circuit).__name__} offers {offered}"
        )


def _terms(rule: Rule) -> tuple[Rule, ...]:
    return rule.rules if isinstance(rule, Sum) else (rule,)


def _keys(key: Array, rules: tuple[Rule, ...]) -> list[Array]:
    # A rule's key depends on its place alone: adding a term behind it changes nothing for it.
    return [jax.random.fold_in(key, index) for index in range(len(rules))]
