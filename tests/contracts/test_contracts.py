"""Laws that every rule and fluctuation obeys, wherever it can be joined."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import RULES, home, quadratic

import plastodyn as pd
from plastodyn import tree
from plastodyn.experiments import registry
from plastodyn.protocol import Moment, Rule, rule_change, signals_read


def _step(rule, moment, key, dt=1.0):
    state = rule.init(moment, key)
    change, after = rule_change(rule, moment, state, rule.draw(moment.weights, key), jnp.float32(dt))
    return change, state, after


@pytest.mark.parametrize("name", RULES)
def test_change_and_state_keep_their_structure(name, key):
    circuit = home(name)
    change, before, after = _step(RULES[name].rule, circuit.start, key)
    assert jax.tree.structure(change) == jax.tree.structure(circuit.weights)
    assert [x.shape for x in jax.tree.leaves(change)] == [x.shape for x in jax.tree.leaves(circuit.weights)]
    assert jax.tree.structure(before) == jax.tree.structure(after)
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(before)] == [(x.shape, x.dtype) for x in jax.tree.leaves(after)]
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(change))


@pytest.mark.parametrize("name", [n for n, row in RULES.items() if row.norm is not None])
def test_exact_norm(name, key):
    change, *_ = _step(RULES[name].rule, home(name).start, key)
    # Tolerance: float32 rounding of a sum of at most 18 squares.
    assert float(tree.norm(change)) == pytest.approx(RULES[name].norm, rel=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_randomness_is_in_the_key_alone(name, key):
    row, moment = RULES[name], home(name).start
    first, again, other = (tree.ravel(_step(row.rule, moment, k)[0]) for k in (key, key, jax.random.key(99)))
    assert jnp.array_equal(first, again)
    assert bool(jnp.array_equal(first, other)) != row.random


@pytest.mark.parametrize("name", [n for n, row in RULES.items() if row.descends])
def test_descends(name):
    run = pd.simulate(home(name), RULES[name].rule, steps=60, replicas=8, key=jax.random.key(5))
    drop = run.loss.isel(step=0) - run.loss.isel(step=-1)
    spread = float(drop.std("replica", ddof=1)) / 8**0.5
    assert float(drop.mean()) > 3 * spread
    assert float(drop.mean()) > 0


class Guard:
    """A circuit that gives away the signals it is told to, and nothing else; it remembers which were asked for."""

    def __init__(self, circuit, allowed):
        self._circuit, self.signals, self.asked = circuit, allowed, set()

    def read(self, name, moment):
        found = getattr(self, name)
        return found(moment) if callable(found) else found

    def __getattr__(self, name):
        if name not in self.signals:
            raise AttributeError(f"{name} is not declared")
        self.asked.add(name)
        return getattr(self._circuit, name)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_reads_what_it_declares_and_nothing_else(name, key):
    rule, circuit = RULES[name].rule, home(name)
    guard = Guard(circuit, signals_read(rule))
    start = circuit.start
    moment = Moment(guard, start.weights, start.time, start.activity, start.structure)
    change, _, state = _step(rule, moment, key)
    moved = rule.retract(tree.add(start.weights, change), state)
    rule.project(change, moved, state)
    assert guard.asked == signals_read(rule)


def test_the_guard_catches_a_rule_that_reads_more(key):
    class Sly(Rule):
        def velocity(self, moment, state):
            return moment.gradient()

    class Slyer(Rule):
        def velocity(self, moment, state):
            return moment.circuit.weights

    circuit = quadratic()
    for rule, error in ((Sly(), ValueError), (Slyer(), AttributeError)):
        with pytest.raises(error):
            _step(rule, Moment(Guard(circuit, signals_read(rule)), circuit.weights, jnp.zeros(())), key)


@pytest.mark.parametrize("name", RULES)
def test_projection_is_the_derivative_of_retraction(name, key):
    """Along a random direction, at a point of the constraint that is not where it was made; a step in single precision."""
    rule, circuit = RULES[name].rule, home(name)
    change, _, state = _step(rule, circuit.start, key)
    point = rule.retract(tree.add(circuit.weights, change), state)
    direction = tree.normal_like(jax.random.key(1), circuit.weights)
    again, derivative = jax.jvp(lambda w: rule.retract(w, state), (point,), (direction,))
    projected = rule.project(direction, point, state)
    np.testing.assert_allclose(tree.ravel(again), tree.ravel(point), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(tree.ravel(projected), tree.ravel(derivative), atol=1e-5)
    twice = rule.project(projected, point, state)
    np.testing.assert_allclose(tree.ravel(twice), tree.ravel(projected), atol=1e-5)


@pytest.mark.parametrize("name", ["constrained_norm", "constrained_sign"])
def test_a_wrapper_around_a_constraint_keeps_it(name, key):
    """Scaled, flipped, gated, summed: the constraint is on the weights, whatever is done to the change."""
    rule, circuit = RULES[name].rule, home("flipped")
    signs = jax.tree.map(jnp.ones_like, circuit.weights)
    direction = tree.normal_like(jax.random.key(1), circuit.weights)
    state = rule.init(circuit.start, key)
    far = tree.add(circuit.weights, tree.scale(3.0, direction))
    held, along = rule.retract(far, state), rule.project(direction, circuit.weights, state)
    assert float(tree.norm(tree.add(held, tree.scale(-1.0, far)))) > 0.1
    white = pd.fluctuations.white(0.1)
    outer = (
        2.0 * rule,
        -rule,
        pd.rules.flipped(rule, signs),
        pd.rules.gated(rule, lambda moment: moment.time),
        pd.rules.gated(rule, pd.rules.averaged(lambda moment: moment.time, 2.0)),
        pd.rules.exact_norm(rule, 0.1),
        rule + white,
        white + rule,
        white - rule,
        pd.rules.constrained(rule, keep=rule.keep),
    )
    for each in outer:
        own = each.init(circuit.start, key)
        np.testing.assert_allclose(tree.ravel(each.retract(far, own)), tree.ravel(held), rtol=1e-5)
        np.testing.assert_allclose(tree.ravel(each.project(direction, circuit.weights, own)), tree.ravel(along), atol=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_a_factor_multiplies_velocity_and_increment_alike(name, key):
    """And leaves the state alone: three times the change, whatever a rule carries along."""
    rule, moment = RULES[name].rule, home(name).start
    single, _, after = _step(rule, moment, key, dt=0.5)
    for factor, made in ((3.0, 3.0 * rule), (0.25, rule / 4), (-1.0, -rule)):
        multiple, _, own = _step(made, moment, key, dt=0.5)
        np.testing.assert_allclose(tree.ravel(multiple), factor * tree.ravel(single), rtol=1e-6)
        for one, other in zip(jax.tree.leaves(after), jax.tree.leaves(own), strict=True):
            np.testing.assert_array_equal(one, other)


# The number that says how large a step is, for rules whose step is proportional to it.
_RATES = {
    "gradient": "rate", "keep_or_oppose": None, "weight_perturbation": "rate", "node_perturbation": "rate", "newton": "rate",
    "early": "rate", "late": "rate", "beeline": "rate", "feedback_alignment": "rate", "direct_feedback_alignment": "rate",
    "hebbian": "rate", "oja": "rate", "bcm": "rate", "phase_hebbian": "rate", "decay": "rate", "white": "rate",
    "wiener": "rate", "synaptic_noise": "rate", "ornstein_uhlenbeck": "rate",
    "drift": "rate", "homeostatic_scaling": "rate", "exact_norm": "magnitude", "scaled": "factor",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, field in _RATES.items() if field])
def test_a_step_is_proportional_to_its_rate(name, key):
    """Two steps from the same point, one of the rule at three times the rate, the other of three times the rule."""
    rule, circuit = RULES[name].rule, home(name)
    # Away from the start, where thresholds and set points begin.
    moved = circuit.start.at(tree.add(circuit.weights, tree.scale(0.3, tree.normal_like(key, circuit.weights))))
    state = rule.init(circuit.start, key)

    def change(each):
        return tree.ravel(rule_change(each, moved, state, each.draw(moved.weights, key), jnp.float32(0.5))[0])

    faster = jax.tree.map(lambda leaf: leaf, rule)
    object.__setattr__(faster, _RATES[name], 3 * getattr(rule, _RATES[name]))
    assert float(jnp.linalg.norm(change(rule))) > 1e-5
    # Rounding: the slope of a perturbation is a difference of errors of order 1.
    np.testing.assert_allclose(change(faster), 3 * change(rule), rtol=1e-5, atol=1e-8)


def test_every_rate_is_tested_for_proportionality():
    """What has a rate or a magnitude of its own has a row above."""
    own = {n for n, row in RULES.items() if {"rate", "magnitude", "factor"} & set(vars(row.rule)) and not row.rule.parts}
    assert own <= set(_RATES)


def test_the_catalogue_is_complete():
    """Every public rule and fluctuation has a row under its own name, or is built by one."""
    within_others = set(registry.names("parts")) & {*pd.rules.__all__, *pd.fluctuations.__all__}
    public = {*registry.names("rule"), *registry.names("fluctuation"), *within_others}
    other_names = {"constrained": "constrained_norm", "noisy": "noisy_gradient"}
    assert {other_names.get(name, name) for name in public} <= set(RULES)


def test_default_rule_changes_nothing():
    run = pd.simulate(quadratic(), Rule(), steps=5, key=jax.random.key(0))
    assert float(run.loss.max()) == float(run.loss.min())
