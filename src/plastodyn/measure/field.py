"""Fields on weights: dw/dt, or the map of one step, as a function of the weights alone."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.circuits.base import AbstractCircuit
from plastodyn.protocol import Moment, Rule, check_joined
from plastodyn.tree import Weights

Field = Callable[[Any], Any]
"""A function from a pytree of weights to one of the same structure, traceable by JAX."""


class RuleField(eqx.Module):
    """The flow of a rule on a circuit; see `rule_field`."""

    circuit: AbstractCircuit
    rule: Rule
    state: Any

    def velocity(self, weights: Weights) -> Weights:
        """The rule's change per unit time, its constraint left to a later step."""
        return self.rule.velocity(_moment(self.circuit, weights), self.state)

    def __call__(self, weights: Weights) -> Weights:
        """dw/dt at these weights, along the rule's constraint."""
        return self.rule.tangent(self.velocity(weights), weights, self.state)


class RuleMap(RuleField):
    """One step of a rule on a circuit; see `rule_map`."""

    def __call__(self, weights: Weights) -> Weights:
        """The weights one step later, on the rule's constraint."""
        return self.rule.settle(tree.add(weights, self.velocity(weights)), self.state)


def rule_field(circuit: AbstractCircuit, rule: Rule, *, key: Array | None = None) -> RuleField:
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
    return RuleField(circuit, rule, _start(circuit, rule, key))


def rule_map(circuit: AbstractCircuit, rule: Rule, *, key: Array | None = None) -> RuleMap:
    """One step of length 1 of a rule on a circuit: ``w -> settle(w + velocity(w))``, constraints included.

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
    >>> round(float(tree.norm(step(circuit.weights))), 5)
    5.0
    """
    return RuleMap(circuit, rule, _start(circuit, rule, key))


def check_field(name: str, field: Field, weights: Weights) -> None:
    """Refuse a field whose values differ from the weights in structure or shapes.

    >>> check_field("field", lambda w: w[:1], jnp.ones(2))
    Traceback (most recent call last):
    ...
    ValueError: field must return a pytree in the structure and shapes of weights; got shapes [(1,)] for [(2,)]
    """
    checks.weights("weights", weights)
    if not callable(field):
        raise ValueError(f"{name} must be a function of the weights; got {field!r}")
    value = jax.eval_shape(field, weights)
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(part)] for part in (value, weights)]
    if jax.tree.structure(value) != jax.tree.structure(weights) or shapes[0] != shapes[1]:
        raise ValueError(
            f"{name} must return a pytree in the structure and shapes of weights; got shapes {shapes[0]} for {shapes[1]}"
        )


def _moment(circuit: AbstractCircuit, weights: Weights) -> Moment:
    return Moment(circuit, weights, jnp.zeros((), jnp.result_type(*jax.tree.leaves(weights))), circuit.activity)


def _start(circuit: AbstractCircuit, rule: Rule, key: Array | None) -> Any:
    """The rule's initial state, once circuit and rule are known to make a field."""
    check_joined(circuit, rule)
    key = jax.random.key(0) if key is None else key
    checks.key("key", key)
    if circuit.sample(key) is not circuit:
        raise ValueError(f"circuit must not redraw its inputs, or its field is random; got {type(circuit).__name__}")
    moment = _moment(circuit, circuit.weights)
    state = rule.init(moment, key)

    def parts() -> tuple[Any, Any]:
        increment, _ = rule.increment(moment, state, jnp.ones_like(moment.time), rule.draw(circuit.weights, key))
        return rule.velocity(moment, state), increment

    velocity, increment = eqx.filter_eval_shape(parts)
    if increment is not None:
        raise ValueError(f"rule must have no random increments: leave those terms out; got {rule!r}")
    if velocity is None:
        raise ValueError(f"rule must have a velocity; got {rule!r}")
    return state
