"""A new store, from the shapes of one batch's results: other processes see all of it or nothing."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from plastodyn.sweeps.block import Block, Variable
from plastodyn.sweeps.integrity import SHARED, digest
from plastodyn.sweeps.layout import Index, Layout
from plastodyn.sweeps.place import beside, quiet
from plastodyn.sweeps.specification import Specification
from plastodyn.sweeps.store import BOOKKEEPING, CODECS, FORMAT, METADATA, digest_of_metadata, plain


def ensure(place: Path, specification: Specification, layout: Layout, block: Block, attributes: dict[str, str]) -> None:
    """Make a store, unless it is there already.

    Args:
        place: where.
        specification: of the sweep.
        layout: how it is cut.
        block: results of a batch; their shapes and types count, and the values of what is the same for all points.
        attributes: for the store besides: where it comes from.
    """
    if (place / "zarr.json").exists():
        return
    building = beside(place)
    try:
        with quiet():
            group = zarr.open_group(building, mode="w-", zarr_format=3)
            _fill(group, specification, layout, block)
            group.attrs.update({**attributes, **_attributes(specification, layout, block)})
            zarr.consolidate_metadata(group.store)
        described = json.loads((building / "zarr.json").read_text())
        described["attributes"][METADATA] = digest_of_metadata(building)
        (building / "zarr.json").write_text(json.dumps(described, indent=2))
        os.rename(building, place)
    except OSError:
        # Another worker was first: what it made holds.
        if not (place / "zarr.json").exists():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _fill(group: zarr.Group, specification: Specification, layout: Layout, block: Block) -> None:
    axes = tuple(specification.axes)
    for name, values in specification.values().items():
        _create(group, name, Variable((name,), values, {}, True), values.shape, values.shape)[...] = plain(values)
    for name, variable in block.items():
        if variable.spans(axes):
            rest = variable.values.shape[len(axes) :]
            _create(group, name, variable, layout.sizes + rest, layout.chunk + rest)
        else:
            shape = variable.values.shape
            _create(group, name, variable, shape, shape)[...] = variable.values
    for name, (kind, fill, meaning) in BOOKKEEPING.items():
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
    checksums = {name: digest(plain(values)) for name, values in [*alike, *specification.values().items()]}
    coordinates = [name for name, variable in block.items() if variable.is_coordinate and variable.dims != (name,)]
    return {
        "format": FORMAT,
        "specification": specification.as_json(),
        "hash": specification.digest(),
        "seed": str(specification.seed),
        "parameters": json.dumps(specification.parameters),
        SHARED: json.dumps(checksums),
        **named,
        # Where xarray looks for the names of coordinates that are not dimensions.
        **({"coordinates": " ".join(coordinates)} if coordinates else {}),
    }


def _json(value: Any) -> Any:
    plainly = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    try:
        json.dumps(plainly)
    except TypeError:
        return str(value)
    return plainly
