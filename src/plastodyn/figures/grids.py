"""Quantities over one or two axes, simulation and theory together: curves, or maps on one scale of colours."""

import itertools
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from plastodyn.figures import style as look

MOST_LINES = 6
"""Two axes of more points than this, both, are drawn as maps."""
_MANY_POINTS = 60
"""More than this on one curve are drawn as a line with a band."""
_CHARACTERS_PER_INCH = 16
_MOST_IN_COLUMN = 16
"""Entries of a legend; more make another column, of so many inches."""
_COLUMN_WIDTH = 1.3
_LINES = ("-", "--", "-.", ":")


class Series(NamedTuple):
    """One quantity to draw.

    Args:
        label: as the legend calls it.
        value: over one or two axes, the same for all that are drawn together; its and their ``long_name`` and ``units`` label
            the picture.
        error: standard errors, or None.
        is_theory: whether it is drawn as a line rather than as points.
    """

    label: str
    value: xr.DataArray
    error: xr.DataArray | None
    is_theory: bool


def grid_picture(series: Sequence[Series], title: str, caption: str = "", log: Sequence[str] = ()) -> Figure:
    """Curves, one for each point of a second axis if there is one; or, where both axes have more than 6 points, maps.

    An axis whose points are spaced geometrically is logarithmic.

    Args:
        series: what to draw, over the same one or two axes.
        title: of the figure.
        caption: a sentence below.
        log: what is to be logarithmic besides, of ``x``, ``y`` and ``color``.

    Returns:
        A matplotlib Figure.

    Raises:
        ValueError: if nothing in them is finite, if they have no axis, or more than two.

    Source: this project.

    >>> loss = xr.DataArray([2.0, 1.0], {"rate": [0.1, 0.2]}, name="loss")
    >>> grid_picture([Series("simulation", loss, None, False)], "descent").axes[0].get_xlabel()
    'rate'
    """
    first = series[0].value
    if first.ndim not in (1, 2):
        raise ValueError(f"a picture must have one or two axes of at least two points; got {first.ndim}")
    if not any(np.isfinite(each.value.values).any() for each in series):
        raise ValueError(f"nothing to draw: no value of {first.name} is finite")
    with look.style():
        if first.ndim == 2 and min(first.shape) > MOST_LINES:
            return _maps(series, title, caption, log)
        return _curves([_as_lines(each) for each in series], title, caption, log)


def is_geometric(points: np.ndarray) -> bool:
    """Whether points are spaced more evenly by their ratios than by their differences.

    >>> is_geometric(np.array([1, 10, 100])), is_geometric(np.array([1, 5, 20])), is_geometric(np.arange(1, 5))
    (True, True, False)
    """
    if points.dtype.kind not in "iuf" or len(points) < 3 or (points <= 0).any():
        return False
    ordered = np.sort(points.astype(float))
    steps, ratios = np.diff(ordered), np.diff(np.log(ordered))
    return bool(ratios.std() / ratios.mean() < 0.5 * steps.std() / steps.mean())


def label_of(array: xr.DataArray) -> str:
    """What an axis, or a colour bar, is called: its long name and its unit.

    >>> label_of(xr.DataArray(0.0, name="tau", attrs={"long_name": "time constant", "units": "s"}))
    'time constant (s)'
    """
    name = str(array.attrs.get("long_name") or array.name)
    unit = str(array.attrs.get("units") or "1")
    return _plain(name if unit == "1" else f"{name} ({unit})")


def _as_lines(each: Series) -> Series:
    """With lines along the first axis and, of two, the one of fewer points second; words are not an axis to draw along."""
    if each.value.ndim == 1:
        return each
    one, other = each.value.dims
    words = [each.value[dim].dtype.kind not in "iuf" for dim in (one, other)]
    swap = (words[0] and not words[1]) or (words[0] == words[1] and each.value.sizes[one] < each.value.sizes[other])
    if not swap:
        return each
    return each._replace(value=each.value.transpose(other, one), error=each.error if each.error is None else each.error.T)


def _curves(series: Sequence[Series], title: str, caption: str, log: Sequence[str]) -> Figure:
    first = series[0].value
    along, places = first[first.dims[0]], _places(first[first.dims[0]])
    keys = [None] if first.ndim == 1 else list(range(first.shape[1]))
    figure, (axes,) = _figure(1, 5.2, title)
    colours = _colours(first)
    theories = [each.label for each in series if each.is_theory]
    for each, index in itertools.product(series, keys):
        value, error = (None if array is None else _line_of(array, index) for array in (each.value, each.error))
        colour = colours[index] if index is not None else look.THEORY if each.is_theory else look.SIMULATION
        if each.is_theory:
            line = _LINES[theories.index(each.label) % len(_LINES)]
            axes.plot(places, np.asarray(value), line, color=colour, zorder=3)
        else:
            _draw_measured(axes, places, value, error, colour, joined=not theories)
    axes.set(xlabel=label_of(along), ylabel=label_of(first))
    _scale(axes, "x", along, _is_log("x", along, log))
    if "y" in log:
        axes.set_yscale("log")
    look.plain_ticks(axes)
    _add_legend(figure, series, first, colours)
    _add_caption(figure, caption)
    return figure


def _line_of(array: xr.DataArray, index: int | None) -> np.ndarray:
    return array.values if index is None else array.values[:, index]


def _draw_measured(axes: Axes, x: np.ndarray, y: Any, error: Any, colour: Any, joined: bool) -> None:
    """Points with bars; of very many, a line with a band."""
    if len(x) > _MANY_POINTS:
        axes.plot(x, y, color=colour, lw=0.9, alpha=0.9)
        if error is not None:
            axes.fill_between(x, y - error, y + error, color=colour, alpha=0.2, lw=0)
        return
    line: dict[str, Any] = {"ls": "-", "lw": 0.7} if joined else {"ls": ""}
    axes.errorbar(x, y, yerr=error, marker="o", ms=3.5, capsize=2, elinewidth=1, color=colour, **line)


def _add_legend(figure: Figure, series: Sequence[Series], first: xr.DataArray, colours: Sequence[Any]) -> None:
    """Right of the axes, where no curve is: first what points and lines mean, then what colours do."""
    kinds, theories = [], 0
    for each in series:
        colour = "0.25" if first.ndim == 2 else look.THEORY if each.is_theory else look.SIMULATION
        style: dict[str, Any] = {"ls": _LINES[theories % len(_LINES)]} if each.is_theory else {"marker": "o", "ms": 4, "ls": ""}
        if not each.is_theory and first.shape[0] > _MANY_POINTS:
            style = {"lw": 0.9}
        theories += each.is_theory
        bars = "" if each.is_theory or each.error is None or not np.isfinite(each.error.values).any() else " ± s.e."
        kinds.append(Line2D([], [], color=colour, label=_wrapped(each.label + bars), **style))
    entries = kinds if len(kinds) > 1 or first.ndim == 1 else []
    if first.ndim == 2:
        second = first[first.dims[1]]
        heading = Line2D([], [], ls="", label=_wrapped(label_of(second)))
        lines = [Line2D([], [], color=colours[i], lw=2.5, label=text) for i, text in enumerate(_texts(second))]
        entries = [*entries, heading, *lines]
    columns = -(-len(entries) // _MOST_IN_COLUMN)
    figure.set_figwidth(figure.get_figwidth() + _COLUMN_WIDTH * (columns - 1))
    figure.legend(handles=entries, loc="outside right upper", ncols=columns, frameon=False, alignment="left")


def _maps(series: Sequence[Series], title: str, caption: str, log: Sequence[str]) -> Figure:
    """Maps beside one another, with the first axis along x."""
    first = series[0].value
    columns = min(len(series), 3)
    figure, grid = _figure(columns, 3.6, title, -(-len(series) // columns), len(series))
    shown = np.concatenate([each.value.values[np.isfinite(each.value.values)] for each in series])
    scale = _colour_scale(shown, "color" in log)
    colours = mpl.colormaps["viridis"].with_extremes(bad="0.88")
    drawn = None
    for axes, each in zip(grid, series, strict=True):
        along, across = (each.value[dim] for dim in each.value.dims)
        logs = [_is_log(name, axis, log) for name, axis in (("x", along), ("y", across))]
        edges = [_edges(_places(axis), is_log) for axis, is_log in zip((along, across), logs, strict=True)]
        orders = [np.argsort(_places(axis)) for axis in (along, across)]
        picture = np.ma.masked_invalid(each.value.values.astype(float)[np.ix_(*orders)].T)
        drawn = axes.pcolormesh(*edges, picture, norm=scale, cmap=colours, rasterized=True)
        axes.set(xlabel=label_of(along), ylabel=label_of(across), title=_wrapped(each.label, 40))
        axes.set_facecolor("0.88")
        _scale(axes, "x", along, logs[0])
        _scale(axes, "y", across, logs[1])
        look.plain_ticks(axes)
    assert drawn is not None
    figure.colorbar(drawn, ax=grid, label=_wrapped(label_of(first), 40), aspect=30)
    missing = any(not np.isfinite(each.value.values).all() for each in series)
    _add_caption(figure, " ".join([*(["Grey: no value."] if missing else []), caption]))
    return figure


def _colour_scale(shown: np.ndarray, is_log: bool) -> Normalize:
    if not is_log:
        return Normalize(float(shown.min()), float(shown.max()))
    positive = shown[shown > 0]
    if positive.size == 0:
        raise ValueError("--log color must have values above 0; there is none")
    return LogNorm(float(positive.min()), float(positive.max()), clip=False)


def _figure(columns: int, width: float, title: str, rows: int = 1, count: int | None = None) -> tuple[Figure, list[Axes]]:
    room = 1.9 if count is None else 0.9
    figure = Figure(figsize=(width * columns + room, 3.3 * rows + 0.7), layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[count if count is not None else len(grid) :]:
        axes.remove()
    figure.suptitle(_wrapped(title, int(_CHARACTERS_PER_INCH * 0.75 * figure.get_figwidth())))
    return figure, grid[:count]


def _add_caption(figure: Figure, caption: str) -> None:
    if caption:
        text = _wrapped(caption, int(_CHARACTERS_PER_INCH * figure.get_figwidth()))
        figure.supxlabel(text, x=0.01, ha="left", fontsize=7.5, color="0.3")


def _places(axis: xr.DataArray) -> np.ndarray:
    """Where the points of an axis are drawn; words stand one after the other."""
    found = np.asarray(axis.values)
    return found if found.dtype.kind in "iuf" else np.arange(len(found))


def _edges(places: np.ndarray, is_log: bool) -> np.ndarray:
    """Of the cells around points in order."""
    ordered = np.sort(places.astype(float))
    if is_log:
        return np.exp(_edges(np.log(ordered), False))
    middles = (ordered[1:] + ordered[:-1]) / 2
    return np.concatenate([[2 * ordered[0] - middles[0]], middles, [2 * ordered[-1] - middles[-1]]])


def _is_log(name: str, axis: xr.DataArray, log: Sequence[str]) -> bool:
    """Whether an axis of the picture is logarithmic: asked for, or by its points; words never are."""
    values = np.asarray(axis.values)
    if values.dtype.kind not in "iuf" or name not in log:
        return is_geometric(values)
    if (values <= 0).any():
        raise ValueError(f"--log {name} must be along an axis of points above 0; got {values.min():g} in {axis.name}")
    return True


def _scale(axes: Axes, name: str, axis: xr.DataArray, is_log: bool) -> None:
    values = np.asarray(axis.values)
    if values.dtype.kind not in "iuf":
        texts = [_plain(_short(str(each))) for each in values.tolist()]
        turned = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if name == "x" and len("".join(texts)) > 40 else {}
        getattr(axes, f"set_{name}ticks")(range(len(texts)), texts, **turned)
    elif is_log:
        getattr(axes, f"set_{name}scale")("log")


def _colours(first: xr.DataArray) -> list[Any]:
    """Of lines: in the order of numbers from dark to light, of words apart."""
    if first.ndim == 1:
        return []
    second = np.asarray(first[first.dims[1]].values)
    if second.dtype.kind in "iuf":
        return [mpl.colormaps["viridis"](0.88 * i / max(len(second) - 1, 1)) for i in range(len(second))]
    few = (look.SIMULATION, look.THEORY, look.GREEDY, look.CONTRAST, look.FAR, look.PUBLISHED)
    return (
        list(few[: len(second)])
        if len(second) <= len(few)
        else list(mpl.colormaps["turbo"](np.linspace(0.05, 0.95, len(second))))
    )


def _texts(axis: xr.DataArray) -> list[str]:
    values = np.asarray(axis.values)
    return [f"{each:.4g}" if values.dtype.kind in "iuf" else _plain(_short(str(each))) for each in values.tolist()]


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:27]}..."


def _wrapped(text: str, width: int = 26) -> str:
    return _plain("\n".join(textwrap.wrap(text, width)))


def _plain(text: str) -> str:
    r"""A dollar sign in anybody's name is none of mathematics; what is marked already stays so."""
    return text.replace(r"\$", "$").replace("$", r"\$")
