"""From the words of a document, at one point of its axes, to circuits, rules and whatever else they stand for."""

import collections.abc
import hashlib
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import circuits, fluctuations, measure, rules, solvers, theory
from plastodyn.experiments import registry
from plastodyn.experiments.expressions import evaluate, is_expression
from plastodyn.experiments.faults import Fault, Path, nearest, shown
from plastodyn.experiments.files import NotYet, Sources, is_file, is_users
from plastodyn.experiments.words import NESTED
from plastodyn.protocol import AbstractCircuit
from plastodyn.types import Key

ROOMS = {each.__name__.split(".")[-1]: each for each in (circuits, rules, fluctuations, solvers, measure, theory)}
"""What a reference may begin with anywhere: a room, whose public objects it names."""
_ARGUMENT = re.compile(r"([A-Za-z_]\w*)((?:\[(?:\d+|'[^']*')\])*) ")


class Scope(NamedTuple):
    """What the words of one section mean at one point.

    ``names`` are those that expressions read, ``objects`` make what references begin with, ``key`` is that of a path, and
    ``supplied`` is what a component gets for arguments that it has and the document does not give.
    """

    names: Mapping[str, Any]
    objects: Mapping[str, Callable[[], Any]]
    sources: Sources
    key: Callable[[Path], Key]
    supplied: Mapping[str, Any]


def key_of(seed: int, path: Path, seeds: tuple[int, ...]) -> Key:
    """The random key of a component: of the document's seed, its place in the file, and the axes of seeds alone.

    Args:
        seed: of the document.
        path: of the component.
        seeds: values of all axes made by ``seeds`` at a point, in the order of axes.

    Returns:
        One JAX random key.

    Source: this project.

    >>> bool(key_of(0, ("circuit",), (1,)) == key_of(0, ("circuit",), (2,)))
    False
    """
    place = int.from_bytes(hashlib.sha256(shown(path).encode()).digest()[:4], "big")
    key = jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), jnp.uint32(place))
    for value in seeds:
        key = jax.random.fold_in(key, jnp.uint32(value))
    return key


def value(raw: Any, path: Path, scope: Scope) -> Any:  # noqa: PLR0911 - a case for each kind of value
    """What a value of a document stands for.

    Args:
        raw: number, text, list or table.
        path: where it stands.
        scope: what words mean there.

    Raises:
        Fault: if it stands for nothing, or a component refuses it.
        NotYet: if it is the user's, where nothing of the user's may run.
    """
    if is_file(raw):
        return scope.sources.array(raw, path)
    if isinstance(raw, Mapping):
        if NESTED in raw:
            return component(raw, path, "parts", scope)
        return {key: value(inner, (*path, key), scope) for key, inner in raw.items()}
    if isinstance(raw, list):
        return [value(inner, (*path, place), scope) for place, inner in enumerate(raw)]
    if is_expression(raw):
        try:
            return evaluate(raw, scope.names)
        except ValueError as error:
            raise Fault(path, str(error)) from None
    if isinstance(raw, str) and raw.startswith("@"):
        return reference(raw, path, scope)
    return scope.sources.thing(raw, path) if is_users(raw) else raw


def component(raw: Mapping[str, Any], path: Path, kind: str, scope: Scope) -> Any:
    """What a table with a name stands for: what the registry, or the user's factory, makes of its other keys.

    Args:
        raw: its table.
        path: where it stands.
        kind: of the registry.
        scope: what words mean there.

    Raises:
        Fault: naming the argument that is refused.
        NotYet: as for `value`.
    """
    name = raw[NESTED]
    make = scope.sources.thing(name, (*path, NESTED)) if is_users(name) else registered(kind, name, (*path, NESTED))
    rest = {key: each for key, each in raw.items() if key not in (NESTED, "times")}
    parameters = registry.arguments(make) if callable(make) else {}
    given = {key: fitted(value(each, (*path, key), scope), parameters.get(key)) for key, each in rest.items()}
    if not callable(make):
        return make
    given |= {key: each for key, each in scope.supplied.items() if key in parameters and key not in given}
    found = _called(make, given, parameters, path, scope)
    if isinstance(found, tuple) and found and isinstance(found[0], AbstractCircuit) and not isinstance(found, AbstractCircuit):
        found = found[0]
    found = found[0] if isinstance(found, list) and len(found) == 1 else found
    return found * value(raw["times"], (*path, "times"), scope) if "times" in raw else found


def registered(kind: str, name: str, path: Path) -> Any:
    """What the registry has under a name.

    Raises:
        Fault: if it has none.
    """
    try:
        return registry.find(kind, name)
    except Fault as fault:
        raise Fault(path, fault.words) from None


def reference(text: str, path: Path, scope: Scope) -> Any:
    """What a text that begins with "@" stands for: an object of the run, an earlier result, or a public object of a room.

    Raises:
        Fault: if there is nothing of that name, or it is private.
    """
    first, *rest = text[1:].split(".")
    room = first in ROOMS and first not in scope.objects
    found = ROOMS[first] if room else scope.objects[first]() if first in scope.objects else None
    if found is None:
        known = [f"@{name}" for name in (*scope.objects, *ROOMS)]
        raise Fault(path, f"must begin with one of {', '.join(known)}; got {text!r}{nearest('@' + first, known)}")
    for name in rest:
        public = registry.public(found) if inspect.ismodule(found) else None
        if name.startswith("_") or not hasattr(found, name) or (public is not None and name not in public):
            near = nearest(name, public if public is not None else [each for each in dir(found) if each[0] != "_"])
            raise Fault(path, f"must name something public; got {text!r}, which has no {name!r}{near}")
        found = getattr(found, name)
    if inspect.ismodule(found):
        raise Fault(path, f"must name something in a room; got {text!r}, a room")
    return found


def fitted(given: Any, parameter: inspect.Parameter | None) -> Any:
    """A list of numbers as the array that a function wants in its place; other values as they are.

    Args:
        given: by the document.
        parameter: of the function, or None where that is not known.

    >>> wants = registry.arguments(circuits.Circuit)["weights"]
    >>> fitted([1, 2], wants).dtype.kind, fitted([1, 2], registry.arguments(circuits.student_teacher)["widths"])
    ('f', [1, 2])
    """
    if parameter is None:
        return given
    wanted = parameter.annotation
    options = [wanted] if typing.get_origin(wanted) is None else [wanted, *typing.get_args(wanted)]
    inner = [typing.get_args(each)[0] for each in options if typing.get_origin(each) is collections.abc.Sequence]
    if inner and inner[0] is Array and isinstance(given, list):
        return [_arrays(each) for each in given]
    return _arrays(given) if Array in options or (wanted is Any and not inner) or isinstance(given, np.ndarray) else given


def _arrays(given: Any) -> Any:
    """Rectangular lists of numbers as floating-point arrays, in tables and lists of others too; anything else as it is."""
    if isinstance(given, dict):
        return {name: _arrays(each) for name, each in given.items()}
    if isinstance(given, np.ndarray):
        return jnp.asarray(given)
    if not isinstance(given, list) or not given:
        return given
    if all(map(_is_plain, given)):
        try:
            found = np.asarray(given)
        except ValueError:
            return given
        if found.dtype.kind in "iuf" and found.size:
            return jnp.asarray(found, float)
    return [_arrays(each) for each in given] if not any(isinstance(each, int | float) for each in given) else given


def _is_plain(value: Any) -> bool:
    """Whether a value is a number, or a list of such values: no array of a file's, which stays an array of its own."""
    return (
        all(map(_is_plain, value))
        if isinstance(value, list)
        else isinstance(value, int | float) and not isinstance(value, bool)
    )


def _called(make: Any, given: dict[str, Any], parameters: Mapping[str, Any], path: Path, scope: Scope) -> Any:
    """Call a function that may want a key; one that it can do without is left out where it is refused."""
    wants_key = "key" in parameters and "key" not in given
    if wants_key:
        given = {**given, "key": scope.key(path)}
    try:
        return make(**given)
    except Exception as error:
        if wants_key and parameters["key"].default is None:
            try:
                return make(**{name: each for name, each in given.items() if name != "key"})
            except Exception:  # The first complaint is the one that counts.
                raise retold(error, given, path) from error
        raise retold(error, given, path) from error


def retold(error: Exception, given: Mapping[str, Any], path: Path) -> Exception:
    """The error of a function in the words of the document: its argument by the key that gave it.

    Args:
        error: any.
        given: the arguments.
        path: of the component.

    >>> retold(ValueError("rate must be a number >= 0; got -1"), {"rate": -1}, ("rule", 0)).args[0]
    'rule[0].rate must be a number >= 0; got -1'
    """
    if isinstance(error, Fault | NotYet | MemoryError):
        return error
    first = (str(error).strip() or "no message").splitlines()[0]
    if not isinstance(error, ValueError):
        return Fault(path, f"failed: {type(error).__name__}: {first}")
    found = _ARGUMENT.match(first)
    if found and found.group(1) in given:
        inner = re.findall(r"\[(?:(\d+)|'([^']*)')\]", found.group(2))
        places = tuple(int(place) if place else key for place, key in inner)
        return Fault((*path, found.group(1), *places), first[found.end() :])
    return Fault(path, f"is refused: {first}")
