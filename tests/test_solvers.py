"""Solvers: measured orders of convergence, closed forms, and constraints that keep the order."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import solvers


@pytest.mark.parametrize(("solver", "order"), [(pd.solvers.euler, 1), (pd.solvers.heun, 2), (pd.solvers.rk4, 4)])
def test_measured_convergence_order(solver, order):
    """Error at t = 1 of dw/dt = -w^3 against its closed form, in float64; the slope over three halvings."""
    with jax.enable_x64(True):
        circuit = pd.Circuit(loss=lambda w: 0.25 * jnp.sum(w**4), weights=jnp.array([1.5], dtype="float64"))
        exact = 1.5 / np.sqrt(1 + 2 * 1.5**2)
        steps = np.array([0.1, 0.05, 0.025, 0.0125])
        errors = [
            abs(
                float(
                    pd.simulate(
                        circuit, pd.rules.gradient(1.0), duration=1.0, dt=float(dt), solver=solver, key=jax.random.key(0)
                    ).weights[0, 0]
                )
                - exact
            )
            for dt in steps
        ]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.25


def test_adaptive_and_stiff_solvers_reach_the_closed_form():
    circuit = pd.Circuit(loss=lambda w: 0.5 * (w[0] ** 2 + 500 * w[1] ** 2), weights=jnp.ones(2))
    for method in (None, diffrax.Kvaerno5()):
        solver = pd.solvers.adaptive(method, relative_tolerance=1e-5, absolute_tolerance=1e-7)
        run = pd.simulate(circuit, pd.rules.gradient(1.0), duration=1.0, dt=0.25, solver=solver, key=jax.random.key(0))
        np.testing.assert_allclose(run.weights[0], [np.exp(-1), 0.0], atol=1e-4)
        assert run.time.values.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(("solver", "order"), [(pd.solvers.euler, 1), (pd.solvers.heun, 2), (pd.solvers.rk4, 4)])
def test_a_constraint_keeps_the_order(solver, order):
    """Descent of ``-2 w_2`` on a circle of radius 2: phi' = cos phi, so that artanh sin phi grows as t."""
    with jax.enable_x64(True):
        circuit = pd.Circuit(loss=lambda w: -2 * w[1], weights=2 * jnp.array([np.cos(0.3), np.sin(0.3)]))
        rule = pd.rules.constrained(pd.rules.gradient(1.0))
        angle = np.arcsin(np.tanh(np.arctanh(np.sin(0.3)) + 1.0))
        steps = np.array([0.1, 0.05, 0.025])
        errors = []
        for dt in steps:
            run = pd.simulate(circuit, rule, duration=1.0, dt=float(dt), solver=solver, key=jax.random.key(0), record=[])
            errors.append(np.linalg.norm(run.weights[0] - 2 * np.array([np.cos(angle), np.sin(angle)])))
            assert float(np.linalg.norm(run.weights[0])) == pytest.approx(2, rel=1e-14)
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.25


@pytest.mark.parametrize("order", [1, 2, 4])
def test_one_step_is_the_taylor_series_to_its_order(order):
    """dw/dt = a w and da/dt = t + a, both from 1, at t = 1: weights, activity and time each enter as they should."""
    solver = {1: solvers.euler, 2: solvers.heun, 4: solvers.rk4}[order]
    with jax.enable_x64(True):
        errors = []
        for dt in (0.02, 0.01):
            time, state = jnp.asarray(1.0), (jnp.ones(()), jnp.ones(()))
            change = solver.displacement(lambda t, y: (y[1] * y[0], t + y[1]), time, state, jnp.asarray(dt))
            # a(1 + s) = 3 exp(s) - 2 - s; w = exp of its integral.
            a = 3 * np.exp(dt) - 2 - dt
            w = np.exp(3 * (np.exp(dt) - 1) - 2 * dt - dt**2 / 2)
            errors.append(np.abs(np.array([float(change[0]) - (w - 1), float(change[1]) - (a - 1)])))
        np.testing.assert_allclose(np.log2(errors[0] / errors[1]), order + 1, atol=0.1)


def test_what_does_not_move_stays_none():
    for solver in (solvers.euler, solvers.heun, solvers.rk4):
        moved = solver.displacement(lambda t, y: (None, y[1]), jnp.zeros(()), (jnp.ones(2), jnp.ones(1)), jnp.ones(()))
        assert moved[0] is None
        assert moved[1].shape == (1,)


def test_an_adaptive_solver_moves_weights_activity_and_time_and_says_when_it_gives_up():
    with jax.enable_x64(True):
        solver = pd.solvers.adaptive(relative_tolerance=1e-10, absolute_tolerance=1e-12)
        state = (jnp.ones(()), jnp.ones(()))
        change = solver.displacement(lambda t, y: (y[1] * y[0], t + y[1]), jnp.asarray(1.0), state, jnp.asarray(0.5))
        a, w = 3 * np.exp(0.5) - 2.5, np.exp(3 * (np.exp(0.5) - 1) - 1 - 0.125)
        np.testing.assert_allclose([float(change[0]), float(change[1])], [w - 1, a - 1], rtol=1e-8)
        still = solver.displacement(lambda t, y: (None, y[1]), jnp.asarray(0.0), state, jnp.asarray(0.5))
        assert float(still[0]) == 0
        blown = solver.displacement(lambda t, y: (y[0] ** 2, y[1]), jnp.asarray(0.0), state, jnp.asarray(2.0))
        assert np.isnan(blown[0])


def test_only_one_step_methods_of_order_1_need_no_projection():
    assert [s.first_order for s in (solvers.euler, solvers.heun, solvers.rk4, solvers.adaptive())] == [
        True,
        False,
        False,
        False,
    ]
    assert [s.one_device for s in (solvers.euler, solvers.heun, solvers.rk4, solvers.adaptive())] == [False, False, False, True]


@pytest.mark.parametrize("name", ["relative_tolerance", "absolute_tolerance"])
def test_tolerances_are_positive(name):
    with pytest.raises(ValueError, match=f"{name} must be a number > 0"):
        solvers.adaptive(**{name: 0.0})
