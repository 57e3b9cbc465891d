"""One look for all figures: sizes, colours and lines that print well and that colour-blind readers can tell apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

SIMULATION = "#1b6ca8"
THEORY = "#d1495b"
GREEDY = "#3a7d44"
PUBLISHED = "#6b6b6b"
CONTRAST = "#e09f3e"
FAR = "#7b4ea3"

_FEW = 100.0

_SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "lines.linewidth": 1.4,
    "svg.hashsalt": "plastodyn",
}


def points(colour: str, marker: str = "o", size: float = 4) -> dict[str, Any]:
    """The look of a curve whose points are measured one by one: markers without a line between them.

    >>> points(SIMULATION)["ls"]
    ''
    """
    return {"color": colour, "marker": marker, "ls": "", "ms": size}


@contextmanager
def style() -> Iterator[None]:
    """Apply the look inside a ``with`` block; nothing global changes.

    >>> with style():
    ...     mpl.rcParams["font.size"]
    9.0
    """
    with mpl.rc_context(_SETTINGS):
        yield


def panels(count: int, columns: int, width: float, height: float, title: str) -> tuple[Figure, list[Axes]]:
    """A figure with a title and ``count`` axes, row after row; what is left of the last row stays empty.

    Args:
        count: axes.
        columns: at most so many in a row.
        width: of one panel, in inches.
        height: of one panel, in inches.
        title: of the whole figure.

    >>> len(panels(3, 2, 4.0, 3.0, "three")[1])
    3
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, height * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for axes in grid[count:]:
        axes.axis("off")
    figure.suptitle(title)
    return figure, list(grid[:count])


def plain_ticks(axes: Axes) -> None:
    """Logarithmic axes of less than two decades get plain numbers at 1, 2 and 5: powers of ten with factors overlap."""
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() == "log" and high < _FEW * low:
            _number(axis)


def _number(axis: Axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
