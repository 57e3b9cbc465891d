"""The consolidation paper: its quick figures' claims by default, the others' when slow tests run."""

import jax
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.papers import papers
from plastodyn.papers.alemi2024 import fluctuations, integrator, setups, toy
from plastodyn.papers.types import Place
from plastodyn.theory import consolidation

FIGURES = papers()["alemi2024"].figures
QUICK = ("fig2c", "fig3", "fig4b")


def _claims_hold(name, tmp_path):
    result = FIGURES[name].make("smoke", jax.random.key(3), Place(tmp_path))
    assert result.claims
    assert [claim.name for claim in result.claims if claim.holds is False] == []
    for axes in result.figure.axes:
        assert axes.get_xlabel() or axes.get_ylabel()


@pytest.mark.parametrize("name", QUICK)
def test_claims_of_quick_figures(name, tmp_path):
    _claims_hold(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FIGURES if name not in QUICK])
def test_claims_of_the_other_figures(name, tmp_path):
    _claims_hold(name, tmp_path)


def test_crossing_times_are_interpolated():
    time = np.arange(0, 50, 0.7)
    found = integrator._crossing_times(time, np.sin(time - 1), time >= 0)
    # Linear interpolation of a sine at steps of 0.7 errs by less than h^3 / (9 sqrt 3) = 0.022.
    np.testing.assert_allclose(found, 1 + 2 * np.pi * np.arange(8), atol=0.022)
    # Crossings after the last swing that counts do not.
    assert len(integrator._crossing_times(time, np.sin(time - 1), time < 20)) == 3
    assert len(integrator._crossing_times(time, np.sin(time - 1), time < 0)) == 0


def test_half_turn_durations_are_those_of_the_simulated_worst_case():
    with jax.enable_x64(True):
        circuit = setups.double([0.0, 0.0], perturbation=pd.perturbations.worst_case(0.8))
        path = setups.track(circuit, setups.two_stage(1.0), 30.0, jax.random.key(0), every=1, dt=0.005).isel(replica=0)
    first = path.isel(site=0).values
    crossings = path.time.values[1:-1][first[1:-1] * first[2:] < 0]
    np.testing.assert_allclose(np.diff(crossings), consolidation.half_turn(1.0, 0.8), atol=0.011)


def test_variance_under_held_noise_has_its_known_limits(monkeypatch):
    """Noise held for long: the late weight follows it entirely, so that its variance is that of the noise."""
    monkeypatch.setattr(toy, "_HOLD", 400.0)
    # Transients of order 10 after each of the jumps: a relative change of a few per cent.
    assert toy._variance(0.2) == pytest.approx(toy._NOISE**2 / 3, rel=0.05)


def test_best_speed_is_read_off_three_terms():
    alpha = np.geomspace(0.02, 2, 9)
    values = consolidation.stationary_error(alpha, 0.05, 0.0125)[1]
    assert fluctuations._lowest(alpha, values, 0.01 * values)[0] == pytest.approx(np.log10(0.25), rel=1e-6)


@pytest.mark.slow
def test_a_short_run_ends_on_the_way_of_a_longer_one(key):
    circuits = integrator.integrators(2, key)
    short, long = (setups.consolidate(circuits, 0.12, 0.006, seconds, key) for seconds in (4.0, 8.0))
    np.testing.assert_array_equal(short.feedback.values[:, -1], long.feedback.sel(time=4.0, method="nearest").values)
