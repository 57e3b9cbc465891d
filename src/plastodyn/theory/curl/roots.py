"""Roots that the theory needs: of monotone functions, and of cubics in closed form, for whole arrays at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 200
# Newton doubles the digits: a step this small leaves an error at the level of rounding.
_LAST_STEP = 1e-9


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
