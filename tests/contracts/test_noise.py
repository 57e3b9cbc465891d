"""How random change grows with the length of a step: each fluctuation by its own law, in standard errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from catalogue import RULES

import plastodyn as pd
from plastodyn import tree
from plastodyn.protocol import rule_change

DRAWS = 4000
SIGMAS = 5
STEPS = [1.0, 0.25, 0.01]
ONES = pd.Circuit(loss=lambda w: 0.0 * jnp.sum(w), weights=jnp.array([1.0, -2.0, 0.5, 1.0, 3.0, -1.0]))
SIZE = 6
FLUCTUATIONS = {
    "white": pd.fluctuations.white(0.3),
    "wiener": pd.fluctuations.wiener(0.3),
    "synaptic_noise": pd.fluctuations.synaptic_noise(0.3 / SIZE**0.5),
    "confined": pd.fluctuations.confined(pd.fluctuations.wiener(0.3), jnp.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])),
    "sparing": pd.fluctuations.sparing(pd.fluctuations.white(0.3), jnp.eye(6)[2:4]),
    "ornstein_uhlenbeck": pd.fluctuations.ornstein_uhlenbeck(0.3, 2.0),
    "mean_reverting": pd.fluctuations.mean_reverting(0.3, 2.0),
    "drift": pd.fluctuations.drift(0.3, 2.0),
    "log_normal": pd.fluctuations.log_normal(0.3, 0.5, 2.0),
    "homeostatic_scaling": pd.fluctuations.homeostatic_scaling(0.3),
}
DIFFUSIVE = ["white", "wiener", "synaptic_noise", "confined", "sparing"]
# Weights at which each diffuses.
FREE = {"confined": [0, 1, 3], "sparing": [0, 1, 4, 5]}


def _draws(rule, dt):
    """Changes, states before and states after of independent steps."""
    moment = ONES.start

    def one(key):
        first, second = jax.random.split(key)
        state = rule.init(moment, first)
        change, after = rule_change(rule, moment, state, rule.draw(moment.weights, second), jnp.float32(dt))
        return change, state, after

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(3), DRAWS)))


def _assert_mean(values, expected):
    """Along the first axis, within standard errors; the worst of a few components."""
    error = values.std(axis=0, ddof=1) / len(values) ** 0.5
    assert (np.abs(values.mean(axis=0) - expected) <= SIGMAS * error + 2e-6 * np.abs(expected)).all()


def test_every_fluctuation_has_its_law_here():
    assert set(FLUCTUATIONS) == set(pd.fluctuations.__all__)
    assert set(FLUCTUATIONS) <= set(RULES)


@pytest.mark.parametrize("dt", STEPS)
@pytest.mark.parametrize("name", DIFFUSIVE)
def test_variance_grows_as_the_length_of_the_step(name, dt):
    """E|dw|^2 = rate^2 dt, shared equally by the weights that move, without mean and uncorrelated; n = 4000."""
    change, *_ = _draws(FLUCTUATIONS[name], dt)
    free = FREE.get(name, list(range(SIZE)))
    held = np.setdiff1d(np.arange(SIZE), free)
    assert np.abs(change[:, held]).max(initial=0) < 1e-6
    _assert_mean((change**2).sum(axis=1), 0.09 * dt)
    _assert_mean(change[:, free] ** 2, 0.09 * dt / len(free))
    _assert_mean(change, 0.0)
    _assert_mean(change[:, free[0]] * change[:, free[1]], 0.0)


@pytest.mark.parametrize("factor", [2.0, -0.5])
def test_a_scaled_fluctuation_scales_its_deviation_and_two_add_their_variances(factor):
    for rule, rate in (
        (factor * FLUCTUATIONS["white"], 0.3 * factor),
        (FLUCTUATIONS["white"] - FLUCTUATIONS["white"], 0.3 * 2**0.5),
        (sum([FLUCTUATIONS["wiener"], FLUCTUATIONS["white"], FLUCTUATIONS["white"]]), 0.3 * 3**0.5),
    ):
        _assert_mean((_draws(rule, 0.25)[0] ** 2).sum(axis=1), rate**2 * 0.25)


@pytest.mark.parametrize("dt", STEPS)
def test_coloured_noise_is_stationary_and_moves_weights_in_proportion_to_time(dt):
    """<x^2> = 1 before and after, <x x'> = exp(-dt / tau), and the change is rate x dt / sqrt(N); n = 4000."""
    change, before, after = _draws(FLUCTUATIONS["ornstein_uhlenbeck"], dt)
    np.testing.assert_allclose(change, 0.3 * before * dt / SIZE**0.5, rtol=1e-5)
    for values, expected in ((before**2, 1.0), (after**2, 1.0), (before * after, np.exp(-dt / 2.0))):
        _assert_mean(values, expected)


@pytest.mark.parametrize("dt", STEPS)
def test_drift_covers_its_speed_and_turns(dt):
    """|dw| = rate dt exactly, in any direction alike; the direction's memory is exp(-dt / tau); n = 4000."""
    change, before, after = _draws(FLUCTUATIONS["drift"], dt)
    np.testing.assert_allclose(np.linalg.norm(change, axis=1), 0.3 * dt, rtol=1e-5)
    _assert_mean(change**2, 0.09 * dt**2 / SIZE)
    _assert_mean(before * after, np.exp(-dt / 2.0))
    straight = _draws(pd.fluctuations.drift(0.3), dt)
    np.testing.assert_array_equal(straight[1], straight[2])


@pytest.mark.parametrize("dt", STEPS)
def test_log_sizes_relax_and_diffuse_exactly(dt):
    """log|w|: mean m + (log|w| - m) exp(-dt / tau), variance spread^2 (1 - exp(-2 dt / tau)), signs kept; n = 4000."""
    change, *_ = _draws(FLUCTUATIONS["log_normal"], dt)
    weights = np.asarray(ONES.weights)
    moved = weights + change
    assert (np.sign(moved) == np.sign(weights)).all()
    centre, memory = np.log(0.3), np.exp(-dt / 2.0)
    logs = np.log(np.abs(moved)) - centre
    expected = memory * (np.log(np.abs(weights)) - centre)
    _assert_mean(logs, expected)
    # Half of the tolerance is for single precision: a log of a number near 1 is off by 1e-7, its spread is 0.05 or more.
    _assert_mean((logs - expected) ** 2, 0.25 * (1 - memory**2))


def test_two_half_steps_are_one_in_law():
    """Run through time: E|w(T)|^2 = rate^2 T for steps of any length; n = 400 replicas."""
    flat = pd.Circuit(loss=lambda w: 0.0 * jnp.sum(w), weights=jnp.zeros(8))
    for dt in (1.0, 0.125):
        run = pd.simulate(flat, FLUCTUATIONS["wiener"], duration=4.0, dt=dt, replicas=400, key=jax.random.key(1), record=[])
        _assert_mean((run.weights.values**2).sum(axis=1), 0.09 * 4)


def test_noise_has_the_structure_of_the_weights():
    weights = {"a": jnp.zeros((2, 3)), "b": jnp.zeros(4)}
    circuit = pd.Circuit(loss=lambda w: 0.0 * jnp.sum(w["a"]), weights=weights)
    run = pd.simulate(circuit, pd.fluctuations.white(1.0), steps=1, replicas=300, key=jax.random.key(2), record=[])
    _assert_mean(run.weights.values**2, 0.1)
    assert tree.size(weights) == run.sizes["weight"] == 10
