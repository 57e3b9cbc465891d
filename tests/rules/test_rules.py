"""Each rule against its defining equation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import tree
from plastodyn.protocol import Moment

MATRIX = jnp.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])


def _quadratic(weights=(1.0, -2.0, 0.5)):
    return pd.Circuit(loss=lambda w: 0.5 * w @ MATRIX @ w, weights=jnp.array(weights))


def _moment(circuit):
    return Moment(circuit, circuit.weights, jnp.float32(0), None)


def _mean_increment(rule, moment, draws):
    keys = jax.random.split(jax.random.key(1), draws)
    state = rule.init(moment, keys[0])
    changes = jax.vmap(lambda k: tree.ravel(rule.increment(moment, state, jnp.float32(1), rule.draw(moment.weights, k))[0]))(
        keys
    )
    return changes.mean(0), changes.std(0, ddof=1) / draws**0.5


def test_precision_sets_magnitude_and_cosine():
    """dc = gamma1 d + gamma2 nu: |dc|^2 = rate^2 and cosine q / sqrt(1 + q^2), in expectation over nu."""
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.ones(300))
    moment = _moment(circuit)
    descent = -circuit.weights / 300**0.5
    for precision in (10.0, 1.0, 0.2):
        rule = pd.rules.noisy_gradient(0.3, precision)
        state = rule.init(moment, jax.random.key(0))
        velocity = rule.velocity(moment, state)

        def change(k, rule=rule, state=state, velocity=velocity):
            return velocity + rule.increment(moment, state, jnp.float32(1), rule.draw(moment.weights, k))[0]

        changes = jax.vmap(change)(jax.random.split(jax.random.key(2), 400))
        squared = jnp.sum(changes**2, axis=1)
        along = changes @ descent / 0.3
        for values, expected in ((squared, 0.09), (along, precision / (1 + precision**2) ** 0.5)):
            error = float(values.std(ddof=1)) / 20
            assert abs(float(values.mean()) - expected) < 5 * error + 1e-6


@pytest.mark.parametrize("make", [pd.rules.weight_perturbation, pd.rules.node_perturbation])
def test_perturbation_is_gradient_descent_on_average(make):
    """Mean of n draws against -rate * gradient, in standard errors; n = 20000."""
    circuit = pd.circuits.student_teacher([3, 4, 2], inputs=20, key=jax.random.key(0), displacement=0.5)
    moment = _moment(circuit)
    mean, error = _mean_increment(make(0.7), moment, 20_000)
    expected = -0.7 * tree.ravel(moment.gradient())
    # 14 + 6 components at five standard errors; the finite perturbation adds a bias of second order.
    assert float(jnp.max(jnp.abs(mean - expected) / error)) < 5
    assert float(jnp.linalg.norm(mean - expected) / jnp.linalg.norm(expected)) < 0.3


def test_keep_or_oppose_never_raises_a_locally_linear_error():
    circuit = pd.Circuit(loss=jnp.sum, weights=jnp.zeros(5))
    run = pd.simulate(circuit, pd.rules.keep_or_oppose(0.1), steps=50, key=jax.random.key(0))
    assert (run.loss.diff("step") < 0).all()


def test_newton_reaches_the_minimum_of_a_quadratic_in_one_step():
    run = pd.simulate(_quadratic(), pd.rules.newton(damping=0.0), steps=1, key=jax.random.key(0))
    assert float(jnp.linalg.norm(run.weights.values)) < 1e-5


def test_newton_is_the_dense_solution():
    circuit = pd.Circuit(loss=lambda w: 0.5 * w @ MATRIX @ w + jnp.sum(w**4), weights=jnp.array([1.0, -2.0, 0.5]))
    moment = _moment(circuit)
    hessian = jax.hessian(circuit.loss_at)(circuit.weights) + 0.1 * jnp.eye(3)
    expected = -0.5 * jnp.linalg.solve(hessian, moment.gradient())
    np.testing.assert_allclose(pd.rules.newton(0.5, damping=0.1).velocity(moment, None), expected, rtol=1e-4)


def test_newton_is_the_beeline_in_a_linear_circuit():
    circuit = pd.circuits.student_teacher([4, 3], inputs=50, key=jax.random.key(0), displacement=0.5)
    moment = _moment(circuit)
    newton, beeline = pd.rules.newton(damping=0.0).velocity(moment, None), pd.rules.beeline().velocity(moment, None)
    np.testing.assert_allclose(tree.ravel(newton), tree.ravel(beeline), atol=1e-4)


def test_flipped_turns_descent_into_rotation():
    """Figure 1 of Ninou et al.: one flipped synapse of w1 w2 = s conserves w1^2 + w2^2."""
    circuit = pd.Circuit(loss=lambda w: 0.5 * (w[0] * w[1] - 1) ** 2, weights=jnp.array([1.5, 1.2]))
    rule = pd.rules.flipped(pd.rules.gradient(1.0), jnp.array([1.0, -1.0]))
    run = pd.simulate(
        circuit, rule, duration=5.0, dt=0.01, solver=pd.solvers.rk4, key=jax.random.key(0), record=["weight_norm"]
    )
    # RK4 at dt = 0.01: local error far below float32 rounding accumulated over 500 steps.
    np.testing.assert_allclose(run.weight_norm, run.weight_norm[0, 0], rtol=2e-5)


def test_constraint_keeps_each_norm_whatever_moves_the_weights():
    circuit = pd.circuits.student_teacher([4, 3, 2], inputs=30, key=jax.random.key(3), displacement=0.3)
    rule = pd.rules.constrained(pd.rules.gradient(0.2)) + pd.fluctuations.white(0.3)
    run = pd.simulate(circuit, rule, steps=100, key=jax.random.key(0))
    end = tree.unravel(circuit.weights, run.weights.values[0])
    for before, after in zip(circuit.weights.kernels, end.kernels, strict=True):
        assert float(jnp.linalg.norm(after)) == pytest.approx(float(jnp.linalg.norm(before)), rel=1e-5)
    assert float(jnp.linalg.norm(end.kernels[0] - circuit.weights.kernels[0])) > 0.1


def test_constraint_keeps_signs():
    circuit = pd.Circuit(loss=lambda w: jnp.sum((w - jnp.array([-1.0, 2.0])) ** 2), weights=jnp.array([0.5, -0.5]))
    run = pd.simulate(circuit, pd.rules.constrained(pd.rules.gradient(0.1), keep="sign"), steps=50, key=jax.random.key(0))
    assert run.weights.values[0].tolist() == [0.0, 0.0]


def test_constrained_flow_stays_on_the_sphere_and_matches_small_steps():
    circuit = _quadratic()
    rule = pd.rules.constrained(pd.rules.gradient(1.0))
    fine = pd.simulate(circuit, rule, duration=2.0, dt=1e-3, key=jax.random.key(0))
    coarse = pd.simulate(circuit, rule, duration=2.0, dt=0.05, solver=pd.solvers.rk4, key=jax.random.key(0))
    np.testing.assert_allclose(coarse.weights, fine.weights, atol=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pd.rules.gradient(-1.0), "rate must be a number >= 0; got -1.0"),
        (lambda: pd.rules.gradient(np.nan), "rate must be"),
        (lambda: pd.rules.gradient("fast"), "rate must be a number >= 0; got 'fast'"),
        (lambda: pd.rules.gradient([]), "rate must be non-empty"),
        (lambda: pd.rules.noisy_gradient(0.1, 0.0), "precision must be a number > 0"),
        (lambda: pd.rules.noisy_gradient(pd.axis("a", [1.0, -1.0]), 1.0), "rate must be"),
        (lambda: pd.rules.weight_perturbation(0.1, scale=0), "scale must be"),
        (lambda: pd.rules.newton(iterations=0), "iterations must be a whole number >= 1"),
        (lambda: pd.rules.constrained(pd.rules.gradient(), keep="shape"), "keep must be one of norm, sign"),
        (lambda: pd.rules.flipped(pd.rules.gradient(), jnp.array([0.5])), "signs must hold only"),
        (lambda: pd.fluctuations.white(np.inf), "rate must be finite"),
        (lambda: pd.fluctuations.confined(pd.fluctuations.white(1), jnp.zeros(3)), "at least one 1"),
        (lambda: pd.fluctuations.sparing(pd.fluctuations.white(1), jnp.ones((2, 3))), "orthonormal"),
        (lambda: pd.rules.gradient() * "x", "factor must be"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
