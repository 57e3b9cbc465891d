"""From an experiment's file to a document that can be run; whatever is wrong is one line, with file, line and key."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from plastodyn import checks
from plastodyn.experiments import checking, faults
from plastodyn.experiments.checking import check
from plastodyn.experiments.document import Document, Record, Run
from plastodyn.experiments.faults import Fault, known_keys, nearest
from plastodyn.experiments.fields import check_plain
from plastodyn.experiments.lines import line_of, lines_of

LARGEST = 16 * 2**20
"""Bytes of a file: arrays belong in files of their own."""
_DEEPEST = 60
_LINE = re.compile(r" \(at line (\d+), column \d+\)")
# A text that does not end is one up to the end of its line, so that nothing is looked at twice.
_OPENING = re.compile(r"\"\"\"|'''|\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|#[^\n]*|[\[\]{}\n]")

# tomllib takes time that grows with the square of how long a dotted key is.
_DOTTED = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\\\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){60}""")
_LONG_NUMBER = re.compile(r"\d[\d_]{4000}")


def read(path: str | os.PathLike[str]) -> Document:
    """Read an experiment's file, and check that it can be run. Nothing of the user's is run.

    Args:
        path: of a TOML file; files that it names are sought beside it.

    Returns:
        The document, which says how many points of each axis a call computes.

    Raises:
        ValueError: in one line, ``my.toml:7: circuit.widths must be ...; got ...``.

    Source: this project.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     path = Path(place) / "my.toml"
    ...     _ = path.write_text('[circuit]' + chr(10) + 'name = "trakcing"')
    ...     try:
    ...         read(path)
    ...     except ValueError as error:
    ...         print(str(error).removeprefix(place + "/"))
    my.toml:1: axes must be given; got nothing
    """
    place = Path(path)
    text = _text(place)
    try:
        return check(_parsed(text, str(place)), place.parent)
    except Fault as fault:
        raise located(fault, str(place), text) from None


def try_out(path: str | os.PathLike[str], document: Document) -> None:
    """Build the first point of an experiment with the code of the user's that its file names, which this runs.

    Args:
        path: of the file.
        document: what `read` made of it.

    Raises:
        ValueError: in one line, as `read`.

    Source: this project.

    >>> import tempfile
    >>> text = '''
    ... [circuit]
    ... name = "my.py:make"
    ... [rule]
    ... name = "gradient"
    ... [axes]
    ... draw = { seeds = 2 }
    ... [run]
    ... steps = 2
    ... '''
    >>> with tempfile.TemporaryDirectory() as place:
    ...     path = Path(place) / "my.toml"
    ...     _ = path.write_text(text)
    ...     _ = (Path(place) / "my.py").write_text("def make(key):" + chr(10) + "    return 3")
    ...     try:
    ...         try_out(path, read(path))
    ...     except ValueError as error:
    ...         print(str(error).removeprefix(place + "/"))
    my.toml:3: circuit.name must make a circuit; got 3
    """
    place = Path(path)
    try:
        checking.try_out(document, place.parent)
    except Fault as fault:
        raise located(fault, str(place), _text(place)) from None


def parse(text: str, name: str = "document") -> Document:
    """The document of a text, checked in its shape alone.

    Args:
        text: TOML.
        name: what complaints call it.

    Raises:
        ValueError: as `read`.

    Source: this project.

    >>> parse("seed = -1" + chr(10) + "[axes]" + chr(10) + "rate = [1]", "my.toml")
    Traceback (most recent call last):
    ...
    ValueError: my.toml:1: seed must be a whole number >= 0 and <= 4294967295; got -1
    """
    try:
        return _parsed(text, name)
    except Fault as fault:
        raise located(fault, name, text) from None


def located(fault: Fault, name: str, text: str) -> ValueError:
    """A complaint with the file's name and the line of its key.

    Args:
        fault: of a document.
        name: of the file.
        text: of the file.
    """
    path, line = line_of(fault.path, lines_of(text))
    return ValueError(f"{name}:{line}: {' '.join(str(Fault(path, fault.words)).split())}")


def _text(path: Path) -> str:
    """What a file holds; anything but a file of text is refused before it is opened."""
    if not path.exists():
        raise ValueError(f"{path}: must be an existing file; got nothing there")
    if not path.is_file():
        raise ValueError(f"{path}: must be a file; got a {'directory' if path.is_dir() else 'pipe or device'}")
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"{path}: must be a file of at most {LARGEST} bytes, arrays in files of their own; got {size}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: must be a file that can be read; got {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}:{line}: must be UTF-8; got the byte {content[error.start]:#x}") from None


def _parsed(text: str, name: str) -> Document:
    content = _content(text, name)
    known = {each: each for each in Document.model_fields}
    for key, value in content.items():
        if key not in known:
            got = f"{checks.shown(value)}{nearest(key, known)}"
            raise Fault((key,), f"is not known, tables and keys are {', '.join(known)}; got {got}")
    _check_known(content)
    check_plain(content)
    try:
        return Document.model_validate(content)
    except ValidationError as error:
        lines = lines_of(text)
        raise min(faults.faults_of(error), key=lambda fault: line_of(fault.path, lines)[1]) from None


def _check_known(content: dict[str, Any]) -> None:
    """Misspelt keys of [run], [record] and [axes], with the nearest that is known."""
    if isinstance(content.get("run"), dict):
        known_keys(("run",), content["run"], Run.model_fields, "[run]")
    if isinstance(content.get("record"), dict):
        for name, each in content["record"].items():
            if isinstance(each, dict):
                known_keys(("record", name), each, Record.model_fields, "a recorded variable")


def _content(text: str, name: str) -> dict[str, Any]:
    depth, line = _depth(text)
    if depth > _DEEPEST:
        raise ValueError(f"{name}:{line}: must be nested at most {_DEEPEST} deep; got more")
    if dotted := _DOTTED.search(text):
        line = text.count("\n", 0, dotted.start()) + 1
        raise ValueError(f"{name}:{line}: must be nested at most {_DEEPEST} deep; got a longer dotted key")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        what = _LINE.sub("", str(error)).replace(" (at end of document)", " at the end")
        shown = checks.shown(text.split("\n")[line - 1].strip())
        raise ValueError(f"{name}:{line}: is not TOML: {' '.join(what.split())}; got {shown}") from None
    except RecursionError:
        raise ValueError(f"{name}:1: must be nested at most {_DEEPEST} deep; got more") from None
    except ValueError as error:
        long = _LONG_NUMBER.search(text)
        line = text.count("\n", 0, long.start()) + 1 if long else 1
        raise ValueError(f"{name}:{line}: is not TOML: {error}; got a number that is too long") from None


def _depth(text: str) -> tuple[int, int]:
    """How deep brackets are nested, and the line where they first are too deep, or deepest."""
    depth = most = 0
    line = where = 1
    end = 0
    for found in _OPENING.finditer(text):
        sign = found.group()
        if found.start() < end:
            continue
        if sign in ('"""', "'''"):
            close = text.find(sign, found.end())
            end = len(text) if close < 0 else close + 3
            line += text.count("\n", found.start(), end)
        elif sign == "\n":
            line += 1
        elif sign in "[{":
            depth += 1
            if depth > most:
                most, where = depth, line
                if most > _DEEPEST:
                    break
        elif sign in "]}":
            depth -= 1
    return most, where
