"""Laws that every rule and fluctuation obeys, on every circuit that it can be joined to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import CIRCUITS, RULES, chain, layered, quadratic

import plastodyn as pd
from plastodyn import tree
from plastodyn.protocol import Moment, Rule, signals_read


def _start(name):
    row = RULES[name]
    circuit = layered() if row.layered else chain() if row.staged else quadratic()
    return row, circuit, Moment(circuit, circuit.weights, jnp.float32(0), None)


def _step(row, moment, key, dt=1.0):
    state = row.rule.init(moment, key)
    change, after = row.rule.increment(moment, state, jnp.float32(dt), row.rule.draw(moment.weights, key))
    return tree.add(tree.scale(dt, row.rule.velocity(moment, state)), change), state, after


@pytest.mark.parametrize("name", RULES)
def test_change_and_state_keep_their_structure(name, key):
    row, circuit, moment = _start(name)
    change, before, after = _step(row, moment, key)
    assert jax.tree.structure(change) == jax.tree.structure(circuit.weights)
    assert [x.shape for x in jax.tree.leaves(change)] == [x.shape for x in jax.tree.leaves(circuit.weights)]
    assert jax.tree.structure(before) == jax.tree.structure(after)
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(change))


@pytest.mark.parametrize("name", [n for n, row in RULES.items() if row.norm is not None])
def test_exact_norm(name, key):
    row, _, moment = _start(name)
    change, *_ = _step(row, moment, key)
    # Tolerance: float32 rounding of a sum of at most 18 squares.
    assert float(tree.norm(change)) == pytest.approx(row.norm, rel=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_randomness_is_in_the_key_alone(name, key):
    row, _, moment = _start(name)
    first, again, other = (tree.ravel(_step(row, moment, k)[0]) for k in (key, key, jax.random.key(99)))
    assert jnp.array_equal(first, again)
    assert bool(jnp.array_equal(first, other)) != row.random


@pytest.mark.parametrize("name", [n for n, row in RULES.items() if row.descends])
def test_descends(name):
    row, circuit, _ = _start(name)
    run = pd.simulate(circuit, row.rule, steps=60, replicas=8, key=jax.random.key(5))
    drop = run.loss.isel(step=0) - run.loss.isel(step=-1)
    spread = float(drop.std("replica", ddof=1)) / 8**0.5
    assert float(drop.mean()) > 3 * spread
    assert float(drop.mean()) > 0


@pytest.mark.parametrize("name", RULES)
def test_scaling_commutes_with_the_rule(name, key):
    row, _, moment = _start(name)
    state = (3.0 * row.rule).init(moment, key)
    single, triple = (
        tree.add(
            rule.velocity(moment, state),
            rule.increment(moment, state, jnp.float32(1), rule.draw(moment.weights, key))[0],
        )
        for rule in (row.rule, 3.0 * row.rule)
    )
    np.testing.assert_allclose(3 * tree.ravel(single), tree.ravel(triple), rtol=1e-6)


# Signs, masks and directions of these rows have the shape of one layered circuit.
_SHAPED = {"flipped", "confined", "sparing"}
# Signs by neuron need matrices of weights.
_BY_NEURON = {"presynaptic", "postsynaptic"}


# Variants of one circuit compile for seconds each.
_VARIANTS = {"tanh", "plastic_biases", "matched"}


@pytest.mark.parametrize("circuit_name", [pytest.param(n, marks=pytest.mark.slow) if n in _VARIANTS else n for n in CIRCUITS])
def test_every_circuit_carries_all_rules_whose_signals_it_offers(circuit_name):
    circuit = CIRCUITS[circuit_name]()
    fitting, refused = [], []
    for name, row in RULES.items():
        if name in _SHAPED and circuit_name not in ("student_teacher", "resampled"):
            continue
        if name in _BY_NEURON and circuit_name in ("user", "tracking"):
            continue
        (fitting if signals_read(row.rule) <= circuit.signals else refused).append(row.rule)
    whole = sum(fitting[1:], start=fitting[0])
    run = pd.simulate(circuit, 0.01 * whole, steps=3, replicas=2, key=jax.random.key(0))
    assert int(run.status.max()) == 0
    assert len(fitting) >= 15
    for rule in refused:
        with pytest.raises(ValueError, match="does not offer"):
            pd.simulate(circuit, rule, steps=3, key=jax.random.key(0))


def test_the_catalogue_is_complete():
    """Every public rule and fluctuation has a row under its own name, or is built by one."""
    public = {*pd.rules.__all__, *pd.fluctuations.__all__} - {"Moment", "Rule", "Sum"}
    other_names = {"constrained": "constrained_norm", "noisy": "noisy_gradient"}
    assert {other_names.get(name, name) for name in public} <= set(RULES)


def test_sum_adds_and_flattens(key):
    a, b, c = (RULES[name].rule for name in ("gradient", "white", "drift"))
    assert len(((a + b) + c).rules) == len((a + (b + c)).rules) == 3
    moment = Moment(quadratic(), quadratic().weights, jnp.float32(0), None)
    whole = a + a
    state = whole.init(moment, key)
    np.testing.assert_allclose(whole.velocity(moment, state), 2 * a.velocity(moment, None), rtol=1e-6)


def test_default_rule_changes_nothing():
    run = pd.simulate(quadratic(), Rule(), steps=5, key=jax.random.key(0))
    assert float(run.loss.max()) == float(run.loss.min())
