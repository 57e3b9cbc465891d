"""Is a store still what was written? Every chunk has a checksum; what does not agree with it is computed again.

Files carry a checksum of their own (CRC-32C), so that readers do not get damaged values silently; a file that is gone, or
an old one put back, is found by the checksum (SHA-256) of the values of each chunk, which is kept beside its status.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zarr

from plastodyn.sweeps import members
from plastodyn.sweeps.layout import Box, Index, Layout
from plastodyn.sweeps.specification import Specification

CHECKSUM = "chunk_checksum"
RECORDED = ("chunk_seconds", "chunk_cpu_seconds", "chunk_origin")
"""What is kept about a chunk, and enters its checksum beside its values."""
SHARED = "checksums"
"""The attribute of a store with the checksums of what is the same for all points."""
MISSING = 0
DONE, FAILED = STORED = (1, 2)
"""The status of chunks that are in the store: done, or done but for members that failed."""


class Damage(NamedTuple):
    """Something in a store that is not what was written.

    Args:
        place: of the chunk, along each axis; None for what is the same for all points.
        what: in words.
    """

    place: Index | None
    what: str


def digest(values: np.ndarray) -> str:
    """The SHA-256 of an array: its type, shape and values.

    Args:
        values: numbers or texts, of any shape.

    >>> digest(np.zeros(2)) == digest(np.zeros(2)), digest(np.zeros(2)) == digest(np.zeros(3))
    (True, False)
    """
    if values.dtype.kind in "OUT":
        content, kind = json.dumps([str(text) for text in values.ravel().tolist()]).encode(), "text"
    else:
        content, kind = np.ascontiguousarray(values).tobytes(), values.dtype.newbyteorder("=").str
    return hashlib.sha256(f"{kind}{values.shape}".encode() + content).hexdigest()


def of_chunk(specification: Specification, place: Index, arrays: dict[str, np.ndarray]) -> str:
    """The checksum of a chunk: of its sweep, its place, and the names and values of its variables.

    Args:
        specification: of the sweep; that of another one is another chunk.
        place: its index along each axis; a chunk of another place is another one too.
        arrays: the values of each variable in the chunk.
    """
    named = {name: digest(values) for name, values in arrays.items()}
    content = json.dumps([specification.digest(), [int(i) for i in place], named], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def descriptions_changed(place: Path) -> Iterator[tuple[Path, str]]:
    """Arrays whose own description is not that of the whole store, which readers of single arrays go by.

    Args:
        place: of the store.

    Yields:
        The file of each, and what should stand there.
    """
    whole = json.loads((place / "zarr.json").read_text()).get("consolidated_metadata") or {}
    for name, expected in whole.get("metadata", {}).items():
        file = place / name / "zarr.json"
        try:
            same = json.loads(file.read_text()) == expected
        except (OSError, ValueError):
            same = False
        if not same:
            yield file, json.dumps(expected, indent=2)


def damages(place: Path, specification: Specification, layout: Layout) -> Iterator[Damage]:
    """All that is not what was written.

    Args:
        place: of the store.
        specification: of its sweep.
        layout: how it is cut.
    """
    for file, _ in descriptions_changed(place):
        yield Damage(None, f"{file.parent.name}: what describes it, {file.name}, is not what was written")
    group = zarr.open_group(place, mode="r")
    axes = tuple(specification.axes)
    stored = json.loads(str(group.attrs.get(SHARED, "{}")))
    for name, expected in stored.items():
        what = _difference(group, name, (), expected)
        if what is not None:
            yield Damage(None, f"{name}: {what}")
    spanning = _spanning(group, axes)
    for index in np.ndindex(*layout.grid):
        what = _of_chunk(group, specification, spanning, index, layout.box(index))
        if what is not None:
            yield Damage(tuple(map(int, index)), what)


def is_sound(place: Path, specification: Specification, index: Index, box: Box) -> bool:
    """Whether a chunk, or what there is of it, was stored and is what was written.

    Args:
        place: of the store.
        specification: of its sweep.
        index: of the chunk along each axis.
        box: its points.
    """
    group = zarr.open_group(place, mode="r")
    known, unreadable = _read(group, CHECKSUM, index)
    there = unreadable is None and bool(str(known))
    return there and _of_values(group, specification, _spanning(group, tuple(specification.axes)), index, box) is None


def lost_statuses(place: Path, layout: Layout) -> Iterator[Damage]:
    """Chunks that have all but the status of one that is stored: damage, or a process that is writing or died just then.

    Going on computes them again in any case.

    Args:
        place: of the store.
        layout: how it is cut.
    """
    group = zarr.open_group(place, mode="r")
    for index in np.ndindex(*layout.grid):
        status, unreadable = _read(group, "chunk_status", index)
        known, _ = _read(group, CHECKSUM, index)
        wrong = int(status) != DONE if unreadable is None else False
        if wrong and int(status) in (MISSING, FAILED):
            of_members, unreadable = _read(group, members.STATUS, layout.box(index))
            # A chunk of which some members are missing was stored on the way.
            final = np.isin(of_members, members.FINAL) if int(status) == FAILED else of_members != members.MISSING
            wrong = unreadable is None and bool(final.all())
        if wrong and str(known):
            yield Damage(tuple(map(int, index)), f"chunk_status: it is {int(status)}, of a chunk whose values are there")


def _of_chunk(group: zarr.Group, specification: Specification, names: list[str], index: Index, box: Box) -> str | None:
    """What is wrong with one chunk, in words; None if nothing is, or if it is not stored."""
    status, unreadable = _read(group, "chunk_status", index)
    if unreadable is not None or int(status) not in STORED:
        return None if unreadable is None else f"chunk_status: {unreadable}"
    return _of_values(group, specification, names, index, box)


def _of_values(group: zarr.Group, specification: Specification, names: list[str], index: Index, box: Box) -> str | None:
    """What is wrong with the values of a chunk, and what is kept about it, in words; None if nothing is."""
    values: dict[str, np.ndarray] = {}
    for name, where in (*((name, box) for name in names), *((name, index) for name in RECORDED)):
        values[name], unreadable = _read(group, name, where)
        if unreadable is not None:
            return f"{name}: {unreadable}"
    expected, unreadable = _read(group, CHECKSUM, index)
    if unreadable is not None:
        return f"{CHECKSUM}: {unreadable}"
    return (
        None
        if of_chunk(specification, index, values) == str(expected)
        else "its values, or what is kept about it, are not those that were written"
    )


def _difference(group: zarr.Group, name: str, where: Index, expected: str) -> str | None:
    values, unreadable = _read(group, name, where or ...)
    if unreadable is not None:
        return unreadable
    return None if digest(values) == expected else "its values are not those that were written"


def _read(group: zarr.Group, name: str, where: object) -> tuple[np.ndarray, str | None]:
    """Values, or why they cannot be read: a damaged file raises whatever its codec does."""
    try:
        return np.asarray(group[name][where]), None  # pyright: ignore[reportIndexIssue, reportArgumentType]
    except Exception as error:
        return np.empty(0), f"cannot be read, {type(error).__name__}: {' '.join(str(error).split())[:120]}"


def _spanning(group: zarr.Group, axes: tuple[str, ...]) -> list[str]:
    """The variables and what is kept about members over the axes; values of a lone axis span it too, and belong to no chunk."""
    return sorted(name for name, array in group.arrays() if name not in axes and _dimensions(array)[: len(axes)] == axes)


def _dimensions(array: zarr.Array) -> tuple[str, ...]:
    return tuple(str(name) for name in array.metadata.dimension_names or ())  # pyright: ignore[reportAttributeAccessIssue]
