"""Exact nearest neighbours in the Poincare ball, found among Euclidean ones and kept while the points move.

Around p the order of hyperbolic distances is that of ``|p - q|^2 / (1 - |q|^2)``, and the hyperbolic ball of radius s is a
Euclidean one whose farthest point from p lies towards the centre. So the m nearest in the Euclidean sense, from a k-d tree,
contain all points within the ``reach`` of p: ``reach = 2 artanh(e / (1 - a (a - e)))`` with ``a = |p|`` and e the distance of
the m-th. Where the k-th of them is farther than that, more are asked for.

While points move, candidates and reach stay good for as long as a point's own way and that of the farthest traveller do not
use the margin up: a Verlet list with its skin.
"""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from plastodyn import checks
from plastodyn.geometry.morton import morton_order
from plastodyn.runtime.progress import Bar
from plastodyn.types import Floats

Points = Float[np.ndarray, "points dimensions"]
Indices = Int[np.ndarray, "slots points"]

_SPARE = 0.4
"""Share of candidates beyond the neighbours asked for."""
_ROUNDING = 1e-6
"""Taken off the reach, so that it stays a bound in single precision."""
_NUMBERS, _ALL = 2**20, 8
"""Candidates looked at at a time; the share of all points, one over it, from which on all are."""
_ROWS = 2**15
"""Points treated at a time: what is held besides the result stays below 100 MB."""


class Nearby(NamedTuple):
    """For each point its nearest neighbours, and candidates from which they are found again after small moves.

    Slot-major, as circuits keep them: ``neighbours`` shape (k, n), nearest first; ``candidates`` (m, n); ``reach`` (n,), the
    hyperbolic distance up to which a point's candidates were complete when the points lay at the ``anchors`` (n, d).
    """

    neighbours: Indices
    candidates: Indices
    reach: Float[np.ndarray, " points"]
    anchors: Points


def nearest_neighbours(points: ArrayLike, count: int) -> Indices:
    """The nearest in hyperbolic distance to each point, itself left out; exact.

    Args:
        points: shape (n, d), within the unit ball.
        count: k, from 1 to n - 1.

    Returns:
        Shape (k, n): column i holds the neighbours of point i, nearest first.

    Raises:
        ValueError: if a point is not within the ball or ``count`` out of range.

    Source: the criterion is this project's; the balls are those of the Poincare model.

    >>> nearest_neighbours([[0.0, 0.0], [0.1, 0.0], [0.5, 0.0]], 1).tolist()
    [[1, 0, 1]]
    """
    return nearby(points, count).neighbours


def nearby(points: ArrayLike, count: int) -> Nearby:
    """`nearest_neighbours`, with what is needed to find them again after the points have moved; see `refreshed`.

    Args:
        points: shape (n, d), within the unit ball.
        count: k, from 1 to n - 1.

    Raises:
        ValueError: if a point is not within the ball or ``count`` out of range.

    >>> nearby([[0.0, 0.0], [0.1, 0.0], [0.5, 0.0]], 1).candidates.shape
    (2, 3)
    """
    found = checked_points(points)
    if len(found) < 2:
        raise ValueError("points must be at least 2; got one")
    spare = candidate_count(len(found), count)
    table = Nearby(
        np.empty((count, len(found)), np.int32), np.empty((spare, len(found)), np.int32), np.empty(len(found)), found.copy()
    )
    _search(table, np.arange(len(found)))
    return table


def candidate_count(points: int, count: int) -> int:
    """How many candidates a table keeps of each of so many points.

    Args:
        points: n, at least 2.
        count: k, neighbours asked for, from 1 to n - 1.

    Raises:
        ValueError: if a number is out of range.

    >>> candidate_count(1000, 32), candidate_count(5, 2)
    (45, 4)
    """
    checks.count("points", points, at_least=2)
    checks.count("count", count, at_least=1)
    if count >= points:
        raise ValueError(f"count must be below the number of points, {points}; got {count}")
    return min(points - 1, count + max(8, round(_SPARE * count)))


def refreshed(table: Nearby, points: ArrayLike) -> Nearby:
    """The table after the points have moved: exact, and cheap where they have moved little.

    Candidates are ranked anew; only points whose k-th neighbour could now be no candidate are searched for again.

    Args:
        table: as `nearby` or this function made it.
        points: shape (n, d), within the unit ball.

    Raises:
        ValueError: if the points do not fit the table or are not within the ball.

    Source: Verlet (1967), whose lists keep a skin.

    >>> table = nearby([[0.0, 0.0], [0.1, 0.0], [0.5, 0.0]], 1)
    >>> refreshed(table, [[0.0, 0.0], [0.3, 0.0], [0.5, 0.0]]).neighbours.tolist()
    [[1, 2, 1]]
    """
    checks.instance("table", table, Nearby, "a table of neighbours, as pd.geometry.nearby makes it")
    found = checked_points(points)
    if found.shape != table.anchors.shape:
        raise ValueError(f"points must have shape {table.anchors.shape}, that of the table; got {found.shape}")
    moved = _distance(table.anchors, found)
    # What lay beyond reach has come nearer by its own way and by mine at most.
    made = Nearby(np.empty_like(table.neighbours), table.candidates.copy(), table.reach - moved - moved.max(), found.copy())
    stale = [rows[_ranked(made, rows) > made.reach[rows]] for rows in _pieces(np.arange(len(found)))]
    _search(made, np.concatenate(stale))
    return made


def _ranked(table: Nearby, rows: np.ndarray) -> Floats:
    """Write the nearest candidates of some points; the distances of the last of them."""
    points, candidates = table.anchors, table.candidates[:, rows].T
    scores = _scores(points[rows], points[candidates])
    order = np.argsort(scores, axis=1)[:, : len(table.neighbours)]
    table.neighbours[:, rows] = np.take_along_axis(candidates, order, 1).T
    return _from_scores(points[rows], np.take_along_axis(scores, order[:, -1:], 1)[:, 0])


def _search(table: Nearby, rows: np.ndarray) -> None:
    """Write the neighbours, candidates and reach of some points, from a tree of all."""
    if not len(rows):
        return
    tree = KDTree(table.anchors, balanced_tree=False, compact_nodes=False)
    # Along the curve, searches that follow one another read the same parts of the tree.
    rows = rows[morton_order(table.anchors[rows])]
    with Bar("neighbours", len(rows)) as bar:
        for piece in _pieces(rows):
            missing, width = piece, len(table.candidates)
            while len(missing):
                # As many at a time as the first had, however wide the search has become.
                parts = np.array_split(missing, -(-len(missing) * min(width, len(table.anchors)) // _NUMBERS))
                missing = missing[~np.concatenate([_found(table, tree, part, width) for part in parts])]
                width *= 2
            bar.advance(len(piece))


def _found(table: Nearby, tree: KDTree, rows: np.ndarray, width: int) -> np.ndarray:
    """Write what is sure of some points among the ``width`` nearest in the Euclidean sense; for which of them it is sure."""
    points, (count, kept) = table.anchors, (len(table.neighbours), len(table.candidates))
    if width * _ALL >= len(points):
        # A tree that returns a good part of all points takes longer than all distances.
        width, apart = len(points) - 1, np.zeros((1, 1))
        near = np.broadcast_to(np.arange(len(points)), (len(rows), len(points)))
    else:
        apart, near = tree.query(points[rows], width + 1, workers=-1)
    near = _without_self(np.asarray(near), rows)
    scores = _scores(points[rows], points[near])
    if width > kept + 1:
        best = np.argpartition(scores, kept, axis=1)[:, : kept + 1]
        near, scores = np.take_along_axis(near, best, 1), np.take_along_axis(scores, best, 1)
    order = np.argsort(scores, axis=1)
    near, scores = np.take_along_axis(near, order, 1), np.take_along_axis(scores, order, 1)
    reach = np.full(len(rows), np.inf) if width == len(points) - 1 else _reach(points[rows], apart[:, -1])
    if width > kept:
        reach = np.minimum(reach, _from_scores(points[rows], scores[:, kept]))
    sure = _from_scores(points[rows], scores[:, count - 1]) <= reach
    done = rows[sure]
    table.neighbours[:, done], table.candidates[:, done] = near[sure, :count].T, near[sure, :kept].T
    table.reach[done] = reach[sure]
    return sure


def _without_self(near: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Each row without its own number; without its last where that is missing among points in the same place."""
    own = near == rows[:, None]
    own[~own.any(1), -1] = True
    return near[~own].reshape(len(rows), -1)


def _scores(points: Points, others: np.ndarray) -> Floats:
    """``|p - q|^2 / (1 - |q|^2)``: the squared sine of half the distance but for a factor of p; shape (rows, others)."""
    return ((others - points[:, None]) ** 2).sum(-1) / (1 - (others**2).sum(-1))


def _from_scores(points: Points, scores: Floats) -> Floats:
    """Distances."""
    return 2 * np.arcsinh(np.sqrt(scores / (1 - (points**2).sum(-1))))


def _reach(points: Points, apart: Floats) -> Floats:
    """Hyperbolic distance within which no point is as far away as that in the Euclidean sense, rounding aside."""
    norm = np.sqrt((points**2).sum(-1))
    room = 1 - (norm - apart) ** 2
    scores = np.where(room > 0, apart**2 / np.where(room > 0, room, 1.0), np.inf)
    return _from_scores(points, scores) * (1 - _ROUNDING)


def _distance(first: Points, second: Points) -> Floats:
    """Hyperbolic distance of each point from its partner."""
    return _from_scores(first, ((first - second) ** 2).sum(-1) / (1 - (second**2).sum(-1)))


def _pieces(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // _ROWS)) if len(rows) else []


def checked_points(points: ArrayLike) -> Points:
    """Points as an array of shape (n, d), double precision, all within the ball."""
    checks.number("points", points)
    found = np.asarray(points, float)
    if found.ndim != 2 or not found.size:
        raise ValueError(f"points must have shape (n, d); got shape {found.shape}")
    checks.within_unit_ball("points", found)
    return found
