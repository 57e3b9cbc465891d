"""Sums over the pairs of oscillators, of all with all or along a sparse graph, without an array over pairs but the weights.

A sparse graph has k slots for each of n oscillators. Its arrays are slot-major, shape (k, n): entry (s, i) is that of the
s-th neighbour of oscillator i, so that the loops go over slots, and what they hold besides is one number an oscillator. A
slot that holds i itself is free: i does not pull itself, and its alignment with itself counts as 0.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from plastodyn.numerics import root

_FEW = 32
"""Clusters up to which membership is written out as a matrix."""
Phases = Float[Array, " oscillators"]
Slots = Float[Array, "slots oscillators"]
Neighbours = Int[Array, "slots oscillators"]


def at(values: Phases, neighbours: Int[Array, " oscillators"]) -> Phases:
    """Values at one neighbour of each oscillator; that the indices are valid was checked where they were made."""
    return values.at[neighbours].get(mode="promise_in_bounds")


def over_slots(term: Callable[..., Array], start: Array, *arrays: Array) -> Array:
    """The sum of ``term(*rows)`` over the rows of slot-major arrays.

    >>> over_slots(lambda row: row, jnp.zeros(2), jnp.ones((3, 2))).tolist()
    [3.0, 3.0]
    """
    total, _ = jax.lax.scan(lambda sum_, rows: (sum_ + term(*rows), None), start, arrays)
    return total


def each_slot(term: Callable[..., Array], *arrays: Array) -> Slots:
    """``term(*rows)`` for the rows of slot-major arrays.

    >>> each_slot(lambda row: 2 * row, jnp.ones((3, 2))).shape
    (3, 2)
    """
    return jax.lax.map(lambda rows: term(*rows), arrays)


def sparse_alignment(phases: Phases, neighbours: Neighbours) -> Slots:
    """``cos(theta_i - theta_j)`` for the neighbours j of each i, shape (k, n).

    >>> sparse_alignment(jnp.array([0.0, jnp.pi]), jnp.array([[1, 0]])).round(6).tolist()
    [[-1.0, -1.0]]
    """
    cosine, sine, own = jnp.cos(phases), jnp.sin(phases), jnp.arange(phases.shape[0])
    return each_slot(lambda near: jnp.where(near == own, 0, at(cosine, near) * cosine + at(sine, near) * sine), neighbours)


def sparse_pull(phases: Phases, strengths: Slots | None, neighbours: Neighbours) -> Phases:
    """``(1/k) sum_j S_ij sin(theta_j - theta_i)`` over the k slots of each oscillator; S = 1 where there are no strengths.

    >>> sparse_pull(jnp.array([0.0, jnp.pi / 2]), None, jnp.array([[1, 0]])).round(6).tolist()
    [1.0, -1.0]
    """
    cosine, sine = jnp.cos(phases), jnp.sin(phases)

    def term(near: Array, strength: Phases | float = 1.0) -> Phases:
        return strength * (at(sine, near) * cosine - at(cosine, near) * sine)

    rows = (neighbours,) if strengths is None else (neighbours, strengths)
    return over_slots(term, jnp.zeros_like(phases), *rows) / neighbours.shape[0]


def sparse_coherence(phases: Phases, neighbours: Neighbours) -> Phases:
    """Coherence of the neighbours of each oscillator, ``|sum_j exp(i theta_j)|`` over their number; 0 of none.

    >>> sparse_coherence(jnp.zeros(2), jnp.array([[1, 1], [0, 0]])).tolist()
    [1.0, 1.0]
    """
    parts, own = jnp.stack([jnp.cos(phases), jnp.sin(phases), jnp.ones_like(phases)]), jnp.arange(phases.shape[0])
    taken = lambda near: jnp.where(near == own, 0, parts.at[:, near].get(mode="promise_in_bounds"))  # noqa: E731
    cosine, sine, count = over_slots(taken, jnp.zeros_like(parts), neighbours)
    return root(cosine**2 + sine**2) / jnp.maximum(count, 1)


def dense_alignment(phases: Phases) -> Float[Array, "oscillators oscillators"]:
    """``cos(theta_i - theta_j)``, 0 on the diagonal, shape (N, N).

    >>> dense_alignment(jnp.zeros(2)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    cosine, sine = jnp.cos(phases), jnp.sin(phases)
    together = jnp.outer(cosine, cosine) + jnp.outer(sine, sine)
    return together * (1 - jnp.eye(phases.shape[0], dtype=phases.dtype))


def dense_pull(phases: Phases, strengths: Float[Array, "oscillators oscillators"]) -> Phases:
    """``(1/N) sum_j S_ij sin(theta_j - theta_i)``.

    >>> dense_pull(jnp.array([0.0, jnp.pi / 2]), jnp.ones((2, 2))).round(6).tolist()
    [0.5, -0.5]
    """
    cosine, sine = jnp.cos(phases), jnp.sin(phases)
    return ((strengths @ sine) * cosine - (strengths @ cosine) * sine) / phases.shape[0]


def mean_field_pull(phases: Phases) -> Phases:
    """``(1/N) sum_j sin(theta_j - theta_i) = r sin(psi - theta_i)``: all with all at equal strength, in O(N).

    >>> mean_field_pull(jnp.array([0.0, jnp.pi / 2])).round(6).tolist()
    [0.5, -0.5]
    """
    cosine, sine = jnp.cos(phases), jnp.sin(phases)
    return sine.mean() * cosine - cosine.mean() * sine


def coherence(phases: Phases) -> Array:
    """Coherence of all, ``r = |sum_j exp(i theta_j)| / N``, with a finite gradient where it is 0.

    >>> float(coherence(jnp.zeros(3)))
    1.0
    """
    return root(jnp.cos(phases).mean() ** 2 + jnp.sin(phases).mean() ** 2)


def cluster_coherence(phases: Phases, clusters: Int[Array, " oscillators"], count: int) -> Phases:
    """Coherence of each oscillator's own cluster, shape (N,).

    >>> cluster_coherence(jnp.array([0.0, 0.0, jnp.pi]), jnp.array([0, 1, 1]), 2).round(6).tolist()
    [1.0, 0.0, 0.0]
    """
    parts = jnp.stack([jnp.cos(phases), jnp.sin(phases), jnp.ones_like(phases)], axis=1)
    if count > _FEW:
        sums = jax.ops.segment_sum(parts, clusters, count)
        return root((sums[:, :2] ** 2).sum(1))[clusters] / sums[clusters, 2]
    # A product with few columns, since sums over places are slow on accelerators.
    members = jax.nn.one_hot(clusters, count, dtype=phases.dtype)
    sums = members.T @ parts
    return members @ (root((sums[:, :2] ** 2).sum(1)) / sums[:, 2])
