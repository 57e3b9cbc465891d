"""The seam between estimators and products: a compiled product and a host product give the same numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import measure

MATRIX = np.diag(np.arange(1.0, 9.0)) + 0.3 * np.ones((8, 8))
KEY = jax.random.key(0)
LIKE = {"a": np.ones((2, 3), "float32"), "b": np.ones(2, "float32")}


def _compiled(vector):
    flat = jnp.concatenate([vector["a"].ravel(), vector["b"]])
    moved = jnp.asarray(MATRIX, "float32") @ flat
    return {"a": moved[:6].reshape(2, 3), "b": moved[6:]}


def _host(vector):
    """As another library would: NumPy arrays in and out, nothing that JAX could trace."""
    assert all(type(leaf) is np.ndarray for leaf in vector.values())
    moved = MATRIX.astype("float32") @ np.concatenate([vector["a"].ravel(), vector["b"]])
    return {"a": moved[:6].reshape(2, 3), "b": moved[6:]}


COMPILED, HOST = OPERATORS = [measure.operator(_compiled, LIKE), measure.host_operator(_host, LIKE)]


@pytest.mark.parametrize("operator", [COMPILED, pytest.param(HOST, marks=pytest.mark.slow)])
def test_estimators_take_any_product(operator):
    exact = np.linalg.eigvalsh(MATRIX)
    trace = measure.trace(operator, key=KEY, samples=64)
    assert abs(float(trace.value) - exact.sum()) < 5 * float(trace.standard_error)
    low, high = measure.extremes(operator, key=KEY, depth=8)
    assert (float(low), float(high)) == pytest.approx((exact[0], exact[-1]), rel=1e-4)
    values, directions = measure.leading_pairs(operator, key=KEY, count=2, depth=8)
    np.testing.assert_allclose(values, exact[::-1][:2], rtol=1e-4)
    np.testing.assert_allclose(directions @ MATRIX @ directions.T, np.diag(values), atol=1e-3)
    spectrum = measure.spectrum(operator, key=KEY, depth=8, probes=200)
    moment = np.sum(spectrum.multiplicities * spectrum.eigenvalues)
    # Var of v'Av / |v|^2 for Gaussian v is at most 2 tr A^2 / N^2; n = 200 probes.
    assert abs(moment - exact.sum()) < 5 * np.sqrt(2 * np.sum(exact**2) / 200)


def test_both_products_meet_the_same_probes():
    compiled, host = (measure.trace(operator, key=KEY, samples=8) for operator in OPERATORS)
    assert float(compiled.value) == pytest.approx(float(host.value), rel=1e-6)
    assert compiled.samples == host.samples == 8


def test_a_torch_module_enters_by_its_hessian_vector_product():
    torch = pytest.importorskip("torch")
    weights = torch.tensor([1.0, 2.0, 3.0])

    def product(vector):
        found = torch.autograd.functional.hvp(lambda w: (w**4).sum(), weights, torch.from_numpy(vector))[1]
        return found.numpy()

    low, high = measure.extremes(measure.host_operator(product, np.ones(3, "float32")), key=KEY, depth=3)
    assert (float(low), float(high)) == pytest.approx((12.0, 108.0), rel=1e-4)


def test_the_hessian_is_an_operator():
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**4), weights=jnp.arange(1.0, 4.0))
    operator = measure.hessian_operator(circuit.loss_at, circuit.weights)
    assert float(measure.trace(operator, key=KEY, samples=2).value) == pytest.approx(12 * (1 + 4 + 9))


@pytest.mark.parametrize("make", [measure.operator, measure.host_operator])
@pytest.mark.parametrize(
    ("product", "message"), [(3, "product must be a function"), (lambda v: v["a"], "pytree in the structure")]
)
def test_bad_products_are_refused(make, product, message):
    with pytest.raises(ValueError, match=message):
        make(product, LIKE)
