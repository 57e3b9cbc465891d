"""Selective synchronization attention: weights from the locking of oscillators, one a token, to the mean field of all."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Float
from scipy.special import lambertw

from plastodyn import checks
from plastodyn.numerics import root
from plastodyn.types import Floats

_FAINT = 1e-8
"""Added to the sum of a row."""
_FLOOR = 1e-6
"""Least square whose root is taken: the slope of the locking is infinite at its radius."""


def locking(apart: ArrayLike, pull: ArrayLike, selectivity: ArrayLike) -> Array:
    """How strongly an oscillator locks to another's: ``S = J sqrt(1 - (d / (K r J))^2)`` while ``d <= K r J``, else 0.

    ``J = exp(-alpha d^2)``. Gradients are finite everywhere, at the radius too, where they are cut off.

    Args:
        apart: d, distance of natural frequencies, at least 0.
        pull: K r, coupling times coherence, at least 0.
        selectivity: alpha, at least 0.

    Returns:
        S, from 0 to 1, of the shape to which the arguments broadcast.

    Raises:
        ValueError: if an argument is negative or not finite.

    Source: Hays, selective synchronization attention.

    >>> [round(float(s), 6) for s in locking([0.0, 0.2, 0.5, 3.0], 2 * 0.8, 1.0)]
    [1.0, 0.952623, 0.713354, 0.0]
    """
    distance, strength = _not_negative("apart", apart), _not_negative("pull", pull)
    likeness = jnp.exp(-_not_negative("selectivity", selectivity) * distance**2)
    reach = strength * likeness
    # Where nothing locks the quotient is not looked at, nor its gradient.
    inside = (distance <= reach) & (reach > 0)
    square = 1 - (distance / jnp.where(inside, reach, 1.0)) ** 2
    root = jnp.sqrt(jnp.maximum(jnp.where(inside, square, 1.0), _FLOOR))
    same = distance == 0
    return jnp.where(same, 1.0, jnp.where(inside, likeness * root, 0.0))


def _not_negative(name: str, value: ArrayLike) -> Array:
    """Numbers as an array, those that are known now checked."""
    if isinstance(value, Tracer):
        return value
    checks.number(name, value, at_least=0)
    return jnp.asarray(value if hasattr(value, "dtype") else np.asarray(value, float))


def locking_radius(pull: ArrayLike, selectivity: ArrayLike) -> Floats:
    """The largest distance of frequencies that lock: ``d = K r exp(-alpha d^2)``, ``d^2 = W(2 alpha (K r)^2) / (2 alpha)``.

    W is Lambert's function.

    Args:
        pull: K r, at least 0.
        selectivity: alpha, above 0.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project.

    >>> round(float(locking_radius(1.0, 1.0)), 6)
    0.652919
    """
    checks.number("pull", pull, at_least=0)
    checks.number("selectivity", selectivity, above=0)
    strength, twice = np.asarray(pull, float), 2 * np.asarray(selectivity, float)
    return np.sqrt(lambertw(twice * strength**2).real / twice)


class SynchronyAttention(eqx.Module):
    """Multi-head attention whose weights are `locking` of the tokens' natural frequencies.

    Of each head: ``omega, theta, v`` are linear in the token; the coherence r is the mean over channels of
    ``|mean_j exp(i theta_j)|``; K is the softplus of one number, alpha of one a head, numbers that are 1 at first; rows of S
    are divided by their sums and weigh the values. No causal mask is defined: every token takes part in the coherence.

    Args:
        width: of a token, a multiple of ``heads``.
        heads: at least 1.
        key: random key of the linear maps.
        most: how many tokens each attends to, itself included: those nearest in frequency; all that lock unless given.

    Raises:
        ValueError: if a number is out of range.

    Source: Hays, selective synchronization attention; finite gradients at the radius are this project's.

    >>> attention = SynchronyAttention(8, 2, key=jax.random.key(0))
    >>> attention(jax.random.normal(jax.random.key(1), (5, 8))).shape
    (5, 8)
    """

    frequency: eqx.nn.Linear
    phase: eqx.nn.Linear
    value: eqx.nn.Linear
    output: eqx.nn.Linear
    raw_coupling: Float[Array, ""]
    raw_selectivity: Float[Array, " heads"]
    heads: int = eqx.field(static=True)
    most: int | None = eqx.field(static=True)

    def __init__(self, width: int, heads: int, *, key: Array, most: int | None = None) -> None:
        checks.count("heads", heads, at_least=1)
        checks.count("width", width, at_least=1)
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, {heads}; got {width}")
        if most is not None:
            checks.count("most", most, at_least=1)
        checks.key("key", key)
        keys = jax.random.split(key, 4)
        self.frequency, self.phase, self.value, self.output = (eqx.nn.Linear(width, width, key=own) for own in keys)
        self.raw_coupling, self.raw_selectivity = jnp.ones(()), jnp.ones(heads)
        self.heads, self.most = heads, most

    def __call__(self, tokens: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
        """Tokens, each replaced by what it attends to."""
        self.check(tokens)
        weights = self.weights(tokens)
        return self.mixed(weights / (weights.sum(-1, keepdims=True) + _FAINT), tokens)

    def check(self, tokens: Array) -> None:
        """Refuse what is not tokens of this width; a batch goes through `jax.vmap`."""
        shape, width = jnp.shape(tokens), self.value.in_features
        if len(shape) != 2 or shape[1] != width or not shape[0]:
            raise ValueError(f"tokens must have shape (n, {width}), n at least 1, and a batch go through jax.vmap; got {shape}")

    def mixed(self, shares: Float[Array, "heads tokens tokens"], tokens: Float[Array, "tokens width"]) -> Array:
        """The values of all tokens in some shares, one matrix a head, through the output map."""
        found = jnp.einsum("hij,jhd->ihd", shares, self.split(self.value, tokens))
        return jax.vmap(self.output)(found.reshape(tokens.shape[0], -1))

    def split(self, linear: eqx.nn.Linear, tokens: Float[Array, "tokens width"]) -> Float[Array, "tokens heads channels"]:
        """A linear map of the tokens, by heads."""
        return jax.vmap(linear)(tokens).reshape(tokens.shape[0], self.heads, -1)

    def coherence(self, tokens: Float[Array, "tokens width"]) -> Float[Array, " heads"]:
        """The coherence of each head."""
        theta = self.split(self.phase, tokens)
        square = jnp.cos(theta).mean(0) ** 2 + jnp.sin(theta).mean(0) ** 2
        return root(square).mean(-1)

    def weights(self, tokens: Float[Array, "tokens width"]) -> Float[Array, "heads tokens tokens"]:
        """S of each head: 1 on the diagonal, and 0 beyond the ``most`` nearest."""
        omega = self.split(self.frequency, tokens).swapaxes(0, 1)
        apart = root(jnp.sum((omega[:, :, None] - omega[:, None]) ** 2, axis=-1))
        pull = jax.nn.softplus(self.raw_coupling) * self.coherence(tokens)
        found = locking(apart, pull[:, None, None], jax.nn.softplus(self.raw_selectivity)[:, None, None])
        if self.most is None or self.most >= tokens.shape[0]:
            return found
        last = jax.lax.top_k(found, self.most)[0][..., -1:]
        return jnp.where(found >= last, found, 0.0)
