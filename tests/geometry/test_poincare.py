"""The Poincare ball: values of the specification, and the laws of its geometry at random points, in both precisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plastodyn.geometry import add, conformal_factor, distance, exponential, into_ball, logarithm

# Points reach norm 0.95, where 1 - |p|^2 is a tenth: errors are some ten roundings of numbers up to 2 / 0.1.
TOLERANCE = {"float64": 1e-12, "float32": 1e-4}
PRECISIONS = sorted(TOLERANCE)


def _points(seed, count, dimensions, dtype):
    drawn = np.random.default_rng(seed).normal(size=(count, 40, dimensions))
    return tuple(into_ball(jnp.asarray(0.4 * one, dtype)) for one in drawn)


def _close(first, second, dtype):
    np.testing.assert_allclose(first, second, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_values_of_the_specification():
    with jax.enable_x64(True):
        assert float(distance([0.0, 0.0], [0.5, 0.0])) == pytest.approx(np.log(3), abs=1e-12)
        np.testing.assert_allclose(add([0.3, 0.0], [0.0, 0.4]), [0.3430599, 0.3588328], atol=1e-7)


@pytest.mark.parametrize("dtype", PRECISIONS)
# 40 sets of points an example; each number of dimensions is compiled anew.
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), dimensions=st.sampled_from([1, 2, 5]))
def test_laws(dtype, seed, dimensions):
    with jax.enable_x64(True):
        p, q, r = _points(seed, 3, dimensions, dtype)
        _close(add(-p, add(p, q)), q, dtype)
        _close(distance(add(r, p), add(r, q)), distance(p, q), dtype)
        along = logarithm(p, q)
        _close(exponential(p, along), q, dtype)
        _close(conformal_factor(p) * jnp.linalg.norm(along, axis=-1), distance(p, q), dtype)
        _close(distance(p, q), distance(q, p), dtype)
        assert bool((distance(p, q) <= distance(p, r) + distance(r, q) + TOLERANCE[dtype]).all())


def test_single_precision_keeps_its_digits_between_near_points():
    with jax.enable_x64(True):
        p = jnp.array([0.6, -0.3, 0.2])
        q = exponential(p, jnp.array([3e-5, -8e-5, 5e-5]))
        # Twice the rounding of the coordinates themselves, which is what single precision knows of their difference.
        low_p, low_q = p.astype("float32"), q.astype("float32")
        true = distance(low_p.astype("float64"), low_q.astype("float64"))
        assert float(distance(low_p, low_q)) == pytest.approx(float(true), rel=1e-6)
        arcosh = jnp.arccosh(1 + 2 * jnp.sum((low_p - low_q) ** 2) / ((1 - jnp.sum(low_p**2)) * (1 - jnp.sum(low_q**2))))
        assert abs(float(arcosh) / float(true) - 1) > 0.01


def test_gradients_are_finite_where_points_meet():
    p = jnp.array([0.3, 0.1])
    for function in (lambda x: distance(x, p), lambda x: logarithm(p, x).sum(), lambda x: exponential(p, x - p).sum()):
        assert bool(jnp.isfinite(jax.grad(function)(p)).all())


def test_functions_are_traced():
    p = jnp.array([0.3, 0.1])
    assert jnp.allclose(jax.jit(lambda x: exponential(x, logarithm(x, -x)))(p), -p)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distance([1.0, 0.0], [0.0, 0.0]), "first must lie within the unit ball, at norms below 1; got one at 1"),
        (lambda: distance([0.0], [0.99999999999]), "second must lie within the unit ball"),
        (lambda: add([np.nan, 0.0], [0.0, 0.0]), "first must be finite"),
        (lambda: logarithm(0.5, [0.1]), r"origin must be points of shape \(..., d\)"),
        (lambda: exponential([0.0], [np.inf]), "vectors must be finite"),
        (lambda: into_ball([1.0], 1.0), "largest_norm must be a number > 0 and <= 0.999999"),
        (lambda: conformal_factor("x"), "points must be a number"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
