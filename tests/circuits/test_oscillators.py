"""Oscillator circuits against direct sums, deterministic runs of the specification, and closed forms."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import plastodyn as pd
from plastodyn import protocol
from plastodyn.circuits import frequencies, kuramoto, weighted_kuramoto
from plastodyn.theory import kuramoto as theory

KEY = jax.random.key(0)
GOLDEN = (5**0.5 - 1) / 2
RING = ((np.arange(12) + np.array([[-2], [-1], [1], [2]])) % 12).astype(np.int32)


def _phases(count):
    return 1.8 * np.pi * ((np.arange(1, count + 1) * GOLDEN) % 1)


def _matrix(slots):
    """Slot-major weights on the ring as a dense matrix."""
    dense = np.zeros((12, 12))
    for s, i in np.ndindex(*RING.shape):
        dense[i, RING[s, i]] = slots[s, i]
    return dense


@pytest.mark.parametrize("selectivity", [None, 0.7])
@pytest.mark.parametrize("make", [kuramoto, weighted_kuramoto])
def test_velocities_are_direct_sums(make, selectivity):
    rng = np.random.default_rng(1)
    omega, theta = rng.normal(size=12), rng.uniform(0, 6, 12)
    like = 1.0 if selectivity is None else np.exp(-selectivity * (omega[:, None] - omega) ** 2)
    sine = np.sin(theta[None, :] - theta[:, None])
    dense, slots = rng.normal(size=(12, 12)), rng.normal(size=RING.shape)
    options = {"phases": theta, "selectivity": selectivity, "dtype": "float64"}
    with jax.enable_x64(True):
        full = make(omega, 1.5, weights=dense, **options)
        sparse = make(omega, 1.5, weights=slots, neighbours=RING, **options)
        strength, kept = (
            (dense, _matrix(slots)) if make is weighted_kuramoto else (np.ones((12, 12)), _matrix(np.ones(RING.shape)))
        )
        found = full.activity_velocity(full.start), sparse.activity_velocity(sparse.start)
    np.testing.assert_allclose(found[0], omega + 1.5 * (strength * like * sine).sum(1) / 12, atol=1e-12)
    np.testing.assert_allclose(found[1], omega + 1.5 * (kept * like * sine).sum(1) / 4, atol=1e-12)


def test_signals_are_direct_sums():
    theta, clusters = np.random.default_rng(2).uniform(0, 6, 12), np.repeat([0, 1, 2], 4)
    dense = kuramoto(np.zeros(12), 1.0, phases=theta, clusters=clusters)
    sparse = kuramoto(np.zeros(12), 1.0, phases=theta, clusters=clusters, neighbours=RING)
    cosine, z = np.cos(theta[:, None] - theta), np.exp(1j * theta)
    near = np.array([cosine[np.arange(12), RING[s]] for s in range(4)])
    own = np.array([abs(z[clusters == c].mean()) for c in clusters])
    for circuit, alignment in ((dense, cosine * (1 - np.eye(12))), (sparse, near)):
        signal = circuit.start.signal
        np.testing.assert_allclose(signal("alignment"), alignment, atol=1e-5)
        assert signal("coherence") == pytest.approx(abs(z.mean()), abs=1e-6)
        np.testing.assert_allclose(np.ravel(signal("cluster_coherence")), own, atol=1e-5)
        assert np.broadcast_shapes(signal("cluster_coherence").shape, circuit.weights.shape) == circuit.weights.shape
    np.testing.assert_allclose(sparse.start.signal("local_coherence"), abs(z[RING].mean(0)), atol=1e-5)
    np.testing.assert_allclose(dense.start.signal("local_coherence"), abs(z.mean()), atol=1e-5)


def test_coherence_has_a_gradient_where_it_is_0():
    circuit = kuramoto(jnp.zeros(2), 1.0, phases=[0.0, np.pi])
    slope = jax.grad(lambda phases: circuit.start.replace(activity=phases).signal("coherence"))(jnp.array([0.0, jnp.pi]))
    assert bool(jnp.isfinite(slope).all())


def _gated(rate):
    growth = pd.rules.gated(pd.rules.phase_hebbian(1.0), pd.rules.coherence_gate(20.0, 0.5))
    return rate * (growth + pd.rules.decay(1.0))


def coherence(moment):
    """r."""
    return moment.signal("coherence")


@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-5), ("float32", 1e-3)])
def test_the_deterministic_run_of_figure_2(dtype, within):
    omega = frequencies.gaussian(0.8).quantiles(50)
    with jax.enable_x64(dtype == "float64"):
        circuit = kuramoto(omega, 2.0, phases=_phases(50), dtype=dtype)
        run = pd.simulate(circuit, _gated(0.02), duration=50.0, dt=0.05, key=KEY, record=[coherence, "weight_norm"])
    r = run.coherence.squeeze().values
    np.testing.assert_allclose(r[[0, 100, 300, 1000]], [0.110763, 0.785613, 0.855956, 0.857829], atol=within)
    assert float(run.weight_norm.squeeze()[-1]) == pytest.approx(24.432867, rel=within)
    assert int(np.argmax(r > 0.5)) == 52


@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-5), ("float32", 1e-3)])
def test_the_deterministic_run_of_figure_3(dtype, within):
    omega = [-0.2, -0.1, 0.0, 0.1, 0.2, 5.0, -6.0, 7.0]
    with jax.enable_x64(dtype == "float64"):
        circuit = kuramoto(omega, 3.0, phases=_phases(8), dtype=dtype)
        run = pd.simulate(circuit, _gated(0.02), duration=100.0, dt=0.05, key=KEY, record=[coherence])
    size, inside = abs(run.weights.values.reshape(8, 8)), np.zeros((8, 8), bool)
    inside[:5, :5] = True
    apart = ~np.eye(8, dtype=bool)
    locked, elsewhere = size[inside & apart].mean(), size[~inside & apart].mean()
    np.testing.assert_allclose([locked, elsewhere], [0.659221, 0.064787], atol=within)
    # The published ratio has three decimals.
    assert locked / elsewhere == pytest.approx(10.175, abs=max(5e-4, 20 * within))
    assert int(np.argmax(run.coherence.squeeze().values > 0.5)) == 39


@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-5), ("float32", 1e-3)])
def test_the_deterministic_run_of_figure_4(dtype, within):
    place = np.arange(20)
    raw = np.cos(2 * np.pi * GOLDEN * np.outer(place, place) + place[:, None] + place) * (1 - np.eye(20))
    with jax.enable_x64(dtype == "float64"):
        weights = 6 * raw / np.linalg.norm(raw)
        circuit = kuramoto(np.zeros(20), 2.0, phases=_phases(20), weights=weights, dtype=dtype)
        growth = pd.rules.gated(pd.rules.phase_hebbian(0.1), pd.rules.coherence_gate(20.0, 0.5))
        rule = 0.1 * (growth + pd.rules.decay(1.0))
        run = pd.simulate(circuit, rule, duration=30.0, dt=0.05, key=KEY, record=[coherence, "weight_norm"])
    stated = (-20 * run.coherence**2 + 0.5 * run.weight_norm**2).squeeze().values
    np.testing.assert_allclose(stated[[0, 100, 300, 600]], [17.4861, -13.41298, -18.22042, -18.31132], rtol=within)


_SLOWER = [pytest.param(coupling, 0.004, marks=pytest.mark.slow) for coupling in (2.5, 3.0, 8.0)]


@pytest.mark.parametrize(("coupling", "within"), [(4.0, 0.004), (1.0, 0.03), *_SLOWER])
def test_a_lorentzian_population_follows_its_theory(coupling, within):
    """10 000 oscillators, RK4: below the critical coupling nothing is left but chance, above it the closed form."""
    omega = frequencies.lorentzian(1.0).quantiles(10_000)
    start = 0.1 if coupling > 2 else 0.5
    u = (np.random.default_rng(0).permutation(10_000) + 0.5) / 10_000
    theta = 2 * np.arctan((1 - start) / (1 + start) * np.tan(np.pi * (u - 0.5)))
    circuit = kuramoto(omega, coupling, phases=theta, neighbours=[[*range(1, 10_000), 0]])
    still = pd.rules.decay(0.0)
    # The weights of a sparse graph, 10 000 instead of 10 000 squared; the coupling is that of the mean field.
    dense = _MeanField(circuit)
    run = pd.simulate(
        dense, still, duration=30.0, dt=0.02, solver=pd.solvers.rk4, key=KEY, record=[pd.observe(coherence, every=50)]
    )
    r = run.coherence.squeeze()
    late = float(r.sel(time=slice(20, 30)).mean())
    assert late == pytest.approx(float(theory.order_parameter(coupling, frequencies.lorentzian(1.0).density)), abs=within)
    if coupling == 4:
        expected = theory.ott_antonsen(r.time.values, coupling, 1.0, start)
        np.testing.assert_allclose(r.sel(time=slice(0, 15)), expected[: r.sel(time=slice(0, 15)).size], atol=0.03)


class _MeanField(pd.circuits.AbstractCircuit):
    """A circuit whose phases move in the mean field of all, and whose weights are those of a sparse one."""

    inner: pd.circuits.AbstractCircuit
    signals = frozenset({"coherence"})

    @property
    def weights(self):
        return self.inner.weights

    @property
    def activity(self):
        return self.inner.activity

    def coherence(self, moment):
        return self.inner.coherence(moment)

    def activity_velocity(self, moment):
        return self.inner.activity_velocity(moment.replace(structure=None))


def test_phase_noise_has_its_intensity():
    """400 free phases: the variance of the displacement is 2 D t to 3 sqrt(2 / 400)."""
    circuit = kuramoto(np.zeros(400), 0.0, phases=np.zeros(400), neighbours=[[*range(1, 400), 0]], phase_noise=0.3)
    run = pd.simulate(circuit, pd.rules.decay(0.0), duration=5.0, dt=0.05, key=KEY, record=[])
    moved = run.activity.values if "activity" in run else next(run[n].values for n in run if n.startswith("activity"))
    assert moved.var() == pytest.approx(2 * 0.3 * 5.0, rel=3 * (2 / 400) ** 0.5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "give either a key"),
        ({"phases": [0.0] * 3}, "phases must be one for each of the 4 oscillators"),
        ({"key": KEY, "neighbours": [[0, 1, 2, 3]]}, "own number"),
        ({"key": KEY, "neighbours": [[1, 2, 3, 4]]}, "neighbours must be from 0 to 3"),
        ({"key": KEY, "neighbours": [[1.0, 2.0, 3.0, 0.0]]}, "neighbours must be whole numbers"),
        ({"key": KEY, "clusters": [0, 0, 2, 2]}, "clusters must use every number"),
        ({"key": KEY, "weights": np.ones((3, 3))}, "weights must be one number, or an array of shape"),
        ({"key": KEY, "selectivity": -1.0}, "selectivity must be"),
    ],
)
def test_bad_arguments_are_named(options, said):
    with pytest.raises(ValueError, match=said):
        kuramoto(np.zeros(4), 1.0, **options)


@pytest.mark.parametrize(("dt", "says"), [(0.9, ["the decay of weights"]), (1.1, ["the activity", "the decay of weights"])])
def test_steps_that_are_too_long_are_said(dt, says):
    circuit, rule = kuramoto([0.0, 0.1], 2.0, key=KEY), 0.5 * pd.rules.decay(4.0)
    with pytest.warns(UserWarning, match="up to which steps of this solver follow") as found:
        pd.simulate(circuit, rule, duration=2 * dt, dt=dt, key=KEY)
    assert len(found) == len(says)
    assert all(said in str(one.message) for said, one in zip(says, found, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.simulate(circuit, rule, duration=2 * dt, dt=dt, solver=pd.solvers.rk4, key=KEY)
        pd.simulate(circuit, 0.5 * rule, duration=1.0, dt=0.5, key=KEY)


@pytest.mark.parametrize(("dt", "falls"), [(0.9, True), (1.1, False)])
def test_the_limit_of_eulers_steps(dt, falls):
    """Near the locked state of equal frequencies, where the energy's curvature is K."""
    circuit = kuramoto(np.zeros(4), 2.0, phases=[0.0, 0.02, -0.01, 0.015])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = pd.simulate(circuit, pd.rules.decay(0.1), duration=20 * dt, dt=dt, key=KEY, record=["phases"])
    energy = theory.coupling_energy(run.phases.values[0].astype(float), 2.0)
    assert bool((np.diff(energy) <= 1e-6).all()) == falls


def test_edges_become_slots():
    rng = np.random.default_rng(3)
    edges = np.array([(i, j) for i in range(9) for j in range(i) if rng.random() < 0.4])
    slots = pd.circuits.neighbours_of(np.concatenate([edges, edges[:3, ::-1]]), 9)
    found = {(i, j) for i in range(9) for j in slots[:, i] if j != i}
    assert found == {(int(i), int(j)) for i, j in edges} | {(int(j), int(i)) for i, j in edges}
    kuramoto(np.zeros(9), 1.0, key=KEY, neighbours=slots)
    for bad, said in (([[0, 9]], "from 0 to 8"), ([[1, 1]], "joined to itself"), ([[0.0, 1.0]], "whole numbers")):
        with pytest.raises(ValueError, match=said):
            pd.circuits.neighbours_of(bad, 9)


def test_signals_are_recorded_by_name():
    circuit, record = kuramoto([0.0, 0.1, 0.2], 2.0, key=KEY), ["coherence", pd.observe("phases", every=2)]
    run = pd.simulate(circuit, pd.rules.decay(1.0), duration=1.0, dt=0.5, key=KEY, record=record)
    assert float(run.coherence[0, 0]) == pytest.approx(float(circuit.start.signal("coherence")), rel=1e-6)
    np.testing.assert_array_equal(run.phases[0, -1], run.activity[0])


@pytest.mark.parametrize(("rate", "locked"), [(0.005, True), (1.0, False)])
def test_fast_ungated_decay_kills_the_coupling_before_the_phases_lock(rate, locked):
    """Feedback that has two ends: the specification's table of collapses, 20 circuits of 50 oscillators."""
    circuits = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        start = rng.uniform(0, 2, (50, 50))
        start = (start + start.T) / 2 * (1 - np.eye(50))
        circuits.append(weighted_kuramoto(0.5 * rng.normal(size=50), 2.0, phases=rng.uniform(0, 2 * np.pi, 50), weights=start))
    growth = pd.rules.gated(pd.rules.phase_hebbian(1.0), pd.rules.coherence_gate(20.0, 0.5))
    rule, record = rate * (growth + pd.rules.decay(1.0)), [pd.observe("coherence", every=4000)]
    run = pd.simulate(circuits, rule, duration=200.0, dt=0.05, key=KEY, record=record)
    in_step = (run.coherence.isel(time=-1) > 0.8).values
    assert in_step.all() == in_step.any() == locked
    if not locked:
        assert float(abs(run.weights).mean()) < 0.05


def test_no_array_of_a_step_is_larger_than_the_weights():
    """A sparse circuit needs O(n k): sizes of all values in a step, whatever loops they lie in."""
    near = ((np.arange(100_000) + np.arange(1, 33)[:, None]) % 100_000).astype(np.int32)
    circuit = weighted_kuramoto(np.zeros(100_000), 2.0, key=KEY, neighbours=near)
    gate = pd.rules.coherence_gate(20.0, 0.5, "local_coherence")
    rule = 0.02 * (pd.rules.gated(pd.rules.phase_hebbian(1.0), gate) + pd.rules.decay(1.0))
    carry = protocol.begin(circuit, rule, KEY)
    options = {"time": jnp.zeros(()), "dt": jnp.float32(0.05), "noise": rule.draw(circuit.weights, KEY)}
    traced = jax.make_jaxpr(lambda carry: protocol.step(circuit, rule, carry, **options))(carry)
    assert max(_sizes(traced.jaxpr)) == near.size


def _sizes(jaxpr):
    """Entries of each value that a traced function makes, and of those within its loops."""
    for equation in jaxpr.eqns:
        yield from (int(np.prod(made.aval.shape)) for made in equation.outvars)
        for inner in jaxprs_in_params(equation.params):
            yield from _sizes(inner)
