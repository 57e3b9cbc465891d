"""A published statement, checked by number."""

import math
from typing import NamedTuple, SupportsFloat

from scipy.special import ndtr, stdtrit

_STANDARD_ERRORS = 3
_MOST_DIGITS = 9


class Claim(NamedTuple):
    """What a paper says, what was measured, and whether it holds within the tolerance.

    ``holds`` is None where the run is too small to decide: what was measured lies within three of its standard errors of a
    bound, or beyond the tolerance of an equality by no more than these; or these are wider than the tolerance itself, so
    that the claim could hardly fail; or the error, not known, is infinite.
    """

    paper: str
    figure: str
    name: str
    source: str
    expected: float | str
    tolerance: float
    measured: float
    holds: bool | None

    def as_json(self) -> dict[str, str | float | bool | None]:
        """The claim as plain values."""
        return self._asdict()

    def shown(self, value: float) -> str:
        """A number to three digits, or to as many as the tolerance needs to be told.

        >>> claim = Claim("ninou2025", "fig2", "edge", "figure 2", 0.558505, 1e-4, 0.5585, True)
        >>> claim.shown(claim.expected), claim.shown(claim.measured), claim.shown(2.0)
        ('0.5585', '0.5585', '2')
        """
        if not (self.tolerance > 0 and math.isfinite(value) and value):
            return f"{value:.3g}"
        digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(self.tolerance)) + 1
        return f"{value:.{min(max(3, digits), _MOST_DIGITS)}g}"


def _near(apart: float, tolerance: float, standard_error: SupportsFloat) -> bool | None:
    """Whether a value lies within its tolerance; its error may excuse it, and must be small enough to tell."""
    error = _STANDARD_ERRORS * float(standard_error)
    # What is not a number is not near.
    if not apart <= tolerance + error:
        return False
    return True if apart <= tolerance and error <= tolerance else None


def _clear(beyond: float, standard_error: SupportsFloat) -> bool | None:
    """Whether a value lies on the right side of a bound: decided where it is three standard errors away from it."""
    if math.isinf(float(standard_error)):
        return None
    if beyond <= -_STANDARD_ERRORS * float(standard_error):
        return True
    return None if beyond <= _STANDARD_ERRORS * float(standard_error) else False


def widened(standard_error: SupportsFloat, repetitions: int) -> float:
    """A standard error estimated from few repetitions, so that three of it cover what three of a known one do: 99.7 %.

    By Student's law of n - 1 degrees of freedom.

    Args:
        standard_error: as estimated.
        repetitions: n, at least 2; independent runs that several estimates share count together.

    >>> [round(widened(1.0, n), 2) for n in (3, 4, 6, 10, 1000)]
    [6.4, 3.07, 1.84, 1.36, 1.0]
    """
    quantile = float(stdtrit(repetitions - 1, ndtr(_STANDARD_ERRORS)))
    return float(standard_error) * quantile / _STANDARD_ERRORS


class Source(NamedTuple):
    """Where claims come from: the paper and the figure they are filed under."""

    paper: str
    figure: str

    def equal(
        self,
        name: str,
        where: str,
        expected: float,
        tolerance: float,
        measured: SupportsFloat,
        standard_error: SupportsFloat = 0.0,
    ) -> Claim:
        """The measured value, known to ``standard_error``, lies within ``tolerance`` of the expected one.

        >>> Source("raman2021", "fig5").equal("sweet spot", "table in the spec", 0.78, 0.05, 0.80).holds
        True
        >>> print(Source("raman2021", "fig5").equal("sweet spot", "table in the spec", 0.78, 0.05, 0.90, 0.03).holds)
        None
        >>> print(Source("raman2021", "fig5").equal("sweet spot", "few runs", 0.78, 0.05, 0.78, 0.03).holds)
        None
        >>> print(Source("raman2021", "fig5").equal("sweet spot", "one run alone", 0.78, 0.05, 0.78, math.inf).holds)
        None
        """
        holds = _near(abs(float(measured) - expected), tolerance, standard_error)
        return Claim(*self, name, where, float(expected), float(tolerance), float(measured), holds)

    def at_most(
        self,
        name: str,
        where: str,
        bound: float,
        tolerance: float,
        measured: SupportsFloat,
        standard_error: SupportsFloat = 0.0,
    ) -> Claim:
        """The measured value, known to ``standard_error``, is at most ``bound``, give or take ``tolerance``.

        >>> Source("raman2021", "fig5").at_most("sweet spot", "main claim", 1.0, 0.0, 1.2).holds
        False
        >>> print(Source("raman2021", "fig5").at_most("sweet spot", "main claim", 1.0, 0.0, 0.9, 0.1).holds)
        None
        """
        measured = float(measured)
        holds = _clear(measured - bound - tolerance, standard_error)
        return Claim(*self, name, where, f"<= {bound:g}", float(tolerance), measured, holds)

    def at_least(
        self,
        name: str,
        where: str,
        bound: float,
        tolerance: float,
        measured: SupportsFloat,
        standard_error: SupportsFloat = 0.0,
    ) -> Claim:
        """The measured value, known to ``standard_error``, is at least ``bound``, give or take ``tolerance``.

        >>> Source("raman2021", "fig5").at_least("loss ratio", "spec", 10.0, 0.0, 20.0, 3.0).holds
        True
        """
        measured = float(measured)
        holds = _clear(bound - tolerance - measured, standard_error)
        return Claim(*self, name, where, f">= {bound:g}", float(tolerance), measured, holds)
