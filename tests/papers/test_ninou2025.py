"""The curl-descent paper: its networks, its experiments, and the claims of its quick figures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import plastodyn as pd
from plastodyn.papers import papers
from plastodyn.papers.ninou2025 import experiments, fluctuations, other_circuits, phase_maps, setups, spectra
from plastodyn.papers.types import Place, placed
from plastodyn.theory import curl

FIGURES = papers()["ninou2025"].figures


@pytest.mark.parametrize(("compression", "expected"), [(0.1, [20, 199, 1]), (1.0, [110, 110, 1]), (100.0, [217, 2, 1])])
def test_widths_are_those_of_the_specification(compression, expected):
    assert setups.widths(compression) == expected


def test_networks_share_data_and_differ_in_weights(key):
    with jax.enable_x64(True):
        one, two = setups.linear_networks(1.0, 2, "random", key)
        assert one.covariance is two.covariance
        assert not jnp.array_equal(one.target_map, two.target_map)
        # Uniform on +-1/sqrt(fan_in): 12 100 weights, whose mean square has a relative standard error below 1 %.
        assert float(jnp.mean(one.weights.kernels[0] ** 2)) == pytest.approx(1 / (3 * 110), rel=0.04)
        # 250 inputs of variance 1/2 in 110 dimensions: relative standard error of the trace is 0.9 %.
        assert float(jnp.trace(one.covariance)) == pytest.approx(55, rel=0.04)


def test_starts_next_to_the_teacher(key):
    with jax.enable_x64(True):
        (network,) = setups.linear_networks(0.4, 1, "teacher", key)
        assert 0 < float(network.loss_at(network.weights)) < 1e-27
        (network,) = setups.linear_networks(0.4, 1, "normalised", key)
        hidden, readout = network.teacher.kernels
        assert float(jnp.linalg.norm(hidden)) == pytest.approx(setups.widths(0.4)[1] ** 0.5, rel=1e-12)
        assert float(jnp.linalg.norm(readout)) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("layer", ["hidden", "readout"])
def test_curl_descent_is_the_papers_update(layer, key):
    """Two steps against the update written out in NumPy; float64, products of a hundred terms."""
    with jax.enable_x64(True):
        (network,) = setups.linear_networks(0.5, 1, "random", key)
        run = pd.simulate(network, setups.curl_descent(0.3, layer), steps=2, key=key, record=["loss"])
        first, second = (np.asarray(k) for k in network.weights.kernels)
        covariance, target = np.asarray(network.covariance), np.asarray(network.target_map)
    norms = np.linalg.norm(first), np.linalg.norm(second)
    signs = [np.ones(first.shape[1]), np.ones(second.shape[1])]
    flipped = signs[setups.LAYERS[layer]]
    flipped[: round(0.3 * flipped.size)] = -1
    for _ in range(2):
        slope = (second @ first - target) @ covariance
        change = second.T @ slope * signs[0], slope @ first.T * signs[1]
        first, second = first - 0.1 * change[0], second - 0.1 * change[1]
        first, second = first * norms[0] / np.linalg.norm(first), second * norms[1] / np.linalg.norm(second)
    np.testing.assert_allclose(run.weights.squeeze(), np.concatenate([first.ravel(), second.ravel()]), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(
    ("layer", "compression"),
    [
        pytest.param("hidden", 0.1, marks=pytest.mark.slow),
        pytest.param("readout", 0.03, marks=pytest.mark.slow),
        pytest.param("readout", 1.5, marks=pytest.mark.slow),
    ],
)
def test_the_networks_of_phase_diagrams_learn_as_those_of_the_paper(layer, compression, key):
    """200 epochs at fractions on both sides of the boundary; float64, before any chaos, coordinates cut and whole."""
    fractions = np.array([0.0, 0.1, 0.35, 1.0])

    def learn(networks, rule):
        return pd.simulate(networks, rule, steps=200, key=key, record=["loss"], progress=False)

    with jax.enable_x64(True):
        networks = setups.linear_networks(compression, 2, "random", key)
        cheap = experiments._FLIPS[layer](networks, fractions, learn)
        plain = learn(networks, setups.curl_descent(pd.axis("fraction", fractions), layer))
    np.testing.assert_array_equal(cheap.fraction, fractions)
    np.testing.assert_allclose(cheap.loss.transpose(*plain.loss.dims), plain.loss, rtol=1e-8, atol=1e-14)


def test_settled_wants_small_and_no_longer_rising(key):
    """Next to an unstable solution the error is small but rises: such a network must not retire."""
    with jax.enable_x64(True):
        (network,) = setups.linear_networks(1.0, 1, "teacher", key)
        rule = setups.curl_descent(0.6, "hidden")
        state = rule.init(experiments.Moment(network, network.weights, jnp.zeros(())), key)
        step = pd.measure.rule_map(network, rule)
        weights = network.weights
        for _ in range(40):
            weights = step(weights)
        moment = experiments.Moment(network, weights, jnp.zeros(()), rule=rule, state=state)
        assert float(network.loss_at(weights)) < 1e-16
        assert not bool(experiments.settled(moment))
        descending = moment.replace(rule=pd.rules.gradient(1.0), state=None)
        assert bool(experiments.settled(descending))


@pytest.mark.parametrize(("fraction", "stable"), [(0.0, True), (0.6, False)])
@pytest.mark.slow
def test_hidden_flips_are_stable_or_not_as_the_theory_says(fraction, stable, key):
    point = {"compression": np.array([0.8]), "fraction": np.array([fraction])}
    found = experiments.phase_point(point, key, layer="hidden", start="random", seeds=2, epochs=6000)
    level = phase_maps.log_error(found.test_error)
    assert (curl.spectral_edge(0.8, fraction, layer="hidden") > 0) == stable
    assert bool((level < -14).all() if stable else (level > -3).all())
    assert bool((found.steps_taken < 6000).all()) == stable


@pytest.mark.slow
def test_epochs_to_converge_reads_log_spaced_epochs_and_censors(key):
    point = {"flipped": np.array([0, 1])}
    found = experiments.epochs_to_converge(point, key, varied="none", fixed={"samples": 50}, seeds=2, epochs=600)
    done = ~found.censored
    below = found.error.isel(epoch=-1) < experiments.CONVERGED
    assert bool((below == done).all())
    for index in np.argwhere(done.values):
        curve = found.error.values[tuple(index)]
        assert found.epochs.values[tuple(index)] == found.epoch.values[np.argmax(curve < experiments.CONVERGED)]
    short = experiments.epochs_to_converge(point, key, varied="none", fixed={"samples": 50}, seeds=2, epochs=20)
    assert bool(short.censored.all())
    assert bool((short.epochs == 20).all())


def test_a_figure_without_a_place_leaves_no_store(key):
    """Stores go where the place says, and without one to a directory that is gone after the call."""
    seen = []

    @placed
    def make(size, key, place):
        del key
        seen.append(place.directory)
        assert place.directory.exists()
        return size

    assert make("smoke", key) == "smoke"
    assert not seen[0].exists()


def test_sides_of_the_boundary():
    axes = {"compression": [0.1, 1.0], "fraction": [0.0, 0.6]}
    values = xr.DataArray(np.arange(4.0).reshape(2, 2), coords=axes)
    stable, unstable = setups.sides(values, "hidden")
    assert set(stable.values) == {0.0, 1.0, 2.0}
    assert set(unstable.values) == {3.0}


def test_identifiable_circuits_have_no_stable_flips(key):
    """Sylvester: -D H has as many growing directions as flipped weights where H has full rank."""
    with jax.enable_x64(True):
        circuit = other_circuits._at_teacher(other_circuits._Kind("tanh", "tanh", 1), 0.4, 20, key)
        growth = other_circuits._growth(circuit, np.array([0.0, 0.2]))
        assert growth[0] < 0 < growth[1]
        field = pd.measure.rule_field(circuit, pd.rules.flipped(pd.rules.gradient(1.0), pd.rules.presynaptic(0.2)))
        spectrum = pd.measure.jacobian_spectrum(field, circuit.weights)
        hidden_units = circuit.weights.kernels[0].shape[0]
        inputs = circuit.weights.kernels[0].shape[1]
        assert spectrum.unstable == round(0.2 * inputs) * hidden_units


def test_stationary_error_of_the_linearised_step_against_its_recursion(key):
    """The Lyapunov equation's solution against 4000 steps of the covariance's own recursion; float64."""
    with jax.enable_x64(True):
        (network,) = setups.linear_networks(0.2, 1, "teacher", key)
        found = fluctuations._stationary(network, 0.2, (1e-2,))[0]
        w1, w2 = (np.asarray(k) for k in network.teacher.kernels)
        covariance = np.asarray(network.covariance)
    signs = np.where(np.arange(w1.shape[1]) < round(0.2 * w1.shape[1]), -1.0, 1.0)
    step = np.eye(w1.shape[1]) - 0.1 * (w1.T @ w1 + np.sum(w2**2) * np.diag(signs)) @ covariance
    noise = 1e-4 / (w1.size + w2.size) * (w1.T @ w1 + np.sum(w2**2) * np.eye(w1.shape[1]))
    spread = np.zeros_like(noise)
    for _ in range(4000):
        spread = step @ spread @ step.T + noise
    assert found == pytest.approx(0.5 * np.trace(covariance @ spread), rel=1e-9)


@pytest.mark.parametrize("name", ["fig1", "fig2", pytest.param("spectra", marks=pytest.mark.slow)])
def test_quick_figures_hold(name, tmp_path, key):
    result = FIGURES[name].make("smoke", key, Place(tmp_path))
    assert [claim.name for claim in result.claims if claim.holds is False] == []
    result.figure.savefig(tmp_path / "figure.png")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FIGURES if name not in ("fig1", "fig2", "spectra")])
def test_every_figure_holds_at_smoke_size(name, tmp_path, key):
    result = FIGURES[name].make("smoke", key, Place(tmp_path))
    assert [claim.name for claim in result.claims if claim.holds is False] == []


def test_a_phase_diagram_of_500_by_500_edges_is_whole():
    compression, fraction = np.geomspace(1e-3, 1e2, 500), np.linspace(0, 1, 500)[:, None]
    for layer in ("hidden", "readout"):
        assert np.isfinite(curl.spectral_edge(compression, fraction, layer=layer)).all()


def test_stability_matrix_has_the_theorys_trace(key):
    """Mean eigenvalue: 1/c + 1 - 2 alpha for hidden flips; 400 inputs, standard error of the trace about 1e-2."""
    found = np.trace(spectra.stability_matrix("hidden", 0.5, 0.3, 400, key)) / 400
    assert found == pytest.approx(2 + 1 - 0.6, abs=0.05)
