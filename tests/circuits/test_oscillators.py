"""Oscillator circuits against direct sums, deterministic runs of the specification, and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
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


def test_the_deterministic_run_of_figure_3():
    omega = [-0.2, -0.1, 0.0, 0.1, 0.2, 5.0, -6.0, 7.0]
    with jax.enable_x64(True):
        circuit = kuramoto(omega, 3.0, phases=_phases(8), dtype="float64")
        run = pd.simulate(circuit, _gated(0.02), duration=100.0, dt=0.05, key=KEY, record=[coherence])
    size, inside = abs(run.weights.values.reshape(8, 8)), np.zeros((8, 8), bool)
    inside[:5, :5] = True
    apart = ~np.eye(8, dtype=bool)
    within, elsewhere = size[inside & apart].mean(), size[~inside & apart].mean()
    np.testing.assert_allclose([within, elsewhere, within / elsewhere], [0.659221, 0.064787, 10.175], rtol=1e-5, atol=5e-4)
    assert int(np.argmax(run.coherence.squeeze().values > 0.5)) == 39


def test_the_deterministic_run_of_figure_4():
    place = np.arange(20)
    raw = np.cos(2 * np.pi * GOLDEN * np.outer(place, place) + place[:, None] + place) * (1 - np.eye(20))
    with jax.enable_x64(True):
        weights = 6 * raw / np.linalg.norm(raw)
        circuit = kuramoto(np.zeros(20), 2.0, phases=_phases(20), weights=weights, dtype="float64")
        growth = pd.rules.gated(pd.rules.phase_hebbian(0.1), pd.rules.coherence_gate(20.0, 0.5))
        rule = 0.1 * (growth + pd.rules.decay(1.0))
        run = pd.simulate(circuit, rule, duration=30.0, dt=0.05, key=KEY, record=[coherence, "weight_norm"])
    stated = (-20 * run.coherence**2 + 0.5 * run.weight_norm**2).squeeze().values
    np.testing.assert_allclose(stated[[0, 100, 300, 600]], [17.4861, -13.41298, -18.22042, -18.31132], rtol=1e-5)


@pytest.mark.parametrize(("coupling", "within"), [(4.0, 0.004), (1.0, 0.03)])
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
    if coupling > 2:
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
        return self.inner.phases

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
