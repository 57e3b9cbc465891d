"""What of a store is shown, and what becomes of its other dimensions: chosen by the user, or sensibly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from plastodyn import checks
from plastodyn.app.stores.reading import Contents

_SIMULATED = ("status", "steps_taken", "weights")
"""What every simulation returns, and nobody asks for first."""
_SAME = 1e-6
"""Relative: a point typed in single precision is the point."""


class Choice(NamedTuple):
    """A variable, the dimensions it is shown over, and how the others go.

    Args:
        name: of the variable.
        over: dimensions that stay, at most two.
        at: dimensions of which one point is taken, by its index.
        samples: random dimensions averaged, which give the standard error.
        within: dimensions averaged within a sample.
        grid: axes averaged, whose points are no samples of anything.
    """

    name: str
    over: tuple[str, ...]
    at: dict[str, int]
    samples: tuple[str, ...]
    within: tuple[str, ...]
    grid: tuple[str, ...]

    @property
    def averaged(self) -> tuple[str, ...]:
        """All dimensions averaged."""
        return (*self.within, *self.samples, *self.grid)


def choose(
    contents: Contents,
    variable: str | None = None,
    over: Sequence[str] = (),
    at: Sequence[str] = (),
    mean: Sequence[str] = (),
) -> Choice:
    """Decide what is shown; what is not asked for is chosen.

    Chosen are the first variable that a file records and that has a theory, or else the first recorded, or ``loss``; the
    first one or two axes of numbers with more than one point; the last recorded instant; and the mean over the rest.

    Args:
        contents: of the store.
        variable: its name.
        over: at most two dimensions.
        at: texts ``AXIS=VALUE``.
        mean: dimensions to average.

    Raises:
        ValueError: if a name or a value is not there, or a dimension is asked for twice.

    Source: this project.

    >>> from plastodyn.app.stores.example import example
    >>> choose(example(), over=["rate"])
    Choice(name='loss', over=('rate',), at={'step': 1}, samples=('replica',), within=(), grid=('noise',))
    """
    name = _variable(contents, variable)
    array = contents.data[name]
    dims = tuple(map(str, array.dims))
    over, mean = (_of_time(asked, dims) for asked in (over, mean))
    for option, asked in (("--over", over), ("--mean", mean)):
        for each in asked:
            checks.one_of(option, each, dims)
        if len(set(asked)) < len(asked):
            raise ValueError(f"{option} must name each dimension once; got {','.join(asked)}")
    if len(over) > 2:
        raise ValueError(f"--over must name at most two dimensions; got {','.join(over)}")
    places = _places(array, at)
    chosen = [*over, *mean, *places]
    twice = sorted({each for each in chosen if chosen.count(each) > 1})
    if twice:
        raise ValueError(f"--over, --at and --mean must name different dimensions; got {twice[0]} twice")
    kept = tuple(over) or _default_axes(contents, array, {*mean, *places})
    return _rest(contents, array, kept, places, set(mean))


def _of_time(asked: Sequence[str], dims: tuple[str, ...]) -> list[str]:
    """``step`` and ``time`` mean ``step_NAME`` and ``time_NAME`` where a variable has been recorded at instants of its own.

    >>> _of_time(["step", "rate"], ("rate", "step_error"))
    ['step_error', 'rate']
    """
    own = {each.split("_")[0]: each for each in dims if each.startswith(("step_", "time_"))}
    return [each if each in dims else own.get(each, each) for each in asked]


def first_variable(contents: Contents) -> str:
    """The variable that is meant unless one is named.

    Args:
        contents: of the store.

    Raises:
        ValueError: if there is none over the axes.

    >>> from plastodyn.app.stores.example import example
    >>> first_variable(example())
    'loss'
    """
    names, data = contents.variables, contents.data
    if not names:
        raise ValueError(f"STORE {str(contents.place)!r} has no variable over its axes")
    first = [
        name
        for name in names
        if name not in _SIMULATED
        and "theory_of" not in data[name].attrs
        and is_number(data[name])
        and name.removesuffix("_error") not in set(names) - {name}
        and name.split("_")[0] not in ("activity", "structure", "state")
    ]
    # A file says in its own order what it records; stores keep names in that of the alphabet.
    document = contents.document or {}
    written = (document.get("order") or {}).get("record") or list(document.get("record") or {})
    compared = {data[name].attrs.get("theory_of") for name in names}
    recorded = sorted((name for name in written if name in first), key=lambda name: name not in compared)
    likely = sorted(first, key=lambda name: (name not in compared, name != "loss", data[name].dtype.kind not in "fc"))
    return (recorded or likely or names)[0]


def seed_axes(contents: Contents) -> set[str]:
    """Axes whose points are draws: those a file calls seeds, or that are named so.

    >>> from plastodyn.app.stores.example import example
    >>> seed_axes(example())
    set()
    """
    written = (contents.document or {}).get("axes", {})
    drawn = {name for name, axis in written.items() if isinstance(axis, dict) and axis.get("seeds") is not None}
    return {name for name in contents.axes if name in drawn or name in ("seed", "seeds")}


def is_instants(dim: str) -> bool:
    """Whether a dimension holds recorded instants.

    >>> is_instants("step"), is_instants("time_error"), is_instants("rate")
    (True, True, False)
    """
    return dim.split("_", maxsplit=1)[0] in ("step", "time")


def is_number(array: xr.DataArray) -> bool:
    """Whether a variable, or an axis, holds numbers.

    >>> is_number(xr.DataArray([1.0])), is_number(xr.DataArray(["a"]))
    (True, False)
    """
    return array.dtype.kind in "biufc"


def points(array: xr.DataArray, dim: str) -> np.ndarray:
    """The points of a dimension; counted where they have no names.

    >>> points(xr.DataArray([5.0, 6.0], dims="x"), "x").tolist()
    [0, 1]
    """
    return np.asarray(array[dim].values)


def _variable(contents: Contents, asked: str | None) -> str:
    if asked is None:
        return first_variable(contents)
    checks.one_of("VARIABLE", asked, contents.variables)
    return asked


def _places(array: xr.DataArray, at: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in at:
        dim, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--at must be AXIS=VALUE; got {text!r}")
        checks.one_of("--at", dim, list(map(str, array.dims)))
        if dim in found:
            raise ValueError(f"--at must name each dimension once; got {dim} twice")
        found[dim] = _place(points(array, dim), dim, value)
    return found


def _place(there: np.ndarray, dim: str, value: str) -> int:
    if there.dtype.kind in "iuf":
        try:
            matches = np.isclose(there, float(value), rtol=_SAME, atol=0)
        except ValueError:
            matches = np.zeros(there.shape, bool)
    else:
        matches = np.array([str(point) == value for point in there.tolist()])
    if not matches.any():
        some = ", ".join(f"{point:g}" if there.dtype.kind in "iuf" else str(point) for point in there[:8].tolist())
        more = f", ... ({len(there)} points)" if len(there) > 8 else ""
        raise ValueError(f"--at {dim} must be one of its points, {some}{more}; got {value!r}")
    return int(np.flatnonzero(matches)[0])


def _default_axes(contents: Contents, array: xr.DataArray, gone: set[str]) -> tuple[str, ...]:
    seeds = seed_axes(contents)
    free = [name for name in contents.axes if name not in gone | seeds and array.sizes[name] > 1]
    numbers = [name for name in free if is_number(array[name])]
    others = [name for name in free if name not in numbers]
    instants = [str(dim) for dim in array.dims if is_instants(str(dim)) and dim not in gone and array.sizes[dim] > 1]
    # An axis of words too is better told apart than averaged.
    return (*numbers, *others)[:2] or tuple(instants[:1]) or tuple(sorted(seeds - gone))[:1]


def _rest(contents: Contents, array: xr.DataArray, over: tuple[str, ...], at: dict[str, int], mean: set[str]) -> Choice:
    seeds = seed_axes(contents)
    places, samples, within, grid = dict(at), [], [], []
    for dim in map(str, array.dims):
        if dim in over or dim in at:
            continue
        if is_instants(dim) and dim not in mean:
            places[dim] = array.sizes[dim] - 1
        elif dim in contents.axes and array.sizes[dim] == 1 and dim not in mean:
            places[dim] = 0
        elif dim in seeds:
            samples.append(dim)
        elif dim in contents.axes:
            grid.append(dim)
        else:
            within.append(dim)
    if "replica" in within and not samples:
        # Replicas at one seed are no independent samples of seeds; alone they are samples.
        within.remove("replica")
        samples.append("replica")
    return Choice(str(array.name), over, places, tuple(samples), tuple(within), tuple(grid))
