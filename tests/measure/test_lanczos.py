"""Lanczos iteration: exact on small matrices, and sound where a Krylov space ends early."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from plastodyn import measure
from plastodyn.measure import estimate, lanczos
from plastodyn.runtime.progress import Bar

KEY = jax.random.key(3)
SPECTRA = {
    "equal": np.full(40, 3.0),
    "two": np.repeat([2.0, 5.0], 20),
    "zero": np.zeros(40),
    "one large": np.r_[np.full(39, 1e-3), 1e3],
    "spread": np.geomspace(1e-2, 1e2, 40),
    "signs": np.repeat([-7.0, 0.0, 7.0, 1.0], 10),
}


@pytest.mark.parametrize("run", [lanczos.compiled, pytest.param(lanczos.in_python, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SPECTRA)
def test_the_matrix_is_the_operator_in_its_basis(name, run):
    """``Q Q' = 1`` and ``Q A Q' = T``, also beyond an early end; Ritz values lie within the spectrum."""
    values = SPECTRA[name]
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0]
    matrix = (rotation * values) @ rotation.T
    start = jax.random.normal(KEY, (40,))
    with jax.enable_x64(True):
        product = lambda v: jnp.asarray(matrix) @ v  # noqa: E731
        tridiagonal, basis = (np.asarray(x) for x in run(product, jnp.asarray(start, "float64"), 15, Bar("lanczos", 15)))
    np.testing.assert_allclose(basis @ basis.T, np.eye(15), atol=1e-10)
    np.testing.assert_allclose(basis @ matrix @ basis.T, tridiagonal, atol=1e-9 * (1 + np.abs(values).max()))
    ritz = np.linalg.eigvalsh(tridiagonal)
    room = 1e-9 * (1 + np.abs(values).max())
    assert values.min() - room <= ritz.min() <= ritz.max() <= values.max() + room


@pytest.mark.parametrize("name", ["equal", "two", "signs"])
def test_few_distinct_eigenvalues_are_found_in_single_precision(name):
    values = jnp.asarray(SPECTRA[name], "float32")
    operator = measure.operator(lambda v: values * v, jnp.ones(40))
    low, high = measure.extremes(operator, key=KEY, depth=20)
    assert (float(low), float(high)) == pytest.approx((float(values.min()), float(values.max())), abs=1e-4)
    spectrum = measure.spectrum(operator, key=KEY, depth=20, probes=50)
    assert spectrum.multiplicities.sum() == pytest.approx(40)
    kept = spectrum.multiplicities > 1e-3
    assert np.abs(spectrum.eigenvalues[kept, None] - np.unique(values)).min(axis=1).max() < 1e-4
    pairs, directions = measure.leading_pairs(operator, key=KEY, count=5, depth=20)
    assert float(pairs.max()) == pytest.approx(float(values.max()), abs=1e-4)
    np.testing.assert_allclose(directions @ directions.T, np.eye(5), atol=1e-4)


def test_the_standard_error_of_a_ratio_is_its_spread():
    """4000 ratios of means of 50 pairs, whose denominators are not near 1."""
    rng = np.random.default_rng(0)
    denominators = 20 + 3 * rng.normal(size=(4000, 50))
    numerators = 2 * denominators + 5 * rng.normal(size=(4000, 50))
    found = jax.vmap(lambda x, y: estimate.ratio_of_means(x, y)[:2])(jnp.asarray(numerators), jnp.asarray(denominators))
    values, errors = map(np.asarray, found)
    # The spread of 4000 values is known to 1.1 %.
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.05)
    assert np.std(values) == pytest.approx(5 / 20 / 50**0.5, rel=0.06)
