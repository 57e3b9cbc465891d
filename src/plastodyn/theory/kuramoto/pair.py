"""Two oscillators: they lock, or slip past one another again and again, both in closed form."""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.types import Floats


def slip_period(coupling: ArrayLike, difference: ArrayLike) -> Floats:
    """Time in which two oscillators slip by one turn, ``T = 2 pi / sqrt(d^2 - K^2)``; infinite where they lock, ``K >= |d|``.

    Args:
        coupling: K, at least 0, per unit of time: ``dD/dt = d - K sin D`` for the difference D of their phases.
        difference: d, of their frequencies, radians per unit of time.

    Returns:
        T, in units of time.

    Raises:
        ValueError: if an argument is out of range.

    Source: Adler (1946).

    >>> [round(float(t), 4) for t in slip_period([0.0, 0.6, 1.0], 1.0)]
    [6.2832, 7.854, inf]
    """
    square = _square_of_rate(coupling, difference)
    return np.where(square > 0, 2 * np.pi / np.sqrt(np.where(square > 0, square, 1.0)), np.inf)


def phase_difference(time: ArrayLike, coupling: float, difference: float) -> Floats:
    """The difference of two phases that slip, lifted, from 0 at time 0: ``dD/dt = d - K sin D`` with ``K < |d|``.

    ``tan(D / 2) = (K + n tan(n t / 2 - b)) / d`` with ``n = sqrt(d^2 - K^2)`` and ``tan b = K / n``. The coherence of the two
    is ``|cos(D / 2)|``.

    Args:
        time: t.
        coupling: K, at least 0, below ``|difference|``, per unit of time.
        difference: d, not 0, radians per unit of time.

    Returns:
        D, in radians, of the shape of ``time``.

    Raises:
        ValueError: if an argument is out of range, or the two lock.

    Source: Adler (1946).

    >>> phase_difference([3.926991, 7.853982], 0.6, 1.0).round(5).tolist()
    [2.06075, 6.28319]
    """
    checks.number("time", time)
    checks.one_number("coupling", coupling, at_least=0)
    checks.one_number("difference", difference)
    if coupling >= abs(difference):
        raise ValueError(f"coupling must be below |difference|, or the two lock; got {coupling:g} and {difference:g}")
    rate = np.sqrt(difference**2 - coupling**2)
    angle = 0.5 * rate * np.asarray(time, float) - np.arctan(coupling / rate)
    # Half of the difference is less than a quarter turn away from the angle, which says in which turn it is.
    half = np.arctan2(coupling * np.cos(angle) + rate * np.sin(angle), abs(difference) * np.cos(angle))
    size = 2 * (half + 2 * np.pi * np.round((angle - half) / (2 * np.pi)))
    return np.sign(difference) * size


def _square_of_rate(coupling: ArrayLike, difference: ArrayLike) -> Floats:
    checks.number("coupling", coupling, at_least=0)
    checks.number("difference", difference)
    checks.broadcast(coupling=coupling, difference=difference)
    return np.asarray(difference, float) ** 2 - np.asarray(coupling, float) ** 2
