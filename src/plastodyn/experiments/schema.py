"""The JSON Schema of an experiment's file, for editors: what a key means, what it takes, and every component by its name."""

import collections.abc
import inspect
import re
import typing
from typing import Any

from jax import Array

from plastodyn.experiments import registry
from plastodyn.experiments.document import Document
from plastodyn.experiments.fields import EXPRESSION
from plastodyn.types import Json

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_USERS = {"type": "string", "pattern": r"^[A-Za-z0-9_./-]+:[A-Za-z_]\w*$", "description": "a factory of yours"}
_WORDS = {"anyOf": [EXPRESSION, {"type": "string", "pattern": "^@"}, _USERS]}
_ARGUMENT = re.compile(r"^ {4}(\w+): (.*)$")


def schema() -> Json:
    """The JSON Schema of an experiment's file, draft 2020-12.

    Returns:
        A schema with one branch for each name that the registry knows, with arguments, defaults and help.

    Source: this project.

    >>> found = schema()
    >>> branches = {each["title"]: each for each in found["$defs"]["rule"]["anyOf"]}
    >>> branches["gradient"]["properties"]["rate"]["default"]
    1.0
    """
    whole = Document.model_json_schema(by_alias=True)
    defined = whole["$defs"]
    for kind in ("circuit", "rule", "fluctuation"):
        defined[kind] = {"anyOf": [*(_branch(kind, name) for name in registry.names(kind)), _own(kind)]}
    parts = whole["properties"]
    parts["circuit"] = {"$ref": "#/$defs/circuit", "description": parts["circuit"]["description"]}
    for kind in ("rule", "fluctuation"):
        one = {"$ref": f"#/$defs/{kind}"}
        parts[kind] = {"anyOf": [one, {"type": "array", "items": one}], "description": parts[kind]["description"]}
    defined.pop("Component", None)
    solvers = {"enum": list(registry.names("solver"))}
    defined["Run"]["properties"]["solver"] |= {"anyOf": [solvers, _USERS, {"type": "object"}]}
    return {"$schema": _DRAFT, **whole, "title": "plastodyn experiment"}


def help_of(thing: Any) -> dict[str, str]:
    """What a docstring says of each argument, in its first line.

    >>> from plastodyn import rules
    >>> help_of(rules.beeline)["rate"]
    'fraction of the distance covered per unit time, at least 0.'
    """
    lines = inspect.cleandoc(thing.__doc__ or "").splitlines()
    if "Args:" not in lines:
        return {}
    found: dict[str, str] = {}
    for line in lines[lines.index("Args:") + 1 :]:
        if line and not line.startswith(" "):
            break
        argument = _ARGUMENT.match(line)
        if argument:
            found[argument.group(1)] = argument.group(2)
    return found


def _branch(kind: str, name: str) -> Json:
    """A component of the library's: its arguments, and no others."""
    make = registry.find(kind, name)
    texts, parameters = help_of(make), registry.arguments(make)
    properties: Json = {"name": {"const": name}}
    if kind != "circuit":
        properties["times"] = {"anyOf": [{"type": "number"}, EXPRESSION], "description": "multiplies it"}
    for key, each in parameters.items():
        if key == "key":
            continue
        properties[key] = _argument(each) | ({"description": texts[key]} if key in texts else {})
    needed = [key for key, each in parameters.items() if each.default is each.empty and key != "key"]
    first = inspect.cleandoc(make.__doc__ or name).splitlines()[0]
    return {
        "title": name,
        "description": first,
        "type": "object",
        "properties": properties,
        "required": ["name", *needed],
        "additionalProperties": False,
    }


def _own(kind: str) -> Json:
    """A factory of the user's, which may take anything."""
    return {"title": f"a {kind} of yours", "type": "object", "properties": {"name": _USERS}, "required": ["name"]}


def _argument(parameter: inspect.Parameter) -> Json:
    """The type of an argument as far as its annotation tells; a word may stand for any value."""
    plain = _types(parameter.annotation)
    found: Json = {"anyOf": [*plain, *_WORDS["anyOf"]]} if plain else {}
    default = parameter.default
    if isinstance(default, bool | int | str) or (isinstance(default, float) and abs(default) != float("inf")):
        found["default"] = default
    return found


def _types(annotation: Any) -> list[Json]:
    """JSON types for an annotation; none where it may be anything."""
    simple = {int: "integer", float: "number", str: "string", bool: "boolean"}
    if annotation in simple:
        return [{"type": simple[annotation]}]
    if annotation is type(None):
        return []
    if typing.get_origin(annotation) is collections.abc.Sequence or annotation is Array:
        return [{"type": "array"}, {"type": "object"}]
    options = [each for each in typing.get_args(annotation) if each is not type(None)]
    if typing.get_origin(annotation) in (typing.Union, type(int | str)) and options:
        each = [_types(option) for option in options]
        return [one for types in each for one in types] if all(each) else []
    return []
