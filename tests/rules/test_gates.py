"""Gates: on time, as an axis, and with a memory, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import rules

SLOPE = pd.Circuit(loss=jnp.sum, weights=jnp.zeros(1))
KEY = jax.random.key(0)


def _opens(at):
    return lambda moment: jnp.where(moment.time < at - 1e-3, 0.0, 1.0)


@pytest.mark.parametrize(("dt", "tau"), [(1.0, 4.0), (0.25, 4.0), (0.25, 0.5)])
def test_a_running_mean_has_its_closed_form(dt, tau):
    """A gate that opens at T: the mean is 1 - exp(-(t - T) / tau), exactly, whatever the step; the weight is its sum."""
    gate = rules.averaged(_opens(3.0), tau)
    rule = rules.gated(rules.gradient(1.0), gate)
    memory = pd.observe(lambda moment: moment.state.own[1], name="memory")
    run = pd.simulate(SLOPE, rule, duration=10.0, dt=dt, key=KEY, record=["weights", memory])
    mean = -np.expm1(-np.maximum(run.time.values - 3.0, 0) / tau)
    # Single precision, up to 40 roundings.
    np.testing.assert_allclose(run.memory[0], mean, atol=40 * 2**-24)
    np.testing.assert_allclose(run.weights_recorded[0, :, 0], -dt * (np.cumsum(mean) - mean), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run.state_own_1[0], mean[-1], rtol=1e-5)


def test_a_running_mean_starts_at_the_gate_and_averages_a_changing_one():
    """g = 2 + sin: m <- a m + (1 - a) g, by hand; the mean of a mean is another."""
    tau, steps = 5.0, 12
    gate = lambda moment: 2 + jnp.sin(moment.time)  # noqa: E731
    once, twice = rules.averaged(gate, tau), rules.averaged(rules.averaged(gate, tau), 3.0)
    values = 2 + np.sin(np.arange(steps))
    first = second = values[0]
    change_once, change_twice = [], []
    for g in values:
        change_once.append(first)
        change_twice.append(second)
        second = np.exp(-1 / 3.0) * second + (1 - np.exp(-1 / 3.0)) * first
        first = np.exp(-1 / tau) * first + (1 - np.exp(-1 / tau)) * g
    for made, changes in ((once, change_once), (twice, change_twice)):
        run = pd.simulate(SLOPE, rules.gated(rules.gradient(1.0), made), steps=steps, key=KEY, record=["weights"])
        np.testing.assert_allclose(-np.diff(run.weights_recorded[0, :, 0]), changes, rtol=1e-5)


def test_averaging_times_may_be_an_axis_and_noise_is_gated_too():
    rule = rules.gated(pd.fluctuations.white(1.0), rules.averaged(_opens(0.5), pd.axis("tau", [0.5, 8.0])))
    run = pd.simulate(SLOPE, rule, steps=6, key=KEY, record=["weights"])
    sizes = np.abs(np.diff(run.weights_recorded[:, 0, :, 0], axis=1))
    # The first step meets the gate before it opens; the memory follows a step behind.
    for row, tau in zip(sizes, (0.5, 8.0), strict=True):
        np.testing.assert_allclose(row, -np.expm1(-np.maximum(np.arange(6) - 1, 0) / tau), rtol=1e-5, atol=1e-6)


def test_a_gate_declares_what_it_reads():
    def small(moment):
        return jnp.where(moment.loss() < 1, 1.0, 0.0)

    small.reads = frozenset({"loss"})
    silent = pd.circuits.pattern_layer(np.eye(2), key=KEY)
    for gate in (small, rules.averaged(small, 3.0)):
        with pytest.raises(ValueError, match="rule reads the signal 'loss'"):
            pd.simulate(silent, rules.gated(rules.hebbian(0.1), gate), steps=1, key=KEY)


def test_gate_closes_on_time():
    gate = lambda moment: jnp.where(moment.time < 10, 1.0, 0.0)  # noqa: E731
    bowl = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.ones(3))
    run = pd.simulate(bowl, rules.gated(rules.gradient(0.1), gate), steps=20, key=KEY)
    np.testing.assert_allclose(run.loss[0], 1.5 * 0.9 ** (2 * np.minimum(np.arange(21), 10)), rtol=1e-5)


def test_gate_may_be_an_axis():
    bowl = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.ones(3))
    run = pd.simulate(bowl, rules.gated(rules.gradient(0.1), pd.axis("gate", [0.0, 1.0])), steps=5, key=KEY)
    np.testing.assert_allclose(run.loss.sel(replica=0), 1.5 * np.array([[1.0], [0.9]]) ** (2 * np.arange(6)), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rules.averaged(_opens(1.0), 0.0), "averaging_time must be a number > 0"),
        (lambda: rules.averaged(3.0, 1.0), "gate must be a function of the moment, or a gate; got 3.0"),
        (lambda: rules.gated(rules.gradient(), np.inf), "gate must be finite"),
    ],
)
def test_bad_gates_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
