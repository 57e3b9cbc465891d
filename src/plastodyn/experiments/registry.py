"""Every public circuit, rule, fluctuation and solver by its name, found in the rooms themselves: no list to keep."""

import inspect
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

from plastodyn import circuits, fluctuations, rules, solvers
from plastodyn.circuits import AbstractCircuit, frequencies, perturbations
from plastodyn.experiments import faults
from plastodyn.protocol import Rule
from plastodyn.solvers import Solver

KINDS = ("circuit", "rule", "fluctuation", "solver", "parts")
_ROOMS: dict[str, tuple[types.ModuleType, type]] = {
    "circuit": (circuits, AbstractCircuit),
    "rule": (rules, Rule),
    "fluctuation": (fluctuations, Rule),
    "solver": (solvers, Solver),
}
_PARTS = (circuits, perturbations, frequencies, rules, fluctuations, solvers)


def names(kind: str) -> tuple[str, ...]:
    """The names that a file may give to a component of some kind.

    Args:
        kind: ``circuit``, ``rule``, ``fluctuation``, ``solver``, or ``parts`` for all that may stand within another.

    Raises:
        ValueError: if there is no such kind.

    Source: this project.

    >>> "student_teacher" in names("circuit"), "gradient" in names("rule"), "white" in names("rule")
    (True, True, False)
    """
    faults.among(("kind",), kind, KINDS)
    return tuple(sorted(_found(kind)))


def find(kind: str, name: str) -> Any:
    """What a name stands for: a function or class that makes a component, or a solver itself.

    Args:
        kind: as in `names`.
        name: one of them.

    Raises:
        ValueError: if no such name is known, with the nearest that is.

    Source: this project.

    >>> find("rule", "gradient") is rules.gradient
    True
    >>> find("solver", "rk5")
    Traceback (most recent call last):
    ...
    plastodyn.experiments.faults.Fault: name must be a solver: adaptive, euler, heun, rk4; got 'rk5', did you mean 'rk4'?
    """
    faults.among(("kind",), kind, KINDS)
    found = _found(kind)
    if name not in found:
        elsewhere = [other for other in KINDS[:-1] if other != kind and name in _found(other)]
        if elsewhere and kind != "parts":
            raise faults.Fault(("name",), f"must be a {kind}, and {name} is a {elsewhere[0]}; got {name!r}")
        what = {"parts": "a component:", "solver": "a solver:"}.get(kind, f"a {kind}:")
        faults.among(("name",), name, sorted(found), what)
    return found[name]


def arguments(thing: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The arguments that a function or class takes by name, each with its resolved annotation where that can be told.

    Args:
        thing: a function or class.

    Source: this project.

    >>> list(arguments(rules.gradient))
    ['rate']
    """
    try:
        parameters = inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return {}
    target = inspect.unwrap(thing.__init__ if inspect.isclass(thing) else thing)
    return {name: each.replace(annotation=_hint(target, name)) for name, each in parameters.items()}


def public(room: types.ModuleType) -> dict[str, Any]:
    """What a room shows: what it lists; a module without a list of its own, what it defines.

    Args:
        room: a module.

    Source: this project.

    >>> from plastodyn.theory import chains
    >>> sorted(public(chains))
    ['chain_matrix', 'chain_ratios', 'critical_alpha']
    """
    listed = getattr(room, "__all__", None)
    own = listed or [n for n, x in vars(room).items() if n[0] != "_" and getattr(x, "__module__", None) == room.__name__]
    return {name: getattr(room, name) for name in own}


@cache
def _found(kind: str) -> dict[str, Any]:
    if kind == "parts":
        return {name: thing for room in _PARTS for name, thing in public(room).items() if _can_be_called(thing)}
    room, wanted = _ROOMS[kind]
    return {name: thing for name, thing in public(room).items() if isinstance(thing, wanted) or _makes(thing, wanted)}


def _can_be_called(thing: Any) -> bool:
    """Functions, and classes that say how they are called: of others, a function makes the instances."""
    return inspect.isfunction(thing) or (inspect.isclass(thing) and "Args:" in (thing.__doc__ or ""))


def _makes(thing: Any, wanted: type) -> bool:
    """Whether what is called gives an instance of a class, or several."""
    if not _can_be_called(thing):
        return False
    waiting = [thing if inspect.isclass(thing) else _hint(thing, "return")]
    while waiting:
        kind = waiting.pop()
        if inspect.isclass(kind) and not typing.get_args(kind) and issubclass(kind, wanted):
            return True
        waiting.extend(typing.get_args(kind))
    return False


def _hint(function: Any, name: str) -> Any:
    """One annotation of a function, resolved; None where it names what is not imported, as for type checkers alone."""
    found = getattr(function, "__annotations__", {}).get(name)
    holder = types.SimpleNamespace(__annotations__={name: found})
    try:
        return typing.get_type_hints(holder, getattr(function, "__globals__", {}))[name]
    except Exception:  # An annotation may be any text.
        return None
