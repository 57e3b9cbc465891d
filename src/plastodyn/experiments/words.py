"""Every text of a document that stands for something else, and every component in it, with the place where each stands."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from plastodyn.experiments.document import Document
from plastodyn.experiments.expressions import is_expression, names_in
from plastodyn.experiments.faults import Fault, Path
from plastodyn.experiments.files import is_file, is_users

NESTED = "name"
"""A table with this key is a component."""


class Word(NamedTuple):
    """A text or a file's table, its section, and whether it is an argument of a component within another, or of the user's."""

    path: Path
    text: Any
    section: str
    nested: bool = False
    users: bool = False


class Part(NamedTuple):
    """A component: its table, and the kind that it has to be."""

    path: Path
    table: Mapping[str, Any]
    kind: str


def words(document: Document) -> Iterator[Word]:
    """All texts in places where a value may be an expression, a reference or an object of the user's."""
    for part in _outermost(document):
        section = str(part.path[0])
        for key, value in part.table.items():
            yield from _within(Word((*part.path, key), value, section, users=is_users(part.table["name"])), key == NESTED)
    run = document.run.model_dump(exclude_none=True)
    for key in ("steps", "duration", "dt", "solver", "until"):
        yield from _within(Word(("run", key), run.get(key), "run"), False)
    for name, record in document.record.items():
        yield from _within(Word(("record", name, "function"), record.function, "record"), False)
    for name, analysis in document.analysis.items():
        for key, value in {"function": analysis.function, **analysis.arguments}.items():
            yield from _within(Word(("analysis", name, key), value, "analysis"), False)
    if document.experiment is not None:
        for key, value in {"function": document.experiment.function, **document.experiment.parameters}.items():
            yield from _within(Word(("experiment", key), value, "experiment"), False)


def parts(document: Document) -> Iterator[Part]:
    """All components, those within others too."""
    for part in _outermost(document):
        yield part
        for key, value in part.table.items():
            yield from _nested((*part.path, key), value)
    if isinstance(document.run.solver, Mapping):
        yield Part(("run", "solver"), document.run.solver, "solver")
    for name, analysis in document.analysis.items():
        for key, value in analysis.arguments.items():
            yield from _nested(("analysis", name, key), value)


def uses(document: Document) -> dict[str, list[Word]]:
    """For each name of an axis, a column or a constant, the expressions that read it.

    Raises:
        Fault: at a text that is no expression.
    """
    found: dict[str, list[Word]] = {}
    for word in words(document):
        if is_expression(word.text):
            for name in names_of(word):
                found.setdefault(name, []).append(word)
    return found


def names_of(word: Word) -> list[str]:
    """The names in an expression.

    Raises:
        Fault: if it is none.
    """
    try:
        return names_in(word.text)
    except ValueError as error:
        raise Fault(word.path, str(error)) from None


def sources(document: Document) -> dict[str, Path]:
    """The files and modules that a document names, each with the place where it is first named."""
    found: dict[str, Path] = {}
    for word in words(document):
        if is_users(word.text):
            found.setdefault(word.text.split(":")[0], word.path)
        elif is_file(word.text) and isinstance(word.text["file"], str):
            found.setdefault(word.text["file"], (*word.path, "file"))
    return found


def _outermost(document: Document) -> Iterator[Part]:
    if document.circuit is not None:
        yield Part(("circuit",), document.circuit.model_dump(exclude_none=True), "circuit")
    for kind in ("rule", "fluctuation"):
        for place, component in enumerate(getattr(document, kind)):
            yield Part((kind, place), component.model_dump(exclude_none=True), kind)


def _within(word: Word, is_name: bool) -> Iterator[Word]:
    """The texts in a value; the name of a component counts where it is the user's."""
    value = word.text
    if is_file(value):
        yield word
    elif isinstance(value, Mapping):
        component = NESTED in value
        for key, inner in value.items():
            users = is_users(value[NESTED]) if component else word.users
            deeper = word._replace(path=(*word.path, key), text=inner, nested=word.nested or component, users=users)
            yield from _within(deeper, component and key == NESTED)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _within(word._replace(path=(*word.path, place), text=inner), False)
    elif isinstance(value, str) and (not is_name or is_users(value)):
        yield word


def _nested(path: Path, value: Any) -> Iterator[Part]:
    if isinstance(value, Mapping) and not is_file(value):
        if NESTED in value:
            yield Part(path, value, "parts")
        for key, inner in value.items():
            yield from _nested((*path, key), inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _nested((*path, place), inner)
