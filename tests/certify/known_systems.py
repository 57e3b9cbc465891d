"""Random systems whose stability is known by how they are made."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np


def matrix_with(rng, time, kind):
    """A matrix with known eigenvalues, in a random basis of whole numbers, so that it is exact in floats."""
    size = int(rng.integers(2, 5))
    edge = {"stable": -1, "unstable": 1, "marginal": 0}[kind]
    if time == "continuous":
        values = [-int(rng.integers(1, 9)) for _ in range(size)]
        values[0] = edge * int(rng.integers(1, 9)) if edge else 0
    else:
        values = [rng.choice([-3, -2, -1, 0, 1, 2, 3]) / 4 for _ in range(size)]
        values[0] = (1 + edge * 0.25) * rng.choice([-1, 1])
    lower = np.tril(rng.integers(-2, 3, (size, size)), -1) + np.eye(size)
    upper = np.triu(rng.integers(-2, 3, (size, size)), 1) + np.eye(size)
    basis, inverse = lower @ upper, np.rint(np.linalg.inv(lower @ upper))
    return basis @ (np.diag(values) + np.triu(rng.integers(-1, 2, (size, size)), 1) / 4) @ inverse


def _fractions(values):
    return [[Fraction(x).limit_denominator(1000) for x in row] for row in values]


def _product(a, b):
    columns = list(zip(*b, strict=True))
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in a]


def _inverse(a):
    """By Gauss and Jordan, exactly."""
    size = len(a)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(size))] for i, row in enumerate(a)]
    for k in range(size):
        at = next(i for i in range(k, size) if rows[i][k] != 0)
        rows[k], rows[at] = rows[at], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(size):
            if i != k:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


def scaled_basis(rng, size):
    """A basis of rationals whose condition number is up to some thousands."""
    while True:
        mixed = rng.normal(size=(size, size)) * 10 ** rng.uniform(-1, 1, size)
        if np.linalg.cond(mixed) < 3000:
            return _fractions(mixed)


def shrinking(rng, time, margin, basis=None):
    """Vertices for which ``V = |T z|^2`` decreases at the rate ``margin`` at least, exactly; as text.

    Continuous time: ``T^-1 (S - D) T``, S antisymmetric and D >= margin. Discrete time: ``T^-1 (1 - margin) R T`` with R a
    product of rational rotations and contractions.
    """
    size = int(rng.integers(2, 5)) if basis is None else len(basis)
    basis = scaled_basis(rng, size) if basis is None else basis
    inverse, least = _inverse(basis), Fraction(margin).limit_denominator(10**6)
    found = []
    for _ in range(int(rng.integers(2, 5))):
        if time == "continuous":
            turning = np.tril(rng.normal(size=(size, size)) * 3, -1)
            core = _fractions(turning - turning.T)
            for i in range(size):
                core[i][i] = -least - Fraction(int(rng.integers(0, 4)), 2)
        else:
            core = [[Fraction(int(i == j)) * Fraction(int(rng.integers(1, 5)), 4) for j in range(size)] for i in range(size)]
            core[0][0] = Fraction(1)
            for i in range(size - 1):
                core = _product(core, _rotation(size, i, Fraction(int(rng.integers(-5, 6)), 5)))
            core = [[(1 - least) * x for x in row] for row in core]
        moved = _product(inverse, _product(core, basis))
        found.append([[str(x) for x in row] for row in moved])
    return found


def _rotation(size, i, t):
    """A rotation of the plane of coordinates i and i + 1 by a rational cosine and sine."""
    cosine, sine = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    found = [[Fraction(int(k == j)) for j in range(size)] for k in range(size)]
    found[i][i] = found[i + 1][i + 1] = cosine
    found[i][i + 1], found[i + 1][i] = -sine, sine
    return found


def decoupled(rng):
    """``T^-1 (b y^3 - a y)`` with y = T z, the rows of T, and how far each y_i may be for the state to return."""
    size = int(rng.integers(1, 3))
    rows = np.eye(size) + 0.5 * rng.integers(-1, 2, (size, size)) * (1 - np.eye(size))
    a, b = rng.integers(1, 8, size) / 4, rng.integers(1, 5, size) / 4
    if rng.random() < 0.25:
        a[0] = -a[0]
    inverse = np.linalg.inv(rows)

    def field(z):
        y = jnp.asarray(rows) @ z
        return jnp.asarray(inverse) @ (b * y**3 - a * y)

    return field, rows, np.sign(a) * np.sqrt(np.abs(a) / b)
