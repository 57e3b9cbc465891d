"""Fields on weights: dw/dt, or the map of one step, as a function of the weights alone."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from plastodyn import checks, protocol
from plastodyn.protocol import AbstractCircuit, Carry, Rule, check_joined
from plastodyn.tree import Weights
from plastodyn.types import Key

Field = Callable[[Weights], Weights]
"""A function from a pytree of weights to one of the same structure, traceable by JAX."""
Pair = tuple[Weights, Weights]
"""Weights and activity, or their velocities; either may be any pytree of floating-point arrays."""


class RuleField(eqx.Module):
    """The flow of a rule on a circuit; see `rule_field`."""

    circuit: AbstractCircuit
    rule: Rule
    carry: Carry

    def __call__(self, weights: Weights) -> Weights:
        """dw/dt at these weights, along the rule's constraint."""
        velocity, _ = self._velocities(self.carry._replace(weights=weights))
        return velocity

    def _velocities(self, at: Carry) -> Pair:
        circuit, rule = self.circuit, self.rule
        velocity, moving = protocol.velocities(circuit, rule, at, circuit.start.time, circuit)
        return rule.project(velocity, at.weights, at.state), moving


class RuleMap(RuleField):
    """One step of a rule on a circuit; see `rule_map`."""

    def __call__(self, weights: Weights) -> Weights:
        """The weights one step later, on the rule's constraint."""
        return self._step(self.carry._replace(weights=weights)).weights

    def _step(self, at: Carry) -> Carry:
        time = self.circuit.start.time
        # The rule is known to have no random increments: what it draws here only moves a state that stays behind.
        noise = self.rule.draw(at.weights, jax.random.key(0))
        return protocol.step(self.circuit, self.rule, at, time=time, dt=jnp.ones_like(time), noise=noise)


class JointField(RuleField):
    """The flow of weights and activity together; see `joint_field`."""

    def __call__(self, state: Pair) -> Pair:
        """``(dw/dt, da/dt)``."""
        weights, activity = state
        return self._velocities(self.carry._replace(weights=weights, activity=activity))


def rule_field(circuit: AbstractCircuit, rule: Rule, *, key: Key | None = None) -> RuleField:
    """The velocity field of a rule on a circuit: ``w -> dw/dt``, projected along the rule's constraint.

    Time is 0, and the circuit's activity and the rule's memory stay where they start: what a fixed norm is held to is
    that of ``circuit.weights``. Where a norm is fixed the field has no part along the weights of that array, so that
    where it vanishes its Jacobian has a flat direction for each.

    Args:
        circuit: any circuit that does not redraw its inputs.
        rule: a rule with a velocity and without random increments.
        key: random key of the rule's initial state; ``jax.random.key(0)`` unless given. Few rules draw one.

    Returns:
        A function of the weights; a pytree itself, so that ``equinox.filter_vmap`` runs over circuits or rules.

    Raises:
        ValueError: if the rule has random increments or no velocity, or reads a signal the circuit lacks; or if the
            circuit redraws its inputs.

    Source: this project.

    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(2))
    >>> rule_field(circuit, pd.rules.gradient(0.25))(jnp.array([2.0, 4.0])).tolist()
    [-1.0, -2.0]
    """
    return RuleField(circuit, rule, _begun(circuit, rule, key))


def rule_map(circuit: AbstractCircuit, rule: Rule, *, key: Key | None = None) -> RuleMap:
    """One step of length 1 of a rule on a circuit: ``w -> retract(w + velocity(w))``, constraints included.

    The Jacobian of this map takes tangent vectors through the constraint as well.

    Args:
        circuit: any circuit that does not redraw its inputs; its weights give what a constraint holds to.
        rule: a rule with a velocity and without random increments.
        key: random key of the rule's initial state; ``jax.random.key(0)`` unless given. Few rules draw one.

    Returns:
        A function of the weights; a pytree itself, so that ``equinox.filter_vmap`` runs over circuits or rules.

    Raises:
        ValueError: as for `rule_field`.

    Source: this project.

    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: jnp.sum((w - 3) ** 2), weights=jnp.array([3.0, 4.0]))
    >>> step = rule_map(circuit, pd.rules.constrained(pd.rules.gradient(0.1), keep="norm"))
    >>> round(float(jnp.linalg.norm(step(circuit.weights))), 5)
    5.0
    """
    return RuleMap(circuit, rule, _begun(circuit, rule, key))


def joint_field(circuit: AbstractCircuit, rule: Rule, *, key: Key | None = None) -> JointField:
    """The flow of weights and activity together: ``(w, a) -> (dw/dt, da/dt)``, at time 0 and between events.

    Exponents (`flow_map`, `lyapunov_exponents`) and Jacobians (`jacobian_spectrum`) of it take the pair
    ``(circuit.weights, circuit.activity)`` where those of a `rule_field` take the weights.

    Args:
        circuit: a circuit with an activity, that does not redraw its inputs.
        rule: a rule with a velocity and without random increments.
        key: random key of the rule's initial state; ``jax.random.key(0)`` unless given.

    Returns:
        A function of the pair (weights, activity); a pytree itself.

    Raises:
        ValueError: as for `rule_field`, or if the circuit has no activity.

    Source: this project.

    >>> import plastodyn as pd
    >>> circuit = pd.circuits.integrator(2, key=jax.random.key(0))
    >>> weights, activity = joint_field(circuit, pd.rules.early(0.1))((circuit.weights, circuit.activity))
    >>> weights.recurrent.shape, activity.shape
    ((2, 2), (2,))
    """
    checks.instance("circuit", circuit, AbstractCircuit, "a circuit with an activity, such as pd.circuits.integrator(...)")
    if circuit.activity is None:
        raise ValueError(f"circuit must have an activity; {type(circuit).__name__} has none, see rule_field")
    return JointField(circuit, rule, _begun(circuit, rule, key))


def check_field(name: str, field: Field, weights: Weights) -> None:
    """Refuse a field whose values differ from the weights in structure or shapes.

    >>> check_field("field", lambda w: w[:1], jnp.ones(2))
    Traceback (most recent call last):
    ...
    ValueError: field must return a pytree in the structure and shapes of weights; got shapes [(1,)] for [(2,)]
    """
    checks.weights("weights", weights)
    checks.function(name, field, takes=1, of=" of the weights")
    checks.alike(name, checks.traced(name, field, weights, on=" on these weights"), weights, verb="return a pytree in")


def _begun(circuit: AbstractCircuit, rule: Rule, key: Key | None) -> Carry:
    """Where the circuit starts and the rule's initial state, once the two are known to make a field."""
    check_joined(circuit, rule)
    key = jax.random.key(0) if key is None else key
    checks.key("key", key)
    if circuit.sample(key) is not circuit:
        raise ValueError(f"circuit must not redraw its inputs, or its field is random; got {type(circuit).__name__}")
    carry = protocol.begin(circuit, rule, key)

    def parts() -> tuple[Weights | None, Weights | None]:
        moment = circuit.start
        increment, _ = rule.increment(moment, carry.state, jnp.ones_like(moment.time), rule.draw(circuit.weights, key))
        return rule.velocity(moment, carry.state), increment

    velocity, increment = eqx.filter_eval_shape(parts)
    if increment is not None:
        raise ValueError(f"rule must have no random increments: leave those terms out; got {checks.shown(rule)}")
    if velocity is None:
        raise ValueError(f"rule must have a velocity; got {checks.shown(rule)}")
    return carry
