"""Roots that theory and proofs need: of monotone functions, and of cubics in closed form, for whole arrays at once."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from plastodyn.types import Floats

Point = TypeVar("Point")
"""A number of any kind that has halves: a float, an array of them, an exact rational."""

_STEPS = 200
# Newton doubles the digits: a step this small leaves an error at the level of rounding.
_LAST_STEP = 1e-9


def midpoint(low: Any, high: Any) -> Any:
    """Half way between two numbers of any kind.

    >>> midpoint(1.0, 2.0)
    1.5
    """
    return (low + high) / 2


def geometric_midpoint(low: Any, high: Any) -> Any:
    """Half way between two positive numbers on a logarithmic scale.

    >>> float(geometric_midpoint(1.0, 4.0))
    2.0
    """
    return np.sqrt(low * high)


def bisect(
    holds: Callable[[Point], Any],
    low: Point,
    high: Point,
    steps: int,
    halfway: Callable[[Point, Point], Point] = midpoint,
) -> tuple[Point, Point]:
    """The bracket of the point up to which a condition holds, by bisection.

    Args:
        holds: point -> whether the condition holds there; elementwise where points are arrays. True below some point
            and False above it.
        low: left end of the bracket: a float, an array or an exact rational.
        high: right end.
        steps: number of halvings.
        halfway: the point between two; `geometric_midpoint` halves ratios.

    Returns:
        The last points at which the condition held and did not, or the ends where none was found.

    Source: standard.

    >>> low, high = bisect(lambda x: x**2 < 2, 0.0, 2.0, 40)
    >>> round(low, 6), round(high, 6)
    (1.414214, 1.414214)
    """
    for _ in range(steps):
        middle = halfway(low, high)
        found = holds(middle)
        low, high = _either(found, middle, low), _either(found, high, middle)
    return low, high


def _either(condition: Any, first: Any, second: Any) -> Any:
    return np.where(condition, first, second) if isinstance(condition, np.ndarray) else (first if condition else second)


def bracketed_newton(function: Callable[[Floats], tuple[Floats, Floats]], low: Floats, high: Floats) -> Floats:
    """The point where a function turns from negative to positive, by Newton steps, halving where one leaves the bracket.

    Args:
        function: x -> (value, slope), elementwise; negative left of its only root and positive right of it.
        low: left end of the bracket.
        high: right end, of the same shape.

    Returns:
        The roots.

    Source: this project.

    >>> bracketed_newton(lambda x: (x**2 - 2, 2 * x), np.array(0.0), np.array(2.0)).round(6)
    np.float64(1.414214)
    """
    x = 0.5 * (low + high)
    for _ in range(_STEPS):
        value, slope = function(x)
        left = value < 0
        low, high = np.where(left, x, low), np.where(left, high, x)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = x - value / slope
        following = np.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
        done = np.abs(following - x) <= _LAST_STEP * np.abs(x)
        x = following
        if done.all():
            break
    return x


def positive_cubic_root(p: Floats, q: Floats) -> Floats:
    """The positive root of ``y^3 + p y - 2 q = 0``, q > 0; there is exactly one.

    Cardano's ``y = u - p / (3u)``, ``u^3 = q + sqrt(q^2 + p^3 / 27)``. Where the square root is imaginary, u and
    ``-p / (3u)`` are conjugate, and the principal cube root is the one whose sum is the largest root.

    Args:
        p: linear coefficients.
        q: minus half the constant coefficients, positive.

    Returns:
        The roots.

    Source: Cardano.

    >>> positive_cubic_root(np.array(-7.0), np.array(3.0)).round(12)
    np.float64(3.0)
    """
    u = (q + np.sqrt((q**2 + p**3 / 27).astype(complex))) ** (1 / 3)
    return np.real(u - p / (3 * u))


def complex_cubic_root(b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    """Real part and absolute imaginary part of the complex pair of ``x^3 + b x^2 + c x + d``; (NaN, 0) where there is none.

    Args:
        b: quadratic coefficients.
        c: linear coefficients.
        d: constant coefficients.

    Returns:
        The real and the imaginary part.

    Source: Cardano.

    >>> [float(part.round(12)) for part in complex_cubic_root(*map(np.array, (-2.0, 1.0, -2.0)))]
    [0.0, 1.0]
    """
    p = c - b**2 / 3
    half = b**3 / 27 - b * c / 6 + d / 2
    discriminant = half**2 + p**3 / 27
    pair = discriminant > 0
    # Of the two cube roots, this one is free of cancellation; the other follows from their product.
    u = -np.copysign(np.cbrt(np.abs(half) + np.sqrt(np.where(pair, discriminant, 1.0))), half)
    v = -p / (3 * u)
    return np.where(pair, -b / 3 - (u + v) / 2, np.nan), np.where(pair, np.sqrt(0.75) * np.abs(u - v), 0.0)
