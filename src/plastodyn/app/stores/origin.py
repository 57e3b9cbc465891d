"""Where a store comes from: what was computed, by which command, with which versions, on which machines, at what cost."""

import json
from typing import Any

import numpy as np

from plastodyn.app.stores.reading import NOT_COMPUTED, Contents, values

_HOUR = 3600.0
_HOW = {
    True: "plastodyn run FILE --out STORE, where FILE holds the text of document, below",
    False: "plastodyn.sweep(EXPERIMENT, AXES, store=STORE, seed=SEED, parameters=PARAMETERS, chunk=BATCH), as specified below",
}


def provenance(contents: Contents, fingerprint: str | None = None) -> dict[str, Any]:
    """All that a store says about its origin, as plain values that TOML and JSON can write.

    Args:
        contents: of the store.
        fingerprint: of its results, if known.

    Raises:
        ValueError: if what it keeps about its chunks cannot be read.

    Source: this project.

    >>> from plastodyn.app.stores.example import example
    >>> found = provenance(example())
    >>> found["machines"][0]["host"], found["total"]["wall_hours"] == 8 / 3600
    ('a', True)
    """
    attributes = contents.data.attrs
    kept = json.loads(attributes.get("provenance", "{}"))
    about = {name: kept.get(name, attributes.get(name)) for name in ("command", "created", "commit", "versions", "machine")}
    specification = {name: value for name, value in contents.specification.items() if name != "source"}
    document = contents.document
    if document is not None:
        specification["parameters"] = {k: v for k, v in specification["parameters"].items() if k != "document"}
    chunks = _chunks(contents)
    found = {
        "store": str(contents.place),
        **about,
        "command": about["command"] or _HOW[document is not None],
        "fingerprint": fingerprint,
        "total": _cost(chunks),
        "machines": _machines(chunks),
        "specification": specification,
        "document": None if document is None else _as_file(document),
    }
    return _without_none(found)


def _as_file(document: dict[str, Any]) -> Any:
    """The text that `plastodyn run` takes; as it stands in the store where it is none."""
    from plastodyn.experiments.document import from_json  # noqa: PLC0415 - only where it is asked for
    from plastodyn.experiments.writing import dump  # noqa: PLC0415 - as above

    try:
        return dump(from_json(document))
    except ValueError:
        return document


def as_toml(found: dict[str, Any]) -> str:
    """What `provenance` found as the text of a TOML document.

    >>> print(as_toml({"total": {"chunks": 2}}).strip())
    [total]
    chunks = 2
    """
    import tomlkit  # noqa: PLC0415 - only where it is asked for

    # A file within a file is read, and copied, line by line.
    text = found.get("document")
    shown = {**found, "document": tomlkit.string(text, multiline=True)} if isinstance(text, str) else found
    return tomlkit.dumps(dict(sorted(shown.items(), key=lambda entry: isinstance(entry[1], dict | list))))


def _chunks(contents: Contents) -> list[tuple[dict[str, Any], float, float]]:
    """For each chunk that was computed: where it comes from, wall time and processor time, in seconds."""
    data = contents.data
    columns = [
        values(contents, data[name]).ravel().tolist()
        for name in ("chunk_status", "chunk_origin", "chunk_seconds", "chunk_cpu_seconds")
    ]
    return [
        (json.loads(origin), wall, cpu)
        for status, origin, wall, cpu in zip(*columns, strict=True)
        if status != NOT_COMPUTED and origin
    ]


def _machines(chunks: list[tuple[dict[str, Any], float, float]]) -> list[dict[str, Any]]:
    """One entry for each host, device, commit and set of versions that chunks come from."""
    names = ("host", "device", "machine", "commit", "versions")
    groups: dict[tuple[Any, ...], list[tuple[dict[str, Any], float, float]]] = {}
    for each in chunks:
        groups.setdefault(tuple(each[0].get(name) for name in names), []).append(each)
    found = []
    for key, members in groups.items():
        dates = sorted(str(origin["created"]) for origin, _, _ in members if "created" in origin)
        period = {"first": dates[0], "last": dates[-1]} if dates else {}
        found.append({**dict(zip(names, key, strict=True)), **_cost(members), **period})
    return found


def _cost(chunks: list[tuple[dict[str, Any], float, float]]) -> dict[str, float]:
    wall = np.nansum([seconds for _, seconds, _ in chunks])
    cpu = np.nansum([seconds for _, _, seconds in chunks])
    return {"chunks": len(chunks), "wall_hours": float(wall) / _HOUR, "cpu_hours": float(cpu) / _HOUR}


def _without_none(value: Any) -> Any:
    """TOML has no word for nothing."""
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    return [_without_none(each) for each in value if each is not None] if isinstance(value, list) else value
