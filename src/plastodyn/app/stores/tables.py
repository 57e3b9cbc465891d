"""A view of a store as rows of text, and as plain values."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from plastodyn.app.stores.choice import Choice
from plastodyn.app.stores.means import Shown, View
from plastodyn.app.stores.reading import Contents
from plastodyn.figures import Series, label_of, with_error

MOST_ROWS = 40
"""Rows that a terminal shows."""


def headings(view: View) -> list[str]:
    """Of the table: what it is over, what names the points of that besides, and each quantity.

    >>> headings(_example())
    ['rate', 'loss', 'steady (theory)']
    """
    return [
        *_named(view),
        *(
            f"{each.name} (theory)" if place and "theory" not in each.name else each.name
            for place, each in enumerate(view.shown)
        ),
    ]


def cells(view: View, most: int | None = None) -> list[list[str]]:
    """The rows of the table; numbers to four digits, or to the second digit of their standard error.

    Args:
        view: what is shown.
        most: rows, or None for all.

    >>> cells(_example(), 1)
    [['0.1', '1.5 ± 1.0', '1.5']]
    """
    found = []
    for place in itertools.islice(_places(view), most):
        names = [_text(value) for value in _points(view, place)]
        found.append([*names, *(_with_error(each, place) for each in view.shown)])
    return found


def count(view: View) -> int:
    """Rows in all.

    >>> count(_example())
    2
    """
    return view.shown[0].value.size


def as_values(contents: Contents, view: View) -> dict[str, Any]:
    """All of a view as JSON can write it; what is not defined is None.

    >>> from plastodyn.app.stores.example import example
    >>> as_values(example(), _example())["rows"][0]
    {'rate': 0.1, 'loss': 1.5, 'loss_standard_error': 1.0, 'steady': 1.5, 'steady_standard_error': None}
    """
    rows = []
    for place in _places(view):
        row = dict(zip(_named(view), _points(view, place), strict=True))
        for each in view.shown:
            row[each.name] = _defined(each.value.values[place])
            row[f"{each.name}_standard_error"] = None if each.error is None else _defined(each.error.values[place])
        rows.append(row)
    value = view.shown[0].value
    return {
        "store": str(contents.place),
        "variable": view.choice.name,
        "long_name": value.attrs.get("long_name"),
        "units": value.attrs.get("units"),
        "theory": [each.name for each in view.shown[1:]],
        "over": list(view.choice.over),
        "averaged": view.averaged,
        "left_out": view.left_out,
        "rows": rows,
    }


def series(view: View) -> list[Series]:
    """What a picture of a view draws.

    >>> [each.label for each in series(_example())]
    ['simulation', 'stationary theory']
    """
    found = []
    for place, each in enumerate(view.shown):
        name = str(each.value.attrs.get("long_name", each.name))
        theory = name if "theory" in name else f"{name} (theory)"
        label = theory if each.is_theory else "simulation" if len(view.shown) > 1 and place == 0 else label_of(each.value)
        found.append(Series(label, each.value, each.error, each.is_theory))
    return found


def _named(view: View) -> list[str]:
    return [*view.choice.over, *(str(name) for name in _besides(view.shown[0].value))]


def _besides(value: xr.DataArray) -> list[Any]:
    """What names the points of a dimension besides, such as the columns of an axis that is zipped."""
    return [name for name, each in value.coords.items() if each.ndim == 1 and name not in value.dims]


def _places(view: View) -> Iterator[tuple[int, ...]]:
    return np.ndindex(*view.shown[0].value.shape)


def _points(view: View, place: tuple[int, ...]) -> list[Any]:
    value = view.shown[0].value
    index = dict(zip(value.dims, place, strict=True))
    named = [value[dim].values[index[dim]] for dim in value.dims]
    besides = [value[name].values[index[value[name].dims[0]]] for name in _besides(value)]
    return [_plain(each) for each in (*named, *besides)]


def _with_error(each: Shown, place: tuple[int, ...]) -> str:
    value = _plain(each.value.values[place])
    error = math.nan if each.error is None else float(each.error.values[place])
    if isinstance(value, float) and math.isfinite(value) and math.isfinite(error) and error > 0:
        return with_error(value, error)
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return str(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _defined(value: Any) -> Any:
    plain = _plain(value)
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _example() -> View:
    from plastodyn.app.stores.example import example  # noqa: PLC0415 - for the examples here
    from plastodyn.app.stores.means import view  # noqa: PLC0415 - as above

    choice = Choice("loss", ("rate",), {"step": 1}, ("replica",), (), ("noise",))
    return view(example(), choice)
