"""Error against the ratio of plasticity to fluctuations: simulation, theory and optima in one grid of panels."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from plastodyn.figures import style as look


def sweet_spot_panels(rows: Sequence[tuple[str, xr.Dataset]], title: str) -> Figure:
    """A grid with one row for each labelled Dataset and one column for each precision.

    Args:
        rows: (label, Dataset over precision and ratio with ``loss``, ``loss_error``, ``stationary_curve``, ``free_loss``,
            ``trivial_loss`` and the ``optimum_*`` and ``vertex_*`` variables of `papers.raman2021.sweeps.sweep`; optionally
            ``contrast_loss``).
        title: of the whole figure.

    Returns:
        A matplotlib Figure.

    Source: the layout of Raman and O'Leary (2021), figure 5.
    """
    columns = rows[0][1].sizes["precision"]
    with look.style():
        figure = Figure(figsize=(3.1 * columns, 2.3 * len(rows) + 1.6), layout="constrained")
        grid = figure.subplots(len(rows), columns, sharex=True, squeeze=False)
        for axes_row, (label, data) in zip(grid, rows, strict=True):
            for axes, precision in zip(axes_row, data.precision.values, strict=True):
                _panel(axes, data.sel(precision=precision))
                axes.set_title(f"{label}, precision {_fraction(precision)}")
            axes_row[0].set_ylabel("steady-state task error $F$\n(mean squared output)")
        for axes in grid[-1]:
            axes.set_xlabel(r"plasticity / fluctuations  $|\Delta c|\,/\,|\Delta\epsilon|$")
        entries: dict[str, Artist] = {}
        for axes in grid.flat:
            for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
                entries.setdefault(name, handle)
        figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=3, frameon=False)
        figure.suptitle(title)
    return figure


def _panel(axes: Axes, data: xr.Dataset) -> None:
    ratios = data.ratio.values
    axes.errorbar(
        ratios, data.loss, yerr=data.loss_error, fmt="o", ms=3.5, capsize=2, color=look.SIMULATION, label="simulation ± s.e."
    )
    axes.plot(data.fine_ratio, data.stationary_curve, "-", color=look.THEORY, label="stationary theory (local)")
    if bool(np.isfinite(data.free_loss).all()):
        axes.plot(ratios, data.free_loss, "-", color=look.FAR, label="theory, hidden layer free")
    if "contrast_loss" in data and bool(np.isfinite(data.contrast_loss).all()):
        axes.plot(ratios, data.contrast_loss, "s:", ms=3, color=look.CONTRAST, label="simulation, isotropic inputs")
    trivial = float(data.trivial_loss.mean())
    axes.axhline(trivial, color="k", linewidth=0.8, linestyle=(0, (1, 2)), label="a constant output: nothing remembered")
    _optimum(
        axes, data.optimum_simulated, data.optimum_simulated_error, look.SIMULATION, "-", "lowest error, simulation ± s.e."
    )
    _optimum(axes, data.optimum_stationary, None, look.THEORY, "--", "lowest error, stationary theory")
    _optimum(axes, data.optimum_greedy, data.optimum_greedy_error, look.GREEDY, "-.", "equation 9, measured curvature ± s.e.")
    _vertices(axes, data)
    axes.set_yscale("log")
    shown = [data.loss.values, data.get("contrast_loss", data.loss).values, [trivial]]
    shown = np.concatenate(shown)
    shown = shown[np.isfinite(shown)]
    axes.set_ylim(shown.min() / 1.6, shown.max() * 1.6)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _optimum(axes: Axes, place: xr.DataArray, error: xr.DataArray | None, colour: str, line: str, label: str) -> None:
    at = float(place)
    if not np.isfinite(at):
        return
    axes.axvline(at, color=colour, linestyle=line, linewidth=1.1, label=label)
    spread = 0.0 if error is None else float(error)
    if np.isfinite(spread) and spread > 0:
        axes.axvspan(at - spread, at + spread, color=colour, alpha=0.12, linewidth=0)


def _vertices(axes: Axes, data: xr.Dataset) -> None:
    """On the upper edge, apart from the curves: the vertex of a parabola on the paper's grid, ours and the published one."""
    marks = (("vertex_simulated", look.SIMULATION, "none", "ours"), ("vertex_published", "k", "k", "authors' stored runs"))
    for name, edge, face, whose in marks:
        at = float(data[name])
        if np.isfinite(at):
            label = f"vertex on the paper's grid, {whose}"
            where = axes.get_xaxis_transform()
            axes.plot(at, 0.97, "v", ms=5, mec=edge, mfc=face, ls="", transform=where, clip_on=False, label=label)


def _fraction(value: float) -> str:
    return f"{value:g}" if value >= 1 else f"1/{1 / value:g}"
