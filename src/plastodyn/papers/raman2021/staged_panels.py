"""Error and single weights while plasticity is raised in stages."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plastodyn.figures import style as look


def staged_panels(columns: Sequence[tuple[str, xr.Dataset]], title: str) -> Figure:
    """Two panels a column: task error with the stages marked, and a few weights that keep drifting.

    Args:
        columns: (label, Dataset with ``loss`` over step, ``stage_ratio`` over stage, ``stage_loss``,
            ``stationary_loss`` over stage, ``example_weights`` over (step, example), attribute ``hold``).
        title: of the whole figure.

    Returns:
        A matplotlib Figure.

    Source: the layout of Raman and O'Leary (2021), figure 1.
    """
    with look.style():
        figure = Figure(figsize=(5.2 * len(columns), 5.2), layout="constrained")
        grid = figure.subplots(2, len(columns), sharex="col", squeeze=False)
        for (label, data), top, bottom in zip(columns, grid[0], grid[1], strict=True):
            steps = data.step.values / 1000
            top.plot(steps, data.loss, color=look.SIMULATION, linewidth=0.5, alpha=0.7, label="simulation")
            bottom.plot(steps, data.example_weights, linewidth=0.8)
            _draw_stages(top, bottom, data)
            top.set_yscale("log")
            # The start, at the teacher, has next to no error: it would squeeze the stages into a corner.
            top.set_ylim(float(data.stage_loss.min()) / 4, float(data.stage_loss.max()) * 4)
            top.set_title(f"{label}\nstages: $|\\Delta c|\\,/\\,|\\Delta\\epsilon|$ =", pad=14)
            top.legend(loc="lower right", framealpha=0.9)
            bottom.set_xlabel("time (thousand steps)")
        grid[0, 0].set_ylabel("task error $F$ (mean squared output)")
        grid[1, 0].set_ylabel("single synaptic weights")
        figure.suptitle(title)
    return figure


def _draw_stages(top: Axes, bottom: Axes, data: xr.Dataset) -> None:
    """The mean error of every stage, simulated and in theory, its ratio on top, and where it ends."""
    hold = data.attrs["hold"] / 1000
    for stage, ratio in enumerate(data.stage_ratio.values):
        span = np.array([stage, stage + 1]) * hold
        first = stage == 0
        top.plot(span, [data.stage_loss[stage]] * 2, color="k", label="mean of stage" if first else None)
        theory = [data.stationary_loss[stage]] * 2
        top.plot(span, theory, "--", color=look.THEORY, label="stationary theory" if first else None)
        top.annotate(f"{ratio:g}", (span.mean(), 1.0), xycoords=("data", "axes fraction"), ha="center", fontsize=8)
        for axes in (top, bottom):
            axes.axvline(span[1], color="0.85", linewidth=0.8, zorder=0)
