"""Linear algebra on pytrees, against NumPy on the raveled numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from plastodyn import tree

WEIGHTS = {"a": jnp.arange(6.0).reshape(2, 3) - 2, "b": (jnp.array([0.5, -1.5]), jnp.array(4.0))}
OTHER = jax.tree.map(lambda leaf: jnp.cos(leaf) + 1, WEIGHTS)
FLAT, FLAT_OTHER = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(each)]) for each in (WEIGHTS, OTHER))


def test_sums_products_and_norms():
    assert tree.size(WEIGHTS) == 9
    np.testing.assert_allclose(tree.ravel(WEIGHTS), FLAT)
    np.testing.assert_allclose(tree.ravel(tree.add(WEIGHTS, OTHER)), FLAT + FLAT_OTHER)
    np.testing.assert_allclose(tree.ravel(tree.scale(-0.5, WEIGHTS)), -0.5 * FLAT)
    np.testing.assert_allclose(tree.dot(WEIGHTS, OTHER), FLAT @ FLAT_OTHER, rtol=1e-6)
    np.testing.assert_allclose(tree.norm(WEIGHTS), np.linalg.norm(FLAT), rtol=1e-6)
    np.testing.assert_allclose(tree.ravel(tree.unit(WEIGHTS)), FLAT / np.linalg.norm(FLAT), rtol=1e-6)
    assert (tree.ravel(tree.unit(jax.tree.map(jnp.zeros_like, WEIGHTS))) == 0).all()


def test_none_is_no_change():
    assert tree.add(None, None) is None
    assert tree.add(WEIGHTS, None) is WEIGHTS
    assert tree.add(None, WEIGHTS) is WEIGHTS
    assert tree.scale(2.0, None) is None


def test_ravelling_is_undone():
    back = tree.unravel(WEIGHTS, tree.ravel(WEIGHTS))
    assert jax.tree.structure(back) == jax.tree.structure(WEIGHTS)
    for one, other in zip(jax.tree.leaves(back), jax.tree.leaves(WEIGHTS), strict=True):
        np.testing.assert_array_equal(one, other)
    assert tree.unravel(jnp.ones(2, "float32"), np.arange(2)).dtype == jnp.float32


@pytest.mark.parametrize(("draw", "fourth"), [(tree.normal_like, 3.0), (tree.signs_like, 1.0)])
def test_random_directions_have_unit_variance_and_independent_entries(draw, fourth):
    """n = 20 000 draws: mean, variance, fourth moment and correlations of neighbours within five standard errors."""
    like = {"a": jnp.ones((5, 7)), "b": jnp.ones(2)}
    found = np.asarray(jax.vmap(lambda key: tree.ravel(draw(key, like)))(jax.random.split(jax.random.key(0), 20_000)))
    assert found.shape == (20_000, 37)
    error = 5 / 20_000**0.5
    assert np.abs(found.mean(axis=0)).max() < error
    assert np.abs((found**2).mean(axis=0) - 1).max() <= error * (fourth - 1) ** 0.5
    # All pairs, also of entries of different arrays: 666 of them.
    assert np.abs(np.triu(found.T @ found / 20_000, 1)).max() < error * 1.2
    assert abs((found**4).mean() - fourth) <= error * 96**0.5 / 37**0.5
    drawn = draw(jax.random.key(1), like)
    assert jax.tree.map(jnp.shape, drawn) == jax.tree.map(jnp.shape, like)


def test_draws_have_the_type_of_the_weights():
    with jax.enable_x64(True):
        for draw in (tree.normal_like, tree.signs_like):
            assert draw(jax.random.key(0), jnp.ones(3, "float64")).dtype == jnp.float64
            assert draw(jax.random.key(0), jnp.ones(3, "float32")).dtype == jnp.float32
