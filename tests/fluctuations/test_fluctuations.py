"""Each fluctuation against its law: moments of many replicas, tolerances in standard errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd

FLAT = pd.Circuit(loss=lambda w: 0.0 * jnp.sum(w), weights=jnp.zeros(20))


def _displacements(rule, steps, replicas=400, **time):
    run = pd.simulate(FLAT, rule, replicas=replicas, key=jax.random.key(0), **(time or {"steps": steps}))
    return run.weights.values


def _assert_mean(values, expected, sigmas=5):
    error = values.std(ddof=1) / values.size**0.5
    assert abs(values.mean() - expected) < sigmas * error + 1e-6 * abs(expected)


@pytest.mark.parametrize("make", [pd.fluctuations.white, pd.fluctuations.wiener])
def test_white_fluctuations_diffuse(make):
    """E|w(T)|^2 = rate^2 T; n = 400 replicas."""
    _assert_mean((_displacements(make(0.3), 50) ** 2).sum(-1), 0.09 * 50)


@pytest.mark.parametrize("make", [pd.fluctuations.white, pd.fluctuations.wiener])
def test_white_fluctuations_do_not_depend_on_the_time_step(make):
    for dt in (0.5, 0.1):
        _assert_mean((_displacements(make(0.3), None, duration=10.0, dt=dt) ** 2).sum(-1), 0.09 * 10)


def test_coloured_fluctuations_have_their_correlation_time():
    """Discrete steps: E|w(T)|^2 = rate^2 sum_{s,t} a^|s-t|, a = exp(-1/tau)."""
    memory = np.exp(-1 / 5.0)
    lags = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    displaced = _displacements(pd.fluctuations.ornstein_uhlenbeck(0.3, 5.0), 40)
    _assert_mean((displaced**2).sum(-1), 0.09 * np.sum(memory**lags))


def test_mean_reverting_weights_stay_about_where_they_started():
    """<d(t)^2> = spread^2 (1 - exp(-2 t / tau)) about the start; d(t) and d(t + s) correlate by exp(-s / tau)."""
    start = jnp.linspace(-1.0, 1.0, 100)
    circuit = pd.Circuit(loss=lambda w: 0.0 * jnp.sum(w), weights=start)
    rule = pd.fluctuations.mean_reverting(0.2, correlation_time=10.0)
    record = [pd.observe("weights", every=5)]
    run = pd.simulate(circuit, rule, steps=60, replicas=40, key=jax.random.key(0), record=record)
    away = run.weights_recorded.transpose("step", "replica", "weight").values - np.asarray(start)
    for steps, moved in zip(run.step.values[1:], away[1:], strict=True):
        _assert_mean(moved.ravel() ** 2, 0.04 * (1 - np.exp(-steps / 5)))
    last, before = away[-1].ravel(), away[-2].ravel()
    lag = int(run.step[-1] - run.step[-2])
    _assert_mean(last * before, 0.04 * np.exp(-lag / 10) * (1 - np.exp(-2 * float(run.step[-2]) / 10)))


@pytest.mark.slow
def test_drift_is_straight_or_turns():
    straight = np.linalg.norm(_displacements(pd.fluctuations.drift(0.1), 50, replicas=5), axis=-1)
    np.testing.assert_allclose(straight, 5.0, rtol=1e-5)
    turning = np.linalg.norm(_displacements(pd.fluctuations.drift(0.1, turning_time=5.0), 50, replicas=50), axis=-1)
    assert turning.max() < 4.9


def test_log_normal_reaches_its_stationary_law_and_keeps_signs():
    start = jnp.concatenate([jnp.full(100, 0.05), jnp.full(100, -2.0)])
    circuit = pd.Circuit(loss=lambda w: 0.0 * jnp.sum(w), weights=start)
    rule = pd.fluctuations.log_normal(median=0.3, spread=0.5, correlation_time=10.0)
    run = pd.simulate(circuit, rule, steps=120, replicas=50, key=jax.random.key(0))
    end = run.weights.values
    assert (np.sign(end) == np.sign(np.asarray(start))).all()
    logs = np.log(np.abs(end)).ravel()
    _assert_mean(logs, np.log(0.3))
    _assert_mean((logs - np.log(0.3)) ** 2, 0.25)


def test_homeostasis_restores_each_neurons_total():
    circuit = pd.Circuit(loss=jnp.sum, weights=jnp.array([[0.5, -0.5], [1.0, 2.0]]))
    kick = pd.rules.gated(pd.rules.gradient(0.3), lambda moment: jnp.where(moment.time < 1, 1.0, 0.0))
    run = pd.simulate(circuit, kick + pd.fluctuations.homeostatic_scaling(0.2), steps=200, key=jax.random.key(0))
    totals = np.abs(run.weights.values.reshape(2, 2)).sum(-1)
    np.testing.assert_allclose(totals, [1.0, 3.0], rtol=1e-4)


def test_confined_and_sparing_leave_the_rest_alone():
    mask = jnp.array([1.0] * 5 + [0.0] * 15)
    moved = _displacements(pd.fluctuations.confined(pd.fluctuations.white(0.2), mask), 10)
    assert (moved[:, 5:] == 0).all()
    _assert_mean((moved**2).sum(-1), 0.04 * 10)
    spared = _displacements(pd.fluctuations.sparing(pd.fluctuations.white(0.2), jnp.eye(20)[:3]), 10)
    assert np.abs(spared[:, :3]).max() < 1e-6
    _assert_mean((spared**2).sum(-1), 0.04 * 10)


@pytest.mark.slow
def test_sparing_the_steep_directions_lowers_the_best_ratio():
    """Discussion of the paper: fluctuations in shallow directions need less plasticity (equation 9)."""
    steepness = jnp.concatenate([jnp.full(3, 50.0), jnp.linspace(0.5, 1.0, 27)])
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(steepness * w**2), weights=jnp.full(30, 0.1))
    _, directions = pd.measure.leading_directions(circuit.loss_at, circuit.weights, key=jax.random.key(0), count=3)
    everywhere = pd.measure.plasticity_ratio(circuit, key=jax.random.key(1))
    spared = pd.fluctuations.sparing(pd.fluctuations.white(1.0), directions)
    shallow = pd.measure.plasticity_ratio(circuit, key=jax.random.key(1), fluctuation=spared)
    assert float(shallow.curvature_fluctuation) <= 1.01
    assert float(shallow.ratio) < 0.6 * float(everywhere.ratio)
