"""Maps over compression ratio and fraction of flipped neurons, with the theory's boundary on top."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from plastodyn.figures import style as look

COMPRESSION = "compression ratio $c$ = inputs / hidden units"


class PhaseMap(NamedTuple):
    """One map: values over (compression, fraction), the boundary over its own compression ratios, and what to call them.

    ``note`` explains one cell: its compression ratio, its fraction and the words.
    """

    title: str
    values: xr.DataArray
    boundary: xr.DataArray
    label: str
    fraction: str
    logarithmic: bool = True
    colours: str | Colormap = "viridis"
    note: tuple[float, float, str] | None = None


def phase_maps(maps: Sequence[PhaseMap], title: str, columns: int = 2) -> Figure:
    """Panels of heat maps, each cell centred on its grid point, the theory's stability boundary drawn over it.

    Args:
        maps: one a panel.
        title: of the whole figure.
        columns: panels in a row.

    Returns:
        A matplotlib Figure.

    Source: the layout of Ninou, Kadmon and Cayco-Gajic (2025), figures 2, 3a, 4a and 4b.
    """
    with look.style():
        figure, grid = look.panels(len(maps), columns, 4.6, 3.3, title)
        for axes, item in zip(grid, maps, strict=True):
            _panel(figure, axes, item)
    return figure


def _panel(figure: Figure, axes: Axes, item: PhaseMap) -> None:
    values = item.values.transpose("fraction", "compression")
    # A fraction ends at 0 and 1, and so do its outermost cells.
    edges = _edges(values.compression.values, item.logarithmic), _edges(values.fraction.values, False).clip(0, 1)
    drawn = axes.pcolormesh(*edges, values.values, cmap=item.colours, rasterized=True)
    figure.colorbar(drawn, ax=axes, label=item.label)
    axes.plot(item.boundary.compression, item.boundary, color="k", linewidth=2.4)
    axes.plot(item.boundary.compression, item.boundary, color="w", linewidth=1.2, label="stability boundary, theory")
    if item.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=9))
    axes.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][0], edges[1][-1]), xlabel=COMPRESSION, ylabel=item.fraction)
    axes.set_title(item.title)
    if item.note is not None:
        compression, fraction, words = item.note
        arrow = {"arrowstyle": "->", "color": "w"}
        axes.annotate(
            words,
            (compression, fraction),
            (0.12, 0.1),
            textcoords="axes fraction",
            color="w",
            fontsize="small",
            arrowprops=arrow,
        )
    axes.legend(loc="upper right", facecolor="0.35", labelcolor="w", framealpha=0.9)


def _edges(centres: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Borders of cells around their centres."""
    at = np.log(centres) if logarithmic else np.asarray(centres, float)
    if len(at) == 1:
        return centres * np.array([0.9, 1.1])
    middle = (at[1:] + at[:-1]) / 2
    both = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return np.exp(both) if logarithmic else both
