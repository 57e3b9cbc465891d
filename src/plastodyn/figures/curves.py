"""Curves with error bars, simulation and theory on the same axes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from plastodyn.figures import style as look


class Curve(NamedTuple):
    """One line of a panel; ``error`` gives bars, ``look`` the keywords of the line."""

    label: str
    x: ArrayLike
    y: ArrayLike
    error: ArrayLike | None = None
    look: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default is never changed


class Marks(NamedTuple):
    """Upright lines across a panel, at given places along x; each in its own colour, or all grey."""

    label: str
    places: Sequence[float]
    colours: Sequence[str] = ()


class Panel(NamedTuple):
    """The curves of one pair of axes and what stands on them; ``scales`` names those of x and y."""

    title: str
    x: str
    y: str
    curves: Sequence[Curve]
    marks: Sequence[Marks] = ()
    scales: tuple[str, str] = ("linear", "linear")


def curve_panels(panels: Sequence[Panel], title: str, columns: int = 2) -> Figure:
    """Panels of labelled curves.

    Args:
        panels: one for each pair of axes.
        title: of the whole figure.
        columns: panels in a row.

    Returns:
        A matplotlib Figure.

    >>> panel = Panel("error", "epoch", "loss", [Curve("simulation", [1, 2], [0.2, 0.1])])
    >>> curve_panels([panel], "descent").axes[0].get_xlabel()
    'epoch'
    """
    with look.style():
        figure, grid = look.panels(len(panels), columns, 4.4, 3.2, title)
        for axes, panel in zip(grid, panels, strict=True):
            _draw(axes, panel)
        _draw_legends(figure, grid)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    for curve in panel.curves:
        if curve.error is None:
            axes.plot(curve.x, curve.y, label=curve.label, **curve.look)
        else:
            axes.errorbar(
                curve.x, curve.y, yerr=curve.error, label=curve.label, **{"capsize": 2, "fmt": "o-", "ms": 3.5, **curve.look}
            )
    for mark in panel.marks:
        for index, place in enumerate(mark.places):
            colour = mark.colours[index] if mark.colours else "0.35"
            axes.axvline(place, color=colour, linestyle="--", linewidth=1, label=mark.label if index == 0 else None)
    axes.set(xlabel=panel.x, ylabel=panel.y, title=panel.title, xscale=panel.scales[0], yscale=panel.scales[1])
    look.plain_ticks(axes)


def _draw_legends(figure: Figure, grid: Sequence[Axes]) -> None:
    """Below the axes, where no curve is: one for the whole figure if one panel says all that the others say."""
    entries = [axes.get_legend_handles_labels() for axes in grid]
    most = max(entries, key=lambda entry: len(entry[1]))
    if len(grid) > 1 and most[1] and all(labels and set(labels) <= set(most[1]) for _, labels in entries):
        figure.legend(*most, loc="outside lower center", ncols=min(len(most[1]), 4), frameon=False)
        return
    for axes, (handles, labels) in zip(grid, entries, strict=True):
        if labels:
            below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": min(len(labels), 2)}
            axes.legend(handles, labels, **below, frameon=False)
