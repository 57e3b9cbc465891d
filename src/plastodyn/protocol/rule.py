"""The algebra of rules: a rule is a few pure functions of the moment and of its own explicit state.

In one step of length dt the weights move to ``retract(w + dt * velocity + increment)``. A higher-order solver replaces
``dt * velocity`` by its own combination of velocities; the rest is the same, so that one rule serves discrete steps
(dt = 1) and flows. Random numbers are drawn apart, by ``draw``: an increment is a deterministic function of them, and
the engine draws for many steps at a time.
"""

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol.event import Event
from plastodyn.protocol.moment import Moment
from plastodyn.protocol.symmetry import Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Noise, Number, Parameter, State


class Rule(eqx.Module):
    """How weights change. Subclasses replace what they need; ``None`` means "no change".

    Numbers are fields, so that an axis may stand where a number is expected. Rules compose by ``+``, ``-`` and by a
    scalar ``*`` or ``/``; see also `flipped`, `gated`, `constrained` and `exact_norm`.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def keeps(self, symmetry: Symmetry) -> bool:
        """Whether the rule promises to keep a symmetry that a circuit asks for: none, unless it says so."""
        del symmetry
        return False

    @property
    def parts(self) -> tuple["Rule", ...]:
        """The rules that this one is made of."""
        return ()

    @property
    def fastest_decay(self) -> float:
        """The rate at which the rule lets weights decay, per unit of time; 0 where it is not known. `simulate` warns by it."""
        return sum(part.fastest_decay for part in self.parts)

    @property
    def writes(self) -> frozenset[str]:
        """Parts of the structure that the rule's events decide alone, such as ``neighbours``: two rules cannot both."""
        return frozenset()

    @property
    def events(self) -> tuple[Event, ...]:
        """What the rule does at known instants, ``action(moment, state, key) -> (moment, state)``; see `event`."""
        return ()

    def init(self, moment: Moment, key: Array) -> State:
        """State at the start; ``None`` for a rule without memory."""
        del moment, key
        return None

    def velocity(self, moment: Moment, state: State) -> Weights | None:
        """Deterministic change of the weights per unit time."""
        del moment, state
        return None

    def draw(self, weights: Weights, key: Array) -> Noise:
        """The random numbers of one step, from the key and the shapes of the weights alone.

        A rule that needs numbers of another shape may return the key itself and draw in ``increment``.
        """
        del weights, key
        return None

    def increment(self, moment: Moment, state: State, dt: Array, noise: Noise) -> tuple[Weights | None, State]:
        """Random change of the weights over ``dt``, a function of the ``noise`` drawn; and the next state."""
        del moment, dt, noise
        return None, state

    def retract(self, weights: Weights, state: State) -> Weights:
        """The weights brought back onto the rule's constraint, whatever moved them."""
        del state
        return weights

    def project(self, change: Weights, weights: Weights, state: State) -> Weights:
        """The part of a velocity tangent to the rule's constraint, the derivative of ``retract`` there.

        A flow of order above 1 needs it besides ``retract``.
        """
        del weights, state
        return change

    def __add__(self, other: "Rule") -> "Sum":
        if not isinstance(other, Rule):
            return NotImplemented
        return Sum((*_terms(self), *_terms(other)))

    def __radd__(self, other: object) -> "Rule":
        # So that the built-in sum, which starts at 0, adds rules.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: "Rule") -> "Sum":
        return self + (-other) if isinstance(other, Rule) else NotImplemented

    def __neg__(self) -> "Scaled":
        return Scaled(self, -1.0)

    def __mul__(self, factor: Number) -> "Scaled":
        checks.parameter("factor", factor)
        return Scaled(self, factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Number) -> "Scaled":
        checks.parameter("divisor", divisor)
        if not np.all(divisor):
            raise ValueError(f"divisor must not be 0; got {checks.shown(divisor)}")
        return self * (1 / divisor)

    # Let a rule, not NumPy or xarray, decide what an array times a rule means.
    __array_ufunc__ = None
    __array_priority__ = 1000


class Sum(Rule):
    """Several rules acting at once: velocities and increments add, and every constraint holds."""

    rules: tuple[Rule, ...]

    def keeps(self, symmetry: Symmetry) -> bool:
        """What all terms keep."""
        return all(rule.keeps(symmetry) for rule in self.rules)

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The terms."""
        return self.rules

    @property
    def events(self) -> tuple[Event, ...]:
        """The terms' events, each on its own term's state."""
        return tuple(_on_term(event, place) for place, rule in enumerate(self.rules) for event in rule.events)

    def init(self, moment: Moment, key: Array) -> State:
        """One state for each term."""
        return tuple(rule.init(moment, k) for rule, k in zip(self.rules, _keys(key, self.rules), strict=True))

    def velocity(self, moment: Moment, state: State) -> Weights | None:
        """Sum of the terms' velocities."""
        total = None
        for rule, own in zip(self.rules, state, strict=True):
            total = tree.add(total, rule.velocity(moment, own))
        return total

    def draw(self, weights: Weights, key: Array) -> Noise:
        """Independent random numbers for each term."""
        return tuple(rule.draw(weights, k) for rule, k in zip(self.rules, _keys(key, self.rules), strict=True))

    def increment(self, moment: Moment, state: State, dt: Array, noise: Noise) -> tuple[Weights | None, State]:
        """Sum of the terms' increments."""
        total, states = None, []
        for rule, own, drawn in zip(self.rules, state, noise, strict=True):
            change, following = rule.increment(moment, own, dt, drawn)
            total = tree.add(total, change)
            states.append(following)
        return total, tuple(states)

    def retract(self, weights: Weights, state: State) -> Weights:
        """Each term's constraint in turn."""
        for rule, own in zip(self.rules, state, strict=True):
            weights = rule.retract(weights, own)
        return weights

    def project(self, change: Weights, weights: Weights, state: State) -> Weights:
        """Along each term's constraint in turn."""
        for rule, own in zip(self.rules, state, strict=True):
            change = rule.project(change, weights, own)
        return change


class Around(NamedTuple):
    """The state of a wrapped rule: the inner rule's, and the wrapper's own."""

    inner: State
    own: State = None


class Wrapped(Rule):
    """A rule around another: it transforms the inner rule's changes, may remember, and may constrain the weights.

    A wrapper says what it adds, each a function of its own state: ``transform`` a change, ``remember`` from step to step
    (``start`` where that begins), ``restore`` and ``along`` a constraint.
    """

    rule: eqx.AbstractVar[Rule]

    def start(self, moment: Moment, key: Array) -> State:
        """The wrapper's own state at the start."""
        del moment, key
        return None

    def transform(self, change: Weights, moment: Moment, own: State, dt: Array | float) -> Weights:
        """What becomes of the inner rule's change over ``dt``: of its velocity (with ``dt = 1``) and of its increment."""
        del moment, own, dt
        return change

    def remember(self, own: State, moment: Moment, dt: Array) -> State:
        """The wrapper's own state after a step of length ``dt`` from this moment."""
        del moment, dt
        return own

    def restore(self, weights: Weights, own: State) -> Weights:
        """The weights brought back onto the wrapper's constraint."""
        del own
        return weights

    def along(self, change: Weights, weights: Weights, own: State) -> Weights:
        """The part of a velocity tangent to the wrapper's constraint."""
        del weights, own
        return change

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rule inside."""
        return (self.rule,)

    @property
    def events(self) -> tuple[Event, ...]:
        """The inner rule's events, as they are."""
        return tuple(_on_inner(event) for event in self.rule.events)

    def init(self, moment: Moment, key: Array) -> Around:
        """The inner rule's state, and the wrapper's own."""
        return Around(self.rule.init(moment, key), self.start(moment, jax.random.fold_in(key, _OWN)))

    def velocity(self, moment: Moment, state: Around) -> Weights | None:
        """The inner velocity, transformed."""
        change = self.rule.velocity(moment, state.inner)
        return None if change is None else self.transform(change, moment, state.own, 1.0)

    def draw(self, weights: Weights, key: Array) -> Noise:
        """The inner rule's random numbers."""
        return self.rule.draw(weights, key)

    def increment(self, moment: Moment, state: Around, dt: Array, noise: Noise) -> tuple[Weights | None, Around]:
        """The inner increment, transformed; the inner state and the wrapper's own, one step later."""
        change, inner = self.rule.increment(moment, state.inner, dt, noise)
        following = Around(inner, self.remember(state.own, moment, dt))
        return None if change is None else self.transform(change, moment, state.own, dt), following

    def retract(self, weights: Weights, state: Around) -> Weights:
        """The inner rule's constraint, then the wrapper's."""
        return self.restore(self.rule.retract(weights, state.inner), state.own)

    def project(self, change: Weights, weights: Weights, state: Around) -> Weights:
        """Along the inner rule's constraint, then the wrapper's."""
        return self.along(self.rule.project(change, weights, state.inner), weights, state.own)


class Scaled(Wrapped):
    """A rule times a number: both its velocity and its increments are multiplied."""

    rule: Rule
    factor: Parameter

    def keeps(self, symmetry: Symmetry) -> bool:
        """What the inner rule keeps."""
        return self.rule.keeps(symmetry)

    @property
    def fastest_decay(self) -> float:
        """The inner rule's, times the largest factor."""
        return self.rule.fastest_decay * float(np.max(np.abs(np.asarray(self.factor))))

    def transform(self, change: Weights, moment: Moment, own: State, dt: Array | float) -> Weights:
        """``factor`` times the change."""
        del moment, own, dt
        return tree.scale(self.factor, change)


_OWN = 2**31
"""What the key of a wrapper's own state is folded with: no place of a term is as large."""


def _terms(rule: Rule) -> tuple[Rule, ...]:
    return rule.rules if isinstance(rule, Sum) else (rule,)


def _keys(key: Array, rules: tuple[Rule, ...]) -> list[Array]:
    # A rule's key depends on its place alone: adding a term behind it changes nothing for it.
    return [jax.random.fold_in(key, index) for index in range(len(rules))]


def _on_term(event: Event, place: int) -> Event:
    """A term's event on the states of all terms."""

    def action(moment: Moment, state: tuple[State, ...], key: Array) -> tuple[Moment, tuple[State, ...]]:
        moment, own = event.action(moment, state[place], key)
        return moment, (*state[:place], own, *state[place + 1 :])

    return event._replace(action=action)


def _on_inner(event: Event) -> Event:
    """The inner rule's event on the state of the wrapper."""

    def action(moment: Moment, state: Around, key: Array) -> tuple[Moment, Around]:
        moment, inner = event.action(moment, state.inner, key)
        return moment, state._replace(inner=inner)

    return event._replace(action=action)
