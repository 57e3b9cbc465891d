"""Theory of coupled oscillators against closed forms, direct sums and the specification's numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from plastodyn.circuits import frequencies
from plastodyn.theory import kuramoto

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (frequencies.lorentzian(1.0), 2.0),
        (frequencies.gaussian(0.8), 0.8 * 1.5957691),
        (frequencies.uniform(1.0), 4 / np.pi),
    ],
)
def test_critical_couplings_are_those_of_the_laws(law, expected):
    found = kuramoto.critical_coupling(law.density(0.0))
    assert found == pytest.approx(expected, rel=1e-7)
    assert kuramoto.order_parameter(0.99 * found, law.density) == 0
    assert kuramoto.order_parameter(1.05 * found, law.density) > 0.1


def test_lorentzian_coherence_is_the_closed_form():
    strength = np.array([2.5, 3.0, 4.0, 8.0])
    found = kuramoto.order_parameter(strength, frequencies.lorentzian(1.0).density)
    np.testing.assert_allclose(found, np.sqrt(1 - 2 / strength), atol=1e-7)
    np.testing.assert_allclose(found, [0.4472, 0.5774, 0.7071, 0.8660], atol=5e-5)


def test_gaussian_coherence_is_that_of_the_specification():
    assert kuramoto.order_parameter(2.0, frequencies.gaussian(0.8).density) == pytest.approx(0.8697, abs=5e-5)


@pytest.mark.parametrize(("coupling", "half_width"), [(4.0, 1.0), (2.0, 1.0), (1.0, 1.0), (3.0, 0.0)])
def test_the_transient_solves_its_equation(coupling, half_width):
    """Central differences of the closed form: error of order h^2."""
    t, h = np.linspace(0.1, 15, 40), 1e-4
    r = lambda at: kuramoto.ott_antonsen(at, coupling, half_width, 0.1)  # noqa: E731
    slope = (r(t + h) - r(t - h)) / (2 * h)
    np.testing.assert_allclose(slope, (coupling / 2 - half_width) * r(t) - coupling / 2 * r(t) ** 3, atol=1e-7)
    assert r(0.0) == pytest.approx(0.1)


def _field(theta, omega, coupling):
    return omega + coupling * np.sin(theta[None, :] - theta[:, None]).mean(1)


def test_the_energy_of_coupling_is_the_direct_sum_and_the_coherence():
    theta = RNG.uniform(0, 20, (3, 12))
    direct = [-2.0 / 24 * np.cos(one[:, None] - one).sum() for one in theta]
    np.testing.assert_allclose(kuramoto.coupling_energy(theta, 2.0), direct, rtol=1e-12)


def test_the_rotating_energy_falls_as_the_squared_speed():
    """``dU/dt = -|dtheta/dt - mean omega|^2`` along the field, by a central difference."""
    theta, omega, h = RNG.uniform(0, 6, 20), RNG.normal(size=20), 1e-6
    speed = _field(theta, omega, 2.0)
    energy = lambda s: kuramoto.rotating_energy(theta + s * speed, 2.0, omega)  # noqa: E731
    found = (energy(h) - energy(-h)) / (2 * h)
    assert found == pytest.approx(-np.sum((speed - omega.mean()) ** 2), rel=1e-6)


@given(seed=st.integers(0, 10**6), rate=st.sampled_from([0.02, 0.5, 10.0]), slope=st.sampled_from([0.0, 5.0, 20.0]))
def test_the_composite_energy_falls_at_any_state_and_rate(seed, rate, slope):
    """Derivative along phases and weights together at random states; the share of weights at its largest."""
    rng, count, h = np.random.default_rng(seed), 8, 1e-6
    theta, omega = rng.uniform(0, 6, count), 0.8 * rng.normal(size=count)
    weights = rng.normal(size=(count, count)) * (1 - np.eye(count))
    gate = lambda at: 1 / (1 + np.exp(-slope * (np.abs(np.exp(1j * at).mean()) - 0.5)))  # noqa: E731
    target = lambda at: kuramoto.target_weights(at, gate(at), 1.0, 1.0)  # noqa: E731
    speed, learning = _field(theta, omega, 2.0), rate * (target(theta) - weights)
    share = kuramoto.largest_weight_share(count, 1.0, 1.0, rate, slope)

    def energy(s):
        at = theta + s * speed
        known = {"coupling": 2.0, "frequencies": omega, "weight_share": share}
        return kuramoto.composite_energy(at, weights + s * learning, target(at), **known)

    assert (energy(h) - energy(-h)) / (2 * h) <= 1e-6


@given(seed=st.integers(0, 10**6), rate=st.sampled_from([0.02, 0.5, 10.0]), gate=st.floats(0.01, 1.0))
def test_the_weighted_energy_falls_where_the_gate_acts_on_all(seed, rate, gate):
    """Symmetric weights: ``dE/dt = -|dtheta/dt - mean omega|^2 - K |dW/dt|^2 / (2 N eta eps G)``."""
    rng, count, h = np.random.default_rng(seed), 8, 1e-6
    theta, omega = rng.uniform(0, 6, count), 0.5 * rng.normal(size=count)
    raw = rng.normal(size=(count, count)) * (1 - np.eye(count))
    weights = raw + raw.T
    difference = theta[None, :] - theta[:, None]
    speed = omega + 2.0 / count * (weights * np.sin(difference)).sum(1)
    learning = rate * gate * (np.cos(difference) * (1 - np.eye(count)) - weights)
    energy = lambda s: kuramoto.weighted_energy(  # noqa: E731
        theta + s * speed, weights + s * learning, coupling=2.0, frequencies=omega, gain=1.0, decay=1.0
    )
    expected = -np.sum((speed - omega.mean()) ** 2) - 2.0 / (2 * count * rate * gate) * np.sum(learning**2)
    assert (energy(h) - energy(-h)) / (2 * h) == pytest.approx(expected, rel=1e-5)


def test_weights_stay_within_their_bound():
    w, gain, decay, rate, dt = 3.0, 0.7, 1.3, 0.1, 0.01
    bounds = kuramoto.weight_bound(dt * np.arange(1, 2001), w, gain=gain, decay=decay, rate=rate)
    for bound, drive in zip(bounds, RNG.uniform(-1, 1, 2000), strict=True):
        w += dt * rate * (gain * drive - decay * w)
        # One Euler step decays by 1 - x, which is below exp(-x).
        assert abs(w) <= bound


def test_estimates_of_time_are_those_of_the_specification():
    assert kuramoto.slow_time(0.02, 1.0) / kuramoto.fast_time(2.0, 1.0) == pytest.approx(100)
    rates = kuramoto.collapse_rate([0.4, 2.0, 4.0], 1.0, critical=0.5, coherence=0.3, centre=0.5, decay=1.0)
    assert rates[0] == 0
    assert rates[1] < rates[2]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: kuramoto.critical_coupling(0.0), "central_density must be a number > 0"),
        (lambda: kuramoto.order_parameter(-1.0, frequencies.gaussian(1.0).density), "coupling must be a number >= 0"),
        (lambda: kuramoto.ott_antonsen(1.0, 2.0, 1.0, 1.5), "start must be"),
        (
            lambda: kuramoto.weighted_energy(np.zeros(2), [[0, 1], [2, 0]], coupling=1, frequencies=[0, 0], gain=1, decay=1),
            "symmetric",
        ),
        (lambda: kuramoto.rotating_energy(np.zeros(3), 1.0, np.zeros(2)), "phases and frequencies must fit"),
        (
            lambda: kuramoto.collapse_rate(2.0, 1.0, critical=0.5, coherence=0.6, centre=0.5, decay=1.0),
            "coherence must be below",
        ),
        (lambda: frequencies.gaussian(-1.0), "spread must be a number > 0"),
    ],
)
def test_bad_arguments_are_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_the_critical_flipped_fraction_of_an_even_law_is_its_closed_form():
    for coupling in (2.0, 4.0, 10.0):
        even = frequencies.uniform(0.5).quantiles(4000)
        closed = (1 - 2 * float(kuramoto.critical_coupling(1.0)) / coupling) / 2
        assert kuramoto.critical_flipped_fraction(even, coupling) == pytest.approx(closed, abs=2e-3)


def test_the_locked_state_of_flipped_oscillators_is_at_rest():
    """Residual of the phases' own equation: weights at rest, flips placed so that their mean is that of all."""
    omega, fraction, coupling = np.repeat(np.linspace(-0.5, 0.5, 41), 5), 0.2, 4.0
    signs = np.tile([-1.0, 1, 1, 1, 1], 41)
    r = float(kuramoto.locked_coherence(fraction, omega, coupling))
    opening = 1 / (1 + np.exp(-20 * (r - 0.5)))
    pull = brentq(lambda a: np.cos(0.5 * np.arcsin(omega / a)).mean() - r, 0.5000001, coupling, xtol=1e-14)
    phase = 0.5 * np.arcsin(omega / pull)
    apart = phase[:, None] - phase
    weights = signs * opening * np.cos(apart)
    rest = omega - coupling * (weights * np.sin(apart)).mean(1)
    np.testing.assert_allclose(rest, 0, atol=1e-6)
