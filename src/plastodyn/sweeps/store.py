"""The Zarr v3 store of a sweep: made at once, filled chunk by chunk; a chunk's status is written last and commits it."""

import hashlib
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from plastodyn import checks
from plastodyn.sweeps.block import Block, Variable, check_same
from plastodyn.sweeps.integrity import CHECKSUM, RECORDED, SHARED, Damage, descriptions_changed, digest, of_chunk
from plastodyn.sweeps.layout import Box, Index, Layout
from plastodyn.sweeps.specification import Specification, differences, from_json

MISSING, DONE, FAILED = 0, 1, 2
"""Status of a chunk: not done, done, or the experiment raised an error there."""

_FORMAT = "plastodyn sweep 2"
"""The first one had no checksums."""
_METADATA = "metadata_checksum"
CODECS = (ZstdCodec(level=0), Crc32cCodec())
"""As Zarr compresses by default, and a checksum of each file: damage is an error when it is read."""
_BOOKKEEPING: dict[str, tuple[str, Any, str]] = {
    "chunk_status": ("int8", MISSING, "0 not done, 1 done, 2 failed"),
    "chunk_seconds": ("float64", np.nan, "time it took"),
    "chunk_cpu_seconds": ("float64", np.nan, "processor time it took"),
    "chunk_origin": ("string", "", "when, with what and where it was computed, as JSON"),
    CHECKSUM: ("string", "", "SHA-256 of the values of the chunk"),
}


class Record(NamedTuple):
    """What is kept about a chunk: time it took, processor time, and where it comes from."""

    seconds: float
    cpu_seconds: float
    origin: str


def place_of(store: Any) -> Path:
    """The place of a store; refuses what is no path of a directory."""
    if not isinstance(store, str | os.PathLike) or not str(store):
        raise ValueError(f"store must be the path of a directory; got {checks.shown(store)}")
    place = Path(os.path.abspath(os.fspath(store)))
    if place.exists() and not place.is_dir():
        raise ValueError(f"store must be a directory or not exist yet; {store} is a file")
    return place


def prepare(place: Path) -> None:
    """Make the parent directory of a store; refuses places that cannot be written to."""
    probe = _beside(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise ValueError(f"store must be in a directory that can be written to; got {place}: {error}") from None


def specification_of(place: Path) -> Specification:
    """What a store holds, as it says itself."""
    try:
        with _quiet():
            return from_json(str(zarr.open_group(place, mode="r").attrs["specification"]))
    except Exception as error:  # Whatever a damaged file makes of its reader.
        raise ValueError(f"store must be a sweep; {place} is none, or damaged: {' '.join(str(error).split())}") from None


def layout_of(place: Path, specification: Specification) -> Layout | None:
    """The layout of the store of this very sweep, ``None`` if there is none yet; refuses any other content."""
    if not place.exists() or not any(place.iterdir()):
        return None
    try:
        with _quiet():
            group = zarr.open_group(place, mode="r")
            attributes = dict(group.attrs)
            if attributes.get("format") != _FORMAT:
                raise ValueError("it has other content")
            stored = from_json(str(attributes["specification"]))
            layout = _layout(attributes)
            whole = all(_array(group, name).shape == layout.grid for name in _BOOKKEEPING)
            if attributes.get(_METADATA) != _digest_of_metadata(place):
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


def statuses(place: Path) -> np.ndarray:
    """The status of every chunk; one whose status cannot be read is not done."""
    with _quiet():
        array = _array(zarr.open_group(place, mode="r"), "chunk_status")
        try:
            return np.asarray(array[...])
        except Exception:  # A damaged file raises whatever its codec does.
            found = np.full(array.shape, MISSING, np.int8)
            for index in np.ndindex(*array.shape):
                with suppress(Exception):
                    found[index] = array[index]
            return found


def is_cut_otherwise(place: Path, layout: Layout) -> bool:
    """Whether there is a store by now, with another layout; one that cannot be read is not the worker's to judge."""
    try:
        with _quiet():
            return _layout(dict(zarr.open_group(place, mode="r").attrs)) != layout
    except Exception:  # As in `statuses`.
        return False


def _layout(attributes: dict[str, Any]) -> Layout:
    return Layout(*(tuple(json.loads(str(attributes[name])).values()) for name in ("sizes", "batch", "chunk")))


def is_done(place: Path, index: Index) -> bool:
    """Whether a chunk is done; False where that cannot be read."""
    with _quiet(), suppress(Exception):  # As in `statuses`.
        return bool(_array(zarr.open_group(place, mode="r"), "chunk_status")[index] == DONE)
    return False


def _digest_of_metadata(place: Path) -> str:
    """The checksum of all that describes a store: its attributes but this one, and the types and shapes of its arrays."""
    described = json.loads((place / "zarr.json").read_text())
    described["attributes"] = {name: value for name, value in described["attributes"].items() if name != _METADATA}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def mend_descriptions(place: Path) -> list[str]:
    """Write descriptions of single arrays again where they are not those of the whole store; their names."""
    mended = []
    for file, text in descriptions_changed(place):
        _remove(place, [file.parent.name, file.name])
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        mended.append(file.parent.name)
    return mended


def forget(place: Path, specification: Specification, damaged: list[Damage]) -> None:
    """Take damaged chunks, and what else cannot be read, out of a store, so that they are computed again.

    What is the same for all points is written again with the first chunk that is.
    """
    axes = tuple(specification.axes)
    with _quiet():
        group = zarr.open_group(place, mode="r+")
        for name, values in specification.values().items():
            _array(group, name)[...] = _plain(values)
        names = [name for name in group.array_keys() if name not in axes]
        spanning = [name for name in names if _dims(_array(group, name))[: len(axes)] == axes]
        for damage in damaged:
            index = (0,) * len(axes) if damage.place is None else damage.place
            if damage.place is None and damage.what.split(":")[0] in axes:
                continue
            for name in [*spanning, *(name for name in _BOOKKEEPING if name in group)]:
                rest = _array(group, name).ndim - len(axes)
                _remove(place, [name, "c", *map(str, (*index, *(0,) * rest))])


def _remove(place: Path, parts: list[str]) -> None:
    """Take a file out of a store; and what stands in its way, a file or a link to elsewhere, instead of what lies behind it."""
    path = place
    for part in parts[:-1]:
        path = path / part
        if path.is_symlink() or path.is_file():
            path.unlink()
            return
    path = path / parts[-1]
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def ensure(place: Path, specification: Specification, layout: Layout, block: Block, attributes: dict[str, str]) -> None:
    """Make the store from the shapes of one block, unless it is there already; other processes see all of it or nothing."""
    if (place / "zarr.json").exists():
        return
    building = _beside(place)
    try:
        with _quiet():
            group = zarr.open_group(building, mode="w-", zarr_format=3)
            _fill(group, specification, layout, block)
            group.attrs.update({**attributes, **_attributes(specification, layout, block)})
            zarr.consolidate_metadata(group.store)
            described = json.loads((building / "zarr.json").read_text())
            described["attributes"][_METADATA] = _digest_of_metadata(building)
            (building / "zarr.json").write_text(json.dumps(described, indent=2))
        os.rename(building, place)
    except OSError:
        # Another worker was first: its template is the same.
        if not (place / "zarr.json").exists():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def commit(place: Path, specification: Specification, box: Box, index: Index, block: Block, record: Record) -> None:
    """Write a chunk, and its status last. No two chunks share a file."""
    axes = tuple(specification.axes)
    with _quiet():
        group = zarr.open_group(place, mode="r+")
        names = [name for name in group.array_keys() if name not in axes and name not in _BOOKKEEPING]
        _write_shared_again(group, axes, block)
        check_same(block, {name: _outline(_array(group, name), axes) for name in names}, axes)
        for name, variable in block.items():
            if variable.spans(axes):
                _array(group, name)[box] = variable.values
        _array(group, "chunk_seconds")[index] = record.seconds
        _array(group, "chunk_cpu_seconds")[index] = record.cpu_seconds
        _array(group, "chunk_origin")[index] = record.origin
        kept = {name: np.asarray(_array(group, name)[box]) for name, variable in block.items() if variable.spans(axes)}
        about = {name: np.asarray(_array(group, name)[index]) for name in RECORDED}
        _array(group, CHECKSUM)[index] = of_chunk(specification, index, {**kept, **about})
        _array(group, "chunk_status")[index] = DONE


def _write_shared_again(group: zarr.Group, axes: tuple[str, ...], block: Block) -> None:
    """What is the same for all points and is not what was written, from a block whose values are."""
    stored = json.loads(str(group.attrs.get(SHARED, "{}")))
    for name, variable in block.items():
        if name not in stored or variable.spans(axes) or digest(_plain(variable.values)) != stored[name]:
            continue
        array, sound = _array(group, name), False
        with suppress(Exception):  # As in `statuses`.
            sound = digest(np.asarray(array[...])) == stored[name]
        if not sound:
            array[...] = _plain(variable.values)


def mark_failed(place: Path, indices: list[Index]) -> None:
    """Set chunks to failed, if there is a store yet."""
    if indices and (place / "zarr.json").exists():
        with _quiet():
            status = _array(zarr.open_group(place, mode="r+"), "chunk_status")
            for index in indices:
                status[index] = FAILED


def dataset(place: Path) -> xr.Dataset:
    """The store as a Dataset whose values are read when they are needed."""
    return xr.open_zarr(place, chunks=None)


def _fill(group: zarr.Group, specification: Specification, layout: Layout, block: Block) -> None:
    axes = tuple(specification.axes)
    for name, values in specification.values().items():
        _create(group, name, Variable((name,), values, {}, True), values.shape, values.shape)[...] = _plain(values)
    for name, variable in block.items():
        if variable.spans(axes):
            rest = variable.values.shape[len(axes) :]
            _create(group, name, variable, layout.sizes + rest, layout.chunk + rest)
        else:
            shape = variable.values.shape
            _create(group, name, variable, shape, shape)[...] = variable.values
    for name, (kind, fill, meaning) in _BOOKKEEPING.items():
        attributes: dict[str, Any] = {"long_name": meaning} | ({"units": "s"} if kind == "float64" else {})
        group.create_array(
            name,
            shape=layout.grid,
            chunks=(1,) * len(axes),
            dtype=kind,
            fill_value=fill,
            compressors=CODECS,
            dimension_names=[f"{axis}_chunk" for axis in axes],
            attributes=attributes,
        )


def _create(group: zarr.Group, name: str, variable: Variable, shape: Index, chunks: Index) -> zarr.Array:
    """An array filled with NaN, 0, False or an empty text."""
    kind = variable.values.dtype
    return group.create_array(
        name,
        shape=shape,
        chunks=tuple(max(1, length) for length in chunks),
        dtype="string" if kind.kind in "OU" else kind,
        fill_value="" if kind.kind in "OU" else kind.type(np.nan if kind.kind in "fc" else 0),
        compressors=CODECS,
        dimension_names=variable.dims,
        attributes={str(key): _json(value) for key, value in variable.attrs.items()},
    )


def _attributes(specification: Specification, layout: Layout, block: Block) -> dict[str, str]:
    named = {name: json.dumps(dict(zip(specification.axes, getattr(layout, name), strict=True))) for name in layout._fields}
    alike = [(name, each.values) for name, each in block.items() if not each.spans(tuple(specification.axes))]
    checksums = {name: digest(_plain(values)) for name, values in [*alike, *specification.values().items()]}
    coordinates = [name for name, variable in block.items() if variable.is_coordinate and variable.dims != (name,)]
    return {
        "format": _FORMAT,
        "specification": specification.as_json(),
        "hash": specification.digest(),
        "seed": str(specification.seed),
        "parameters": json.dumps(specification.parameters),
        SHARED: json.dumps(checksums),
        **named,
        # Where xarray looks for the names of coordinates that are not dimensions.
        **({"coordinates": " ".join(coordinates)} if coordinates else {}),
    }


def _outline(array: zarr.Array, axes: Index | tuple[str, ...]) -> Variable:
    """What a block is compared with: shape and type, and the values where they are the same for all points."""
    dims = _dims(array)
    if dims[: len(axes)] != axes:
        return Variable(dims, _plain(np.asarray(array[...])), {}, True)
    kind = np.dtype(object) if array.dtype.kind in "OTU" else array.dtype
    return Variable(dims, np.broadcast_to(np.empty((), kind), array.shape), {}, False)


def _dims(array: zarr.Array) -> tuple[str, ...]:
    return tuple(str(name) for name in array.metadata.dimension_names or ())  # pyright: ignore[reportAttributeAccessIssue]


def _plain(values: np.ndarray) -> np.ndarray:
    return values.astype(object) if values.dtype.kind in "UT" else values


def _json(value: Any) -> Any:
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    try:
        json.dumps(plain)
    except TypeError:
        return str(value)
    return plain


def _array(group: zarr.Group, name: str) -> zarr.Array:
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise ValueError(f"{name} is not an array")
    return found


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}-{uuid.uuid4().hex}")


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # Consolidated metadata make a store quick to open; readers that do not know them pass them over.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        yield
