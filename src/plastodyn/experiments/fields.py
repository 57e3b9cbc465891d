"""The kinds of values that tables of a document hold."""

import math
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema

from plastodyn import checks
from plastodyn.experiments.expressions import is_expression
from plastodyn.experiments.faults import Fault, Path, must

EXPRESSION = {"type": "string", "pattern": "^\\s*="}
"""The JSON Schema of an expression."""
_DEEPEST = 30
_LARGEST = 2**53


class Table(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)


def check_plain(value: Any, path: Path = ()) -> None:
    """Refuse what JSON does not hold as it is: dates, infinite numbers, numbers beyond 2**53, and what is nested too deep.

    >>> check_plain({"rate": [1.0, float("inf")]})
    Traceback (most recent call last):
    ...
    plastodyn.experiments.faults.Fault: rate[1] must be finite, or "= inf"; got inf
    """
    waiting: list[tuple[Path, Any]] = [(path, value)]
    while waiting:
        place, each = waiting.pop()
        if len(place) > _DEEPEST:
            raise Fault(place[:1], f"must be nested at most {_DEEPEST} deep; got more")
        if isinstance(each, dict):
            waiting += [((*place, key), part) for key, part in each.items()]
        elif isinstance(each, list):
            waiting += [((*place, at), part) for at, part in enumerate(each)]
        elif isinstance(each, float) and not math.isfinite(each):
            what = 'finite, or "= inf"' if each == math.inf else "finite"
            must(place, what, each)
        elif isinstance(each, int) and not isinstance(each, bool) and abs(each) > _LARGEST:
            raise Fault(place, f"must be at most 2**53 in size; got {checks.shown(each)}")
        elif not isinstance(each, str | int | float):
            must(place, "a number, a text, true, false, a list or a table", each)


def _finite(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        must((), "a finite number", value)
    return value


Finite: TypeAlias = Annotated[Any, PlainValidator(_finite), WithJsonSchema({"type": "number"})]
"""A finite number, kept whole where it is written so."""


def _check_whole(value: Any, at_least: int) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= checks.LARGEST_COUNT:
        must((), f"a whole number >= {at_least} and <= {checks.LARGEST_COUNT}", value)
    return value


def _whole(at_least: int) -> PlainValidator:
    return PlainValidator(lambda value: _check_whole(value, at_least))


def _steps(value: Any) -> Any:
    return value if is_expression(value) else _check_whole(value, 1)


def _positive(value: Any) -> Any:
    if is_expression(value):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        must((), "a finite number > 0", value)
    return value


def _number(value: Any) -> Any:
    return value if is_expression(value) else _finite(value)


def _seed(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= checks.LARGEST_SEED:
        must((), f"a whole number >= 0 and <= {checks.LARGEST_SEED}", value)
    return value


Positive: TypeAlias = Annotated[
    Any, PlainValidator(_positive), WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, EXPRESSION]})
]
"""A number above 0, or an expression."""
Number: TypeAlias = Annotated[Any, PlainValidator(_number), WithJsonSchema({"anyOf": [{"type": "number"}, EXPRESSION]})]
"""A number or an expression."""
Seed: TypeAlias = Annotated[
    Any, PlainValidator(_seed), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": checks.LARGEST_SEED})
]
"""A whole number of 32 bits."""
AtLeastOne: TypeAlias = Annotated[int, _whole(1), WithJsonSchema({"type": "integer", "minimum": 1})]
"""A whole number from 1 on."""
AtLeastTwo: TypeAlias = Annotated[int, _whole(2), WithJsonSchema({"type": "integer", "minimum": 2})]
"""A whole number from 2 on."""
NotNegative: TypeAlias = Annotated[int, _whole(0), WithJsonSchema({"type": "integer", "minimum": 0})]
"""A whole number from 0 on."""
Start: TypeAlias = Annotated[int, _whole(-(2**31)), WithJsonSchema({"type": "integer"})]
"""A whole number of 32 bits; below 0 it counts from the end."""
Steps: TypeAlias = Annotated[
    Any, PlainValidator(_steps), WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, EXPRESSION]})
]
"""A whole number from 1 on, or an expression."""
