"""A certificate: a statement on stability with everything needed to check it again without trusting who made it."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import version
from typing import Any, NoReturn

from plastodyn import checks
from plastodyn.certify import words
from plastodyn.certify.checker import conclude, most_boxes, question
from plastodyn.certify.premises import Conclusion, Premises, Unproved
from plastodyn.runtime.provenance import versions
from plastodyn.types import Json

FORMAT = 3
"""Of the files written here. Formats 1 (which does not name itself) and 2 held more than the checker reads."""
_DECIDED = ("colearning",)
"""Kinds whose premises hold all that there is to decide: there ``unknown`` says that there is no proof of this form."""
VERDICTS = ("certified", "refuted", "unknown")
_LONGEST = 20_000_000
"""Letters of a certificate: what is longer takes long to read."""
_DEEPEST = 20
"""Lists and objects in one another: those that are written here are at most 6 deep."""
KINDS = ("linear_inclusion", "smooth_field", "consolidation", "colearning")


def _versions() -> dict[str, str]:
    return {**versions(), **{name: version(name) for name in ("cvxpy", "clarabel", "python-flint")}}


@dataclass(frozen=True)
class Certificate:
    """What was asked of a system, the verdict, and what proves it: data only, which `summary` puts into words.

    The verdict, the statement and the conditions are what `checker.conclude` makes of the other fields.

    Args:
        kind: ``linear_inclusion``, ``smooth_field``, ``consolidation`` or ``colearning``: which check it asks for.
        verdict: ``certified``, ``refuted`` or ``unknown``.
        statement: what is certified or refuted: ``asymptotically_stable``, ``is_lyapunov_function``, ``memory_stable``,
            ``equilibrium_stable``, ``decreases_in_region`` or ``composite_energy_falls``.
        time: ``continuous`` or ``discrete``.
        system: the matrices, the field as a list of elementary operations, or the numbers of a memory or of oscillators.
        lyapunov: P of ``V = z' P z``, as exact rationals; None where there is none.
        margin: certified rate of decay or of contraction, as an exact rational; None where there is none.
        domain: where the statement holds: box, equilibrium and level; None where it holds everywhere.
        conditions: those that were checked, of `words.CONDITIONS`.
        witness: of a refutation: what does not decay.
        boxes: how many boxes the check of a smooth field may look at.
        remaining: of an unknown verdict: what was left, of `words.REMAINING`.
        provenance: versions that made it; a remark, which proves nothing and is not checked.
        format: of the file.
    """

    kind: str
    verdict: str
    statement: str
    time: str
    system: Json
    lyapunov: list[list[str]] | None = None
    margin: str | None = None
    domain: Json | None = None
    conditions: list[str] = field(default_factory=list)
    witness: Json | None = None
    boxes: int | None = None
    remaining: list[str] = field(default_factory=list)
    provenance: dict[str, str] = field(default_factory=_versions)
    format: int = FORMAT

    @classmethod
    def concluded(cls, premises: Premises) -> "Certificate":
        """What the checker makes of some premises.

        Raises:
            Unproved: if nothing follows from it.
        """
        return cls._of(conclude(premises))

    @classmethod
    def unknown(cls, premises: Premises, remaining: str) -> "Certificate":
        """The verdict on a question for which nothing was found.

        Args:
            premises: what was asked.
            remaining: what was left, of `words.REMAINING`.
        """
        return cls._of(Conclusion(question(premises), "unknown", words.ASKED[premises.kind], ()), [remaining])

    @classmethod
    def _of(cls, found: Conclusion, remaining: Sequence[str] = ()) -> "Certificate":
        conclusion = (found.premises.kind, found.verdict, found.statement, found.premises.time, found.premises.system)
        rest = {name: value for name, value in found.premises._asdict().items() if name not in ("kind", "time", "system")}
        return cls(*conclusion, conditions=list(found.conditions), remaining=list(remaining), **rest)

    @property
    def premises(self) -> Premises:
        """What it rests on."""
        return Premises(*(getattr(self, name) for name in Premises._fields))

    def to_json(self) -> str:
        """The certificate as JSON; numbers that matter are exact rationals, as text."""
        return json.dumps(asdict(self), indent=2)

    def summary(self) -> dict[str, str]:
        """What a reader wants first, as text: the verdict, the statement, and what supports it."""
        try:
            return words.rows(self)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            return {"verdict": str(self.verdict), "statement": "cannot be read: no certificate that was made here"}

    @classmethod
    def from_json(cls, text: str) -> "Certificate":
        """A certificate from its JSON. One of an earlier format is concluded anew from what it rests on.

        Raises:
            ValueError: if the text is not JSON, or not a certificate, or one of an earlier format that proves nothing.
        """
        if not isinstance(text, str):
            raise ValueError(f"text must be the JSON of a certificate; got {type(text).__name__}")
        if len(text) > _LONGEST:
            raise ValueError(f"text must be the JSON of a certificate, at most {_LONGEST} letters; got {len(text)}")
        try:
            values = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse)
        except (json.JSONDecodeError, RecursionError, ValueError) as error:
            raise ValueError(f"text must be the JSON of a certificate; {error}") from None
        if _depth(values) > _DEEPEST:
            raise ValueError(f"text must be the JSON of a certificate, nested at most {_DEEPEST} deep; got more")
        needed = {"kind", "verdict", "statement", "time", "system"}
        if not isinstance(values, dict) or not needed <= set(values):
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise ValueError(f"text must be the JSON of a certificate, with {sorted(needed)}; got {found}")
        checks.one_of("verdict", values["verdict"], VERDICTS)
        checks.one_of("kind", values["kind"], KINDS)
        checks.one_of("time", values["time"], ("continuous", "discrete"))
        checks.one_of("format", values.get("format", 1), (1, 2, FORMAT))
        if values.get("format") != FORMAT:
            return _anew(values)
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"text must be the JSON of a certificate; got unknown {unknown}")
        return cls(**values)

    def recheck(self) -> bool:
        """Whether every field but ``provenance`` is what the checker makes of what the certificate rests on.

        It is concluded anew, and compared as a whole. An ``unknown`` verdict claims nothing, and passes if
        it says no more; but not where the checker proves what it says could not be.
        """
        try:
            again = self._again()
            found, stated = (json.dumps(asdict(replace(each, provenance={})), sort_keys=True) for each in (again, self))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return False
        return found == stated

    def _again(self) -> "Certificate":
        if self.verdict != "unknown":
            return Certificate.concluded(self.premises)
        if self.kind in _DECIDED:
            with suppress(Unproved):
                return Certificate.concluded(self.premises)
        (remaining,) = self.remaining
        checks.one_of("remaining", remaining, words.REMAINING_OF[self.kind])
        return Certificate.unknown(self.premises, remaining)


def _depth(values: object) -> int:
    """How deep lists and objects of a JSON text lie in one another, up to one more than is allowed.

    >>> _depth({"a": [1, [2]]})
    3
    """
    depth, level = 0, [values]
    while level and depth <= _DEEPEST:
        within = [each for each in level if isinstance(each, dict | list)]
        level = [inner for each in within for inner in (each.values() if isinstance(each, dict) else each)]
        depth += bool(within)
        if not within:
            break
    return depth


def _without_doubles(pairs: list[tuple[str, Any]]) -> Json:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"a name stands twice among {names[:10]}")
    return dict(pairs)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _anew(values: Json) -> Certificate:
    """A certificate of format 1 or 2: its premises, concluded anew by the present checker.

    Sentences and words of the file are not read: what they say follows from the premises, or does not stand.
    """
    try:
        premises = Premises(values["kind"], values["time"], values["system"], *map(values.get, Premises._fields[3:]))
        boxes = (values.get("tolerances") or {}).get("boxes")
        if premises.kind == "smooth_field" and premises.witness is None:
            # A check in wider balls looks at a few boxes more.
            most = most_boxes(len(premises.system["operations"]), len(premises.system["outputs"]))
            premises = premises._replace(boxes=None if boxes is None else min(10 * boxes, most))
        if values["verdict"] == "unknown":
            return Certificate.unknown(premises, "not_said")
        found = Certificate.concluded(premises)
    except Unproved as error:
        raise ValueError(f"text must be the JSON of a certificate; of an earlier format, it proves nothing: {error}") from None
    except (AttributeError, TypeError, KeyError) as error:
        raise ValueError(
            f"text must be the JSON of a certificate; of an earlier format, it lacks or misplaces {error}"
        ) from None
    if found.verdict != values["verdict"]:
        raise ValueError(f"text must be a certificate that holds; this one says {values['verdict']}, which is {found.verdict}")
    return found
