"""One step, written once: simulation, fields on weights and curvatures of changes all call it.

In a step of length dt the weights move to ``retract(w + displacement + increment)``: the solver's combination of
velocities, and the rule's random change. All of it is read at the moment before the step.
"""

from typing import NamedTuple

import jax
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol.circuit import AbstractCircuit
from plastodyn.protocol.moment import Moment
from plastodyn.protocol.rule import Rule
from plastodyn.solvers import Solver, euler
from plastodyn.tree import Weights
from plastodyn.types import Activity, Noise, State, Structure

Velocities = tuple[Weights | None, Activity]


class Carry(NamedTuple):
    """What one step hands to the next: the circuit's weights, activity and structure, and the rule's state."""

    weights: Weights
    activity: Activity
    structure: Structure
    state: State

    def moment(self, circuit: AbstractCircuit, time: Array) -> Moment:
        """The moment that a rule reads."""
        return Moment(circuit, self.weights, time, self.activity, self.structure)


def begin(circuit: AbstractCircuit, rule: Rule, key: Array) -> Carry:
    """Where a run starts.

    Args:
        circuit: what learns.
        rule: how; its state is drawn from ``key``.
        key: random key.

    >>> import jax.numpy as jnp, plastodyn as pd
    >>> circuit = pd.Circuit(lambda w: jnp.sum(w**2), jnp.ones(2))
    >>> begin(circuit, pd.rules.gradient(0.1), jax.random.key(0)).weights.tolist()
    [1.0, 1.0]
    """
    return Carry(circuit.weights, circuit.activity, circuit.structure, rule.init(circuit.start, key))


def velocities(circuit: AbstractCircuit, rule: Rule, carry: Carry, time: Array, seen: AbstractCircuit) -> Velocities:
    """``(dw/dt, da/dt)``, the rule's constraint left aside; ``None`` for what does not move.

    Args:
        circuit: whose activity moves.
        rule: of the weights.
        carry: where.
        time: when.
        seen: the circuit as the rule sees it, ``circuit.sample(key)`` or the circuit itself.
    """
    moving = None if carry.activity is None else circuit.activity_velocity(carry.moment(circuit, time))
    if moving is not None:
        checks.alike(f"activity_velocity of {type(circuit).__name__}", moving, carry.activity, of="the activity")
    velocity = rule.velocity(carry.moment(seen, time), carry.state)
    if velocity is not None:
        checks.alike(f"velocity of {type(rule).__name__}", velocity, carry.weights)
    return velocity, moving


def rule_change(rule: Rule, moment: Moment, state: State, noise: Noise, dt: Array) -> tuple[Weights | None, State]:
    """The change of the weights in one Euler step before any constraint, ``dt velocity + increment``; and the next state.

    Args:
        rule: of the weights.
        moment: what it reads.
        state: its state.
        noise: what ``rule.draw`` returned.
        dt: length of the step.
    """
    change, following = _increment(rule, moment, state, dt, noise)
    return tree.add(tree.scale(dt, rule.velocity(moment, state)), change), following


def step(
    circuit: AbstractCircuit,
    rule: Rule,
    carry: Carry,
    *,
    time: Array,
    dt: Array,
    noise: Noise,
    solver: Solver = euler,
    seen: AbstractCircuit | None = None,
    key: Array | None = None,
) -> Carry:
    """One step: ``w <- retract(w + displacement + increment)``; the activity moves by its own displacement and increment.

    Pure, and traceable by JAX. Events are apart, see `happen`: they fall on few steps.

    Args:
        circuit: what learns.
        rule: how its weights change.
        carry: before the step.
        time: at its beginning.
        dt: its length; 1 for a discrete update.
        noise: the step's random numbers, ``rule.draw(weights, key)``.
        solver: combines velocities into a displacement.
        seen: the circuit as the rule sees it in this step, ``circuit.sample(key)``; itself unless given.
        key: random key of the activity; without one it moves as if it had no noise.

    Returns:
        The carry after the step.

    >>> import jax.numpy as jnp, plastodyn as pd
    >>> circuit, rule = pd.Circuit(lambda w: jnp.sum(w**2), jnp.ones(2)), pd.rules.gradient(0.25)
    >>> carry = begin(circuit, rule, jax.random.key(0))
    >>> step(circuit, rule, carry, time=jnp.zeros(()), dt=jnp.ones(()), noise=None).weights.tolist()
    [0.5, 0.5]
    """
    seen = circuit if seen is None else seen

    def field(at: Array, state: tuple[Weights, Activity]) -> Velocities:
        here = carry._replace(weights=state[0], activity=state[1])
        velocity, moving = velocities(circuit, rule, here, at, seen)
        if velocity is not None and not solver.first_order:
            velocity = rule.project(velocity, here.weights, carry.state)
        return velocity, moving

    moved = solver.displacement(field, time, (carry.weights, carry.activity), dt)
    change, state = _increment(rule, carry.moment(seen, time), carry.state, dt, noise)
    weights = tree.add(carry.weights, tree.add(moved[0], change))
    kicked = None if key is None else circuit.activity_increment(carry.moment(circuit, time), dt, key)
    activity = tree.add(carry.activity, tree.add(moved[1], kicked))
    return carry._replace(weights=rule.retract(weights, state), activity=activity, state=state)


def _increment(rule: Rule, moment: Moment, state: State, dt: Array, noise: Noise) -> tuple[Weights | None, State]:
    """``rule.increment``, with what a rule's author may have got wrong said by name."""
    name = f"increment of {type(rule).__name__}"
    found = rule.increment(moment, state, dt, noise)
    if not isinstance(found, tuple) or len(found) != 2:
        raise ValueError(f"{name} must return a change of the weights and the rule's next state; got {checks.shown(found)}")
    change, following = found
    if change is not None:
        checks.alike(name, change, moment.weights)
    if _outline(following) != _outline(state):
        raise ValueError(
            f"{name} must leave shapes and types of the rule's state as they are; got {_outline(following)} "
            f"for {_outline(state)}"
        )
    return change, following


def happen(circuit: AbstractCircuit, rule: Rule, carry: Carry, which: int, time: Array, key: Array) -> Carry:
    """One event: the ``which``-th of the circuit's and then of the rule's.

    Args:
        circuit: what learns.
        rule: how.
        carry: before the event.
        which: place of the event in ``(*circuit.events, *rule.events)``.
        time: now.
        key: the event's random key.

    Raises:
        ValueError: if the event does not leave shapes and types as they are.
    """
    moment = carry.moment(circuit, time)
    if which < len(circuit.events):
        moment, state = circuit.events[which].action(moment, key), carry.state
    else:
        found = rule.events[which - len(circuit.events)].action(moment, carry.state, key)
        if not isinstance(found, tuple) or len(found) != 2:
            raise ValueError(f"an event of a rule must return a moment and the rule's next state; got {checks.shown(found)}")
        moment, state = found
    if not isinstance(moment, Moment):
        raise ValueError(f"an event must return a moment, such as moment.replace(weights=...); got {checks.shown(moment)}")
    after = Carry(moment.weights, moment.activity, moment.structure, state)
    for name, old, new in zip(Carry._fields, carry, after, strict=True):
        if _outline(old) != _outline(new):
            raise ValueError(f"an event must leave shapes and types as they are; of {name} it made {_outline(new)}")
    return after


def _outline(part: object) -> tuple[object, list[tuple[object, ...]]]:
    return jax.tree.structure(part), [(jax.numpy.shape(x), jax.numpy.result_type(x)) for x in jax.tree.leaves(part)]
