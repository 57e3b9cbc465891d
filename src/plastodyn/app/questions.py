"""A question about stability as a TOML file: what ``plastodyn certify SPEC.toml`` reads."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plastodyn import checks
from plastodyn.app.modules import user_module
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.colearning import colearning
from plastodyn.certify.consolidation import consolidation
from plastodyn.certify.linear import linear_inclusion
from plastodyn.certify.smooth import region_of_attraction, smooth_field

_TABLES = {
    "linear": {"vertices", "candidate", "time"},
    "field": {"function", "box", "equilibrium", "candidate", "level", "time", "boxes", "largest"},
    "consolidation": {"alpha", "mu"},
    "colearning": {"oscillators", "weight_share", "rate", "slope", "gain", "decay"},
}
_NEEDED = {
    "linear": {"vertices"},
    "field": {"function", "box"},
    "consolidation": {"alpha", "mu"},
    "colearning": {"oscillators", "weight_share", "rate", "slope"},
}


def certify_file(path: Path) -> Certificate:
    """The certificate that a TOML file asks for.

    One table says what kind of system it is: ``[linear]`` with ``vertices``; ``[field]`` with ``function =
    "file.py:name"`` and ``box`` (and ``largest = true`` for the largest region); ``[consolidation]`` with ``alpha`` and
    ``mu``; ``[colearning]``. Other entries are the arguments of the functions of these names.

    Args:
        path: of the file; a function's file is sought next to it.

    Raises:
        ValueError: if the file is not TOML, or asks for something else.

    Source: this project.
    """
    kind, table = _table(path)
    if kind == "consolidation":
        return consolidation(table["alpha"], table["mu"])
    if kind == "colearning":
        return colearning(table.pop("oscillators"), table.pop("weight_share"), **table)
    if kind == "linear":
        return linear_inclusion(table.pop("vertices"), **table)
    largest = table.pop("largest", False)
    checks.flag("largest", largest)
    function, box = _function(path, table.pop("function")), table.pop("box")
    if not largest:
        return smooth_field(function, box, **table)
    if "level" in table:
        raise ValueError(f"{path}: level is what largest = true looks for; give one or the other")
    return region_of_attraction(function, box, **table)


def read_certificate(path: Path | None) -> Certificate:
    """The certificate in a JSON file.

    Args:
        path: of the file.

    Raises:
        ValueError: if it cannot be read, or holds something else.
    """
    assert path is not None
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--recheck {path} must be the JSON of a certificate; {error}") from None
    return Certificate.from_json(text)


def _table(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text()
        read = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} must be a TOML file; {error}") from None
    if len(read) != 1 or not isinstance(next(iter(read.values())), dict):
        raise ValueError(f"{path} must hold one table, of {', '.join(_TABLES)}; got {sorted(read)}")
    ((kind, table),) = read.items()
    checks.one_of(f"table in {path}", kind, _TABLES)
    unknown, missing = sorted(set(table) - _TABLES[kind]), sorted(_NEEDED[kind] - set(table))
    if unknown or missing:
        allowed = ", ".join(sorted(_TABLES[kind]))
        raise ValueError(f"[{kind}] in {path} takes {allowed}; got unknown {unknown}, missing {missing}")
    return kind, table


def _function(path: Path, where: object) -> Callable[[Any], Any]:
    file, _, name = str(where).rpartition(":")
    if not file:
        raise ValueError(f"function must be 'file.py:name', the file next to {path}; got {checks.shown(where)}")
    found = getattr(user_module(str(path.parent / file) if file.endswith(".py") else file), name, None)
    if not callable(found):
        raise ValueError(f"function: {file} has no function {name!r}")
    return found
