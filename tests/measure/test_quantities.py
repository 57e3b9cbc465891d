"""Estimators against dense answers, and the user's question on a model that is not ours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from sklearn.datasets import load_digits

import plastodyn as pd
from plastodyn import tree

DIAGONAL = jnp.concatenate([jnp.array([60.0, 30.0, 10.0]), jnp.linspace(0.1, 2.0, 97)])
QUADRATIC = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(DIAGONAL * w**2), weights=jnp.ones(100))


def _student():
    return pd.circuits.student_teacher([5, 6, 3], inputs=40, key=jax.random.key(0), displacement=0.3)


def test_curvature_is_the_quadratic_form_of_the_dense_hessian():
    circuit = _student()
    direction = tree.normal_like(jax.random.key(1), circuit.weights)
    flat = np.asarray(tree.ravel(direction), float)
    hessian = jax.hessian(lambda w: circuit.loss_at(tree.unravel(circuit.weights, w)))(tree.ravel(circuit.weights))
    expected = flat @ np.asarray(hessian, float) @ flat / (flat @ flat)
    for scaled in (direction, tree.scale(-7.0, direction)):
        assert float(pd.measure.curvature(circuit.loss_at, circuit.weights, scaled)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("estimator", [pd.measure.hessian_trace, pd.measure.hessian_trace_deflated])
def test_trace_and_its_standard_error(estimator):
    """200 independent estimates: unbiased within five standard errors, and their spread is the error they state."""
    # A rotated quadratic: Hutchinson is exact on a diagonal one.
    rotation = jnp.asarray(np.linalg.qr(np.random.default_rng(0).normal(size=(100, 100)))[0], jnp.float32)
    loss = lambda w: 0.5 * jnp.sum(DIAGONAL * (rotation @ w) ** 2)  # noqa: E731
    one = jax.jit(lambda k: estimator(loss, jnp.ones(100), key=k, samples=12))
    found = [one(k) for k in jax.random.split(jax.random.key(0), 200)]
    values, errors, _ = np.array(found).T
    spread = values.std(ddof=1)
    assert abs(values.mean() - float(DIAGONAL.sum())) < 5 * spread / 200**0.5
    assert 0.5 < errors.mean() / spread < 2.0


def test_deflation_pays_where_few_eigenvalues_carry_the_trace():
    rotation = jnp.asarray(np.linalg.qr(np.random.default_rng(0).normal(size=(100, 100)))[0], jnp.float32)
    loss = lambda w: 0.5 * jnp.sum(DIAGONAL * (rotation @ w) ** 2)  # noqa: E731
    # Same number of Hessian products: 24.
    plain = jax.jit(lambda k: pd.measure.hessian_trace(loss, jnp.ones(100), key=k, samples=24).value)
    deflated = jax.jit(lambda k: pd.measure.hessian_trace_deflated(loss, jnp.ones(100), key=k, samples=12).value)
    spread, smaller = (np.std([one(k) for k in jax.random.split(jax.random.key(0), 20)]) for one in (plain, deflated))
    assert smaller < 0.5 * spread


def test_random_signs_are_fair_and_independent():
    signs = np.asarray(tree.signs_like(jax.random.key(0), (jnp.ones(5000), jnp.ones((50, 100))))[0])
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 5 / 5000**0.5
    assert abs((signs[1:] * signs[:-1]).mean()) < 5 / 5000**0.5
    assert abs((signs[32:] * signs[:-32]).mean()) < 5 / 5000**0.5


def test_lanczos_spectrum_has_the_moments_of_the_dense_one():
    """Moments tr H^k / N for k = 1, 2 within five standard errors over probes."""
    circuit = _student()
    dense = pd.measure.hessian_eigenvalues(circuit.loss_at, circuit.weights)
    spectrum = pd.measure.hessian_spectrum(circuit.loss_at, circuit.weights, key=jax.random.key(0), depth=20, probes=100)
    assert spectrum.multiplicities.sum() == pytest.approx(48)
    assert spectrum.eigenvalues.max() == pytest.approx(dense.max(), rel=1e-3)
    for power in (1, 2):
        moment = np.sum(spectrum.multiplicities * spectrum.eigenvalues**power)
        exact = np.sum(dense**power)
        # Var of v'H^k v / |v|^2 for Gaussian v is at most 2 tr H^2k / N^2; n = 100 probes.
        assert abs(moment - exact) < 5 * np.sqrt(2 * np.sum(dense ** (2 * power)) / 100)


@pytest.mark.slow
def test_stationary_theory_takes_a_lanczos_spectrum():
    spectrum = pd.measure.hessian_spectrum(QUADRATIC.loss_at, QUADRATIC.weights, key=jax.random.key(0), depth=60, probes=300)
    from_lanczos = pd.theory.ratio.stationary_optimum(np.clip(spectrum.eigenvalues, 0, None), 0.1, 5.0, spectrum.multiplicities)
    exact = pd.theory.ratio.stationary_optimum(np.asarray(DIAGONAL), 0.1, 5.0)
    # Three eigenvalues carry half the trace: 300 probes leave tr H an error of 1.7 %; three of those.
    assert float(from_lanczos) == pytest.approx(float(exact), rel=0.05)


def test_leading_directions_are_the_dense_eigenvectors():
    values, directions = pd.measure.leading_directions(QUADRATIC.loss_at, QUADRATIC.weights, key=jax.random.key(0), count=3)
    np.testing.assert_allclose(values, [60.0, 30.0, 10.0], rtol=1e-4)
    np.testing.assert_allclose(np.abs(directions[:, :3]), np.eye(3), atol=1e-2)


def test_no_explicit_hessian_above_the_limit():
    with pytest.raises(ValueError, match="at most 2000"):
        pd.measure.hessian_eigenvalues(lambda w: jnp.sum(w**2), jnp.ones(2001))


def test_plasticity_ratio_of_a_quadratic_is_equation_14():
    answer = pd.measure.plasticity_ratio(QUADRATIC, key=jax.random.key(0), samples=2000)
    gradient_curvature = pd.theory.ratio.quadratic(DIAGONAL, np.ones(100))
    expected = np.sqrt(float(DIAGONAL.mean()) / gradient_curvature)
    assert abs(float(answer.ratio) - expected) < 5 * float(answer.standard_error)
    assert float(answer.curvature_plasticity_error) < 1e-4
    assert answer.state == "highly trained"


@pytest.mark.parametrize(
    ("curvatures", "state"),
    [((1.0, 2.0, 3.0), "highly trained"), ((-1.0, 2.0, 3.0), "partially trained"), ((-5.0, 1.0, 1.0), "not trained")],
)
def test_the_state_is_named(curvatures, state):
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(jnp.array(curvatures) * w**2), weights=jnp.ones(3))
    assert pd.measure.plasticity_ratio(circuit, samples=400).state == state


@pytest.mark.slow
def test_plasticity_ratio_over_the_states_of_a_run():
    run = pd.simulate(
        QUADRATIC, pd.rules.noisy_gradient(pd.axis("rate", [0.1, 0.2]), 5.0), steps=5, replicas=3, key=jax.random.key(0)
    )
    answer = pd.measure.plasticity_ratio(QUADRATIC, run.weights, samples=8)
    assert isinstance(answer.ratio, xr.DataArray)
    assert answer.ratio.sizes == {"rate": 2, "replica": 3}
    assert answer.state.shape == (2, 3)
    assert np.isfinite(answer.ratio).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pd.measure.curvature(QUADRATIC.loss_at, jnp.ones(100), jnp.zeros(100)), "must not be zero"),
        (lambda: pd.measure.curvature(QUADRATIC.loss_at, jnp.ones(100), jnp.ones(3)), "structure and shapes"),
        (lambda: pd.measure.hessian_trace(QUADRATIC.loss_at, jnp.full(100, jnp.nan), key=jax.random.key(0)), "finite"),
        (
            lambda: pd.measure.hessian_trace(QUADRATIC.loss_at, jnp.ones(100), key=jax.random.key(0), samples=1),
            "samples must be",
        ),
        (lambda: pd.measure.hessian_trace(QUADRATIC.loss_at, jnp.ones(100), key=0), "key must be"),
        (lambda: pd.measure.plasticity_ratio(QUADRATIC, jnp.ones(7)), "end in a dimension of 100"),
        (
            lambda: pd.measure.plasticity_ratio(QUADRATIC, rule=pd.rules.beeline()),
            "'teacher', which the circuit does not offer",
        ),
        (
            lambda: pd.measure.leading_directions(QUADRATIC.loss_at, jnp.ones(100), key=jax.random.key(0), count=0),
            "count must be",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def _digits_classifier():
    """A three-layer classifier in plain JAX, a dict of weights and biases: nothing of it is plastodyn's."""
    digits = load_digits()
    images, labels = jnp.asarray(digits.data[:300] / 16.0, jnp.float32), jnp.asarray(digits.target[:300])
    keys = jax.random.split(jax.random.key(0), 3)
    widths = (64, 24, 16, 10)
    weights = {
        f"layer{i}": {"w": jax.random.normal(k, (a, b)) / a**0.5, "b": jnp.zeros(b)}
        for i, (k, a, b) in enumerate(zip(keys, widths, widths[1:], strict=False))
    }

    def loss(w):
        hidden = jnp.tanh(jnp.tanh(images @ w["layer0"]["w"] + w["layer0"]["b"]) @ w["layer1"]["w"] + w["layer1"]["b"])
        scores = hidden @ w["layer2"]["w"] + w["layer2"]["b"]
        decay = 1e-3 * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(w))
        return decay - jnp.mean(jax.nn.log_softmax(scores)[jnp.arange(len(labels)), labels])

    return loss, weights


@pytest.mark.slow
def test_a_users_own_classifier_goes_through_simulate_and_measure():
    loss, weights = _digits_classifier()
    circuit = pd.Circuit(loss=loss, weights=weights)
    trained = pd.simulate(
        circuit, pd.rules.gradient(0.5), steps=600, key=jax.random.key(0), record=[pd.observe("loss", every=100)]
    )
    assert float(trained.loss[0, -1]) < 0.4 < float(trained.loss[0, 0])
    state = tree.unravel(weights, trained.weights.values[0])
    size = 0.1
    rule = pd.rules.noisy_gradient(pd.axis("ratio", [0.1, 0.3, 3.0]) * size, 10.0) + pd.fluctuations.white(size)
    run = pd.simulate(circuit, rule, steps=900, replicas=2, key=jax.random.key(2), weights=state)
    late = run.loss.isel(step=slice(-200, None)).mean(["step", "replica"])
    answer = pd.measure.plasticity_ratio(circuit, run.weights.sel(ratio=0.3), key=jax.random.key(1), samples=64)
    # Along the steady state under fluctuations, as the paper's main claim has it.
    assert (answer.ratio + 3 * answer.standard_error < 1).all()
    assert set(np.unique(answer.state)) <= {"highly trained", "partially trained"}
    assert float(late.sel(ratio=0.3)) < float(late.sel(ratio=3.0))
