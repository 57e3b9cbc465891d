"""Who may be joined with whom."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.protocol import HIDDEN_SPAN, INPUT_ROTATION, AbstractCircuit, Rule, check_joined, hidden_span_by_sign
from plastodyn.simulation import observe

BOWL = pd.Circuit(loss=jnp.sum, weights=jnp.ones(2))


class Cut(AbstractCircuit):
    """A circuit whose coordinates ask for everything."""

    weights: jax.Array
    signals = frozenset({"loss"})

    @property
    def symmetries(self):
        return frozenset({HIDDEN_SPAN, INPUT_ROTATION, hidden_span_by_sign(np.array([-1, 1]))})

    def loss(self, moment):
        return jnp.sum(moment.weights)


def _linear():
    full = pd.circuits.student_teacher([3, 9, 1], hidden="linear", inputs=50, key=jax.random.key(0), displacement=0.5)
    return pd.circuits.through_covariance(full)


def test_rules_that_keep_everything_fit_everywhere():
    gradient = pd.rules.gradient(0.1)
    for rule in (gradient, 2 * gradient, gradient - gradient / 2, pd.rules.newton(), pd.rules.constrained(gradient)):
        check_joined(Cut(jnp.ones(2)), rule)


@pytest.mark.parametrize(
    ("rule", "breaker"),
    [
        (pd.fluctuations.white(0.1), "White"),
        (pd.rules.gradient(0.1) + 2 * pd.fluctuations.white(0.1), "White"),
        (pd.rules.noisy_gradient(0.1, 3.0), "White"),
        (pd.rules.constrained(pd.rules.gradient(0.1), keep="sign"), "Constrained"),
        (pd.rules.constrained(pd.fluctuations.wiener(0.1)), "Wiener"),
        (pd.rules.gated(pd.rules.gradient(0.1), lambda moment: moment.time), "Gated"),
        (pd.rules.flipped(pd.rules.gradient(0.1), jnp.ones(2)), "Flipped"),
        (pd.rules.flipped(pd.rules.gradient(0.1), pd.rules.presynaptic(0.5)), "Flipped"),
        (Rule(), "Rule"),
    ],
)
def test_who_breaks_a_symmetry_is_named(rule, breaker):
    with pytest.raises(ValueError, match=f"and {breaker} does not promise to; use the whole circuit"):
        check_joined(Cut(jnp.ones(2)), rule)
    check_joined(BOWL, rule)


def test_a_run_refuses_what_is_not_exact():
    """Hidden directions that gradients do not reach are gone, and noise would have moved along them."""
    small = pd.circuits.reachable(_linear())
    assert small.symmetries == {HIDDEN_SPAN}
    with pytest.raises(ValueError, match="rule must leave weights in the span of hidden directions that gradients reach"):
        pd.simulate(small, pd.rules.gradient(0.1) + pd.fluctuations.white(0.1), steps=1, key=jax.random.key(0))
    for measure in (pd.measure.rule_field, pd.measure.rule_map):
        with pytest.raises(ValueError, match="Gated does not promise to"):
            measure(small, pd.rules.gradient(0.1) + pd.rules.gated(pd.rules.gradient(0.1), lambda moment: moment.time))


def test_coordinates_add_what_they_ask_for():
    whole = _linear()
    (turned,) = pd.circuits.principal_axes([pd.circuits.reachable(whole)])
    assert turned.symmetries == {HIDDEN_SPAN, INPUT_ROTATION}
    assert pd.circuits.reachable(pd.circuits.principal_axes([whole])[0]).symmetries == {HIDDEN_SPAN, INPUT_ROTATION}
    by_sign, signs = pd.circuits.reachable_by_sign(whole, [1] * 9)
    assert by_sign.symmetries == {hidden_span_by_sign(signs)}
    assert whole.symmetries == frozenset()


def test_readers_of_signals_are_named():
    with pytest.raises(
        ValueError, match="rule reads the signal 'teacher', which the circuit does not offer; Circuit offers 'loss'"
    ):
        check_joined(BOWL, 2 * (pd.rules.gradient(0.1) + pd.rules.beeline(0.1)))
    with pytest.raises(ValueError, match="rule reads the signal 'postsynaptic', 'presynaptic', which"):
        check_joined(BOWL, pd.rules.hebbian(0.1))
    with pytest.raises(ValueError, match="record: loss reads the signal 'loss'"):
        check_joined(pd.circuits.pattern_layer(jnp.eye(2), key=jax.random.key(0)), Rule(), [observe("loss")])
    check_joined(BOWL, pd.rules.gradient(0.1), [observe("loss"), observe("weights")])


@pytest.mark.parametrize("rule", [None, 0.1, "gradient", pd.rules.gradient])
def test_a_rule_is_a_rule(rule):
    with pytest.raises(ValueError, match="rule must be a plastodyn rule"):
        check_joined(BOWL, rule)
