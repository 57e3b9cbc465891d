"""The functions that a document has evaluated at the end of each member: where they are found, what they get, what failed."""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from plastodyn import measure, theory, tree
from plastodyn.experiments import building, registry, results
from plastodyn.experiments.document import Analysis, Document
from plastodyn.experiments.expressions import is_expression, names_in
from plastodyn.experiments.faults import Fault, Path, known_keys, nearest, shown
from plastodyn.experiments.files import Sources, is_users
from plastodyn.experiments.setting import Setting, first, rule_at
from plastodyn.types import Key

ROOTS = ("circuit", "rule", "fluctuation", "start", "weights", "run", "key")
"""What references in an analysis may begin with, besides earlier results and rooms."""
SUPPLIED = {"circuit": "@circuit", "rule": "@rule", "weights": "@weights", "key": "@key", "loss": "@circuit.loss_at"}
"""Arguments that a function needs and gets without being told."""
_BY_REPLICA = {"weights", "run", "key"}


class End(NamedTuple):
    """The end of a run at one point: what analyses work on. Replicas that are not ``alive`` diverged, and are not asked about.

    ``known`` holds answers that are the same at all points of a batch: those that read none of the axes it ``moves`` along.
    """

    setting: Setting
    circuit: Any
    run: xr.Dataset
    key: Key
    alive: np.ndarray
    known: dict[str, Any]
    moves: frozenset[str]


class Failed(NamedTuple):
    """An analysis that failed, and why."""

    reason: str


def function_of(analysis: Analysis, name: str, sources: Sources) -> Any:
    """The function of an analysis: a public one of `measure` or `theory`, or the user's.

    Raises:
        Fault: if there is none of that name.
        NotYet: if it is the user's, where nothing of the user's may run.
    """
    path = ("analysis", name, "function")
    if is_users(analysis.function):
        return sources.thing(analysis.function, path)
    found: Any = None
    known = ["measure", "theory"]
    for place, part in enumerate(analysis.function.split(".")):
        if part not in known:
            such = f"a public function, one of {', '.join(known)}" if place else "a name in measure or theory, or file.py:name"
            raise Fault(path, f"must be {such}; got {analysis.function!r}{nearest(part, known)}")
        found = getattr(found, part) if place else {"measure": measure, "theory": theory}[part]
        known = list(registry.public(found)) if inspect.ismodule(found) else []
    if not callable(found):
        raise Fault(path, f"must be a function, one of {', '.join(known)}; got {analysis.function!r}")
    return found


def arguments_of(analysis: Analysis, name: str, function: Any) -> dict[str, Any]:
    """The arguments in the words of a document: those that it gives, and those that are needed and supplied.

    Raises:
        Fault: if the function does not take one, or needs one that is neither.
    """
    parameters = registry.arguments(function)
    open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values()) or not parameters
    path = ("analysis", name)
    plain = [key for key, each in parameters.items() if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    if not open_ended:
        known_keys(path, analysis.arguments, plain, analysis.function)
    found = dict(analysis.arguments)
    for key in plain:
        if key not in found and parameters[key].default is parameters[key].empty:
            if key not in SUPPLIED:
                raise Fault((*path, key), f"must be given, for {analysis.function} needs it; got nothing")
            found[key] = SUPPLIED[key]
    return found


def by_replica(document: Document, sources: Sources) -> dict[str, bool]:
    """Which analyses have an answer for each replica: those that read its weights, its run or its key, or one that does."""
    found: dict[str, bool] = {}
    for name, analysis in document.analysis.items():
        given = arguments_of(analysis, name, function_of(analysis, name, sources))
        found[name] = any(root in _BY_REPLICA or found.get(root, False) for root in roots_in(given))
    return found


def roots_in(value: Any) -> set[str]:
    """What the references in a value begin with.

    >>> sorted(roots_in({"a": ["@run.loss", 1], "b": "@circuit"}))
    ['circuit', 'run']
    """
    if isinstance(value, Mapping):
        return set().union(*(roots_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(roots_in(each) for each in value))
    return {value[1:].split(".")[0]} if isinstance(value, str) and value.startswith("@") else set()


def analysed(end: End) -> tuple[dict[str, results.Variable], str]:
    """All analyses at one point, each for every replica where it asks for that; and what failed, in words.

    Args:
        end: of the run.

    Returns:
        Variables, those with an answer for each replica with the dimension ``replica`` first, without those of which nothing is
        known; and reasons, empty if all is well.

    Source: this project.
    """
    repeated = by_replica(end.setting.document, end.setting.sources)
    done: dict[str, list[Any]] = {}
    found: dict[str, results.Variable] = {}
    reasons: list[str] = []
    for name, analysis in end.setting.document.analysis.items():
        each = repeated[name] or isinstance(end.circuit, list)
        replicas = range(len(end.alive)) if each else range(1)
        answers = end.known.get(name) or [_evaluated(end, name, replica, done, each) for replica in replicas]
        if not each and _stays(end, analysis):
            end.known[name] = answers
        done[name] = answers
        reasons += [answer.reason for answer in done[name] if isinstance(answer, Failed)]
        if analysis.keep:
            new = _variables(end, name, done, each, reasons)
            twice = sorted(set(found) & set(new))
            if twice:
                raise ValueError(f"analysis.{name} must not store what another analysis does; got {', '.join(twice)}")
            found |= new
    return found, "; ".join(dict.fromkeys(filter(None, reasons)))


def _stays(end: End, analysis: Analysis) -> bool:
    """Whether an analysis has one answer at all points of a batch."""
    roots = roots_in(analysis.arguments)
    asks = {name for text in _texts(analysis.arguments) if is_expression(text) for name in names_in(text)}
    changing = {"rule", "fluctuation", *(name for name in end.setting.document.analysis if name not in end.known)}
    needed = set(registry.arguments(function_of(analysis, "", end.setting.sources)))
    return not (roots & changing or asks & end.moves or needed & {"rule"})


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _evaluated(end: End, name: str, replica: int, done: dict[str, list[Any]], each: bool) -> Any:
    """One answer, or why there is none; of a replica that diverged nothing is asked."""
    if each and not end.alive[replica]:
        return Failed("")
    path: Path = ("analysis", name)
    analysis = end.setting.document.analysis[name]
    try:
        function = function_of(analysis, name, end.setting.sources)
        given = arguments_of(analysis, name, function)
        scope = end.setting.scope(_objects(end, replica, done, path), end.circuit)
        return function(**{key: building.value(raw, (*path, key), scope) for key, raw in given.items()})
    except _Missing as error:
        return Failed(error.args[0])
    except MemoryError:
        raise
    except Exception as error:
        words = str(building.retold(error, analysis.arguments, path))
        return Failed(words if words.startswith("analysis.") else f"{shown(path)}: {words}")


class _Missing(Exception):  # noqa: N818 - carried to where it is asked
    """An earlier result that there is none of."""


def _objects(end: End, replica: int, done: dict[str, list[Any]], path: Path) -> dict[str, Callable[[], Any]]:
    """What references begin with, made when they are asked for."""
    circuit = end.circuit[replica] if isinstance(end.circuit, list) else end.circuit

    def earlier(name: str) -> Any:
        answers = done[name]
        answer = answers[replica if len(answers) > 1 else 0]
        if isinstance(answer, Failed):
            raise _Missing(answer.reason and f"{shown(path)}: needs {name}, which failed")
        return answer

    return {
        "circuit": lambda: circuit,
        "rule": lambda: rule_at(end.setting, end.circuit, "rule"),
        "fluctuation": lambda: rule_at(end.setting, end.circuit, "fluctuation"),
        "start": lambda: circuit.weights,
        "weights": lambda: tree.unravel(first(circuit).weights, jnp.asarray(end.run.weights.values[replica])),
        "run": lambda: end.run.isel(replica=replica),
        "key": lambda: jax.random.fold_in(jax.random.fold_in(end.key, jnp.uint32(_place(path))), replica),
        **{name: lambda name=name: earlier(name) for name in done},
    }


def _place(path: Path) -> int:
    return int.from_bytes(hashlib.sha256(shown(path).encode()).digest()[:4], "big")


def _variables(end: End, name: str, done: dict[str, list[Any]], each: bool, reasons: list[str]) -> dict[str, results.Variable]:
    """The answers as variables; what is no number counts as failed, and where all failed, the start tells their shapes."""
    analysis = end.setting.document.analysis[name]
    found = np.full(len(done[name]), None, object)
    for place, answer in enumerate(done[name]):
        if not isinstance(answer, Failed):
            found[place] = _named(name, analysis, answer, reasons)
    if not any(found):
        model = _named(name, analysis, _from_the_start(end, name, done), [])
        found[0] = None if model is None else {key: results.blank(one) for key, one in model.items()}
    try:
        whole = results.gathered(found, ("replica",))
    except ValueError as error:
        reasons.append(f"analysis.{name} {error}")
        return {}
    if not each:
        whole = {key: one._replace(dims=one.dims[1:], values=one.values[0]) for key, one in whole.items()}
    return {key: one._replace(attrs={**one.attrs, **_attributes(key, analysis)}) for key, one in whole.items()}


def _named(name: str, analysis: Analysis, answer: Any, reasons: list[str]) -> dict[str, results.Variable] | None:
    if isinstance(answer, Failed):
        return None
    try:
        return results.variables(name, answer, analysis.dims)
    except ValueError as error:
        reasons.append(f"analysis.{name} {error}")
        return None


def _from_the_start(end: End, name: str, done: dict[str, list[Any]]) -> Any:
    """What an analysis says of the weights at the start: its shapes are those of all answers."""
    start = tree.ravel(first(end.circuit).weights)
    weights = end.run.weights.copy(data=np.broadcast_to(np.asarray(start), end.run.weights.shape))
    anew = end._replace(run=end.run.assign(weights=weights), alive=np.ones_like(end.alive))
    again: dict[str, list[Any]] = {}
    for earlier in done:
        again[earlier] = [_evaluated(anew, earlier, 0, again, True)]
    return again[name][0]


def _attributes(key: str, analysis: Analysis) -> dict[str, str]:
    """Units, and what the result is the theory of; its standard error is the theory of nothing."""
    beside = None if key.endswith("_error") else analysis.beside
    return {name: text for name, text in (("units", analysis.units), ("theory_of", beside)) if text is not None}
