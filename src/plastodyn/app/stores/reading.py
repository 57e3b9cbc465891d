"""The store of a sweep as it is read: nothing of a user's code runs, and damage is said in one line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

NOT_COMPUTED, DONE, FAILED, DIVERGED, KILLED = range(5)
STATUS_WORDS = ("not computed", "done", "failed", "diverged", "killed their worker")
"""By the values of ``member_status``."""
_KIND = "plastodyn sweep"
_KEPT = ("chunk_", "member_")
"""What the names of bookkeeping begin with."""


class Contents(NamedTuple):
    """A store: its place, its values, read when they are needed, its axes, what it says that it is of, and its members' status.

    ``status`` is over the axes, with the meaning of `STATUS_WORDS`. It is read before all values, which are written before it.
    """

    place: Path
    data: xr.Dataset
    axes: tuple[str, ...]
    specification: dict[str, Any]
    status: np.ndarray

    @property
    def document(self) -> dict[str, Any] | None:
        """The file that ``plastodyn run`` was given; None for a sweep that was called from Python."""
        found = self.specification.get("parameters", {}).get("document")
        return found if isinstance(found, dict) else None

    @property
    def variables(self) -> list[str]:
        """Names of what was computed at each point, bookkeeping left out."""
        spanning = [str(name) for name, each in self.data.data_vars.items() if set(self.axes) <= set(each.dims)]
        return [name for name in spanning if not name.startswith(_KEPT)]


def opened(store: str | Path) -> Contents:
    """Open a store, also while it is written or after it was killed.

    Args:
        store: its directory.

    Returns:
        What is in it; values are read from the disk when they are needed, and not kept.

    Raises:
        ValueError: if it is not there, is empty so far, is something else, or is damaged.

    Source: this project.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     opened(directory + "/none.zarr")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: STORE must be the directory of a sweep; '.../none.zarr' does not exist
    """
    place = Path(store)
    _check_directory(place)
    with damage_said(place):
        # As it stands there: units such as "seconds" would otherwise be taken for spans of time, and read as another type.
        data = xr.open_dataset(
            place, engine="zarr", cache=False, mask_and_scale=False, decode_times=False, decode_timedelta=False
        )
    if not str(data.attrs.get("format", "")).startswith(_KIND):
        raise ValueError(f"STORE must be the directory of a sweep; {str(place)!r} holds other data")
    with damage_said(place):
        return contents_of(place, data)


def contents_of(place: Path, data: xr.Dataset) -> Contents:
    """What a Dataset holds that has the variables and attributes of a store.

    Args:
        place: of the store.
        data: what is in it.

    Raises:
        KeyError, ValueError: if attributes or bookkeeping are missing.

    >>> from plastodyn.app.stores.example import example
    >>> contents_of(Path("x.zarr"), example().data).axes
    ('rate', 'noise')
    """
    specification = json.loads(data.attrs["specification"])
    points = dict(specification["axes"])
    axes = tuple(points)
    shape = tuple(len(values) for values in points.values())
    if tuple(data.sizes[name] for name in axes) != shape:
        raise ValueError("its axes are not those of its specification")
    found = Contents(place, data, axes, {**specification, "axes": points}, _member_status(data, axes))
    return found._replace(data=data.assign_coords(columns_of(found)))


def values(contents: Contents, array: xr.DataArray) -> np.ndarray:
    """The values of (a part of) a variable.

    Args:
        contents: of the store.
        array: of its data, or a selection from it.

    Raises:
        ValueError: if they cannot be read.

    >>> from plastodyn.app.stores.example import example
    >>> values(example(), example().data.loss.isel(rate=0, noise=0, step=0)).tolist()
    [1.0, 3.0]
    """
    with damage_said(contents.place):
        return np.asarray(array.values)


@contextmanager
def damage_said(place: Path) -> Iterator[None]:
    """Whatever a damaged file makes of its reader becomes one line that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise ValueError(f"STORE {str(place)!r} cannot be read: {error}") from None
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(f"STORE {str(place)!r} is damaged; plastodyn verify {place} says where ({reason})") from None


def _check_directory(place: Path) -> None:
    try:
        what = "is a file" if place.is_file() else "does not exist" if not place.is_dir() else ""
        empty = not what and not any(place.iterdir())
    except (OSError, ValueError) as error:
        what, empty = f"cannot be read: {error}", False
    if what:
        raise ValueError(f"STORE must be the directory of a sweep; {str(place)!r} {what}")
    if empty:
        raise ValueError(f"STORE {str(place)!r} is empty so far: nothing was computed yet")
    if not (place / "zarr.json").exists():
        raise ValueError(f"STORE must be the directory of a sweep; {str(place)!r} has no zarr.json")


def columns_of(contents: Contents) -> dict[str, tuple[str, list[Any]]]:
    """What names the points of a zipped axis, from the file that was run, and in its order: the axis and the values of each.

    >>> from plastodyn.app.stores.example import example
    >>> columns_of(example())
    {}
    """
    document = contents.document or {}
    written, order = document.get("axes", {}), (document.get("order") or {}).get("columns", {})
    zipped = {
        axis: form["zip"] for axis, form in written.items() if isinstance(form, dict) and isinstance(form.get("zip"), dict)
    }
    return {
        name: (axis, values)
        for axis, columns in zipped.items()
        for name, values in ((name, columns[name]) for name in order.get(axis, columns))
        if axis in contents.axes and len(values) == contents.data.sizes[axis]
    }


def _member_status(data: xr.Dataset, axes: tuple[str, ...]) -> np.ndarray:
    """Of each member; where a store keeps none (that of an earlier version), that of its chunk."""
    of_chunk = np.asarray(data["chunk_status"].values)
    lengths = json.loads(data.attrs["chunk"])
    for place, name in enumerate(axes):
        of_chunk = np.repeat(of_chunk, lengths[name], axis=place).take(range(data.sizes[name]), axis=place)
    if "member_status" not in data:
        return of_chunk
    # A chunk's status is written last: until then its members do not count, whatever stands there.
    return np.where(of_chunk == NOT_COMPUTED, NOT_COMPUTED, data["member_status"].transpose(*axes).values)
