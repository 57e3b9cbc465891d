"""What authors of circuits and rules get wrong is said in one line that names the part."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import plastodyn as pd
from plastodyn.protocol import AbstractCircuit, Rule, event

KEY = jax.random.key(0)
BOWL = pd.Circuit(lambda w: jnp.sum(w**2), jnp.ones(3))


class Careless(Rule):
    """Returns what a test gives it."""

    speed: jax.Array | None = None
    change: object = None
    memory: jax.Array | None = None
    following: jax.Array | None = None

    def init(self, moment, key):
        return self.memory

    def velocity(self, moment, state):
        return self.speed

    def increment(self, moment, state, dt, noise):
        return (self.change, state if self.following is None else self.following) if self.change != "none" else None


class Forgetful(AbstractCircuit):
    """Its activity has another shape than its velocity; its event's period is found only in the run."""

    weights: jax.Array
    activity: jax.Array | None = None
    period: float = 5.0
    has_event: bool = eqx.field(static=True, default=False)

    def activity_velocity(self, moment):
        return jnp.zeros(3)

    @property
    def events(self):
        return (event(lambda moment, key: moment, every=self.period),) if self.has_event else ()


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (
            Careless(change="none"),
            "increment of Careless must return a change of the weights and the rule's next state; got None",
        ),
        (Careless(speed=jnp.ones(2)), "velocity of Careless must have the structure and shapes of weights"),
        (Careless(change=jnp.ones(4)), "increment of Careless must have the structure and shapes of weights"),
        (
            Careless(memory=jnp.ones(2), following=jnp.ones(3)),
            "increment of Careless must leave shapes and types of the rule's",
        ),
        (Careless(memory=jnp.ones(2), following=jnp.ones(2, int)), "increment of Careless must leave shapes and types"),
    ],
)
def test_a_rule_of_wrong_shapes_is_named(rule, complaint):
    with pytest.raises(ValueError, match=complaint):
        pd.simulate(BOWL, rule, steps=3, key=KEY)


def test_a_circuit_of_wrong_shapes_is_named():
    with pytest.raises(ValueError, match="activity_velocity of Forgetful must have the structure and shapes of the activity"):
        pd.simulate(Forgetful(jnp.ones(2), jnp.ones(2)), Rule(), steps=3, key=KEY)
    with pytest.raises(ValueError, match="every of an event must be known before the run"):
        pd.simulate(Forgetful(jnp.ones(2), has_event=True), Rule(), steps=3, key=KEY)


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        (jnp.ones(3, jnp.float16), "must be of single or double precision; got float16"),
        (jnp.ones(3, jnp.bfloat16), "must be of single or double precision; got bfloat16"),
        (jnp.ones(0), r"must not be empty; got an array of shape \(0,\)"),
        (jnp.ones(3, int), "must be a floating-point array; got int32"),
        ("text", "must be a floating-point array; got 'text'"),
    ],
)
def test_weights_of_another_kind_are_refused(weights, complaint):
    for name, run in (
        ("weights ", lambda: pd.Circuit(lambda w: jnp.sum(w**2), weights)),
        ("weights ", lambda: pd.simulate(BOWL, pd.rules.gradient(0.1), steps=3, key=KEY, weights=weights)),
        ("circuit.weights ", lambda: pd.simulate(Forgetful(weights), Rule(), steps=3, key=KEY)),
    ):
        with pytest.raises(ValueError, match=name + complaint):
            run()
