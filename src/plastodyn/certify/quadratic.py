"""A quadratic function that decreases for all vertices of a linear inclusion: sought in floats, decided in exact rationals."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
from flint import fmpq
from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

from plastodyn.certify import rational
from plastodyn.certify.checker import fall
from plastodyn.certify.rational import Matrix

_DIGITS = (3, 6, 9, 12)
_ROUNDS = 3
_NO_MARGIN = fmpq(0)


def decreases(matrices: Sequence[Matrix], p: Matrix, time: str, margin: fmpq = _NO_MARGIN) -> bool:
    """Whether ``V = z' P z`` is positive and decreases at the rate ``margin`` for every vertex, in exact rationals.

    Args:
        matrices: the vertices.
        p: a symmetric matrix.
        time: ``continuous`` or ``discrete``.
        margin: rate of decay, or of contraction below 1.
    """
    return rational.not_positive(p) is None and all(rational.not_positive(fall(a, p, time, margin)) is None for a in matrices)


def common(matrices: Sequence[Matrix], time: str) -> Matrix | None:
    """A rational P of which V decreases for every vertex, or None if none was found.

    Semidefinite programs are solved in coordinates in which the last answer was the identity: a program whose answer is
    nearly singular in the user's coordinates is well conditioned there.

    Args:
        matrices: the vertices, each of them stable.
        time: ``continuous`` or ``discrete``.

    Source: Boyd, El Ghaoui, Feron and Balakrishnan, Linear matrix inequalities, chapter 5; the coordinates are this project's.
    """
    # A unit of time that suits the matrices changes no P.
    largest = max(abs(x) for a in matrices for row in a for x in row)
    unit = 1 / largest if time == "continuous" and largest > 0 else fmpq(1)
    floats = [rational.floats([[unit * x for x in row] for row in a]) for a in matrices]
    if not np.isfinite(floats).all():
        return None
    for values in _candidates(floats, time):
        for p in roundings(values):
            if decreases(matrices, p, time):
                return p
    return None


def _candidates(floats: list[np.ndarray], time: str) -> Iterator[np.ndarray]:
    """P of the user's coordinates, then from those in which the mean of the vertices decays evenly, round after round."""
    for start in (None, _of_one(np.mean(floats, axis=0), time), *(_of_one(a, time) for a in floats)):
        values = np.eye(len(floats[0])) if start is None else start
        if not _is_positive(values):
            continue
        if start is not None:
            yield values
        for _ in range(_ROUNDS if start is not None else 1):
            root = np.linalg.cholesky(values).T
            back = np.linalg.inv(root)
            inner = _program([root @ a @ back for a in floats], time)
            if inner is None:
                break
            values = root.T @ inner @ root
            if not _is_positive(values):
                break
            yield values


def _of_one(a: np.ndarray, time: str) -> np.ndarray:
    """P of one matrix, from its Lyapunov equation; not numbers where it has none."""
    size = len(a)
    with warnings.catch_warnings(), suppress(np.linalg.LinAlgError, ValueError):
        warnings.simplefilter("ignore", RuntimeWarning)
        found = (
            solve_discrete_lyapunov(a.T, np.eye(size)) if time == "discrete" else solve_continuous_lyapunov(a.T, -np.eye(size))
        )
        return (found + found.T) / 2
    return np.full((size, size), np.nan)


def _is_positive(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).all()) and bool(np.linalg.eigvalsh(values).min() > 0)


def _program(floats: list[np.ndarray], time: str) -> np.ndarray | None:
    """``max t``, ``t I <= P <= I``, decrease at each vertex by ``t I``."""
    # Optional: a user who only simulates does not need a solver.
    import cvxpy as cp  # noqa: PLC0415

    size = len(floats[0])
    p, t, one = cp.Variable((size, size), symmetric=True), cp.Variable(), np.eye(size)
    falls = [p - a.T @ p @ a if time == "discrete" else -(a.T @ p + p @ a) for a in floats]
    constraints = [p << one, p >> t * one, *(fall >> t * one for fall in falls)]
    problem = cp.Problem(cp.Maximize(t), constraints)
    with warnings.catch_warnings(), suppress(cp.SolverError):
        # An inaccurate answer is no harm: it is checked exactly.
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL)
    return None if p.value is None or not np.isfinite(p.value).all() else (p.value + p.value.T) / 2


def roundings(values: np.ndarray, shortest: int = _DIGITS[0]) -> Iterator[Matrix]:
    """A symmetric matrix as short decimals, longer ones, and at last the binary fractions that the floats are."""
    scaled = values / np.abs(values).max()
    for digits in (digits for digits in _DIGITS if digits >= shortest):
        yield rational.rounded_symmetric(scaled, digits)
    size = range(len(values))
    yield [[rational.exact(float(scaled[min(i, j), max(i, j)])) for j in size] for i in size]
