"""What an analysis may return, as arrays with named dimensions; and many of them put together, with holes where one failed."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from plastodyn import checks
from plastodyn.measure import Estimate


class Variable(NamedTuple):
    """An array with named dimensions, the values along them where they have some, and attributes."""

    dims: tuple[str, ...]
    values: np.ndarray
    coords: Mapping[str, np.ndarray]
    attrs: Mapping[str, Any]


def variables(name: str, result: Any, dims: list[str] | None = None) -> dict[str, Variable]:
    """A result as variables.

    Args:
        name: of the analysis.
        result: a number, text, truth value or array; an `Estimate` (NAME and NAME_error); a NamedTuple, dataclass or mapping of
            these (NAME_field); a DataArray or Dataset.
        dims: names of an array's dimensions; NAME_0, NAME_1, ... unless given.

    Raises:
        ValueError: if it is something else.

    Source: this project.

    >>> sorted(variables("trace", Estimate(np.float32(1.0), np.float32(0.1), 3)))
    ['trace', 'trace_error']
    >>> variables("spectrum", np.ones(3))["spectrum"].dims
    ('spectrum_0',)
    """
    if isinstance(result, Estimate):
        return {**variables(name, result.value, dims), **variables(f"{name}_error", result.standard_error, dims)}
    if isinstance(result, xr.DataArray):
        kept = {str(dim): result[dim].values for dim in result.dims if dim in result.coords}
        return {name: Variable(tuple(map(str, result.dims)), np.asarray(result.values), kept, dict(result.attrs))}
    fields = _fields(result)
    if fields is not None:
        found: dict[str, Variable] = {}
        for field, each in fields.items():
            if each is not None:
                found |= variables(f"{name}_{field}", each, dims)
        return found
    values = np.asarray(result)
    if values.dtype.kind not in "biufcU":
        got = checks.shown(result)
        raise ValueError(f"must return numbers, an Estimate, named numbers, a DataArray or a Dataset; got {got}")
    if dims is not None and len(dims) != values.ndim:
        raise ValueError(f"must return an array of dimensions {', '.join(dims)}; got shape {values.shape}")
    named = tuple(dims or [f"{name}_{place}" for place in range(values.ndim)])
    return {name: Variable(named, values, {}, {})}


def _fields(result: Any) -> dict[str, Any] | None:
    """The parts of what has named parts."""
    if isinstance(result, xr.Dataset):
        return {str(name): each for name, each in result.data_vars.items()}
    if isinstance(result, Mapping):
        return {str(name): each for name, each in result.items()}
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return {name: getattr(result, name) for name in result._fields}  # pyright: ignore[reportAttributeAccessIssue]
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {each.name: getattr(result, each.name) for each in dataclasses.fields(result)}
    return None


def gathered(found: np.ndarray, names: tuple[str, ...]) -> dict[str, Variable]:
    """Variables of many points in arrays over all of them.

    Args:
        found: array of objects: for each point a dict of variables, without those that failed there; None where all did.
        names: of the dimensions of ``found``.

    Returns:
        Variables whose first dimensions are ``names``: NaN, 0, False or an empty text where a point has none.

    Raises:
        ValueError: if two points differ in dimensions, or in the values along them.

    Source: this project.

    >>> points = np.array([{"a": Variable((), np.float64(2.0), {}, {})}, None], dtype=object)
    >>> gathered(points, ("rate",))["a"].values.tolist()
    [2.0, nan]
    """
    there = [index for index in np.ndindex(found.shape) if found[index] is not None]
    whole: dict[str, Variable] = {}
    for name in dict.fromkeys(name for index in there for name in found[index]):
        each: dict[tuple[int, ...], Any] = {index: found[index][name] for index in there if name in found[index]}
        model = next(iter(each.values()))
        for one in each.values():
            _check_alike(name, one, model)
        kind = np.result_type(*(one.values.dtype for one in each.values()))
        room = _empty((*found.shape, *model.values.shape), kind)
        for index, one in each.items():
            # Of a single text the text, and not an array that holds it.
            room[index] = np.asarray(one.values)[()]
        whole[name] = Variable((*names, *model.dims), room, model.coords, model.attrs)
    return whole


def blank(variable: Variable) -> Variable:
    """A variable of the same shape that holds nothing.

    >>> blank(Variable((), np.float64(2.0), {}, {})).values.item()
    nan
    """
    return variable._replace(values=_empty(variable.values.shape, variable.values.dtype))


def _check_alike(name: str, each: Variable, whole: Variable) -> None:
    here, there = (each.dims, each.values.shape), (whole.dims, whole.values.shape)
    if here != there:
        raise ValueError(f"must return {name} alike at all points; got dimensions and shape {here} and {there}")
    for dim, values in each.coords.items():
        if not np.array_equal(values, whole.coords[dim]):
            raise ValueError(f"must return {name} with the same {dim} at all points; got other values")


def _empty(shape: tuple[int, ...], kind: np.dtype) -> np.ndarray:
    if kind.kind in "fc":
        return np.full(shape, np.nan, kind)
    if kind.kind in "UTO":
        return np.full(shape, "", object)
    return np.zeros(shape, kind)
