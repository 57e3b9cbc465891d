"""Valid calls of hyperbolic geometry and of attention by synchrony."""

import numpy as np
from kinds import count, numbers, one_number
from things import KEY, Argument, any_not_negative, any_positive, left

from plastodyn import attention, geometry

POINTS = np.array([[0.0, 0.1], [0.2, 0.3], [-0.4, 0.5]])
TABLE = geometry.nearby(POINTS, 1)
MODULE = attention.SynchronyAttention(4, 2, key=KEY)
TOKENS = np.arange(12.0).reshape(3, 4)


def _ball(value):
    """Points within the unit ball, one or many."""
    if not numbers(shape=lambda shape: len(shape) > 0)(value):
        return False
    return bool((np.linalg.norm(np.asarray(value, float), axis=-1) < 1).all())


def _with(other, kind=_ball):
    """Points that also broadcast against others."""

    def valid(value):
        if not kind(value):
            return False
        try:
            np.broadcast_shapes(np.shape(value), np.shape(other))
        except ValueError:
            return False
        return True

    return valid


def _many(value):
    return _ball(value) and np.ndim(value) == 2 and len(value) > 1


_vectors = numbers(shape=lambda shape: len(shape) > 0)
_table = {"points": Argument(POINTS, _many), "count": Argument(1, count(1, 2))}
_other = Argument(POINTS[::-1].copy(), _with(POINTS))
_tokens = Argument(TOKENS, numbers(shape=lambda shape: shape == (3, 4)))

CALLS = {
    geometry.conformal_factor: {"points": Argument(POINTS, _ball)},
    geometry.distance: {"first": Argument(POINTS, _with(POINTS)), "second": _other},
    geometry.add: {"first": Argument(POINTS, _with(POINTS)), "second": _other},
    geometry.logarithm: {"origin": Argument(POINTS, _with(POINTS)), "points": _other},
    geometry.exponential: {"origin": Argument(POINTS, _with(POINTS)), "vectors": Argument(POINTS, _with(POINTS, _vectors))},
    geometry.into_ball: {"points": Argument(POINTS, _vectors), "largest_norm": left(one_number(above=0, at_most=1 - 1e-6))},
    geometry.nearest_neighbours: _table,
    geometry.nearby: _table,
    geometry.refreshed: {
        "table": Argument(TABLE, lambda value: isinstance(value, geometry.Nearby)),
        "points": Argument(POINTS, lambda value: _many(value) and np.shape(value) == (3, 2)),
    },
    geometry.candidate_count: {"points": Argument(10, count(2)), "count": Argument(3, count(1, 9))},
    geometry.morton_order: {"points": Argument(POINTS, numbers(shape=lambda shape: len(shape) == 2))},
    attention.locking: {
        "apart": Argument(0.1, any_not_negative),
        "pull": Argument(1.0, any_not_negative),
        "selectivity": Argument(1.0, any_not_negative),
    },
    attention.locking_radius: {"pull": Argument(1.0, any_not_negative), "selectivity": Argument(1.0, any_positive)},
    attention.locked_share: {
        "attention": Argument(MODULE, lambda value: isinstance(value, attention.SynchronyAttention)),
        "tokens": _tokens,
    },
    attention.calibrated: {
        "attention": Argument(MODULE, lambda value: isinstance(value, attention.SynchronyAttention)),
        "tokens": _tokens,
        "share": Argument(0.5, one_number(above=0, at_most=1 - 1e-9)),
    },
}
