"""From a document to a file that one likes to read, with comments; read again, it is the same document."""

from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit
from tomlkit.items import AoT, Item, Table

from plastodyn.experiments.document import Document

_SECTIONS = ("constants", "circuit", "rule", "fluctuation", "axes", "run", "record", "analysis", "experiment")


def dump(document: Document, comments: Mapping[str, str] | None = None) -> str:
    """The text of an experiment's file.

    Args:
        document: of an experiment.
        comments: by key, such as ``circuit`` (in a line before the table), ``circuit.widths`` (after the value); under an empty
            key, for the head of the file. Several lines are allowed before tables and at the head.

    Returns:
        TOML, of which `parse` makes the same document.

    Raises:
        ValueError: if a comment is for a key that the document lacks.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> content = {"seed": 3, "axes": {"n": [1, 2]}, "experiment": {"function": "my.py:f", "layer": "hidden"}}
    >>> print(dump(from_json(content), {"": "Mine.", "axes": "Sizes:", "axes.n": "neurons"}))
    # Mine.
    seed = 3
    <BLANKLINE>
    # Sizes:
    [axes]
    n = [1, 2] # neurons
    <BLANKLINE>
    [experiment]
    function = "my.py:f"
    layer = "hidden"
    <BLANKLINE>
    """
    content = document.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    notes = dict(comments or {})
    text = tomlkit.document()
    for line in notes.pop("", "").splitlines():
        text.add(tomlkit.comment(line))
    for key in ("title", "seed"):
        if key in content:
            text.add(key, _noted(tomlkit.item(content[key]), notes.pop(key, "")))
    blocks = [text.as_string()]
    for section in _SECTIONS:
        if section in content:
            blocks += _blocks(section, content[section], notes)
    if notes:
        raise ValueError(f"comments must be for keys of the document; got {', '.join(map(repr, notes))}")
    return "\n".join(block for block in blocks if block)


def _blocks(section: str, content: Any, notes: dict[str, str]) -> Iterable[str]:
    """The text of each table of a section, with its comments."""
    if section == "analysis":
        for name, each in content.items():
            inner = tomlkit.table(is_super_table=True)
            inner.add(name, _table(each, f"analysis.{name}", notes))
            yield _headed("analysis", inner, notes.pop(f"analysis.{name}", ""))
    elif isinstance(content, list):
        for place, each in enumerate(content):
            many = len(content) > 1
            table = _table(each, f"{section}[{place}]" if many else section, notes)
            note = notes.pop(f"{section}[{place}]" if many else section, "")
            yield _headed(section, AoT([table]) if many else table, note)
    else:
        yield _headed(section, _table(content, section, notes), notes.pop(section, ""))


def _headed(name: str, item: Table | AoT, note: str) -> str:
    holder = tomlkit.document()
    holder.add(name, item)
    return "".join(f"# {line}\n" for line in note.splitlines()) + holder.as_string()


def _table(content: Mapping[str, Any], path: str, notes: dict[str, str]) -> Table:
    table = tomlkit.table()
    for key, value in content.items():
        table.add(key, _noted(_item(value), notes.pop(f"{path}.{key}", "")))
    return table


def _item(value: Any) -> Item:
    """A value; tables within tables stand in one line, and matrices in a line for each row."""
    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for key, each in value.items():
            inline.add(key, _item(each))
        return inline
    if isinstance(value, list):
        array = tomlkit.array()
        for each in value:
            array.append(_item(each))
        return array.multiline(any(isinstance(each, list | Mapping) for each in value))
    return tomlkit.item(value)


def _noted(item: Item, note: str) -> Item:
    if "\n" in note:
        raise ValueError(f"comments of values must be of one line; got {note!r}")
    return item.comment(note) if note else item
