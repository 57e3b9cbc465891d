"""Whether a document can be run: its names, its arguments, and what the library says of it at the first point of its axes."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax

from plastodyn import checks
from plastodyn.experiments import analysis, batches, building, faults, registry, setting, words
from plastodyn.experiments.axes import Seeds, Zipped
from plastodyn.experiments.document import NUMBER_OF_WEIGHTS, Document
from plastodyn.experiments.expressions import is_expression, names_in
from plastodyn.experiments.faults import Fault, nearest
from plastodyn.experiments.files import NotYet, Opened, Sources, Unopened, digests, is_file, is_users, search_in, source_of
from plastodyn.experiments.words import Word
from plastodyn.protocol import check_joined
from plastodyn.simulation import axis

_SECTIONS_WITH_WEIGHTS = ("rule", "fluctuation", "analysis")
_ROOTS: Mapping[str, tuple[str, ...]] = {"rule": ("circuit",), "fluctuation": ("circuit",), "analysis": analysis.ROOTS}


def check(document: Document, directory: str | Path = ".") -> Document:
    """Refuse a document that cannot be run, and say of one that can how many points of each axis a call computes.

    Names, arguments and references are looked up; circuit and rule are built at the first point and joined. Nothing of the
    user's is run: what depends on it is taken as it is.

    Args:
        document: of an experiment.
        directory: where the files lie that it names.

    Returns:
        The document, with ``run.batch`` complete.

    Raises:
        ValueError: naming the key, what it got and what is allowed.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> content = {"circuit": {"name": "tracking"}, "rule": {"name": "early", "rate": "= rtae"}, "run": {"steps": 2}}
    >>> try:
    ...     check(from_json({**content, "axes": {"rate": [0.1, 0.5]}}))
    ... except ValueError as error:
    ...     print(error)
    rule[0].rate must read names among rate, number_of_weights; got 'rtae', did you mean 'rate'?
    """
    sources = Unopened(Path(directory))
    for word in words.words(document):
        _check_word(word, document, sources)
    for part in words.parts(document):
        _check_part(part, document)
    _check_uses(document)
    if document.experiment is not None:
        return batches.resolved(document)
    _check_analysis(document, sources)
    with jax.enable_x64(document.run.precision == "double"):
        circuit = _check_built(document, sources)
        _check_references(document, sources, circuit)
        known = document.axes if circuit is not None else ()
        refused = frozenset(name for name in known if _is_refused(document, name, circuit, sources))
    return batches.resolved(document, refused)


def try_out(document: Document, directory: str | Path = ".") -> None:
    """Build circuit and rule at the first point with the user's code, which this runs: what `check` could not look at.

    Args:
        document: of an experiment, checked.
        directory: where the files lie that it names.

    Raises:
        ValueError: naming the key, what it got and what is allowed.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> content = {"circuit": {"name": "tracking"}, "rule": {"name": "early", "rate": "= rate"}, "run": {"steps": 2}}
    >>> try_out(from_json({**content, "axes": {"rate": [0.1, 0.5]}}))
    """
    place = Path(directory)
    search_in(place)
    sources = Opened(digests(words.sources(document), place))
    if document.experiment is not None:
        sources.thing(document.experiment.function, ("experiment", "function"))
        return
    _check_analysis(document, sources)
    with jax.enable_x64(document.run.precision == "double"):
        _check_references(document, sources, _check_built(document, sources))


def _check_word(word: Word, document: Document, sources: Unopened) -> None:
    """An expression reads known names; a reference begins with a known one; a file is there."""
    text = word.text
    if is_expression(text):
        if word.section == "experiment":
            known = list(document.constants)
        else:
            known = [*document.axes, *document.columns(), *document.constants]
        known += [NUMBER_OF_WEIGHTS] if word.section in _SECTIONS_WITH_WEIGHTS else []
        for name in words.names_of(word):
            if name not in known:
                _refuse_name(word, name, known, document)
    elif is_file(text):
        sources.array(text, word.path)
    elif is_users(text):
        source_of(text.split(":")[0], sources.directory, word.path)
    elif text.startswith("@"):
        _check_root(word, document)
    elif word.section in ("rule", "fluctuation") and _looks_like_one(text, document):
        raise Fault(word.path, f"must begin with = to be an expression; got {text!r}")


def _looks_like_one(text: str, document: Document) -> bool:
    """Whether a text would be an expression of axes and constants, if it began like one."""
    try:
        names = set(names_in(f"= {text}"))
    except ValueError:
        return False
    return bool(names) and names <= {*document.axes, *document.columns(), *document.constants, NUMBER_OF_WEIGHTS}


def _refuse_name(word: Word, name: str, known: list[str], document: Document) -> None:
    if name == NUMBER_OF_WEIGHTS or name in document.axes:
        raise Fault(word.path, f"must not read {name} in [{word.section}], where it is not known; got {word.text!r}")
    got = f"{checks.shown(name)}{nearest(name, known)}"
    raise Fault(word.path, f"must read names among {', '.join(known)}; got {got}")


def _check_root(word: Word, document: Document) -> None:
    root = word.text[1:].split(".")[0]
    known = list(_ROOTS.get(word.section, ()))
    if word.section == "analysis":
        names = list(document.analysis)
        known += names[: names.index(str(word.path[1]))]
    elif word.section == "experiment":
        raise Fault(word.path, f"must not be a reference, in [experiment]; got {word.text!r}")
    allowed = [f"@{name}" for name in (*known, *building.ROOMS)]
    if root not in (*known, *building.ROOMS):
        later = ", which comes later" if root in document.analysis else nearest("@" + root, allowed)
        raise Fault(word.path, f"must begin with one of {', '.join(allowed)}; got {word.text!r}{later}")
    if root not in known:
        building.reference(word.text, word.path, building.Scope({}, {}, Unopened(Path()), None, {}))  # pyright: ignore[reportArgumentType]


def _check_part(part: words.Part, document: Document) -> None:
    """A component is known, takes what it gets, and gets what it needs."""
    name = part.table.get(words.NESTED)
    if not isinstance(name, str):
        faults.must((*part.path, words.NESTED), "a text", name)
    if "times" in part.table and part.kind in ("circuit", "solver"):
        raise Fault((*part.path, "times"), "is for rules and fluctuations; got it elsewhere")
    if is_users(name):
        return
    make = building.registered(part.kind, name, (*part.path, words.NESTED))
    given = {key: each for key, each in part.table.items() if key not in (words.NESTED, "times")}
    parameters = registry.arguments(make) if callable(make) else {}
    faults.known_keys(part.path, given, parameters, name)
    supplied = {"key", "dtype"} if document.run.precision == "double" else {"key"}
    for key, each in parameters.items():
        if each.default is each.empty and key not in given and key not in supplied:
            raise Fault((*part.path, key), f"must be given, for {name} needs it; got nothing")


def _check_uses(document: Document) -> None:
    """Every axis, column and constant is used: a seeds axis wherever something draws, as simulation always does."""
    found = words.uses(document)
    own = document.experiment is not None
    for name, form in document.axes.items():
        if own or isinstance(form, Seeds):
            continue
        if isinstance(form, Zipped):
            for column in form.zip:
                if column not in found:
                    raise Fault(("axes", name, "zip", column), "must be used in some expression; got no use of it")
        elif name not in found:
            raise Fault(("axes", name), "must be used in some expression; got no use of it")
    for name in document.constants:
        if name not in found:
            raise Fault(("constants", name), "must be used in some expression; got no use of it")


def _check_analysis(document: Document, sources: Sources) -> None:
    """Functions are known and take what they get; what theory stands beside is recorded."""
    for name, each in document.analysis.items():
        path = ("analysis", name)
        if name in analysis.ROOTS:
            raise Fault(path, f"must have another name than {', '.join(analysis.ROOTS)}; got {name!r}")
        with suppress(NotYet):
            analysis.arguments_of(each, name, analysis.function_of(each, name, sources))
        if each.beside is not None:
            faults.among((*path, "beside"), each.beside, document.record or ["loss"], "a recorded variable:")


def _first(document: Document) -> dict[str, Any]:
    return {name: points[0] for name, points in document.points().items()}


def _check_built(document: Document, sources: Sources) -> Any:
    """Build what is the library's at the first point, and join it; the circuit, or None where it is the user's."""
    there = setting.at(document, _first(document), sources)
    with suppress(NotYet):
        setting.run_at(there)
    try:
        circuit = setting.circuit_at(there)
    except NotYet:
        circuit = None
    for name in document.record:
        with suppress(NotYet):
            _check_record(there, name, circuit)
    if circuit is None:
        return None
    _check_replicas(document, circuit)
    with suppress(NotYet):
        _check_joined(there, circuit)
    return circuit


def _check_record(there: setting.Setting, name: str, circuit: Any) -> None:
    """A window within the run, and a signal that the circuit has."""
    record, run = there.document.record[name], there.document.run
    one = there._replace(document=there.document.model_copy(update={"record": {name: record}}))
    found = (setting.observables_at(one) or [])[0]
    if run.steps is not None:
        steps = building.value(run.steps, ("run", "steps"), there.scope({}))
        if not len(found.within(0, steps)):
            window = f"start = {record.start}, every = {record.every}"
            raise Fault(("record", name), f"must be recorded at least once in {steps} steps; got {window}")
    if circuit is not None:
        signals = setting.first(circuit).signals
        if lacking := sorted(found.reads - signals):
            known = [*sorted(signals), "weights", "weight_norm", "gradient_norm"]
            got = f"{lacking[0]!r}{nearest(lacking[0], known)}"
            raise Fault(("record", name), f"must read what the circuit offers, {', '.join(known)}; got {got}")


def _check_replicas(document: Document, circuit: Any) -> None:
    if isinstance(circuit, list) and document.run.replicas not in (1, len(circuit)):
        raise Fault(("run", "replicas"), f"must be the number of circuits, {len(circuit)}; got {document.run.replicas}")


def _check_joined(there: setting.Setting, circuit: Any) -> None:
    """Each rule fits the circuit, and all of them together."""
    one = setting.first(circuit)
    for kind in ("rule", "fluctuation"):
        components = getattr(there.document, kind)
        for place in range(len(components)):
            alone = there.document.model_copy(update={kind: [*components[: place + 1]]})
            rule = setting.rule_at(there._replace(document=alone), circuit, kind)
            try:
                check_joined(one, rule)  # pyright: ignore[reportArgumentType]
            except ValueError as error:
                name = components[place].name
                raise Fault((kind, place), f"must fit the circuit: {error}; got {name!r}") from None
    try:
        check_joined(one, setting.whole_rule_at(there, circuit))
    except ValueError as error:
        raise Fault(("fluctuation",), f"must fit the circuit and the rules: {error}; got them together") from None


def _check_references(document: Document, sources: Sources, circuit: Any) -> None:
    """What references to circuit and rules in analyses lead to."""
    if circuit is None:
        return
    there = setting.at(document, _first(document), sources)
    objects = {
        "circuit": lambda: setting.first(circuit),
        "rule": lambda: setting.rule_at(there, circuit, "rule"),
        "fluctuation": lambda: setting.rule_at(there, circuit, "fluctuation"),
        "start": lambda: setting.first(circuit).weights,
    }
    scope = there.scope(objects, circuit)
    for word in words.words(document):
        if word.section != "analysis" or not isinstance(word.text, str):
            continue
        if not is_expression(word.text) and analysis.roots_in(word.text) - {*objects}:
            continue
        try:
            building.value(word.text, word.path, scope)
        except NotYet:
            continue


def _is_refused(document: Document, name: str, circuit: Any, sources: Sources) -> bool:
    """Whether a rule of the library's does not take an axis as such."""
    if not batches.can_be_carried(document, name):
        return True
    point = {**_first(document), name: axis(name, document.points()[name])}
    try:
        setting.whole_rule_at(setting.at(document, point, sources), circuit)
    except NotYet:
        return False
    except Fault:
        return True
    return False
