"""What a certificate rests on, and what follows from it: the two halves of a certificate, as data."""

from typing import NamedTuple

from plastodyn.types import Json


class Premises(NamedTuple):
    """What is given to the checker: a system, and what is said to decide about it.

    Args:
        kind: ``linear_inclusion``, ``smooth_field``, ``consolidation`` or ``colearning``.
        time: ``continuous`` or ``discrete``.
        system: the matrices, the field as a list of elementary operations, or the numbers of a memory or of oscillators.
        lyapunov: P of ``V = z' P z``, as exact rationals.
        margin: rate of decay or of contraction, as an exact rational.
        domain: where: the box, the enclosure of the equilibrium and the level of V of a smooth field.
        witness: of a refutation: what does not decay.
        boxes: how many boxes the check of a smooth field may look at.
    """

    kind: str
    time: str
    system: Json
    lyapunov: list[list[str]] | None = None
    margin: str | None = None
    domain: Json | None = None
    witness: Json | None = None
    boxes: int | None = None


class Conclusion(NamedTuple):
    """What the checker makes of premises: how it read them, in their one spelling, and what follows."""

    premises: Premises
    verdict: str
    statement: str
    conditions: tuple[str, ...]


class Unproved(ValueError):  # noqa: N818 - no error: most claims that are tried do not decide
    """The premises do not decide, or cannot be read."""


def require(holds: object, what: str) -> None:
    """Refuse premises in which something does not surely hold.

    Raises:
        Unproved: naming it.
    """
    if not bool(holds):
        raise Unproved(what)
