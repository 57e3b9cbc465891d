"""Energies along simulated trajectories, the bound of the weights, and what `simulate` warns of."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.circuits import frequencies, kuramoto, weighted_kuramoto
from plastodyn.theory import kuramoto as theory

KEY = jax.random.key(0)
_ROUNDING = 1e-10


def _gate():
    return pd.rules.coherence_gate(20.0, 0.5)


def _hebb(rate):
    return rate * (pd.rules.gated(pd.rules.phase_hebbian(1.0), _gate()) + pd.rules.decay(1.0))


def _run(circuit, rule, duration, dt, solver=pd.solvers.euler):
    record = ["phases", "coherence", "weights"]
    run = pd.simulate(circuit, rule, duration=duration, dt=dt, key=KEY, solver=solver, record=record)
    shape = (-1, *circuit.weights.shape)
    return run.phases.values[0], run.coherence.values[0], run.weights_recorded.values[0].reshape(shape)


@pytest.mark.parametrize(("dtype", "up"), [("float64", _ROUNDING), ("float32", 1e-4)])
def test_the_energy_of_equal_frequencies_only_falls(dtype, up):
    with jax.enable_x64(dtype == "float64"):
        circuit = kuramoto(np.zeros(20), 2.0, key=jax.random.key(3), dtype=dtype)
        phases, _, _ = _run(circuit, pd.rules.decay(0.0), 20.0, 0.05)
    assert np.diff(theory.coupling_energy(phases.astype(float), 2.0)).max() <= up


@pytest.mark.parametrize("rate", [0.02, 1.0])
def test_u_and_l_only_fall_whatever_the_frequencies(rate):
    """Normal frequencies of spread 0.8, 50 oscillators, Euler: half of the largest share of weights."""
    with jax.enable_x64(True):
        omega = np.asarray(frequencies.gaussian(0.8).draw(jax.random.key(1), 50, "float64"))
        circuit = kuramoto(omega, 2.0, key=jax.random.key(2), dtype="float64")
        phases, r, weights = _run(circuit, _hebb(rate), 20.0, 0.05)
    gate = 1 / (1 + np.exp(-20 * (r - 0.5)))
    share = 0.5 * theory.largest_weight_share(50, 1.0, 1.0, rate, 20.0)
    target = theory.target_weights(phases, gate, 1.0, 1.0)
    options = {"coupling": 2.0, "frequencies": omega}
    energy = theory.composite_energy(phases, weights, target, weight_share=share, **options)
    assert np.diff(theory.rotating_energy(phases, 2.0, omega)).max() <= _ROUNDING
    assert np.diff(energy).max() <= _ROUNDING
    assert np.diff(theory.composite_energy(phases, weights, target, weight_share=1.0, **options)).max() > 0.01


@pytest.mark.parametrize("rate", [0.02, 0.5, 10.0])
def test_e_only_falls_where_the_gate_acts_on_growth_and_decay(rate):
    """Symmetric weights couple the phases; RK4, at any rate of plasticity."""
    with jax.enable_x64(True):
        omega = np.asarray(frequencies.gaussian(0.5).draw(jax.random.key(1), 20, "float64"))
        raw = np.abs(np.random.default_rng(0).normal(size=(20, 20)))
        circuit = weighted_kuramoto(
            omega, 2.0, key=jax.random.key(2), weights=(raw + raw.T) * (1 - np.eye(20)), dtype="float64"
        )
        rule = pd.rules.gated(rate * (pd.rules.phase_hebbian(1.0) + pd.rules.decay(1.0)), _gate())
        phases, _, weights = _run(circuit, rule, 20.0, 0.02, pd.solvers.rk4)
    energy = theory.weighted_energy(phases, weights, coupling=2.0, frequencies=omega, gain=1.0, decay=1.0)
    assert np.diff(energy).max() <= _ROUNDING
    assert energy[-1] < energy[0] - 1


def test_weights_of_a_circuit_stay_within_their_bound():
    with jax.enable_x64(True):
        raw = np.random.default_rng(0).normal(0, 2, size=(12, 12)) * (1 - np.eye(12))
        circuit = kuramoto(np.linspace(-1, 1, 12), 2.0, key=KEY, weights=raw, dtype="float64")
        _, _, weights = _run(circuit, _hebb(0.5), 20.0, 0.01)
    bound = theory.weight_bound(np.arange(len(weights))[:, None, None] * 0.01, raw, gain=1.0, decay=1.0, rate=0.5)
    assert (np.abs(weights) - bound).max() <= 1e-6
    assert (np.abs(weights[-1]) > 0.9).any()


@pytest.mark.parametrize("kind", [pd.solvers.euler, pd.solvers.rk4])
def test_steps_and_durations_that_cannot_be_right_are_said(kind):
    circuit = kuramoto(np.linspace(-1, 1, 5), 50.0, key=KEY)
    with pytest.warns(UserWarning, match="up to which steps of this solver follow the activity"):
        pd.simulate(circuit, pd.rules.decay(0.1), duration=1.0, dt=0.1, key=KEY, solver=kind)
    with pytest.warns(UserWarning, match="follow the decay of weights"):
        pd.simulate(circuit, pd.rules.decay(5.0), steps=2, key=KEY)
    weighted = weighted_kuramoto(np.zeros(4), 50.0, key=KEY)
    with pytest.warns(UserWarning, match="follow the activity"):
        pd.simulate(weighted, pd.rules.decay(0.1), duration=1.0, dt=0.2, key=KEY, solver=kind)
    slow = kuramoto([1.0, 1.02], 0.0, phases=[0.0, 0.0])
    with pytest.warns(UserWarning, match="rounding takes more than a hundredth"):
        pd.simulate(slow, pd.rules.decay(0.0), duration=2000.0, dt=0.01, key=KEY, solver=kind, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.simulate(slow, pd.rules.decay(0.0), duration=1000.0, dt=0.01, key=KEY, progress=False)


def test_coherence_of_many_clusters_is_that_of_few():
    phases, clusters = jax.random.uniform(KEY, (200,), maxval=6.0), np.arange(200) % 40
    circuit = kuramoto(np.zeros(200), 1.0, phases=phases, clusters=clusters)
    found = np.ravel(circuit.start.signal("cluster_coherence"))
    expected = [abs(np.exp(1j * np.asarray(phases, float))[clusters == one].mean()) for one in clusters]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert jnp.shape(circuit.start.signal("cluster_coherence")) == (200, 1)
