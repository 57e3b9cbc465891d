"""One chunk's worth of results as plain arrays, checked against what a store can hold."""

import os
import time
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from plastodyn.sweeps.claims import Claim
from plastodyn.sweeps.layout import TARGET_SECONDS, Box, Layout
from plastodyn.sweeps.members import ERROR, FAILED, FINAL, KILLED, KINDS, STATUS, Failed, line_of, printable, status_of
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
_MEANING = [(str(number), kind) for number, kind in enumerate(KINDS)]


class Computed(NamedTuple):
    """A chunk's results, and what is to be said of members that failed, if any did."""

    block: Block
    failed: Failed | None


def compute(
    specification: Specification, layout: Layout, box: Box, begun: Block, claim: Claim, save: Callable[[Block], None]
) -> Computed:
    """Run the experiment on each batch of a chunk that is not done, and put the results together.

    A batch that raises an error, or that has killed several workers, costs its own members only.

    Args:
        specification: of the sweep.
        layout: how it is cut.
        box: the points of the chunk.
        begun: the chunk as it is in the store; filled.
        claim: on the chunk: remembers which batch killed a worker.
        save: gets what there is now and then, so that a worker that dies does not take long work with it.
    """
    axes, failed, own = tuple(specification.axes), [], os.getpid()
    batches, saved = layout.batches(box), time.monotonic()
    for number, batch in enumerate(batches):
        if time.monotonic() - saved > TARGET_SECONDS:
            save(begun)
            saved = time.monotonic()
        inside = tuple(slice(b.start - a.start, b.stop - a.start) for a, b in zip(box, batch, strict=True))
        status = begun[STATUS].values
        if np.isin(status[inside], FINAL).all():
            continue
        try:
            if claim.is_killer(number, len(batches)):
                raise WorkerKilledError("the worker was killed each time that it was computed, as when memory runs out")
            claim.mark(number)
            _place(run_batch(specification, batch), begun, axes, inside)
        except BaseException as error:  # A member may raise KeyboardInterrupt, too: a worker gets none from outside.
            _leave_if_forked(own)
            kind = KILLED if isinstance(error, WorkerKilledError) else FAILED
            status[inside], begun[ERROR].values[inside] = kind, line_of(error)
            failed.append((batch, traceback.format_exc()))
            continue
        _leave_if_forked(own)
        told = begun[ERROR].values[inside][status[inside] == FAILED]
        failed += [(batch, str(text)) for text in told]
    return Computed(begun, _summary(begun, box, failed))


def _leave_if_forked(own: int) -> None:
    """A child that a member left behind is not the worker, and neither stores nor answers."""
    if os.getpid() != own:
        os._exit(0)


class WorkerKilledError(RuntimeError):
    """A batch is not tried again: it ended its worker too often."""


def _place(part: Block, whole: Block, axes: tuple[str, ...], inside: Box) -> None:
    """Put a batch into its chunk; what all points share, and the store has lost, is taken from it."""
    check_same(part, {**{name: each for name, each in part.items() if not each.spans(axes)}, **whole}, axes)
    for name, variable in part.items():
        if variable.spans(axes):
            whole[name].values[inside] = variable.values
        else:
            whole.setdefault(name, variable)


def _summary(block: Block, box: Box, failed: list[tuple[Box, str]]) -> Failed | None:
    status = block[STATUS].values
    places = np.argwhere(np.isin(status, (FAILED, KILLED)))
    if not len(places):
        return None
    first = tuple(int(i) for i in places[0])
    where = tuple(i + side.start for i, side in zip(first, box, strict=True))
    return Failed(len(places), where, str(block[ERROR].values[first]), failed[0][1])


def run_batch(specification: Specification, batch: Box) -> Block:
    """Run the experiment on one batch; its key follows from the seed and from the place of the batch's first point only."""
    point = {name: values[side] for (name, values), side in zip(specification.values().items(), batch, strict=True)}
    with jax.enable_x64(specification.x64):
        key = jax.random.key(specification.seed, impl="threefry2x32")
        for side in batch:
            key = jax.random.fold_in(key, side.start)
        found = _variables(specification.load()(point, key, **specification.parameters), point)
    axes, lengths = tuple(point), tuple(map(len, point.values()))
    if ERROR in found and (found[ERROR].dims != axes or found[ERROR].values.dtype.kind != "O"):
        raise ValueError(f"experiment must return {ERROR} as texts over the axes {axes}; it has dimensions {found[ERROR].dims}")
    errors = found[ERROR].values if ERROR in found else np.full(lengths, "", object)
    errors = np.array([printable(" ".join(text.split())) for text in errors.flat], object).reshape(lengths)
    found[ERROR] = Variable(axes, errors, {"long_name": "why a member failed"}, False)
    found[STATUS] = Variable(axes, status_of(errors), {"long_name": ", ".join(map(" ".join, _MEANING))}, False)
    return found


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
    if name == STATUS or name.startswith("chunk_") or any(dim.endswith("_chunk") for dim in dims):
        raise ValueError(
            f"experiment must not use {STATUS}, nor names with chunk_ before or _chunk after them; got {name} over {dims}"
        )
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
