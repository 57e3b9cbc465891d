"""A two-weight model: loss landscape, flow and trajectories, and the loss in time."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plastodyn.figures import style as look

_ROUNDING = 1e-12
_COLOURS = {"gradient": "#4b2e83", "curl": look.CONTRAST}


def toy_panels(data: xr.Dataset, span: np.ndarray, loss: np.ndarray, grid: np.ndarray, flow: np.ndarray, title: str) -> Figure:
    """Trajectories of two weights over the log loss, with the flow of the flipped rule; loss against time.

    Args:
        data: ``weights_recorded`` and ``loss`` over (rule, time); ``solution`` and ``growth_rate`` over branch.
        span: values of either weight, shape (n,).
        loss: the landscape, shape (n, n), second weight first.
        grid: where arrows stand, shape (m, m, 2).
        flow: velocity there, shape (m, m, 2).
        title: of the whole figure.

    Returns:
        A matplotlib Figure.

    Source: the layout of Ninou, Kadmon and Cayco-Gajic (2025), figure 1.
    """
    with look.style():
        figure = Figure(figsize=(9.6, 3.9), layout="constrained")
        plane, course = figure.subplots(1, 2)
        drawn = plane.pcolormesh(span, span, np.log10(loss + 1e-6), cmap="Greys_r", rasterized=True)
        figure.colorbar(drawn, ax=plane, label=r"$\log_{10}$ loss")
        _draw_flow(plane, grid, flow)
        _draw_solutions(plane, data)
        for name in data.rule.values:
            _draw_path(plane, data.weights_recorded.sel(rule=name).values, name)
        plane.plot(*data.weights_recorded.values[0][0], "o", color="k", ms=4, label="start")
        plane.set(xlabel="weight $w_1$", ylabel="weight $w_2$", xlim=(span[0], span[-1]), ylim=(span[0], span[-1]))
        plane.legend(loc="upper left", fontsize=7, framealpha=0.9)
        _draw_losses(course, data.loss.isel(time=data.time < _settled(data.loss)))
        course.set(
            xlabel="time (1 / rate)", ylabel="loss (squared output)", yscale="log", ylim=(1e-12, 10), title="loss in time"
        )
        course.legend(loc="upper right")
        inset = course.inset_axes((0.62, 0.3, 0.36, 0.36))
        _draw_losses(inset, data.loss.isel(time=data.time < 4))
        inset.set_title("the start", fontsize=8)
        figure.suptitle(title)
    return figure


def _draw_flow(plane: Axes, grid: np.ndarray, flow: np.ndarray) -> None:
    length = np.linalg.norm(flow, axis=-1, keepdims=True)
    arrows = flow / np.maximum(length, 1e-9)
    plane.quiver(*np.moveaxis(grid, -1, 0), *np.moveaxis(arrows, -1, 0), color=_COLOURS["curl"], alpha=0.45, width=0.003)


def _draw_solutions(plane: Axes, data: xr.Dataset) -> None:
    """Both branches of the hyperbola, each with its stable and its unstable stretch."""
    stable = (data.growth_rate < 0).values
    stretches = ((stable, look.GREEDY, "stable solutions"), (~stable, look.THEORY, "unstable solutions"))
    for sign in (1, -1):
        for chosen, colour, label in stretches:
            points = data.solution[chosen].values * sign
            plane.plot(*points.T, color=colour, linewidth=2.2, label=f"{label} under curl flow" if sign == 1 else None)


def _settled(loss: xr.DataArray) -> float:
    """A little after the last flow has come down to rounding: nothing happens from then on."""
    moving = (loss > _ROUNDING).any("rule")
    return 1.2 * float(loss.time.where(moving).max())


def _draw_path(plane: Axes, path: np.ndarray, name: str) -> None:
    plane.plot(*path.T, color=_COLOURS[name], label=f"{name} flow")


def _draw_losses(course: Axes, loss: xr.DataArray) -> None:
    for name in loss.rule.values:
        course.plot(loss.time, loss.sel(rule=name), color=_COLOURS[name], label=f"{name} flow")
