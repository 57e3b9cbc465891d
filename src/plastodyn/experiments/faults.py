"""What is wrong in a document, and where: the keys that lead there, and the line of a file on which they stand."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from pydantic import ValidationError

from plastodyn import checks

Path = tuple[str | int, ...]
"""Keys of tables, and places in arrays, from the top of a document."""


class Fault(ValueError):  # noqa: N818 - the word of this room
    """A complaint about one place of a document; ``words`` go on from the key, as in "must be ...; got ..."."""

    def __init__(self, path: Path, words: str) -> None:
        super().__init__(f"{shown(path)} {words}" if path else words)
        self.path, self.words = path, words


def shown(path: Path) -> str:
    """A path as one writes it.

    >>> shown(("rule", 0, "rate"))
    'rule[0].rate'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def must(path: Path, what: str, got: object) -> NoReturn:
    """Complain of a value: "KEY must be WHAT; got GOT".

    >>> must(("seed",), "a whole number", "x")
    Traceback (most recent call last):
    ...
    plastodyn.experiments.faults.Fault: seed must be a whole number; got 'x'
    """
    raise Fault(path, f"must be {what}; got {checks.shown(got)}")


def among(path: Path, got: object, known: Iterable[str], what: str = "one of") -> None:
    """Refuse a name that is not known; one that is misspelt brings the nearest.

    >>> among(("run", "solver"), "rk5", ["euler", "rk4"])
    Traceback (most recent call last):
    ...
    plastodyn.experiments.faults.Fault: run.solver must be one of euler, rk4; got 'rk5', did you mean 'rk4'?
    """
    names = list(known)
    if got not in names:
        raise Fault(path, f"must be {what} {', '.join(names)}; got {checks.shown(got)}{nearest(got, names)}")


def nearest(got: object, names: Iterable[str]) -> str:
    """What a complaint ends with where a name is near, as for a misspelt one.

    >>> nearest("widhts", ["widths", "hidden"])
    ", did you mean 'widths'?"
    """
    found = difflib.get_close_matches(str(got)[:80], list(names), 1, 0.6)
    return f", did you mean {found[0]!r}?" if found else ""


def known_keys(path: Path, table: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Refuse a key that a table does not take.

    >>> known_keys(("run",), {"stpes": 3}, ["steps"], "[run]")
    Traceback (most recent call last):
    ...
    plastodyn.experiments.faults.Fault: run.stpes is not known in [run], which takes steps; got 3, did you mean 'steps'?
    """
    names = list(known)
    for name, value in table.items():
        if name not in names:
            takes = f"which takes {', '.join(names)}" if names else "which takes nothing"
            raise Fault((*path, name), f"is not known in {what}, {takes}; got {checks.shown(value)}{nearest(name, names)}")


def faults_of(error: ValidationError) -> list[Fault]:
    """What pydantic complains of, in the words of this house."""
    found = []
    for each in error.errors(include_url=False):
        path = tuple(part for part in each["loc"] if not str(part).startswith("<"))
        cause = each.get("ctx", {}).get("error")
        if isinstance(cause, Fault):
            found.append(Fault((*path, *cause.path), cause.words))
        elif each["type"] == "missing":
            found.append(Fault(path, "must be given; got nothing"))
        else:
            found.append(Fault(path, _words(each)))
    return found


def _words(error: Any) -> str:
    """The kinds of complaints that remain to pydantic."""
    kind, got = error["type"], f"got {checks.shown(error.get('input'))}"
    if kind == "extra_forbidden":
        return f"is not known here; {got}"
    wanted = {
        "string_type": "a text",
        "bool_type": "true or false",
        "list_type": "a list",
        "dict_type": "a table",
        "model_type": "a table",
        "model_attributes_type": "a table",
        "literal_error": f"one of {str(error.get('ctx', {}).get('expected', '')).replace(chr(39), '')}",
    }
    return f"must be {wanted.get(kind, error['msg'])}; {got}"
