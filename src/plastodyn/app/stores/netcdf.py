"""A store as a NetCDF file: the same variables over the same dimensions, with their attributes, chunk by chunk."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from plastodyn.app.stores.reading import DONE, Contents, values
from plastodyn.app.stores.rows import boxes, complex_parts, plain

_TAKEN = ("_FillValue", "coordinates", "dtype")
"""Attributes that say how a file is stored, which is another matter here."""


def write_netcdf(contents: Contents, file: Path, names: list[str], members: str, bookkeeping: bool) -> None:
    """Write variables, their coordinates and attributes.

    Complex numbers become two variables, ``_real`` and ``_imag``; truth values are marked as `xarray` marks them.

    Args:
        contents: of the store.
        file: to write, of a name that is not there.
        names: of variables over the axes.
        members: ``all``; or ``done``: numbers of members that are not become NaN, 0 or empty.
        bookkeeping: whether what is kept about chunks goes along; what is kept about members always does.

    >>> import tempfile
    >>> from plastodyn.app.stores.example import example
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     write_netcdf(example(), Path(directory) / "x.nc", ["steady"], "done", bookkeeping=False)
    ...     print(xr.load_dataset(Path(directory) / "x.nc").steady.values.tolist())
    [[1.0, 2.0], [1.5, nan]]
    """
    import netCDF4  # noqa: PLC0415 - an extra

    data = contents.data
    kept = [str(name) for name in data.data_vars if str(name).startswith("member_")]
    kept += [str(name) for name in data.data_vars if str(name).startswith("chunk_") and bookkeeping]
    chosen = data[[*names, *kept]]
    with netCDF4.Dataset(file, "w") as out:
        for dim, size in chosen.sizes.items():
            out.createDimension(str(dim), size)
        out.setncatts({str(key): _attribute(value) for key, value in data.attrs.items()})
        besides = [str(name) for name in chosen.coords if name not in chosen.dims]
        if besides:
            # Where xarray looks for the names of coordinates that are not dimensions.
            out.setncattr("coordinates", " ".join(besides))
        for name in map(str, chosen.variables):
            _write(out, contents, name, data[name], masked=members == "done" and name in names)


def _write(out: Any, contents: Contents, name: str, array: xr.DataArray, masked: bool) -> None:
    empty = np.empty(0, array.dtype)
    targets = [_create(out, each, plain(part).dtype, array) for each, part in complex_parts(name, empty)]
    # What lies over the axes goes chunk by chunk; the rest, which is small, at once.
    spans = set(contents.axes) <= set(array.dims) and array.ndim > 0 and len(contents.axes) > 0
    for box in boxes(contents) if spans else [()]:
        inside = dict(zip(contents.axes, box, strict=True)) if spans else {}
        found = values(contents, array.isel(inside))
        if masked:
            found = _only_done(contents, array, found, box)
        where = tuple(inside.get(str(dim), slice(None)) for dim in array.dims) or ...
        for target, (_, part) in zip(targets, complex_parts(name, found), strict=True):
            column = plain(part)
            target[where] = column.astype(target.dtype) if target.dtype is not str else column


def _create(out: Any, name: str, dtype: np.dtype, array: xr.DataArray) -> Any:
    # Without the order of bytes, which is the machine's own.
    kind = {"O": str, "b": "i1"}.get(dtype.kind, "f4" if dtype == np.float16 else f"{dtype.kind}{dtype.itemsize}")
    packed = {} if kind is str or array.ndim == 0 else {"zlib": True, "complevel": 1, "shuffle": True}
    target = out.createVariable(name, kind, array.dims, **packed)
    target.set_auto_maskandscale(False)
    about = {str(key): _attribute(value) for key, value in array.attrs.items() if key not in _TAKEN}
    target.setncatts({**about, **({"dtype": "bool"} if dtype.kind == "b" else {})})
    return target


def _only_done(contents: Contents, array: xr.DataArray, found: np.ndarray, box: tuple[slice, ...]) -> np.ndarray:
    """NaN, 0, False or an empty text at members that are not done."""
    done = xr.DataArray(contents.status[box] == DONE, dims=contents.axes)
    keep = done.broadcast_like(xr.DataArray(np.broadcast_to(0, found.shape), dims=array.dims)).transpose(*array.dims).values
    kind = found.dtype.kind
    blank = np.asarray("" if kind in "UTO" else np.nan if kind in "fc" else 0).astype(found.dtype)
    return np.where(keep, found, blank)


def _attribute(value: Any) -> Any:
    """Numbers, texts and lists of either as they are; the rest as JSON."""
    plain_value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    parts = plain_value if isinstance(plain_value, list) and plain_value else [plain_value]
    fits = all(type(part) is type(parts[0]) and type(part) in (int, float, str) for part in parts)
    return plain_value if fits else json.dumps(plain_value)
