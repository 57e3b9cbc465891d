"""Blocks of a sequence model: attention by synchrony and a feed-forward network; and one that learns weights as it runs."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from plastodyn import checks
from plastodyn.attention.synchrony import SynchronyAttention
from plastodyn.geometry import distance

_FAINT = 1e-8
_EXPANSION = 4
Tokens = Float[Array, "tokens width"]


class OscillatoryBlock(eqx.Module):
    """An oscillatory synchronization network's block: ``x + SSA(norm x)``, then ``x + FFN(norm x)``, with GELU and 4 widths.

    Args:
        width: of a token.
        heads: of the attention.
        key: random key.
        most: tokens that each attends to; all that lock unless given.

    Raises:
        ValueError: if a number is out of range.

    Source: Hays, selective synchronization attention.

    >>> block = OscillatoryBlock(8, 2, key=jax.random.key(0))
    >>> block(jnp.ones((5, 8))).shape
    (5, 8)
    """

    attention: SynchronyAttention
    network: eqx.nn.MLP
    first_norm: eqx.nn.LayerNorm
    second_norm: eqx.nn.LayerNorm

    def __init__(self, width: int, heads: int, *, key: Array, most: int | None = None) -> None:
        key_attention, key_network = jax.random.split(key)
        self.attention = SynchronyAttention(width, heads, key=key_attention, most=most)
        self.network = eqx.nn.MLP(width, width, _EXPANSION * width, 1, activation=jax.nn.gelu, key=key_network)
        self.first_norm, self.second_norm = eqx.nn.LayerNorm(width), eqx.nn.LayerNorm(width)

    def __call__(self, tokens: Tokens) -> Tokens:
        """Tokens, one block later."""
        self.attention.check(tokens)
        return self.forward(tokens + self.attention(jax.vmap(self.first_norm)(tokens)))

    def forward(self, tokens: Tokens) -> Tokens:
        """The second half."""
        return tokens + jax.vmap(self.network)(jax.vmap(self.second_norm)(tokens))


class Learned(NamedTuple):
    """What a `ColearningBlock` learns by Hebb's rule while it runs: weights of a sparse graph of token places.

    ``weights`` and ``neighbours`` are slot-major, shape (k, n); ``positions`` (n, d), within the unit ball.
    """

    weights: Float[Array, "slots tokens"]
    neighbours: Int[Array, "slots tokens"]
    positions: Float[Array, "tokens dimensions"]


class ColearningBlock(eqx.Module):
    """A block whose attention is locking times Hebbian weights times nearness: ``A_ij ~ S_ij [W_ij]_+ exp(-d_H(p_i, p_j))``.

    Over the neighbours of each place and itself (factor 1), rows divided by their sums; then the halves of an
    `OscillatoryBlock`. Beside its output it returns weights that have learned, without a gradient:
    ``W + rate (G(r) gain a - decay W)``, where a is the mean cosine of phases over heads and channels, r the mean coherence of
    the heads, and ``G`` the gate. Start from weights of 1: from 0 nothing but itself is attended to.

    Args:
        width: of a token.
        heads: of the attention.
        key: random key.
        rate: eps dt, above 0.
        gain: eta, above 0.
        decay: lambda, at least 0.
        slope: beta of the gate.
        centre: r_c of the gate.

    Raises:
        ValueError: if a number is out of range.

    Source: Hays (2026); the block is this project's reading of it.

    >>> near, block = jnp.array([[1, 0]]), ColearningBlock(8, 2, key=jax.random.key(0))
    >>> learned = Learned(jnp.ones((1, 2)), near, jnp.array([[0.0, 0.1], [0.2, 0.0]]))
    >>> tokens, learned = block(jnp.ones((2, 8)), learned)
    >>> tokens.shape, learned.weights.shape
    ((2, 8), (1, 2))
    """

    block: OscillatoryBlock
    rate: float
    gain: float
    decay: float
    slope: float
    centre: float

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        key: Array,
        rate: float = 0.02,
        gain: float = 1.0,
        decay: float = 1.0,
        slope: float = 20.0,
        centre: float = 0.5,
    ) -> None:
        for name, value, least in (("rate", rate, 0), ("gain", gain, 0)):
            checks.one_number(name, value, above=least)
        checks.one_number("decay", decay, at_least=0)
        checks.one_number("slope", slope)
        checks.one_number("centre", centre, at_least=0, at_most=1)
        if rate * decay > 1:
            raise ValueError(f"rate times decay must be at most 1, or weights overshoot; got {rate * decay:g}")
        self.block = OscillatoryBlock(width, heads, key=key)
        self.rate, self.gain, self.decay, self.slope, self.centre = rate, gain, decay, slope, centre

    def __call__(self, tokens: Tokens, learned: Learned) -> tuple[Tokens, Learned]:
        """Tokens one block later, and what has been learned from them. For a batch, take the mean of its weights."""
        self.block.attention.check(tokens)
        _check(learned, tokens)
        attention, seen = self.block.attention, jax.vmap(self.block.first_norm)(tokens)
        shares = attention.weights(seen) * _on_graph(learned)
        shares = shares / (shares.sum(-1, keepdims=True) + _FAINT)
        after = self.block.forward(tokens + attention.mixed(shares, seen))
        return after, learned._replace(weights=self._learning(seen, learned))

    def _learning(self, seen: Tokens, learned: Learned) -> Array:
        attention = self.block.attention
        theta = attention.split(attention.phase, seen).reshape(seen.shape[0], -1)
        alignment = jnp.cos(theta[learned.neighbours] - theta).mean(-1)
        opening = jax.nn.sigmoid(self.slope * (attention.coherence(seen).mean() - self.centre))
        moved = learned.weights + self.rate * (opening * self.gain * alignment - self.decay * learned.weights)
        return jax.lax.stop_gradient(moved)


def _on_graph(learned: Learned) -> Array:
    """``[W_ij]_+ exp(-d_H)`` as a dense matrix, 1 on the diagonal and 0 off the graph."""
    count = learned.positions.shape[0]
    apart = distance(learned.positions[learned.neighbours], learned.positions)
    factors = jnp.maximum(learned.weights, 0) * jnp.exp(-apart)
    rows = jnp.broadcast_to(jnp.arange(count), learned.neighbours.shape)
    dense = jnp.zeros((count, count)).at[rows, learned.neighbours].add(factors)
    return jnp.fill_diagonal(dense, 1.0, inplace=False)


def _check(learned: Any, tokens: Array) -> None:
    checks.instance("learned", learned, Learned, "a Learned, of weights, neighbours and positions")
    shape, count = learned.neighbours.shape, tokens.shape[0]
    if len(shape) != 2 or shape[1] != count or learned.weights.shape != shape or learned.positions.shape[0] != count:
        shapes = f"{learned.weights.shape}, {shape} and {learned.positions.shape}"
        raise ValueError(f"learned must have weights and neighbours (k, {count}) and positions ({count}, d); got {shapes}")
