"""Exact linear algebra on rationals: definiteness, and where the eigenvalues of a matrix lie."""

import numbers
import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpq_poly
from jaxtyping import Float

from plastodyn import checks
from plastodyn.certify.elimination import failing_pivot, hurwitz_matrix

_PLAIN = re.compile(r"\s*[+-]?(\d{1,4000}(/\d{1,4000})?|(?=\.?\d)\d{0,4000}(\.\d{0,4000})?([eE][+-]?\d{1,4})?)\s*")
"""Text that is a rational: digits over digits, or a decimal with an exponent of at most four digits."""

_MOST_BITS = 13_000
"""Of a numerator or denominator: what 3900 digits hold, so that each number that is read can be written and read again."""

Matrix = list[list[fmpq]]
Exact = fmpq | str | float
"""A number that is a rational: text such as ``"1/3"`` or ``"0.1"``, or a float, the binary fraction that it stores."""
Rows = Sequence[Sequence[Exact]] | Float[np.ndarray, "n n"]
"""A square matrix of them."""


def exact(value: Exact | None, name: str = "a number") -> fmpq:
    """A number as the rational that it is: a float is the binary fraction it stores, a string may be ``"1/3"`` or ``"0.1"``.

    Raises:
        ValueError: if it is none, as where a certificate lacks it.

    >>> exact("0.1"), exact(0.5)
    (1/10, 1/2)
    """
    if isinstance(value, fmpq):
        return value
    try:
        fraction = _fraction(np.asarray(value)[()] if hasattr(value, "dtype") else value)
        if max(fraction.numerator.bit_length(), fraction.denominator.bit_length()) > _MOST_BITS:
            raise ValueError
    except (ValueError, OverflowError, TypeError, ZeroDivisionError):
        raise ValueError(
            f"{name} must be finite: a float, an integer, or a string such as '1/3'; got {checks.shown(value)}"
        ) from None
    return fmpq(fraction.numerator, fraction.denominator)


def _fraction(value: Any) -> Fraction:
    """A number of a known kind; any other would be rounded on its way through a float."""
    if isinstance(value, numbers.Rational) and not isinstance(value, bool):
        return Fraction(int(value.numerator), int(value.denominator))
    # A short text may stand for a number of a billion digits, such as "1e-999999999".
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Fraction(value)
    if isinstance(value, Decimal | float):
        return Fraction(value)
    if getattr(value, "dtype", None) in (np.float32, np.float16):
        return Fraction(float(value))
    raise ValueError


def as_float(text: Exact) -> float:
    """A rational as the nearest float, for what needs no proof.

    >>> as_float("1/4")
    0.25
    """
    value = exact(text)
    try:
        return int(value.p) / int(value.q)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def matrix(name: str, rows: Rows | None) -> Matrix:
    """A square matrix of rationals.

    Raises:
        ValueError: if the rows do not make a square matrix of finite numbers.

    >>> matrix("P", [[1, "1/2"], [0.5, 2]])
    [[1, 1/2], [1/2, 2]]
    """
    try:
        if rows is None:
            raise ValueError("got None")
        found = [[exact(entry) for entry in row] for row in rows]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a square matrix of finite numbers; {error}") from None
    if not found or any(len(row) != len(found) for row in found):
        raise ValueError(f"{name} must be a square matrix; got rows of lengths {[len(row) for row in found]}")
    return found


def rounded(value: float, digits: int) -> fmpq:
    """A float as a short decimal.

    >>> rounded(0.333333, 3)
    333/1000
    """
    return fmpq(round(Fraction(value) * 10**digits), 10**digits)


def rounded_symmetric(values: np.ndarray, digits: int) -> Matrix:
    """A symmetric matrix of floats as short decimals, symmetric to the last digit."""
    size = range(len(values))
    return [[rounded(float(values[min(i, j), max(i, j)]), digits) for j in size] for i in size]


def floats(rows: Matrix) -> np.ndarray:
    """A matrix of rationals as the nearest floats, for what needs no proof."""
    return np.array([[as_float(entry) for entry in row] for row in rows])


def texts(rows: Sequence[Sequence[fmpq]]) -> list[list[str]]:
    """A matrix as text that keeps it exactly.

    >>> texts([[fmpq(1, 3)]])
    [['1/3']]
    """
    return [[str(entry) for entry in row] for row in rows]


def times(a: Matrix, b: Matrix) -> Matrix:
    """The product of two matrices."""
    return [[sum((x * y for x, y in zip(row, column, strict=True)), fmpq(0)) for column in zip(*b, strict=True)] for row in a]


def combined(terms: Sequence[tuple[fmpq, Matrix]]) -> Matrix:
    """A linear combination of matrices."""
    size = range(len(terms[0][1]))
    return [[sum((c * m[i][j] for c, m in terms), fmpq(0)) for j in size] for i in size]


def transposed(a: Matrix) -> Matrix:
    """The transpose."""
    return [list(column) for column in zip(*a, strict=True)]


def symmetric(name: str, rows: Rows | None, size: int) -> Matrix:
    """A symmetric matrix of rationals of a given size.

    Raises:
        ValueError: if it is not.

    >>> symmetric("P", [[1, 0], [1, 1]], 2)
    Traceback (most recent call last):
    ...
    ValueError: P must be a symmetric matrix of size 2; got [['1', '0'], ['1', '1']]
    """
    found = matrix(name, rows)
    if len(found) != size or found != transposed(found):
        raise ValueError(f"{name} must be a symmetric matrix of size {size}; got {texts(found)}")
    return found


def not_positive(form: Matrix) -> list[fmpq] | None:
    """A vector x with ``x' S x <= 0``, or None if S is positive definite: exactly, by elimination.

    >>> not_positive(matrix("S", [[2, 1], [1, 1]])) is None
    True
    >>> not_positive(matrix("S", [[1, 1], [1, 1]]))
    [-1, 1]
    """
    k = failing_pivot(form)
    return None if k is None else _direction(form, k)


def _direction(form: Matrix, k: int) -> list[fmpq]:
    """The x with x_k = 1 that makes x' S x the k-th pivot, the leading block of S being positive definite."""
    x = [fmpq(0)] * len(form)
    x[k] = fmpq(1)
    if k:
        block = fmpq_mat(k, k, [form[i][j] for i in range(k) for j in range(k)])
        found = block.solve(fmpq_mat(k, 1, [-form[i][k] for i in range(k)]))
        x[:k] = [found[i, 0] for i in range(k)]
    return x


def value(x: Sequence[fmpq], form: Matrix) -> fmpq:
    """The quadratic form ``x' S x``."""
    size = range(len(x))
    return sum((x[i] * form[i][j] * x[j] for i in size for j in size), fmpq(0))


def is_hurwitz(a: Matrix) -> bool:
    """Whether all eigenvalues have negative real parts: exactly, by the determinants of Hurwitz.

    >>> [is_hurwitz(matrix("A", a)) for a in ([[-1, -1], [1, 0]], [[0, -1], [1, 0]], [[1, 0], [0, -1]])]
    [True, False, False]
    """
    return _all_left(_characteristic(a))


def is_schur(a: Matrix) -> bool:
    """Whether all eigenvalues lie inside the unit circle: exactly, through ``z = (1 + s) / (1 - s)``.

    >>> [is_schur(matrix("A", a)) for a in ([["1/2", 1], [0, "-1/2"]], [[0, -1], [1, 0]], [[2]])]
    [True, False, False]
    """
    polynomial = _characteristic(a)
    degree = polynomial.degree()
    mapped = fmpq_poly([0])
    for k in range(degree + 1):
        mapped += polynomial[k] * fmpq_poly([1, 1]) ** k * fmpq_poly([1, -1]) ** (degree - k)
    # A root at -1 would go to infinity: the degree falls.
    return mapped.degree() == degree and _all_left(mapped)


def _characteristic(a: Matrix) -> fmpq_poly:
    size = len(a)
    return fmpq_mat(size, size, [entry for row in a for entry in row]).charpoly()


def _all_left(polynomial: fmpq_poly) -> bool:
    degree = polynomial.degree()
    leading = polynomial[degree]
    return failing_pivot(hurwitz_matrix(lambda k: polynomial[k] / leading, degree, fmpq(0))) is None
