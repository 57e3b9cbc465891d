"""The axes of a document, each written in one of five ways, and the points that they stand for."""

import keyword
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from plastodyn import checks
from plastodyn.experiments.faults import Fault, known_keys, must
from plastodyn.experiments.fields import AtLeastOne, AtLeastTwo, Finite, Table
from plastodyn.simulation.axes import axis

MOST_MEMBERS = 10_000_000
_ROUNDING = Decimal("1e-9")
_MANY = Decimal(10) ** 18


def _one_kind(points: Any, path: tuple[str, ...] = ()) -> Any:
    """Refuse anything but a non-empty list of finite numbers, or of texts."""
    if not isinstance(points, list) or not points:
        must(path, "a non-empty list of numbers or texts", points)
    texts = isinstance(points[0], str)
    for place, point in enumerate(points):
        plain = isinstance(point, int | float) and not isinstance(point, bool) and np.isfinite(float(point))
        if not (isinstance(point, str) if texts else plain):
            must((*path, place), "a text, as the first point is" if texts else "a finite number, as other points are", point)
    return points


def _distinct(points: Any) -> Any:
    """Refuse a point that stands twice, too."""
    seen = set()
    for place, point in enumerate(_one_kind(points)):
        if point in seen:
            raise Fault((place,), f"must be a point that does not stand on the axis yet; got {checks.shown(point)} again")
        seen.add(point)
    return points


class Stepped(Table):
    """From one number in equal steps up to another, which is included if it is met."""

    from_: Finite = Field(alias="from", description="first point")
    to: Finite = Field(description="last point, if the steps meet it")
    by: Finite = Field(description="step; below 0 to go down")

    def count(self) -> int:
        """The number of points."""
        start, end, step = (Decimal(repr(number)) for number in (self.from_, self.to, self.by))
        if step == 0 or (end - start) * step < 0:
            must(("by",), f"a step that leads from {self.from_} to {self.to}", self.by)
        # A quotient may have hundreds of digits.
        return int(min((end - start) / step + _ROUNDING, _MANY)) + 1

    def points(self) -> list[Any]:
        """The points, in the decimals in which they are written: 0.1 + 3 * 0.3 is 1.0."""
        whole = all(isinstance(number, int) for number in (self.from_, self.by))
        start, step = Decimal(repr(self.from_)), Decimal(repr(self.by))
        return [(int if whole else float)(start + place * step) for place in range(self.count())]


class Spaced(Table):
    """A number of points between two numbers, both included, equally far apart or by equal factors."""

    from_: Finite = Field(alias="from", description="first point")
    to: Finite = Field(description="last point")
    points_: AtLeastTwo = Field(alias="points", description="how many points")
    spacing: Literal["linear", "log"] = Field(default="linear", description="equal differences, or equal ratios")

    def count(self) -> int:
        """The number of points."""
        if self.from_ == self.to:
            must(("to",), "another number than from", self.to)
        if self.spacing == "log":
            for name, end in (("from", self.from_), ("to", self.to)):
                if end <= 0:
                    must((name,), 'a number > 0 with spacing = "log"', end)
        return self.points_

    def points(self) -> list[float]:
        """The points."""
        space = np.geomspace if self.spacing == "log" else np.linspace
        return space(self.from_, self.to, self.count()).tolist()


class Seeds(Table):
    """Whole numbers from 0, each of which draws what is random anew."""

    seeds: AtLeastOne = Field(description="how many")

    def count(self) -> int:
        """The number of points."""
        return self.seeds

    def points(self) -> list[int]:
        """0, 1, 2, ..."""
        return list(range(self.seeds))


class Zipped(Table):
    """Columns that change together: the axis counts their rows."""

    zip: dict[str, list[Any]] = Field(description="columns of one length")

    def count(self) -> int:
        """The number of rows."""
        if not self.zip:
            must(("zip",), "a table of at least one column", self.zip)
        lengths = {name: len(column) for name, column in self.zip.items()}
        for name, column in self.zip.items():
            check_name(name, ("zip", name))
            _one_kind(column, ("zip", name))
            if len(column) != next(iter(lengths.values())):
                raise Fault(("zip", name), f"must be as long as the other columns, {lengths}; got {len(column)} points")
        return next(iter(lengths.values()))

    def points(self) -> list[int]:
        """0, 1, 2, ..., the rows."""
        return list(range(self.count()))


def _form(value: Any) -> str | None:
    if isinstance(value, list):
        return "<list>"
    if isinstance(value, Mapping):
        form = next((key for key in ("seeds", "zip", "points") if key in value), "by")
        return f"<{form}>"
    return {Stepped: "<by>", Spaced: "<points>", Seeds: "<seeds>", Zipped: "<zip>"}.get(type(value))


def _counted(value: Any) -> Any:
    """Refuse an axis of too many points before it is written out."""
    count = value.count()
    if count > MOST_MEMBERS:
        raise Fault((), f"must have at most {MOST_MEMBERS} points; got {count}")
    if isinstance(value, Stepped | Spaced):
        _distinct(value.points())
    return value


def _told(value: Any) -> Any:
    if _form(value) is None:
        must((), "a list of points, or a table such as { from = 0, to = 1, by = 0.1 } or { seeds = 5 }", value)
    if isinstance(value, Mapping):
        forms = (Stepped, Spaced, Seeds, Zipped)
        known = dict.fromkeys(field.alias or name for form in forms for name, field in form.model_fields.items())
        known_keys((), value, known, "an axis")
    return value


AxisForm: TypeAlias = Annotated[
    Annotated[list[Any], AfterValidator(_distinct), Tag("<list>")]
    | Annotated[Stepped, AfterValidator(_counted), Tag("<by>")]
    | Annotated[Spaced, AfterValidator(_counted), Tag("<points>")]
    | Annotated[Seeds, AfterValidator(_counted), Tag("<seeds>")]
    | Annotated[Zipped, AfterValidator(_counted), Tag("<zip>")],
    Discriminator(_form),
    BeforeValidator(_told),
]
"""An axis as a document has it."""


def points_of(form: Any) -> list[Any]:
    """The points of an axis, whatever its form.

    Args:
        form: as a document has it.

    Source: this project.

    >>> points_of(Stepped(**{"from": 0.1, "to": 1.0, "by": 0.3}))
    [0.1, 0.4, 0.7, 1.0]
    """
    return list(form) if isinstance(form, list) else form.points()


def check_name(name: str, path: tuple[str | int, ...]) -> None:
    """Refuse a name that expressions cannot read, or that results use.

    >>> check_name("lambda", ("axes", "lambda"))
    Traceback (most recent call last):
    ...
    plastodyn.experiments.faults.Fault: axes.lambda must be named by an identifier that no language has taken; got 'lambda'
    """
    if not name.isidentifier() or keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
        raise Fault(path, f"must be named by an identifier that no language has taken; got {checks.shown(name)}")
    if name.startswith(("chunk_", "member_")) or name.endswith("_chunk"):
        raise Fault(path, f"must have a name without chunk_ or member_ before or _chunk after it; got {name!r}")
    try:
        axis(name, [0.0])
    except ValueError as error:
        words = str(error).removeprefix("name ")
        raise Fault(path, f"has a name that {words}") from None
