"""The largest rate at which a condition of decrease holds, in exact rationals."""

from collections.abc import Callable

from flint import fmpq

from plastodyn.theory.roots import bisect


def largest_margin(holds: Callable[[fmpq], bool], time: str, bisections: int) -> fmpq:
    """The largest margin, from 0, at which a condition holds; the condition is known to hold at 0.

    Args:
        holds: margin -> whether the decrease is proved at it; monotone.
        time: ``continuous``, where margins are rates without bound; or ``discrete``, where they lie below 1.
        bisections: once the margin is known to a factor 2; each gives one binary digit.

    Returns:
        A margin at which the condition holds.

    Source: this project.

    >>> largest_margin(lambda margin: margin <= 3, "continuous", 10)
    3
    """
    low, high = fmpq(0), fmpq(1)
    if time == "continuous":
        while holds(high):
            low, high = high, 2 * high
    return bisect(holds, low, high, bisections)[0]
