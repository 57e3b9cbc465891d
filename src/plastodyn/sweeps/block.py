"""One chunk's worth of results as plain arrays, checked against what a store can hold."""

from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from plastodyn.sweeps.layout import Box, Layout
from plastodyn.sweeps.specification import Specification


class Variable(NamedTuple):
    """An array with named dimensions; those of the sweep's axes come first, all or none."""

    dims: tuple[str, ...]
    values: np.ndarray
    attrs: dict[str, Any]
    is_coordinate: bool

    def spans(self, axes: tuple[str, ...]) -> bool:
        """Whether it has the sweep's axes; else it is the same for all points."""
        return self.dims[: len(axes)] == axes


Block = dict[str, Variable]


def compute(specification: Specification, layout: Layout, box: Box) -> Block:
    """Run the experiment on each batch of a chunk and put the results together.

    Raises:
        ValueError: if the experiment returns something else than a Dataset over the axes, the same for all batches.
    """
    axes = tuple(specification.axes)
    whole: Block = {}
    for batch in layout.batches(box):
        part = run_batch(specification, batch)
        whole = whole or {name: _grown(variable, axes, box) for name, variable in part.items()}
        check_same(part, whole, axes)
        inside = tuple(slice(b.start - a.start, b.stop - a.start) for a, b in zip(box, batch, strict=True))
        for name, variable in part.items():
            if variable.spans(axes):
                whole[name].values[inside] = variable.values
    return whole


def run_batch(specification: Specification, batch: Box) -> Block:
    """Run the experiment on one batch; its key follows from the seed and from the place of the batch's first point only."""
    point = {name: values[side] for (name, values), side in zip(specification.values().items(), batch, strict=True)}
    with jax.enable_x64(specification.x64):
        key = jax.random.key(specification.seed, impl="threefry2x32")
        for side in batch:
            key = jax.random.fold_in(key, side.start)
        return _variables(specification.load()(point, key, **specification.parameters), point)


def size(block: Block) -> int:
    """Bytes of all variables."""
    return sum(variable.values.nbytes for variable in block.values())


def check_same(block: Block, other: Block, axes: tuple[str, ...]) -> None:
    """Refuse a block that cannot stand in the same arrays as another; along the axes their lengths may differ."""
    if set(block) != set(other):
        raise ValueError(f"experiment must return the same variables at all points; got {sorted(block)} and {sorted(other)}")
    for name, variable in block.items():
        kept = other[name]
        first = len(axes) if variable.spans(axes) else 0
        here, there = ((each.dims, each.values.shape[first:], str(each.values.dtype)) for each in (variable, kept))
        if here != there:
            raise ValueError(
                f"experiment must return {name} alike at all points; got (dimensions, shape, type) {here} and {there}"
            )
        if not first and not _equal(variable.values, kept.values):
            raise ValueError(f"experiment must return {name}, which lacks the axes, with the same values at all points")


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")


def _variables(result: Any, point: dict[str, np.ndarray]) -> Block:
    if not isinstance(result, xr.Dataset):
        raise ValueError(f"experiment must return an xarray.Dataset; got {type(result).__name__}")
    axes = tuple(point)
    found = {
        str(name): _variable(str(name), each, point, str(name) in result.coords)
        for name, each in result.variables.items()
        if name not in axes
    }
    for name in axes:
        if name in result.variables and not _near(result[name].values, point[name]):
            raise ValueError(f"experiment must return the coordinate {name} as it got it; got {result[name].values}")
    if not any(variable.spans(axes) for variable in found.values()):
        raise ValueError(f"experiment must return a Dataset with a variable over the axes {axes}; got {dict(result.sizes)}")
    return found


def _near(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape or other.dtype.kind == "U":
        return np.array_equal(one.astype(str), other)
    # A simulation in single precision rounds the points that it hands back.
    return bool(np.allclose(one.astype(float), other, rtol=1e-6, atol=0))


def _variable(name: str, variable: xr.Variable, point: dict[str, np.ndarray], is_coordinate: bool) -> Variable:
    axes = tuple(point)
    dims = tuple(map(str, variable.dims))
    present = [axis for axis in axes if axis in dims]
    if (present and len(present) < len(axes)) or not (present or is_coordinate):
        raise ValueError(f"experiment must return variables over all axes {axes}; {name} has dimensions {dims}")
    if name.startswith("chunk_") or any(dim.endswith("_chunk") for dim in dims):
        raise ValueError(f"experiment must not use names that begin with chunk_ or end with _chunk; got {name} over {dims}")
    if present:
        variable = variable.transpose(*axes, ...)
    values = np.asarray(variable.values)
    if values.dtype.kind in "UT":
        values = values.astype(object)
    if values.dtype.kind not in "biufcO" or (values.dtype.kind == "O" and not all(isinstance(x, str) for x in values.flat)):
        raise ValueError(f"experiment must return numbers, booleans or texts; {name} has type {values.dtype}")
    if present and values.shape[: len(axes)] != tuple(map(len, point.values())):
        expected = {axis: len(points) for axis, points in point.items()}
        raise ValueError(f"experiment must return as many points as it got, {expected}; {name} has shape {values.shape}")
    return Variable(tuple(map(str, variable.dims)), values, dict(variable.attrs), is_coordinate)


def _grown(variable: Variable, axes: tuple[str, ...], box: Box) -> Variable:
    """Room for a whole chunk of what one batch returned."""
    if not variable.spans(axes):
        return variable
    lengths = tuple(side.stop - side.start for side in box)
    return variable._replace(values=np.empty(lengths + variable.values.shape[len(axes) :], variable.values.dtype))
