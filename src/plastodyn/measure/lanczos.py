"""Lanczos iteration with full reorthogonalisation, which goes on in a new direction where a Krylov space ends early.

It ends early where few eigenvalues are distinct: then what is left of a product is rounding, and a direction made of that
is no direction. Libraries that divide by its length return values far outside the spectrum.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from plastodyn.runtime import convolutions
from plastodyn.runtime.pieces import carried
from plastodyn.runtime.progress import Bar

_ROUNDINGS = 10
"""A remainder of so many roundings of the matrix is taken for none."""

Krylov = tuple[Float[Array, "depth depth"], Float[Array, "depth n"]]
"""A tridiagonal matrix and the orthonormal vectors, as rows, in which it is A."""


class _State(NamedTuple):
    """Vectors so far (one row more than there are steps), and the diagonals of the tridiagonal matrix."""

    basis: Float[Array, "rows n"]
    diagonal: Float[Array, " depth"]
    beside: Float[Array, " depth"]


def compiled(product: Callable[[Array], Array], start: Float[Array, " n"], depth: int, bar: Bar) -> Krylov:
    """Lanczos iteration with a product that JAX can trace.

    Args:
        product: v -> A v, A symmetric.
        start: a random vector, of which rolled copies serve as new directions.
        depth: steps, at most n.
        bar: is advanced by the products made.

    Returns:
        The tridiagonal matrix and the vectors.

    Source: Lanczos (1950).

    >>> with Bar("lanczos", 3) as bar:
    ...     matrix, _ = compiled(lambda v: 3 * v, jnp.array([1.0, 2.0, -1.0]), 3, bar)
    >>> bool(jnp.allclose(matrix, 3 * jnp.eye(3)))
    True
    """
    advance = lambda state, first, stop: _advanced(product, start, state, first, stop)  # noqa: E731
    return _result(carried(advance, _begun(start, depth), depth, bar))


@convolutions.compiled
def _advanced(product: Callable[[Array], Array], start: Array, state: _State, first: Array, stop: Array) -> _State:
    return jax.lax.fori_loop(first, stop, lambda step, state: _extended(state, step, product(state.basis[step]), start), state)


def in_python(product: Callable[[Array], Array], start: Float[Array, " n"], depth: int, bar: Bar) -> Krylov:
    """`compiled` with a product of any library, step by step.

    Args:
        product: v -> A v, A symmetric.
        start: a random vector.
        depth: steps, at most n.
        bar: is advanced by the products made.
    """
    state = _begun(start, depth)
    for step in range(depth):
        state = _extended(state, step, jnp.asarray(product(state.basis[step])), start)
        bar.advance(1)
    return _result(state)


def _begun(start: Array, depth: int) -> _State:
    basis = jnp.zeros((depth + 1, start.size), start.dtype).at[0].set(start / jnp.linalg.norm(start))
    return _State(basis, jnp.zeros(depth, start.dtype), jnp.zeros(depth, start.dtype))


def _extended(state: _State, step: int | Array, moved: Array, start: Array) -> _State:
    """One step: the product's remainder is the next vector, or, where there is none, a new direction that A does not mix in."""
    diagonal = state.diagonal.at[step].set(state.basis[step] @ moved)
    remainder = _orthogonal(moved, state.basis)
    length = jnp.linalg.norm(remainder)
    rounding = _ROUNDINGS * jnp.finfo(start.dtype).eps
    ended = length <= rounding * jnp.maximum(jnp.abs(diagonal).max(), state.beside.max())
    following = _unit(jnp.where(ended, _orthogonal(jnp.roll(start, step + 1), state.basis), remainder))
    beside = state.beside.at[step].set(jnp.where(ended, 0, length))
    return _State(state.basis.at[step + 1].set(following), diagonal, beside)


def _orthogonal(vector: Array, basis: Array) -> Array:
    # Twice is enough: a second pass removes what rounding left of the first.
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector


def _unit(vector: Array) -> Array:
    length = jnp.linalg.norm(vector)
    return jnp.where(length > 0, vector / jnp.where(length > 0, length, 1), 0)


def _result(state: _State) -> Krylov:
    beside = state.beside[:-1]
    return jnp.diag(state.diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1), state.basis[:-1]
