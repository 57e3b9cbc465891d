"""Lyapunov exponents against closed forms, published values and sum rules; maps, flows and constrained steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd

EPS = np.finfo(np.float64).eps


def _henon(w):
    return jnp.array([1 - 1.4 * w[0] ** 2 + w[1], 0.3 * w[0]])


def _lorenz(w):
    return {"x": 10.0 * (w["y"] - w["x"]), "y": w["x"] * (28.0 - w["z"]) - w["y"], "z": w["x"] * w["y"] - 8.0 / 3.0 * w["z"]}


def test_a_linear_map_has_the_logarithms_of_its_eigenvalues():
    """A non-normal matrix with four real eigenvalues; per unit time at steps of 0.5."""
    with jax.enable_x64(True):
        basis = np.random.default_rng(0).normal(size=(4, 4))
        matrix = jnp.asarray(basis @ np.diag([1.5, -1.1, 0.8, 0.2]) @ np.linalg.inv(basis))
        arguments = {"key": jax.random.key(0), "warm_up": 200, "dt": 0.5}
        found = pd.measure.lyapunov_exponents(lambda w: matrix @ w, jnp.zeros(4), steps=400, count=4, every=4, **arguments)
        # After 200 steps the vectors have settled to (1.1 / 1.5)^200 < 1e-26: what is left is rounding.
        np.testing.assert_allclose(found.value, np.log([1.5, 1.1, 0.8, 0.2]) / 0.5, atol=1e3 * EPS)
        assert (found.standard_error < 1e3 * EPS).all()
        leading = pd.measure.lyapunov_exponents(lambda w: matrix @ w, jnp.zeros(4), steps=400, **arguments)
        np.testing.assert_allclose(leading.value, found.value[:1], atol=1e3 * EPS)


def test_logistic_map_at_4_has_exponent_log_2():
    with jax.enable_x64(True):
        found = pd.measure.lyapunov_exponents(
            lambda x: 4 * x * (1 - x), jnp.array([0.2]), key=jax.random.key(0), steps=200_000, warm_up=100
        )
        # 10 segments: five standard errors, of which each is below a thousandth.
        assert abs(float(found.value[0]) - np.log(2)) < 5 * float(found.standard_error[0]) < 5e-3


@pytest.mark.slow
def test_henon_map_in_a_batch_of_initial_conditions():
    """The published 0.41922 (Sprott 2003), the sum rule that the determinant gives, and the errors that are stated."""
    with jax.enable_x64(True):
        starts = 0.1 * jax.random.uniform(jax.random.key(1), (64, 2))
        keys = jax.random.split(jax.random.key(2), 64)

        def one(start, key):
            return pd.measure.lyapunov_exponents(_henon, start, key=key, steps=10_000, warm_up=100, count=2, every=2)

        found = jax.vmap(one)(starts, keys)
        assert found.value.shape == found.standard_error.shape == (64, 2)
        # Every step contracts areas by exactly 0.3, so the sum has no sampling error: rounding of 10^4 terms.
        np.testing.assert_allclose(found.value.sum(-1), np.log(0.3), atol=1e4 * EPS)
        spread = np.std(found.value[:, 0], ddof=1)
        # n = 64 runs: five standard errors of their mean; the spread between runs is the error that each states.
        assert abs(np.mean(found.value[:, 0]) - 0.41922) < 5 * spread / 8 < 5e-3
        assert 0.6 < np.mean(found.standard_error[:, 0]) / spread < 1.6
        alone = one(starts[5], keys[5])
        # Chaos makes of another order of operations another trajectory of the same law.
        assert abs(float(alone.value[0] - found.value[5, 0])) < 5 * 2**0.5 * spread


@pytest.mark.slow
def test_lorenz_flow():
    """Published exponents 0.9056, 0 and -14.5723 (Viswanath 1998; Sprott 2003); they add up to the divergence -41/3."""
    with jax.enable_x64(True):
        step = pd.measure.flow_map(_lorenz, dt=0.01)

        def one(key):
            x, y, z = jax.random.normal(key, (3,)) + jnp.array([1.0, 1.0, 20.0])
            return pd.measure.lyapunov_exponents(
                step, {"x": x, "y": y, "z": z}, key=key, steps=50_000, warm_up=5000, count=3, every=10, dt=0.01
            )

        found = jax.vmap(one)(jax.random.split(jax.random.key(0), 8))
        error = np.std(found.value, axis=0, ddof=1) / 8**0.5
        # n = 8 runs of 500 time units each: five standard errors of the mean.
        assert (np.abs(np.mean(found.value, axis=0) - np.array([0.9056, 0.0, -14.5723])) < 5 * error + 1e-4).all()
        assert error[0] < 0.01
        # The Runge-Kutta step contracts volumes by exp(div dt) up to (14.6 dt)^5 / 120 a step, 5e-5 per unit time.
        np.testing.assert_allclose(found.value.sum(-1), -41 / 3, atol=1e-2)


def test_a_linear_flow_has_the_real_parts_of_its_eigenvalues():
    with jax.enable_x64(True):
        matrix = jnp.array([[-0.2, -3.0, 1.0], [3.0, -0.2, 0.5], [0.0, 0.0, -1.0]])
        step = pd.measure.flow_map(lambda w: matrix @ w, dt=0.02)
        found = pd.measure.lyapunov_exponents(
            step, jnp.zeros(3), key=jax.random.key(0), steps=10_000, warm_up=2000, count=3, every=5, dt=0.02
        )
        # A turning pair's growth oscillates by at most log |basis| ~ 1 in 200 time units; the step errs by (3 dt)^5 / 120 / dt.
        np.testing.assert_allclose(found.value, [-0.2, -0.2, -1.0], atol=5e-3)


def test_the_runge_kutta_step_has_order_four():
    """A nonlinear pendulum over one time unit: halving dt divides the error by 16, within the next order's share."""
    with jax.enable_x64(True):

        def end(steps):
            step = pd.measure.flow_map(lambda w: jnp.array([w[1], -jnp.sin(w[0])]), dt=1 / steps)
            return jax.lax.fori_loop(0, steps, lambda _, w: step(w), jnp.array([1.0, 0.5]))

        exact = end(1000)
        errors = [float(jnp.linalg.norm(end(steps) - exact)) for steps in (10, 20, 40)]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.2)
        assert np.log2(errors[1] / errors[2]) == pytest.approx(4, abs=0.1)


def test_tangent_vectors_go_through_the_norm_constraint():
    """Ascent of a quadratic at fixed norm is power iteration: exponents log (1 - r k_i) / (1 - r k_0), and one removed."""
    with jax.enable_x64(True):
        curvatures = jnp.array([-1.0, 0.5, 2.0, 3.0])
        circuit = pd.Circuit(
            loss=lambda w: 0.5 * jnp.sum(curvatures * w["all"] ** 2), weights={"all": jnp.array([1.0, 1.0, -1.0, 2.0])}
        )
        step = pd.measure.rule_map(circuit, pd.rules.constrained(pd.rules.gradient(0.1), keep="norm"))
        found = pd.measure.lyapunov_exponents(
            step, circuit.weights, key=jax.random.key(0), steps=100, warm_up=600, count=4, segments=5
        )
        # 600 steps settle the trajectory and the vectors to (0.95 / 1.1)^600 < 1e-37 and (0.7 / 0.8)^600 < 1e-34.
        np.testing.assert_allclose(found.value[:3], np.log(np.array([0.95, 0.8, 0.7]) / 1.1), atol=1e3 * EPS)
        # The direction along the weights is removed at each step, down to rounding.
        assert float(found.value[3]) < np.log(100 * EPS)
        free = pd.measure.lyapunov_exponents(
            pd.measure.rule_map(circuit, pd.rules.gradient(0.1)), circuit.weights, key=jax.random.key(0), steps=100, warm_up=600
        )
        assert float(free.value[0]) == pytest.approx(np.log(1.1), abs=1e3 * EPS)


def test_a_trajectory_that_diverges_says_so():
    found = pd.measure.lyapunov_exponents(lambda x: x**2, jnp.array([2.0]), key=jax.random.key(0), steps=100, warm_up=0)
    assert not np.isfinite(found.value).any()
    spoilt = jax.vmap(
        lambda x: pd.measure.lyapunov_exponents(lambda y: y**2, x, key=jax.random.key(0), steps=100, warm_up=0).value
    )(jnp.array([[2.0], [1.0]]))
    # At the fixed point 1 the derivative is 2; the neighbour in the batch does not spoil it.
    assert float(spoilt[1, 0]) == pytest.approx(np.log(2), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": lambda w: w[:1]}, "step must return a pytree in the structure"),
        ({"step": 1.0}, "step must be a function"),
        ({"weights": jnp.array([jnp.nan, 0.0])}, "weights must be finite"),
        ({"weights": jnp.array([1, 2])}, "weights must be a floating-point array"),
        ({"key": 0}, "key must be"),
        ({"count": 3}, "count must be a number <= 2"),
        ({"count": 0}, "count must be a whole number >= 1"),
        ({"steps": 105}, "steps must be a multiple of segments"),
        ({"steps": 0}, "steps must be a whole number >= 1"),
        ({"steps": 100, "every": 3}, "steps must be a multiple of segments \\* every = 30; got 100"),
        ({"warm_up": -1}, "warm_up must be"),
        ({"every": 0}, "every must be"),
        ({"segments": 1}, "segments must be a whole number >= 2"),
        ({"dt": 0.0}, "dt must be a number > 0"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        pd.measure.lyapunov_exponents(
            **{"step": _henon, "weights": jnp.zeros(2), "key": jax.random.key(0), "steps": 100, "warm_up": 10, **changes}
        )


@pytest.mark.parametrize(
    ("field", "dt", "message"),
    [(_lorenz, 0.0, "dt must be"), (_lorenz, np.nan, "dt must be"), (None, 0.1, "field must be a function")],
)
def test_a_flow_needs_a_field_and_a_step(field, dt, message):
    with pytest.raises(ValueError, match=message):
        pd.measure.flow_map(field, dt)
