"""Attention by synchrony: values of the specification, gradients, symmetries, and what is learned beside it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from plastodyn.attention import (
    ColearningBlock,
    Learned,
    OscillatoryBlock,
    SynchronyAttention,
    calibrated,
    locked_share,
    locking,
    locking_radius,
)
from plastodyn.geometry import distance

KEY = jax.random.key(0)


def _tokens(count=12, width=8, seed=1):
    return jax.random.normal(jax.random.key(seed), (count, width))


def test_locking_of_the_specification():
    with jax.enable_x64(True):
        found = locking(np.array([0.2, 0.5, 3.0]), 1.6, 1.0)
        np.testing.assert_allclose(found, [0.952623, 0.713354, 0.0], atol=1e-6)


@given(st.floats(0.01, 50), st.floats(0.001, 50))
def test_the_radius_is_where_locking_ends(pull, selectivity):
    root = brentq(lambda d: d - pull * np.exp(-selectivity * d**2), 0, pull + 1, xtol=1e-14)
    assert float(locking_radius(pull, selectivity)) == pytest.approx(root, rel=1e-9)
    inside, outside = (float(locking(root * (1 + side), pull, selectivity)) for side in (-1e-3, 1e-3))
    assert inside > 0
    assert outside == 0


def test_gradients_are_finite_at_and_near_the_radius_and_for_one_and_the_same():
    radius = float(locking_radius(1.0, 1.0))
    for d in (0.0, radius, np.nextafter(np.float32(radius), np.float32(0)), radius - 1e-6, radius + 1e-6, 10.0):
        for which in range(3):
            assert np.isfinite(float(jax.grad(locking, argnums=which)(jnp.float32(d), jnp.float32(1.0), jnp.float32(1.0))))


@pytest.mark.slow
@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 1, 3]))
def test_gradients_of_a_module_are_finite_with_equal_tokens_too(seed, most):
    tokens = _tokens(seed=seed).at[3].set(_tokens(seed=seed)[7])
    attention = calibrated(SynchronyAttention(8, 2, key=KEY, most=most), _tokens(seed=seed), 0.4)
    gradient = eqx.filter_grad(lambda module: (module(tokens) ** 2).sum())(attention)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(gradient))


def test_against_loops():
    """Entry by entry, from the equations."""
    tokens, attention = _tokens(6), calibrated(SynchronyAttention(8, 2, key=KEY), _tokens(6), 0.5)
    # Calibration puts a pair right at the radius, where the slope is infinite.
    attention = eqx.tree_at(lambda a: a.frequency, attention, jax.tree.map(lambda x: 0.97 * x, attention.frequency))
    omega, theta, values = (
        np.asarray(jax.vmap(m)(tokens)).reshape(6, 2, 4) for m in (attention.frequency, attention.phase, attention.value)
    )
    coupling, selectivity = np.log1p(np.exp(1.0)), np.log1p(np.exp(1.0))
    mixed = np.zeros((6, 2, 4))
    for h in range(2):
        r = np.mean([abs(np.exp(1j * theta[:, h, c]).mean()) for c in range(4)])
        s = np.zeros((6, 6))
        for i in range(6):
            for j in range(6):
                d = np.linalg.norm(omega[i, h] - omega[j, h])
                like = np.exp(-selectivity * d**2)
                if d <= coupling * r * like:
                    s[i, j] = like * np.sqrt(1 - (d / (coupling * r * like)) ** 2)
        mixed[:, h] = s @ values[:, h] / s.sum(1, keepdims=True)
    expected = jax.vmap(attention.output)(jnp.asarray(mixed.reshape(6, 8), jnp.float32))
    np.testing.assert_allclose(attention(tokens), expected, rtol=1e-4, atol=1e-5)


def test_the_most_nearest_in_frequency_are_kept():
    tokens = _tokens()
    full = calibrated(SynchronyAttention(8, 2, key=KEY), tokens, 0.9)
    few = eqx.tree_at(lambda a: a.raw_coupling, SynchronyAttention(8, 2, key=KEY, most=4), full.raw_coupling)
    few = eqx.tree_at(lambda a: a.frequency, few, full.frequency)
    assert bool(((few.weights(tokens) > 0).sum(-1) == 4).all())
    kept = few.weights(tokens) > 0
    omega = full.split(full.frequency, tokens).swapaxes(0, 1)
    apart = jnp.linalg.norm(omega[:, :, None] - omega[:, None], axis=-1)
    assert bool((jnp.where(kept, apart, 0).max(-1) <= jnp.where(kept, jnp.inf, apart).min(-1)).all())


def test_tokens_in_another_order_give_the_same_in_that_order():
    tokens, order = _tokens(), np.random.default_rng(0).permutation(12)
    block = OscillatoryBlock(8, 2, key=KEY)
    np.testing.assert_allclose(block(tokens)[order], block(tokens[order]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_calibration_at_the_width_of_the_parent(share):
    tokens = _tokens(40, 512)
    raw = SynchronyAttention(512, 8, key=KEY)
    assert locked_share(raw, tokens) == 0
    assert locked_share(calibrated(raw, tokens, share), tokens) == pytest.approx(share, abs=0.01)


@pytest.mark.slow
def test_a_colearning_block_attends_on_its_graph_and_learns_without_a_gradient():
    tokens = _tokens(5)
    near = jnp.array([[1, 2, 3, 4, 0], [2, 3, 4, 0, 1]])
    positions = 0.3 * jax.random.normal(KEY, (5, 2))
    learned = Learned(jnp.ones((2, 5)).at[0, 0].set(-1.0), near, positions)
    block = ColearningBlock(8, 2, key=KEY, rate=0.1, slope=0.0)
    after, more = block(tokens, learned)
    # A gate of slope 0 is half open: W + 0.1 (a / 2 - W).
    seen = jax.vmap(block.block.first_norm)(tokens)
    theta = jax.vmap(block.block.attention.phase)(seen)
    for slot, place in np.ndindex(2, 5):
        alignment = np.cos(theta[near[slot, place]] - theta[place]).mean()
        w = float(learned.weights[slot, place])
        assert float(more.weights[slot, place]) == pytest.approx(w + 0.1 * (alignment / 2 - w), abs=1e-5)
    # What lies off the graph, or has a negative weight, changes nothing in what is attended to.
    from plastodyn.attention.blocks import _on_graph

    dense = _on_graph(learned)
    assert dense[0, 1] == 0
    assert float(dense[1, 2]) == pytest.approx(float(jnp.exp(-distance(positions[1], positions[2]))), rel=1e-5)
    assert dense[0, 3] == 0
    assert bool((jnp.diag(dense) == 1).all())
    gradient = jax.grad(lambda w: block(tokens, learned._replace(weights=w))[1].weights.sum())(learned.weights)
    assert not gradient.any()
    assert bool(jnp.isfinite(after).all())


def test_a_block_is_its_two_halves():
    """``x + SSA(norm x)``, then ``y + FFN(norm y)``, token by token."""
    tokens, block = _tokens(6), OscillatoryBlock(8, 2, key=KEY)
    middle = tokens + block.attention(jax.vmap(block.first_norm)(tokens))
    expected = np.stack([one + block.network(block.second_norm(one)) for one in middle])
    np.testing.assert_allclose(block(tokens), expected, atol=1e-5)


def test_a_colearning_block_is_locking_times_weights_times_nearness():
    tokens, near = _tokens(5), jnp.array([[1, 2, 3, 4, 0], [2, 3, 4, 0, 1]])
    places, weights = 0.3 * jax.random.normal(KEY, (5, 2)), jax.random.normal(jax.random.key(4), (2, 5))
    block = ColearningBlock(8, 2, key=KEY)
    after, _ = block(tokens, Learned(weights, near, places))
    inner, attention = block.block, block.block.attention
    seen = jax.vmap(inner.first_norm)(tokens)
    locked, values = attention.weights(seen), attention.split(attention.value, seen)
    mixed = np.zeros((5, 2, 4))
    for i, head in np.ndindex(5, 2):
        shares = {i: float(locked[head, i, i])}
        for slot in range(2):
            j = int(near[slot, i])
            factor = max(float(weights[slot, i]), 0) * np.exp(-float(distance(places[i], places[j])))
            shares[j] = float(locked[head, i, j]) * factor
        total = sum(shares.values()) + 1e-8
        mixed[i, head] = sum(share / total * np.asarray(values[j, head]) for j, share in shares.items())
    middle = tokens + jax.vmap(attention.output)(jnp.asarray(mixed.reshape(5, 8), "float32"))
    expected = np.stack([one + inner.network(inner.second_norm(one)) for one in middle])
    np.testing.assert_allclose(after, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SynchronyAttention(8, 3, key=KEY), "width must be a multiple of heads, 3; got 8"),
        (lambda: SynchronyAttention(8, 0, key=KEY), "heads must be"),
        (lambda: SynchronyAttention(8, 2, key=KEY, most=0), "most must be"),
        (lambda: locking(-1.0, 1.0, 1.0), "apart must be a number >= 0"),
        (lambda: locking_radius(1.0, 0.0), "selectivity must be a number > 0"),
        (lambda: calibrated(SynchronyAttention(8, 2, key=KEY), _tokens(), 1.0), "share must be"),
        (lambda: locked_share(SynchronyAttention(8, 2, key=KEY), jnp.ones(8)), "tokens must have shape"),
        (lambda: SynchronyAttention(8, 2, key=KEY)(jnp.ones((5, 6))), r"tokens must have shape \(n, 8\)"),
        (lambda: OscillatoryBlock(8, 2, key=KEY)(jnp.ones((3, 5, 8))), "a batch go through jax.vmap"),
        (lambda: OscillatoryBlock(8, 2, key=KEY)(jnp.ones((0, 8))), "n at least 1"),
        (lambda: ColearningBlock(8, 2, key=KEY, rate=2.0), "rate times decay must be at most 1"),
        (lambda: ColearningBlock(8, 2, key=KEY)(_tokens(5), None), "learned must be a Learned"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
