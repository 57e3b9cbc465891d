"""A published statement, checked by number."""

from typing import NamedTuple, SupportsFloat


class Claim(NamedTuple):
    """What a paper says, what was measured, and whether it holds within the tolerance."""

    paper: str
    figure: str
    name: str
    source: str
    expected: float | str
    tolerance: float
    measured: float
    holds: bool

    def as_json(self) -> dict[str, str | float | bool]:
        """The claim as plain values."""
        return self._asdict()


class Source(NamedTuple):
    """Where claims come from: the paper and the figure they are filed under."""

    paper: str
    figure: str

    def equal(self, name: str, where: str, expected: float, tolerance: float, measured: SupportsFloat) -> Claim:
        """The measured value lies within ``tolerance`` of the expected one.

        >>> Source("raman2021", "fig5").equal("sweet spot", "table in the spec", 0.78, 0.05, 0.80).holds
        True
        """
        measured = float(measured)
        holds = bool(abs(measured - expected) <= tolerance)
        return Claim(*self, name, where, float(expected), float(tolerance), measured, holds)

    def at_most(self, name: str, where: str, bound: float, tolerance: float, measured: SupportsFloat) -> Claim:
        """The measured value is at most ``bound``, give or take ``tolerance``.

        >>> Source("raman2021", "fig5").at_most("sweet spot", "main claim", 1.0, 0.0, 1.2).holds
        False
        """
        measured = float(measured)
        return Claim(*self, name, where, f"<= {bound:g}", float(tolerance), measured, bool(measured <= bound + tolerance))

    def at_least(self, name: str, where: str, bound: float, tolerance: float, measured: SupportsFloat) -> Claim:
        """The measured value is at least ``bound``, give or take ``tolerance``.

        >>> Source("raman2021", "fig5").at_least("loss ratio", "spec", 10.0, 0.0, 20.0).holds
        True
        """
        measured = float(measured)
        return Claim(*self, name, where, f">= {bound:g}", float(tolerance), measured, bool(measured >= bound - tolerance))
