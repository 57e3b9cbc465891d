"""Zipped axes: their points go by one of the columns that were zipped, rather than by a count."""

from collections.abc import Iterable

import numpy as np

from plastodyn.app.stores.reading import Contents, columns_of


def by_columns(contents: Contents, asked: Iterable[str], counted: Iterable[str] = ()) -> Contents:
    """Let each zipped axis go by the column that is asked for, or else by its first whose points all differ.

    An axis that is asked for by its own name, or none of whose columns tells its points apart, keeps it; its points are then
    all columns in words.

    Args:
        contents: of the store.
        asked: names of dimensions that a user mentions.
        counted: those of which a point is named, by its count where it is an axis' own name.

    Raises:
        ValueError: if two columns of one axis are asked for, or one that does not tell its points apart.

    Source: this project.

    >>> import xarray as xr
    >>> data = xr.Dataset({"loss": ("case", [2.0, 1.0])}, {"case": [0, 1], "rate": ("case", [0.1, 0.2])})
    >>> contents = Contents(None, data, ("case",), {}, np.array([1, 1]))
    >>> by_columns(contents, []).axes, by_columns(contents, ["case"]).axes
    (('rate',), ('case',))
    """
    named, order = set(asked), list(columns_of(contents))
    chosen = {}
    for axis in contents.axes:
        columns = [str(name) for name, each in contents.data.coords.items() if each.dims == (axis,) and name != axis]
        columns.sort(key=lambda name: order.index(name) if name in order else len(order))
        wanted = [name for name in columns if name in named]
        if len(wanted) > 1 or (wanted and axis in named):
            both = ", ".join([*wanted, axis][:2])
            raise ValueError(f"--over, --at and --mean must name a zipped axis once; {both} are the same axis")
        apart = [name for name in columns if _differ(contents, name)]
        if wanted and wanted[0] not in apart:
            raise ValueError(f"{wanted[0]} must differ at all points of {axis} to stand for it; name {axis} instead")
        if axis not in named and apart:
            chosen[axis] = (wanted or apart)[0]
        elif columns and axis not in counted:
            contents = contents._replace(data=contents.data.assign_coords({axis: _in_words(contents, columns)}))
    axes = tuple(chosen.get(name, name) for name in contents.axes)
    return contents._replace(data=contents.data.swap_dims(chosen), axes=axes) if chosen else contents


def _in_words(contents: Contents, columns: list[str]) -> list[str]:
    """For each point all columns, and its count where these do not tell it from another."""
    rows = zip(*(contents.data[name].values.tolist() for name in columns), strict=True)
    words = [", ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True)) for row in rows]
    return [f"{place}: {text}" if words.count(text) > 1 else text for place, text in enumerate(words)]


def _differ(contents: Contents, name: str) -> bool:
    points = contents.data[name].values
    return len(np.unique(points.astype(str) if points.dtype.kind == "O" else points)) == len(points)
