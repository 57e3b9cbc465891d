"""A certificate: a statement on stability with everything needed to check it again without trusting who made it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from typing import ClassVar

from plastodyn import checks
from plastodyn.certify import version_1, words
from plastodyn.runtime.provenance import versions
from plastodyn.types import Json

FORMAT = 2
"""Of the files written here. Format 1 has no such number, and sentences where format 2 has words of a fixed list."""
VERDICTS = ("certified", "refuted", "unknown")
_NEEDED = {"kind", "verdict", "statement", "time", "system"}


def _versions() -> dict[str, str]:
    return {**versions(), **{name: version(name) for name in ("cvxpy", "clarabel", "python-flint")}}


def _from_version_1(values: Json) -> Json:
    try:
        return {**version_1.translated(values), "format": FORMAT}
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"text must be the JSON of a certificate; as one of format 1 it lacks or misplaces {error}") from None


@dataclass(frozen=True)
class Certificate:
    """What was asked of a system, the verdict, and what proves it: data only, which `summary` puts into words.

    Args:
        kind: ``linear_inclusion``, ``smooth_field`` or ``consolidation``: which check it asks for.
        verdict: ``certified``, ``refuted`` or ``unknown``.
        statement: what is certified or refuted: ``asymptotically_stable``, ``is_lyapunov_function``, ``memory_stable``,
            ``equilibrium_stable`` or ``decreases_in_region``, each ``in continuous time`` or ``in discrete time``.
        time: ``continuous`` or ``discrete``.
        system: the matrices, or the field as a list of elementary operations.
        lyapunov: P of ``V = z' P z``, as exact rationals; None where there is none.
        margin: certified rate of decay or of contraction, as an exact rational; None where there is none.
        domain: where the statement holds.
        conditions: those that were checked, of `words.CONDITIONS`.
        tolerances: of the numerical search; the checks are exact or rigorous and have none.
        witness: of a refutation: a state, and what happens there.
        remaining: of an unknown verdict: what was left.
        provenance: versions that made it.
        format: of the file.
    """

    kind: str
    verdict: str
    statement: str
    time: str
    system: Json
    lyapunov: list[list[str]] | None = None
    margin: str | None = None
    domain: Json = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    tolerances: Json = field(default_factory=dict)
    witness: Json | None = None
    remaining: list[object] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=_versions)
    format: int = FORMAT

    checkers: ClassVar[dict[str, Callable[["Certificate"], bool]]] = {}
    """How each kind is checked; filled by the modules that make them."""

    def to_json(self) -> str:
        """The certificate as JSON; numbers that matter are exact rationals, as text."""
        return json.dumps(asdict(self), indent=2)

    def summary(self) -> dict[str, str]:
        """What a reader wants first, as text: the verdict, the statement, and what supports it."""
        return words.rows(self)

    @classmethod
    def from_json(cls, text: str) -> "Certificate":
        """A certificate from its JSON, of format 2 or, where the file names none, 1.

        Raises:
            ValueError: if the text is not JSON, or not a certificate.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"text must be the JSON of a certificate; {error}") from None
        names = {item.name for item in fields(cls)}
        if not isinstance(values, dict) or not _NEEDED <= set(values) <= names:
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise ValueError(f"text must be the JSON of a certificate, with {sorted(_NEEDED)}; got {found}")
        checks.one_of("verdict", values["verdict"], VERDICTS)
        checks.one_of("kind", values["kind"], cls.checkers)
        checks.one_of("time", values["time"], ("continuous", "discrete"))
        checks.one_of("format", values.get("format", 1), (1, FORMAT))
        return cls(**(values if "format" in values else _from_version_1(values)))

    def recheck(self) -> bool:
        """Whether the verdict follows from what is written here, by another route than the one that found it.

        Linear inclusions: exact rational arithmetic, no solver. Smooth fields: ball arithmetic on the list of operations,
        with derivatives by dual numbers instead of JAX. An ``unknown`` verdict claims nothing, and always passes. What
        is missing or malformed makes it false, and so does a statement, domain or condition other than what the numbers
        prove. Only illustrations are not read: floats of a witness beside what proves it, tolerances, provenance.
        """
        if self.verdict == "unknown":
            return True
        if self.remaining:
            return False
        try:
            return self.checkers[self.kind](self)
        except (ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, ArithmeticError):
            return False
