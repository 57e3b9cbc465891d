"""The graph of a sparse circuit of oscillators, as its structure."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from plastodyn import checks


class Graph(NamedTuple):
    """The structure of a sparse circuit: who is whose neighbour, and where they lie.

    ``neighbours`` is slot-major, shape (k, n): column i holds the neighbours of oscillator i, and i itself where a slot is
    free. ``positions`` has shape (n, d), within the unit ball, or is ``None``.
    """

    neighbours: Int[Array, "slots oscillators"]
    positions: Float[Array, "oscillators dimensions"] | None = None


def neighbours_of(edges: ArrayLike, oscillators: int) -> Int[np.ndarray, "slots oscillators"]:
    """Slot-major neighbours from a list of edges, as `kuramoto` takes them: each edge couples both of its ends.

    Args:
        edges: shape (m, 2), whole numbers from 0 to ``oscillators - 1``; an edge that stands twice counts once.
        oscillators: n, at least 2.

    Returns:
        Shape (k, n), k the largest number of edges that an oscillator has; slots that it does not need hold its own number, and
        its pull is a mean over k all the same: one with few edges is pulled less.

    Raises:
        ValueError: if an edge names an oscillator that is not there, or joins one to itself.

    >>> neighbours_of([[0, 1], [1, 2]], 3).tolist()
    [[1, 0, 1], [0, 2, 2]]
    """
    checks.count("oscillators", oscillators, at_least=2)
    checks.number("edges", edges)
    found = np.asarray(edges)
    if found.dtype.kind not in "iu" or found.ndim != 2 or found.shape[1] != 2:
        raise ValueError(f"edges must be whole numbers of shape (m, 2); got {found.dtype} of shape {found.shape}")
    if found.min() < 0 or found.max() >= oscillators:
        raise ValueError(f"edges must name oscillators from 0 to {oscillators - 1}; got {found.min()} to {found.max()}")
    if (found[:, 0] == found[:, 1]).any():
        raise ValueError(
            f"edges must join two oscillators; oscillator {found[found[:, 0] == found[:, 1]][0, 0]} is joined to itself"
        )
    ends, others = np.unique(np.concatenate([found, found[:, ::-1]]).astype(np.int64), axis=0).T
    degrees = np.bincount(ends, minlength=oscillators)
    slots = np.tile(np.arange(oscillators, dtype=np.int32), (degrees.max(), 1))
    # The place of each entry among those of its own oscillator: they lie in order.
    place = np.arange(len(ends)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    slots[place, ends] = others
    return slots


def graph_of(neighbours: Any, positions: Any, omega: Array) -> Graph | None:
    """The structure of a circuit with these frequencies; ``None`` where all are coupled with all.

    Args:
        neighbours: as `Graph` has them, or ``None``.
        positions: as `Graph` has them, or ``None``.
        omega: frequencies, shape (n,).

    Raises:
        ValueError: if shapes or indices do not fit, or a position lies outside the ball.
    """
    if neighbours is None:
        if positions is not None:
            such = "such as pd.geometry.nearest_neighbours(positions, 32)"
            raise ValueError(f"positions are those of a sparse graph: give neighbours too, {such}")
        return None
    return Graph(_neighbours(neighbours, omega.size), None if positions is None else _positions(positions, omega))


def _positions(positions: ArrayLike, omega: Array) -> Array:
    checks.number("positions", positions)
    found = np.asarray(positions, omega.dtype)
    if found.ndim != 2 or found.shape[0] != omega.size or not found.size:
        raise ValueError(f"positions must have shape ({omega.size}, d); got shape {found.shape}")
    checks.within_unit_ball("positions", found)
    return jnp.asarray(found)


def _neighbours(neighbours: ArrayLike, oscillators: int) -> Array:
    checks.number("neighbours", neighbours)
    found = np.asarray(neighbours)
    if found.dtype.kind not in "iu" or found.ndim != 2 or found.shape[1] != oscillators or not found.size:
        raise ValueError(
            f"neighbours must be whole numbers of shape (k, {oscillators}), those of oscillator i in column i; "
            f"got {found.dtype} of shape {found.shape}"
        )
    if found.min() < 0 or found.max() >= oscillators:
        raise ValueError(f"neighbours must be from 0 to {oscillators - 1}; got {found.min()} to {found.max()}")
    if oscillators > 1 and (found == np.arange(oscillators)).all():
        raise ValueError("neighbours must hold others: an oscillator's own number stands for a free slot; all slots are free")
    _distinct(found)
    return jnp.asarray(found, jnp.int32)


def _distinct(neighbours: np.ndarray) -> None:
    ordered, own = np.sort(neighbours, axis=0), np.arange(neighbours.shape[1])
    twice = ((ordered[1:] == ordered[:-1]) & (ordered[1:] != own)).any(0)
    if twice.any():
        who = int(np.flatnonzero(twice)[0])
        raise ValueError(f"neighbours must name each neighbour of an oscillator once; of oscillator {who} one stands twice")
