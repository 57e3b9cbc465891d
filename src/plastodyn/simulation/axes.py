"""Axes: labelled values put where a number is expected, which become dimensions of the result."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from plastodyn import checks
from plastodyn.protocol import Rule

_PREFIXES = ("weights", "activity", "structure", "state", "step", "time")
RESERVED = ("replica", "step", "time", "weight", "weights", "status", "steps_taken", "activity", "structure", "state")


class Axis(xr.DataArray):
    """A DataArray that leaves it to a rule what their product is, or that there is none."""

    __slots__ = ()

    def __mul__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Rule) else super().__mul__(other)

    def __add__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Rule) else super().__add__(other)

    def __sub__(self, other: Any) -> Any:
        return NotImplemented if isinstance(other, Rule) else super().__sub__(other)


def axis(name: str, values: Iterable[float]) -> xr.DataArray:
    """A named axis: put it where a number is expected and it becomes a dimension of the result.

    It is a `xarray.DataArray`, so arithmetic keeps its labels: ``axis("ratio", r) * 0.3`` still runs over
    ``ratio``, and the product of two axes runs over both.

    Args:
        name: of the dimension; not one that results use, such as ``replica``, ``step`` or ``weights``.
        values: finite numbers, at least one, all different.

    Raises:
        ValueError: on an empty axis, a reserved name or values that are not distinct finite numbers.

    >>> float((axis("ratio", [0.5, 1.0]) * 0.3).sel(ratio=0.5))
    0.15
    """
    if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
        raise ValueError(f"name must be an identifier other than {', '.join(RESERVED)}; got {checks.shown(name)}")
    if name.split("_", maxsplit=1)[0] in _PREFIXES:
        raise ValueError(
            f"name must not begin with {', '.join(_PREFIXES)}, as dimensions of results do; got {checks.shown(name)}"
        )
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | dict | set):
        checks.refuse(f"values of axis {name!r}", values, "a non-empty list of numbers")
    listed = values if hasattr(values, "dtype") else list(values)
    checks.number(f"values of axis {name!r}", listed)
    points = np.asarray(listed)
    if points.ndim != 1 or points.size == 0:
        raise ValueError(f"values of axis {name!r} must be a non-empty list of numbers; got shape {points.shape}")
    if points.dtype.kind not in "iuf" or points.dtype.itemsize < 4:
        # Half precision, which JAX may have of a kind that NumPy does not sort.
        points = points.astype(float)
    if len(np.unique(points)) != len(points):
        raise ValueError(f"values of axis {name!r} must all be different; got {points}")
    return Axis(points, dims=[name], coords={name: points}, name=name)


class Grid(NamedTuple):
    """The dimensions that the axes of a system span, in order of appearance."""

    coordinates: dict[str, np.ndarray]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(len(values) for values in self.coordinates.values())

    @property
    def settings(self) -> int:
        """Number of points."""
        return int(np.prod(self.shape, dtype=int))

    def values(self, leaf: xr.DataArray, dtype: Any) -> np.ndarray:
        """An axis leaf at every point of the grid, flattened: shape (settings,)."""
        full = leaf.expand_dims({name: c for name, c in self.coordinates.items() if name not in leaf.dims})
        return np.ascontiguousarray(full.transpose(*self.coordinates).values, dtype=dtype).reshape(-1)


def is_axis(leaf: Any) -> bool:
    """Whether a leaf of a rule or circuit is an axis rather than one number.

    >>> is_axis(axis("ratio", [1.0, 2.0])), is_axis(1.0)
    (True, False)
    """
    return isinstance(leaf, xr.DataArray)


def spanned(system: Any) -> Grid:
    """The grid spanned by all axes found among the leaves of a system.

    Raises:
        ValueError: if one name stands for two different sets of values.

    >>> spanned([axis("a", [1, 2]), axis("b", [1, 2, 3])]).shape
    (2, 3)
    """
    coordinates: dict[str, np.ndarray] = {}
    for leaf in filter(is_axis, jax.tree.leaves(system, is_leaf=is_axis)):
        for name in leaf.dims:
            values = leaf.coords[name].values
            known = coordinates.setdefault(str(name), values)
            if not np.array_equal(known, values):
                raise ValueError(f"axis {name!r} is used with two different sets of values: {known} and {values}")
    return Grid(coordinates)
