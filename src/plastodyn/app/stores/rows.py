"""A store as one long table, piece by piece: a row for each point, and for each point of what a variable has besides."""

import itertools
import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from plastodyn import checks
from plastodyn.app.stores.choice import first_variable
from plastodyn.app.stores.reading import DONE, Contents, values

_MOST_ROWS = 100_000
"""Of one piece."""

Columns = dict[str, np.ndarray]
Box = tuple[slice, ...]


class Table(NamedTuple):
    """What the columns are: variables, and the dimensions that their rows go over; and those that do not fit among them."""

    names: list[str]
    dims: tuple[str, ...]
    other: list[str]


def table_of(contents: Contents, variables: list[str] | None) -> Table:
    """Which variables stand in one table.

    Unless they are named these are that which is shown first, and all whose dimensions are among the same.

    Args:
        contents: of the store.
        variables: names, or None.

    Raises:
        ValueError: if a name is none of a variable, or the variables named are over dimensions that do not nest.

    >>> from plastodyn.app.stores.example import example
    >>> table_of(example(), None)
    Table(names=['loss', 'steady'], dims=('rate', 'noise', 'replica', 'step'), other=[])
    """
    asked = named(contents, variables)
    dims = {name: contents.data[name].transpose(*contents.axes, ...).dims for name in asked}
    longest = asked[0] if variables else first_variable(contents)
    for name in asked:
        longest = name if set(dims[name]) > set(dims[longest]) else longest
    fit = [name for name in asked if set(dims[name]) <= set(dims[longest])]
    other = [name for name in asked if name not in fit]
    if variables and other:
        shown = [f"{name} over ({', '.join(map(str, dims[name]))})" for name in (longest, other[0])]
        raise ValueError(f"--variables must fit into one table; got {' and '.join(shown)}: export them one by one, or to .nc")
    return Table(fit, tuple(map(str, dims[longest])), other)


def named(contents: Contents, variables: list[str] | None) -> list[str]:
    """The variables asked for; all unless some are.

    >>> from plastodyn.app.stores.example import example
    >>> named(example(), ["steady"])
    ['steady']
    """
    there = contents.variables
    for name in variables or []:
        checks.one_of("--variables", name, there)
    if not there:
        raise ValueError(f"STORE {str(contents.place)!r} has no variable over its axes")
    return list(dict.fromkeys(variables)) if variables else there


def pieces(contents: Contents, table: Table, members: str) -> Iterator[Columns]:
    """The table's columns, at most 100 000 rows at once; first an empty piece, which tells the types.

    Args:
        contents: of the store.
        table: what is in it.
        members: ``done``, or ``all``, which has two more columns: each member's status and error.

    Yields:
        Columns of the same length: dimensions, what names their points besides, variables.

    >>> from plastodyn.app.stores.example import example
    >>> found = list(pieces(example(), Table(["steady"], ("rate", "noise"), []), "done"))
    >>> [{name: column.tolist() for name, column in piece.items()} for piece in found][1:]
    [{'rate': [0.1], 'noise': [0.0], 'steady': [1.0]}, {'rate': [0.1], 'noise': [1.0], 'steady': [2.0]}, \
{'rate': [0.2], 'noise': [0.0], 'steady': [1.5]}]
    """
    nothing = (slice(0, 0),) * len(contents.axes)
    yield _columns(_load(contents, table, members, nothing), table.dims, (slice(0, 0),) * len(table.dims))
    sizes = contents.data[table.names].sizes
    for chunk in boxes(contents):
        if members == "done" and not (contents.status[chunk] == DONE).any():
            continue
        loaded = _load(contents, table, members, chunk)
        lengths = [side.stop - side.start for side in chunk] + [sizes[dim] for dim in table.dims[len(chunk) :]]
        for part in _cut(lengths):
            yield _columns(loaded, table.dims, part)


def boxes(contents: Contents) -> list[Box]:
    """The chunks of a store, as slices along its axes.

    >>> from plastodyn.app.stores.example import example
    >>> len(boxes(example()))
    4
    """
    lengths = json.loads(contents.data.attrs["chunk"])
    sides = []
    for name in contents.axes:
        size = contents.data.sizes[name]
        sides.append([slice(start, min(start + lengths[name], size)) for start in range(0, size, lengths[name])])
    return list(itertools.product(*sides))


def plain(column: np.ndarray) -> np.ndarray:
    """Texts as objects, which all writers know; numbers as they are.

    >>> plain(np.array(["a"])).dtype
    dtype('O')
    """
    return column.astype(object) if column.dtype.kind in "UTO" else column


def _cut(shape: list[int]) -> Iterator[Box]:
    """Parts of at most so many rows, in C order."""
    lengths, rows = [], 1
    for size in reversed(shape):
        lengths.insert(0, max(1, min(size, _MOST_ROWS // rows)))
        rows *= lengths[0]
    sides = [[slice(a, min(a + n, size)) for a in range(0, size, n)] for size, n in zip(shape, lengths, strict=True)]
    return itertools.product(*sides)


class _Loaded(NamedTuple):
    """What goes into the rows of a chunk: each with the dimensions of the table that it has; and which members' rows count."""

    arrays: dict[str, tuple[tuple[str, ...], np.ndarray]]
    keep: tuple[tuple[str, ...], np.ndarray]


def _load(contents: Contents, table: Table, members: str, box: Box) -> _Loaded:
    data, inside = contents.data, dict(zip(contents.axes, box, strict=True))
    sizes = data[table.names].sizes
    # Points without names are counted.
    found: dict[str, xr.DataArray] = {
        dim: data[dim] if dim in data.coords else xr.DataArray(np.arange(sizes[dim]), dims=dim) for dim in table.dims
    }
    besides = {str(name): each for name, each in data.coords.items() if each.ndim == 1 and each.dims[0] in table.dims}
    found |= {name: each for name, each in besides.items() if name not in found}
    found |= {name: data[name] for name in table.names}
    status = xr.DataArray(contents.status, dims=contents.axes)
    if members == "all":
        found |= {"member_status": status, **({"member_error": data["member_error"]} if "member_error" in data else {})}
    arrays = {}
    for name, array in found.items():
        order = tuple(dim for dim in table.dims if dim in array.dims)
        part = array.transpose(*order).isel({dim: side for dim, side in inside.items() if dim in order})
        for each, column in complex_parts(name, values(contents, part)):
            arrays[each] = (order, plain(column))
    kept = np.ones_like(contents.status[box], bool) if members == "all" else contents.status[box] == DONE
    return _Loaded(arrays, (contents.axes, kept))


def _columns(loaded: _Loaded, dims: tuple[str, ...], part: Box) -> Columns:
    """The rows of a part of what is loaded."""
    sides = dict(zip(dims, part, strict=True))
    shape = tuple(side.stop - side.start for side in part)

    def rows(order: tuple[str, ...], array: np.ndarray) -> np.ndarray:
        inside = array[tuple(sides[dim] for dim in order)]
        lined = inside.reshape([length if dim in order else 1 for dim, length in zip(dims, shape, strict=True)])
        return np.broadcast_to(lined, shape).ravel()

    keep = rows(*loaded.keep)
    return {name: rows(*array)[keep] for name, array in loaded.arrays.items()}


def complex_parts(name: str, column: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """A column of complex numbers as two, for no format of tables knows them.

    >>> [(name, part.tolist()) for name, part in complex_parts("z", np.array([1 + 2j]))]
    [('z_real', [1.0]), ('z_imag', [2.0])]
    """
    if column.dtype.kind != "c":
        return [(name, column)]
    return [(f"{name}_real", np.real(column)), (f"{name}_imag", np.imag(column))]
