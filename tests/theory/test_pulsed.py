"""Consolidation whose late rate comes and goes: Floquet exponents and periodic covariances by another route."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from plastodyn.theory import consolidation, pulsed

PIECES = 400
MIDDLES = (np.arange(PIECES) + 0.5) / PIECES


def _alpha(share):
    return 0.8 * (1 + np.cos(2 * np.pi * share)) ** 2


def _noise(share):
    return 1 + np.sin(2 * np.pi * share)


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.24, 0.5, 3.0])
def test_a_constant_speed_gives_the_closed_forms(alpha):
    constant = np.full(7, alpha)
    root = np.sqrt(complex(1 - 4 * alpha))
    assert pulsed.convergence_rate(constant, 3.0) == pytest.approx(((1 - root) / 2).real, rel=1e-9)
    np.testing.assert_allclose(
        pulsed.stationary_error(constant, 0.3, 0.1), consolidation.stationary_error(alpha, 0.3, 0.0), rtol=1e-3
    )


@pytest.mark.parametrize("period", [0.5, 4.0, 15.0])
def test_rates_are_those_of_an_integrated_flow(period):
    def flow(t, z):
        g, w = z.reshape(2, 2)
        return np.concatenate([-g - _alpha(t / period) * w, g])

    turned = solve_ivp(flow, (0, period), np.eye(2).ravel(), rtol=1e-10, atol=1e-12).y[:, -1].reshape(2, 2)
    expected = -np.log(np.abs(np.linalg.eigvals(turned)).max()) / period
    # Pieces err by the square of their length.
    assert pulsed.convergence_rate(_alpha(MIDDLES), period) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("period", [0.5, 4.0, 15.0])
def test_errors_are_those_of_an_integrated_covariance(period):
    """Many periods from nothing, and the means over the last."""

    def flow(t, p):
        a = np.array([[-1.0, -_alpha(t / period)], [1.0, 0.0]])
        size = _noise(t / period) ** 2 * np.array([[1.0, -1.0], [-1.0, 1.0]])
        p = p.reshape(2, 2)
        return (a @ p + p @ a.T + size).ravel()

    turns = int(80 / period) + 2
    times = (turns + MIDDLES) * period
    found = solve_ivp(flow, (0, times[-1]), np.zeros(4), t_eval=times, rtol=1e-8, atol=1e-10).y
    expected = found[0].mean(), (found[0] + 2 * found[1] + found[3]).mean()
    np.testing.assert_allclose(pulsed.stationary_error(_alpha(MIDDLES), _noise(MIDDLES), period), expected, rtol=1e-3)


def test_a_memory_that_resonates_has_no_stationary_error():
    pulses = np.where(np.arange(64) < 8, 16.0, 0.0)
    assert pulsed.convergence_rate(pulses, 3.0) < 0
    assert pulsed.stationary_error(pulses, 1.0, 3.0) == (np.inf, np.inf)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 2)), 1.0, 1.0), "alpha must be one number for each piece"),
        ((np.full(3, -1.0), 1.0, 1.0), "alpha must"),
        ((np.ones(3), np.ones(2), 1.0), "early must be one number, or one for each of the 3"),
        ((np.ones(3), 1.0, 0.0), "period must"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pulsed.stationary_error(*arguments)
