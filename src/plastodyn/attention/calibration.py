"""How many pairs of tokens lock at the start: none at usual widths, unless frequencies are scaled to the radius."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.attention.synchrony import SynchronyAttention
from plastodyn.theory.roots import bisect, geometric_midpoint

_SMALLEST, _LARGEST, _BISECTIONS = 1e-12, 1e12, 64


def locked_share(attention: SynchronyAttention, tokens: Float[Array, "tokens width"]) -> float:
    """Share of pairs of different tokens that lock, over all heads.

    Args:
        attention: any.
        tokens: shape (n, width), n at least 2.

    >>> attention = SynchronyAttention(256, 4, key=jax.random.key(0))
    >>> locked_share(attention, jax.random.normal(jax.random.key(1), (32, 256)))
    0.0
    """
    checks.instance("attention", attention, SynchronyAttention, "a SynchronyAttention")
    _check_tokens(tokens)
    found = attention.weights(tokens) > 0
    count = tokens.shape[0]
    return float((found.sum((1, 2)) - count).mean() / (count * (count - 1)))


def calibrated(attention: SynchronyAttention, tokens: Float[Array, "tokens width"], share: float) -> SynchronyAttention:
    """The attention with its frequencies scaled, so that a given share of pairs of some tokens lock.

    Distances of frequencies concentrate at large widths. At the parent's width of 512 and 8 heads no pair locks as made; a
    tenth of that scale locks half of them, and between a twentieth and all but that lies a quarter of it.

    Args:
        attention: as made.
        tokens: a typical input, shape (n, width).
        share: from 0 to 1, both left out.

    Returns:
        Another attention; its share is as near as pairs allow.

    Raises:
        ValueError: if ``share`` is out of range.

    Source: this project.

    >>> tokens = jax.random.normal(jax.random.key(1), (32, 256))
    >>> attention = calibrated(SynchronyAttention(256, 4, key=jax.random.key(0)), tokens, 0.2)
    >>> round(locked_share(attention, tokens), 2)
    0.2
    """
    checks.instance("attention", attention, SynchronyAttention, "a SynchronyAttention")
    checks.one_number("share", share, above=0, at_most=1 - 1e-9)
    _check_tokens(tokens)

    def scaled(factor: float) -> SynchronyAttention:
        linear = jax.tree.map(lambda x: factor * x, attention.frequency)
        return eqx.tree_at(lambda each: each.frequency, attention, linear)

    factor, _ = bisect(
        lambda factor: locked_share(scaled(float(factor)), tokens) >= share,
        _SMALLEST,
        _LARGEST,
        _BISECTIONS,
        geometric_midpoint,
    )
    return scaled(float(factor))


def _check_tokens(tokens: Array) -> None:
    checks.number("tokens", tokens)
    if jnp.ndim(tokens) != 2 or tokens.shape[0] < 2:
        raise ValueError(f"tokens must have shape (n, width), n at least 2; got shape {jnp.shape(tokens)}")
