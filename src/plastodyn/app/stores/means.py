"""Values to show: the mean over what is averaged, its standard error, and a count of what was left out."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from plastodyn.app.stores.choice import Choice, is_number, points
from plastodyn.app.stores.reading import DIVERGED, DONE, STATUS_WORDS, Contents, values

_ROUNDING = 2.0**-52
"""Of a mean, for each value that goes into it."""
_MOST_AT_ONCE = 2**25
"""Values held in memory at once."""


class Shown(NamedTuple):
    """A quantity over the dimensions that stay: its name, mean, standard error (None if unknown), and whether it is theory."""

    name: str
    value: xr.DataArray
    error: xr.DataArray | None
    is_theory: bool


class View(NamedTuple):
    """What a choice comes to: the variable and its theories, and in words what was averaged and what was left out."""

    choice: Choice
    shown: list[Shown]
    averaged: str
    left_out: str


def view(contents: Contents, choice: Choice) -> View:
    """Average a variable and what is theory of it.

    Members that failed, diverged or are not computed are left out, and values that are not finite; theory does not diverge,
    and is left out only where it is not there. The standard error is
    that over seeds, or over replicas where seeds are not averaged; otherwise from ``NAME_error`` where the store has it.

    Args:
        contents: of the store.
        choice: of the variable and its dimensions.

    Raises:
        ValueError: if texts would have to be averaged, or values cannot be read.

    Source: this project.

    >>> from plastodyn.app.stores.choice import choose
    >>> from plastodyn.app.stores.example import example
    >>> found = view(example(), choose(example(), over=["rate"], at=["noise=0"]))
    >>> found.shown[0].value.values.tolist(), found.shown[0].error.values.tolist(), found.averaged
    ([1.0, 1.5], [1.0, 1.0], 'mean and standard error over replica (2); at noise = 0, step = 10 (last)')
    """
    array = contents.data[choice.name]
    long = [dim for dim in choice.averaged if array.sizes[dim] > 1]
    if not is_number(array) and long:
        raise ValueError(f"VARIABLE {choice.name} holds texts, of which no mean is taken: choose points of {long[0]} by --at")
    names = [choice.name, *_theories(contents, choice)]
    invalid = fewer = 0
    shown = []
    for name in names:
        value, error, wrong, lacking = _reduced(contents, name, choice)
        if name == choice.name:
            invalid, fewer = wrong, lacking
        is_theory = "theory_of" in contents.data[name].attrs
        shown.append(Shown(name, value, error, is_theory))
    return View(choice, shown, _averaged(array, choice), _left_out(contents, choice, invalid, fewer))


def _theories(contents: Contents, choice: Choice) -> list[str]:
    """What can stand beside the variable: over all dimensions that stay."""
    data = contents.data
    about = [name for name in contents.variables if data[name].attrs.get("theory_of") == choice.name]
    return [
        name for name in about if name != choice.name and set(choice.over) <= set(data[name].dims) and is_number(data[name])
    ]


def _reduced(contents: Contents, name: str, choice: Choice) -> tuple[xr.DataArray, xr.DataArray | None, int, int]:
    """Mean, standard error, how many values of members that are done are not finite, and how many means lack some points."""
    array = _selected(contents, contents.data[name], choice)
    if not is_number(array):
        return array.copy(data=np.where(array.status == DONE, values(contents, array), "")), None, 0, 0
    parts = _in_pieces(array, choice.over, lambda piece: _moments(contents, piece, choice))
    value, error = _joined([part[0] for part in parts], choice.over), _joined([part[1] for part in parts], choice.over)
    if not np.isfinite(error.values).any():
        error = _stored_error(contents, name, choice)
    value = value.rename(name).assign_attrs(_described(array))
    return value, error, sum(part[2] for part in parts), sum(part[3] for part in parts)


def _selected(contents: Contents, array: xr.DataArray, choice: Choice) -> xr.DataArray:
    """The points that are asked for, with the members' status as a coordinate and a name for every point."""
    dims = {str(dim) for dim in array.dims}
    status = xr.DataArray(contents.status, dims=contents.axes)
    if "theory_of" in array.attrs:
        status = status.where(status != DIVERGED, DONE)
    found = array.assign_coords({dim: points(array, dim) for dim in choice.over if dim not in array.coords})
    found = found.assign_coords(status=status).isel({dim: place for dim, place in choice.at.items() if dim in dims})
    rest = [str(dim) for dim in found.dims if dim not in choice.over]
    return found.transpose(*choice.over, *rest)


def _in_pieces(
    array: xr.DataArray, over: tuple[str, ...], work: Callable[[xr.DataArray], tuple[xr.DataArray, xr.DataArray, int, int]]
) -> list[tuple[xr.DataArray, xr.DataArray, int, int]]:
    """What comes of an array cut along the first dimension that stays, so that little is in memory at once."""
    if not over:
        return [work(array)]
    length = array.sizes[over[0]]
    step = max(1, int(length * _MOST_AT_ONCE / max(array.size, 1)))
    return [work(array.isel({over[0]: slice(start, start + step)})) for start in range(0, length, step)]


def _joined(parts: list[xr.DataArray], over: tuple[str, ...]) -> xr.DataArray:
    return parts[0] if len(parts) == 1 else xr.concat(parts, over[0])


def _moments(contents: Contents, piece: xr.DataArray, choice: Choice) -> tuple[xr.DataArray, xr.DataArray, int, int]:
    """Mean and standard error: within samples, then over samples, then over points of axes; and which lack some of these."""
    loaded = values(contents, piece)
    loaded = np.abs(loaded) if loaded.dtype.kind == "c" else loaded
    array = piece.copy(data=loaded.astype(float))
    array = array.where(array.status == DONE).drop_vars("status")
    invalid = int((~np.isfinite(loaded) & (piece.status == DONE).broadcast_like(piece).transpose(*piece.dims).values).sum())
    array = array.where(np.isfinite(array))
    within, samples, grid = (
        [dim for dim in dims if dim in array.dims] for dims in (choice.within, choice.samples, choice.grid)
    )
    with warnings.catch_warnings():
        # Of nothing there is no mean: NaN is meant.
        warnings.simplefilter("ignore", RuntimeWarning)
        array = array.mean(within)
        count = array.count(samples)
        mean, error = array.mean(samples), array.std(samples, ddof=1) / count**0.5 if samples else array * np.nan
        # Points of the grid may share what was drawn: the mean over them is taken draw by draw before its spread is.
        drawn = array.mean(grid)
        draws = drawn.count(samples)
        spread = drawn.std(samples, ddof=1) / draws**0.5 if samples else drawn * np.nan
        # Equal values differ from their mean by rounding alone, which is no spread.
        error = error.where((error > count * _ROUNDING * np.abs(mean)) | error.isnull(), 0.0).where(count > 1)
        # A point without a standard error (one replica is left) has none of the mean over it either.
        known = (error.notnull() | mean.isnull()).all(grid)
        whole = mean.mean(grid)
        spread = spread.where((spread > draws * _ROUNDING * np.abs(whole)) | spread.isnull(), 0.0).where(draws > 1)
        there = mean.count(grid)
        lacking = int(((there > 0) & (there < mean.size // max(there.size, 1))).sum())
        return whole, spread.where(known), invalid, lacking


def _stored_error(contents: Contents, name: str, choice: Choice) -> xr.DataArray | None:
    """That of the mean of values whose errors the store has, taken as independent."""
    if f"{name}_error" not in contents.data or set(contents.data[f"{name}_error"].dims) != set(contents.data[name].dims):
        return None
    array = _selected(contents, contents.data[f"{name}_error"], choice)
    found = array.copy(data=values(contents, array).astype(float))
    found = found.where((array.status == DONE) & np.isfinite(found)).drop_vars("status")
    gone = [dim for dim in found.dims if dim not in choice.over]
    error = (found**2).sum(gone) ** 0.5 / found.count(gone)
    return error if np.isfinite(error.values).any() else None


def _described(array: xr.DataArray) -> dict[str, str]:
    name = str(array.attrs.get("long_name") or array.name)
    about = {"long_name": f"modulus of {name}" if array.dtype.kind == "c" else name}
    return {**about, **({"units": str(array.attrs["units"])} if "units" in array.attrs else {})}


def _averaged(array: xr.DataArray, choice: Choice) -> str:
    """What became of the dimensions that do not stay, in words."""

    def sized(dims: tuple[str, ...]) -> str:
        return ", ".join(f"{dim} ({array.sizes[dim]})" for dim in dims if array.sizes[dim] > 1)

    samples, others = sized(choice.samples), sized((*choice.within, *choice.grid))
    words = [f"mean and standard error over {samples}"] if samples else []
    words += [f"mean over {others}"] if others else []
    points_taken = [f"{dim} = {_point(array, dim, place)}" for dim, place in choice.at.items()]
    words += [f"at {', '.join(points_taken)}"] if points_taken else []
    return "; ".join(words)


def _point(array: xr.DataArray, dim: str, place: int) -> str:
    value = points(array, dim)[place]
    text = f"{value:g}" if np.asarray(value).dtype.kind in "iuf" else str(value)
    last = dim.split("_", maxsplit=1)[0] in ("step", "time") and place == array.sizes[dim] - 1
    return f"{text} (last)" if last else text


def _left_out(contents: Contents, choice: Choice, invalid: int, fewer: int) -> str:
    """Members without a value among those looked at, values that are none, and means over other points than the rest."""
    status = xr.DataArray(contents.status, dims=contents.axes)
    looked = status.isel({dim: place for dim, place in choice.at.items() if dim in contents.axes}).values
    counts = [(int((looked == code).sum()), word) for code, word in enumerate(STATUS_WORDS) if code != DONE]
    words = [f"{count} {word}" for count, word in counts if count]
    found = [f"left out of {looked.size} members: {', '.join(words)}"] if words else []
    found += [f"{invalid} values that are not finite"] if invalid else []
    found += [f"{fewer} of the means lack some points of {', '.join(choice.grid)}"] if fewer else []
    return "; ".join(found)
