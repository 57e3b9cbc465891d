"""Elimination on any numbers that can be compared with 0: rationals, or balls that may be unsure."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Exact = TypeVar("Exact")
"""A number of any kind: a rational, or a ball."""


def failing_pivot(matrix: Sequence[Sequence[Any]]) -> int | None:
    """The first pivot that is not surely positive; None where all are: just then all leading minors are positive.

    For a symmetric matrix that is positive definiteness (Sylvester).

    >>> failing_pivot([[2.0, 1.0], [1.0, 1.0]]) is None, failing_pivot([[1.0, 2.0], [2.0, 1.0]])
    (True, 1)
    """
    rows = [list(row) for row in matrix]
    for k in range(len(rows)):
        if not rows[k][k] > 0:
            return k
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return None


def hurwitz_matrix(coefficient: Callable[[int], Exact], degree: int, zero: Exact) -> list[list[Exact]]:
    """Hurwitz's matrix of a polynomial; all roots have negative real parts just if all its leading minors are positive.

    Args:
        coefficient: of ``s^k``, as a function of k; that of ``s^degree`` positive.
        degree: of the polynomial.
        zero: of the numbers that the coefficients are.

    >>> hurwitz_matrix([6, 11, 6, 1].__getitem__, 3, 0)
    [[6, 6, 0], [1, 11, 0], [0, 6, 6]]
    """
    size = range(degree)
    place = [[degree - (2 * j - i + 1) for j in size] for i in size]
    return [[coefficient(k) if 0 <= k <= degree else zero for k in row] for row in place]
