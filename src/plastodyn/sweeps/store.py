"""The Zarr v3 store of a sweep, read: what it holds, how it is cut, and what is done.

It is made at once and filled chunk by chunk; a chunk's status is written last and commits it.
"""

import functools
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from plastodyn.sweeps import integrity, members
from plastodyn.sweeps.block import Block, Variable
from plastodyn.sweeps.integrity import CHECKSUM, SHARED, digest
from plastodyn.sweeps.layout import Box, Index, Layout
from plastodyn.sweeps.place import is_empty, quiet
from plastodyn.sweeps.specification import Specification, again, differences, from_json

MISSING, DONE, FAILED = integrity.MISSING, integrity.DONE, integrity.FAILED
"""Status of a chunk: not done, done, or some of its members failed."""
FORMAT = "plastodyn sweep 3"
"""The first one had no checksums, the second no members."""
METADATA = "metadata_checksum"
BATCH_SECONDS = "batch_seconds"
"""The attribute of a store that says what its first batch took, once compiled."""
CODECS = (ZstdCodec(level=0), Crc32cCodec())
"""As Zarr compresses by default, and a checksum of each file: damage is an error when it is read."""
BOOKKEEPING: dict[str, tuple[str, Any, str]] = {
    "chunk_status": ("int8", MISSING, "0 not done, 1 done, 2 some of its members failed"),
    "chunk_seconds": ("float64", np.nan, "time it took"),
    "chunk_cpu_seconds": ("float64", np.nan, "processor time it took"),
    "chunk_origin": ("string", "", "when, with what and where it was computed, as JSON"),
    CHECKSUM: ("string", "", "SHA-256 of the values of the chunk"),
}


class Opened:
    """A store and its arrays, opened once: a chunk reads and writes some twenty of them."""

    def __init__(self, group: zarr.Group) -> None:
        self.attrs = dict(group.attrs)
        self._arrays = dict(group.arrays())

    def array_keys(self) -> list[str]:
        """The names of its arrays."""
        return list(self._arrays)

    def array(self, name: str) -> zarr.Array:
        """One of its arrays."""
        if name not in self._arrays:
            raise ValueError(f"{name} is not an array")
        return self._arrays[name]


def specification_of(place: Path) -> Specification:
    """What a store holds, as it says itself."""
    try:
        return from_json(str(dict(group(place).attrs)["specification"]))
    except Exception as error:  # Whatever a damaged file makes of its reader.
        raise ValueError(f"store must be a sweep; {place} is none, or damaged: {' '.join(str(error).split())}") from None


def layout_of(place: Path, specification: Specification) -> Layout | None:
    """The layout of the store of this very sweep, ``None`` if there is none yet; refuses any other content."""
    if is_empty(place):
        return None
    try:
        attributes = dict(group(place).attrs)
        if attributes.get("format") != FORMAT:
            other = str(attributes.get("format", "")).startswith("plastodyn sweep")
            raise ValueError(f"its format is {attributes['format']!r}, not {FORMAT!r}" if other else "it has other content")
        stored = from_json(str(attributes["specification"]))
        layout = _layout(attributes)
        whole = all(array(group(place), name).shape == layout.grid for name in BOOKKEEPING)
        if attributes.get(METADATA) != digest_of_metadata(place):
            raise ValueError("what describes it was changed")
        if attributes["hash"] != stored.digest() or layout.batch != tuple(stored.batch.values()):
            raise ValueError("its specification was changed")
    except Exception as error:  # Whatever a damaged file makes of its reader.
        reason = " ".join(str(error).split())
        raise ValueError(f"store must be a sweep or not exist yet; {place} is neither, or damaged: {reason}") from None
    found = differences(stored, specification)
    if found or not whole:
        reason = "; ".join(found) or "the shape of its chunks"
        raise ValueError(f"store must be of the same sweep; {place} differs in {reason}")
    return layout


def sweep_of(place: Path) -> tuple[Specification, Layout]:
    """What a store holds, and how it is cut; nothing of it is run."""
    specification = specification_of(place)
    return specification, _cut(place, specification)


def sweep_to_run(place: Path) -> tuple[Specification, Layout]:
    """The same, if its experiment is here what it was when the store was begun; that is imported."""
    specification = again(specification_of(place))
    return specification, _cut(place, specification)


def _cut(place: Path, specification: Specification) -> Layout:
    layout = layout_of(place, specification)
    # There is a store, which has said what it holds.
    assert layout is not None
    return layout


def statuses(place: Path) -> np.ndarray:
    """The status of every chunk; one whose status cannot be read is not done."""
    status = array(group(place), "chunk_status")
    try:
        return np.asarray(status[...])
    except Exception:  # A damaged file raises whatever its codec does.
        return np.array([status_of(place, index) for index in np.ndindex(*status.shape)], np.int8).reshape(status.shape)


def origin_of(place: Path, index: Index) -> str:
    """Where a chunk comes from, as JSON; empty where that cannot be read."""
    with suppress(Exception):  # As in `statuses`.
        return str(np.asarray(array(group(place), "chunk_origin")[index]).item())
    return ""


def has_checksum(place: Path, index: Index) -> bool:
    """Whether something of a chunk was stored."""
    with suppress(Exception):  # As in `statuses`.
        return bool(str(np.asarray(array(group(place), CHECKSUM)[index]).item()))
    return False


def time_of(place: Path, index: Index) -> tuple[float, float]:
    """Time and processor time that a chunk took until now, in seconds."""
    opened = group(place)
    found = (np.asarray(array(opened, name)[index]).item() for name in ("chunk_seconds", "chunk_cpu_seconds"))
    wall, cpu = (each if np.isfinite(each) else 0.0 for each in found)
    return wall, cpu


def seconds_of_done(place: Path) -> np.ndarray:
    """Time that each chunk took that is done."""
    with suppress(Exception):  # As in `statuses`.
        found = np.asarray(array(group(place), "chunk_seconds")[...])[statuses(place) == DONE]
        return found[np.isfinite(found)]
    return np.empty(0)


def expected_seconds(place: Path, layout: Layout) -> float:
    """Time of a chunk by what the first batch took; NaN where that is not known."""
    return float(str(group(place).attrs.get(BATCH_SECONDS, "nan"))) * layout.batches_of_a_chunk


def member_statuses(place: Path) -> np.ndarray:
    """The status of every member; those in a file that cannot be read are not computed."""
    status = array(group(place), members.STATUS)
    try:
        return np.asarray(status[...])
    except Exception:  # As in `statuses`.
        found = np.full(status.shape, members.MISSING, np.int8)
        for start in range(len(found)):
            with suppress(Exception):
                found[start] = status[start]
        return found


def status_of(place: Path, index: Index) -> int:
    """The status of one chunk; not done where that cannot be read."""
    with suppress(Exception):  # As in `statuses`.
        return int(array(group(place), "chunk_status")[index])  # pyright: ignore[reportArgumentType]
    return MISSING


def blank(place: Path, specification: Specification, box: Box) -> Block:
    """A chunk of nothing: room for each variable over the axes, filled as in the store.

    What all points share stands in it too, unless the store has lost it.
    """
    axes, found, opened = tuple(specification.axes), {}, group(place)
    checksums = json.loads(str(opened.attrs.get(SHARED, "{}")))
    for name in outcome_names(opened, axes):
        each = array(opened, name)
        shape = each.shape[len(axes) :]
        if dims(each)[: len(axes)] != axes:
            with suppress(Exception):  # As in `statuses`.
                values = np.asarray(each[...])
                if digest(values) == checksums.get(name):
                    found[name] = Variable(dims(each), plain(values), {}, True)
            continue
        lengths = tuple(side.stop - side.start for side in box)
        kind = np.dtype(object) if each.dtype.kind in "OTU" else each.dtype
        found[name] = Variable(dims(each), np.full(lengths + shape, each.fill_value, kind), {}, False)
    return found


def stored(place: Path, specification: Specification, box: Box) -> Block:
    """A chunk as it is in the store."""
    found, opened = blank(place, specification, box), group(place)
    for name, variable in found.items():
        if variable.spans(tuple(specification.axes)):
            found[name] = variable._replace(values=plain(np.array(array(opened, name)[box])))
    return found


def outcome_names(opened: Opened, axes: tuple[str, ...]) -> list[str]:
    """The variables of a store that are neither axes nor kept about chunks."""
    return [name for name in opened.array_keys() if name not in axes and name not in BOOKKEEPING]


def dataset(place: Path) -> xr.Dataset:
    """The store as a Dataset whose values are read when they are needed."""
    return xr.open_zarr(place, chunks=None)


def group(place: Path, mode: str = "r") -> Opened:
    """The store, opened to be read, or with ``r+`` to be written to."""
    described = (place / "zarr.json").stat()
    return _opened(place, mode, (described.st_ino, described.st_mtime_ns, described.st_size))


@functools.lru_cache(maxsize=8)
def _opened(place: Path, mode: str, state: tuple[int, ...]) -> Opened:
    """Once for each time that it was made or described anew."""
    del state
    with quiet():
        return Opened(zarr.open_group(place, mode=mode))  # pyright: ignore[reportArgumentType]


def array(opened: Opened, name: str) -> zarr.Array:
    """An array of a store."""
    return opened.array(name)


def dims(each: zarr.Array) -> tuple[str, ...]:
    """The names of the dimensions of an array."""
    return tuple(str(name) for name in each.metadata.dimension_names or ())  # pyright: ignore[reportAttributeAccessIssue]


def plain(values: np.ndarray) -> np.ndarray:
    """Texts as objects, as Zarr's variable-length strings take them; other values as they are."""
    return values.astype(object) if values.dtype.kind in "UT" else values


def digest_of_metadata(place: Path) -> str:
    """The checksum of all that describes a store: its attributes but this one, and the types and shapes of its arrays."""
    described = json.loads((place / "zarr.json").read_text())
    described["attributes"] = {name: value for name, value in described["attributes"].items() if name != METADATA}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _layout(attributes: dict[str, Any]) -> Layout:
    return Layout(*(tuple(json.loads(str(attributes[name])).values()) for name in ("sizes", "batch", "chunk")))
