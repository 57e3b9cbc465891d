"""A document at one point of its axes: its circuit, its rules, and what `plastodyn.simulate` is told besides."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from plastodyn import checks, tree
from plastodyn.experiments import building
from plastodyn.experiments.building import Scope
from plastodyn.experiments.document import NUMBER_OF_WEIGHTS, Document, Record, Until
from plastodyn.experiments.faults import Fault
from plastodyn.experiments.files import Sources, is_users
from plastodyn.protocol import AbstractCircuit, Rule
from plastodyn.simulation import observe
from plastodyn.types import Json


class Setting(NamedTuple):
    """A document, what its names stand for at a point, the seeds there, and where the user's code and arrays come from."""

    document: Document
    names: Mapping[str, Any]
    seeds: tuple[int, ...]
    sources: Sources

    def scope(self, objects: Mapping[str, Callable[[], Any]], circuit: Any = None) -> Scope:
        """What words mean: with a circuit, expressions may read the number of its weights."""
        names = dict(self.names)
        if circuit is not None:
            names[NUMBER_OF_WEIGHTS] = tree.size(first(circuit).weights)
        supplied = {"dtype": "float64"} if self.document.run.precision == "double" else {}
        return Scope(names, objects, self.sources, lambda path: building.key_of(self.document.seed, path, self.seeds), supplied)


def at(document: Document, point: Mapping[str, Any], sources: Sources) -> Setting:
    """A document at a point.

    Args:
        document: of an experiment.
        point: for each axis its value: a number, a text, or a `plastodyn.axis` where several values are carried at once.
        sources: of the user's code and arrays.

    >>> from plastodyn.experiments.document import from_json
    >>> content = {"axes": {"row": {"zip": {"width": [5, 10]}}}, "experiment": {"function": "my.py:f"}}
    >>> at(from_json(content), {"row": 1}, sources=None).names
    {'row': 1, 'width': 10}
    """
    plain = {name: each.item() if isinstance(each, np.generic) else each for name, each in point.items()}
    columns = {name: column[plain[axis]] for name, (axis, column) in document.columns().items()}
    seeds = tuple(int(plain[name]) for name in document.seed_axes())
    return Setting(document, {**document.constants, **plain, **columns}, seeds, sources)


def first(circuit: Any) -> AbstractCircuit:
    """The circuit, or the first of a list with one for each replica."""
    return circuit[0] if isinstance(circuit, list) else circuit


def circuit_at(setting: Setting) -> Any:
    """The circuit of a document at a point; a list where it is one for each replica.

    Raises:
        Fault: if a component refuses what it is given.
        NotYet: if it is the user's, where nothing of the user's may run.
    """
    component = setting.document.circuit
    assert component is not None
    found = building.component(component.model_dump(exclude_none=True), ("circuit",), "circuit", setting.scope({}))
    each = found if isinstance(found, list) else [found]
    if not each or not all(isinstance(one, AbstractCircuit) for one in each):
        raise Fault(("circuit", "name"), f"must make a circuit; got {checks.shown(found)}")
    return found


def rule_at(setting: Setting, circuit: Any, kind: str) -> Rule | None:
    """The sum of all components of a kind, ``rule`` or ``fluctuation``; None where there are none.

    Raises:
        Fault: as for `circuit_at`.
        NotYet: as for `circuit_at`.
    """
    scope = setting.scope({"circuit": lambda: circuit}, circuit)
    terms = []
    for place, component in enumerate(getattr(setting.document, kind)):
        path = (kind, place)
        term = building.component(component.model_dump(exclude_none=True), path, kind, scope)
        if not isinstance(term, Rule):
            raise Fault((*path, "name"), f"must make a {kind}; got {checks.shown(term)}")
        terms.append(term)
    return sum(terms[1:], start=terms[0]) if terms else None


def whole_rule_at(setting: Setting, circuit: Any) -> Rule:
    """All rules, and after them all fluctuations, as one.

    Raises:
        Fault: as for `circuit_at`.
        NotYet: as for `circuit_at`.
    """
    both = [each for kind in ("rule", "fluctuation") if (each := rule_at(setting, circuit, kind)) is not None]
    return sum(both[1:], start=both[0])


def run_at(setting: Setting) -> Json:
    """The time span, the solver, replicas and when to stop, as `plastodyn.simulate` takes them.

    Raises:
        Fault: if one is out of range.
        NotYet: as for `circuit_at`.
    """
    run, scope = setting.document.run, setting.scope({})
    found: Json = {"replicas": run.replicas}
    for name in ("steps", "duration", "dt"):
        if (raw := getattr(run, name)) is not None:
            found[name] = building.value(raw, ("run", name), scope)
    if run.solver is not None:
        found["solver"] = _solver(run.solver, scope)
    if run.until is not None:
        until = run.until if isinstance(run.until, Until) else Until(function=run.until)
        function = _users(until.function, ("run", "until"), scope)
        found["until"] = observe(function, every=until.every, name="until")
    try:
        if "steps" in found:
            checks.count("steps", found["steps"], at_least=1)
        for name in ("duration", "dt"):
            if name in found:
                checks.one_number(name, found[name], above=0)
    except ValueError as error:
        raise building.retold(error, found, ("run",)) from None
    return found


def observables_at(setting: Setting) -> list[Any] | None:
    """What is recorded, as `plastodyn.simulate` takes it; None where that is left to it.

    Raises:
        Fault: if a window or a name is out of range.
        NotYet: as for `circuit_at`.
    """
    return [_observable(name, each, setting) for name, each in setting.document.record.items()] or None


def _observable(name: str, record: Record, setting: Setting) -> Any:
    path = ("record", name)
    what: Any = record.function or name
    if is_users(what):
        what = _users(what, (*path, "function"), setting.scope({}))
    options = {key: getattr(record, key) for key in ("every", "start", "stop")}
    try:
        return observe(what, **options, name=name if what != name else None)
    except ValueError as error:
        raise building.retold(error, options, path) from None


def _users(reference: str, path: tuple[str | int, ...], scope: Scope) -> Any:
    if not is_users(reference):
        raise Fault(path, f"must name a function of yours, such as my_model.py:is_done; got {checks.shown(reference)}")
    return scope.sources.thing(reference, path)


def _solver(raw: Any, scope: Scope) -> Any:
    path = ("run", "solver")
    if isinstance(raw, str) and not is_users(raw):
        raw = {"name": raw}
    if isinstance(raw, str):
        return scope.sources.thing(raw, path)
    if "name" not in raw:
        raise Fault((*path, "name"), "must be given; got nothing")
    return building.component(raw, path, "solver", scope)
