"""Finite circuits of oscillators: the closed forms of two, chance and spread, against simulation and other routes."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import plastodyn as pd
from plastodyn.circuits import frequencies
from plastodyn.theory import kuramoto


@pytest.mark.parametrize(("coupling", "difference"), [(0.0, 1.0), (0.6, 1.0), (0.99, 1.0), (0.5, -2.0)])
def test_two_that_slip_solve_their_equation(coupling, difference):
    period = float(kuramoto.slip_period(coupling, difference))
    times = np.linspace(0, 3 * period, 40)
    field = lambda t, d: difference - coupling * np.sin(d)  # noqa: E731
    found = solve_ivp(field, (0, times[-1]), [0.0], t_eval=times, rtol=1e-10, atol=1e-10, method="DOP853").y[0]
    np.testing.assert_allclose(kuramoto.phase_difference(times, coupling, difference), found, atol=1e-7)
    turns = kuramoto.phase_difference([period, 2 * period], coupling, difference)
    np.testing.assert_allclose(np.abs(turns), [2 * np.pi, 4 * np.pi], rtol=1e-9)


def test_two_that_lock_do_not_slip():
    assert kuramoto.slip_period([1.0, 2.0], -1.0).tolist() == [np.inf, np.inf]
    with pytest.raises(ValueError, match=r"coupling must be below \|difference\|"):
        kuramoto.phase_difference(1.0, 1.0, -1.0)


@pytest.mark.parametrize("coupling", [0.0, 0.5, 1.0, 1.8])
def test_chance_below_the_critical_coupling_is_the_closed_form_of_a_lorentzian(coupling):
    found = kuramoto.incoherent_coherence(400, coupling, frequencies.lorentzian(1.0).density)
    assert found == pytest.approx((400 * (1 - coupling / 2)) ** -0.5, rel=1e-6)


def test_chance_without_coupling_is_that_of_any_law():
    for law in (frequencies.gaussian(0.8), frequencies.uniform(2.0)):
        assert kuramoto.incoherent_coherence(100, 0.0, law.density) == pytest.approx(0.1, rel=2e-3)


@pytest.mark.slow
def test_chance_and_spread_are_those_of_simulated_circuits():
    """160 circuits of 100 oscillators, normal frequencies, below and above K_c = 1.277: within 4 standard errors."""
    law, count, seeds = frequencies.gaussian(0.8), 100, 160
    found = {}
    for coupling in (0.6, 2.0):
        circuits = []
        for each in jax.random.split(jax.random.key(5), seeds):
            drawn, placed = jax.random.split(each)
            circuits.append(pd.circuits.kuramoto(law.draw(drawn, count), coupling, key=placed))
        watch = pd.observe("coherence", start=600, every=5)
        run = pd.simulate(circuits, pd.rules.decay(0.0), duration=80.0, dt=0.05, key=jax.random.key(0), record=[watch])
        found[coupling] = run.coherence.values.astype(float)
    squares = count * (found[0.6] ** 2).mean(1)
    expected = count * kuramoto.incoherent_coherence(count, 0.6, law.density) ** 2
    # Beyond linear response by the square of r, 0.02.
    assert squares.mean() == pytest.approx(expected, abs=4 * float(squares.std(ddof=1)) / seeds**0.5 + 0.02 * expected)
    spread = found[2.0].mean(1).std(ddof=1)
    expected = kuramoto.coherence_spread(count, 2.0, law.density)
    assert spread == pytest.approx(expected, abs=4 * expected / (2 * seeds) ** 0.5)


def test_spread_of_evenly_spread_frequencies_is_that_of_their_fixed_points():
    """All are locked: r of each sample solves ``r = mean sqrt(1 - (w / K r)^2)`` about the sample's own mean frequency."""
    rng, count, coupling = np.random.default_rng(0), 2000, 2.0
    found = []
    for _ in range(400):
        omega, r = rng.uniform(-1, 1, count), 1.0
        for _ in range(60):
            r = np.sqrt(np.clip(1 - ((omega - omega.mean()) / (coupling * r)) ** 2, 0, None)).mean()
        found.append(r)
    expected = kuramoto.coherence_spread(count, coupling, frequencies.uniform(1.0).density)
    assert np.std(found, ddof=1) == pytest.approx(expected, rel=4 / 800**0.5 + 0.05)


@pytest.mark.parametrize(("function", "coupling"), [(kuramoto.incoherent_coherence, 2.0), (kuramoto.coherence_spread, 2.0)])
def test_each_side_of_the_critical_coupling_has_its_own_formula(function, coupling):
    with pytest.raises(ValueError, match=r"coupling must be .* the critical one, 2"):
        function(100, coupling, frequencies.lorentzian(1.0).density)
