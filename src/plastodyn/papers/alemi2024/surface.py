"""A Lyapunov function over two weights: its level lines, trajectories that descend it, and its value in time."""

import numpy as np
from matplotlib.figure import Figure

from plastodyn.figures import style as look


def surface_panel(
    span: np.ndarray,
    surface: np.ndarray,
    paths: np.ndarray,
    nullclines: dict[str, tuple[np.ndarray, np.ndarray]],
    course: tuple[np.ndarray, np.ndarray],
    title: str,
) -> Figure:
    """The phase plane over the level lines of a function, and the function along each trajectory.

    Args:
        span: values of either weight, shape (n,).
        surface: the function, shape (n, n), second weight first.
        paths: trajectories, shape (paths, times, 2).
        nullclines: lines on which one weight rests, by label.
        course: times, and the function along each path, shape (paths, times).
        title: of the whole figure.

    Returns:
        A matplotlib Figure.

    Source: the layout of Alemi, Aksay and Goldman, figure 2A, B.
    """
    with look.style():
        figure = Figure(figsize=(9.4, 3.9), layout="constrained")
        plane, descent = figure.subplots(1, 2)
        drawn = plane.contourf(span, span, surface, levels=20, cmap="Greys")
        figure.colorbar(drawn, ax=plane, label="Lyapunov function $L$ (squared weight)")
        for (label, line), colour in zip(nullclines.items(), (look.CONTRAST, look.SIMULATION), strict=False):
            plane.plot(*line, color=colour, linestyle="--", label=f"nullcline of {label}")
        for index, path in enumerate(paths):
            plane.plot(*path.T, color=look.THEORY, label="trajectories" if index == 0 else None)
            plane.plot(*path[0], "o", color=look.THEORY, ms=4)
        plane.plot(0, 1, "*", color="k", ms=9, label="fixed point")
        plane.set(xlabel="early weight $w_1$", ylabel="late weight $w_2$", xlim=(span[0], span[-1]), ylim=(span[0], span[-1]))
        plane.legend(fontsize=7, framealpha=0.95, loc="upper right")
        for values in course[1]:
            descent.plot(course[0], np.maximum(values, 1e-12), color=look.THEORY)
        descent.set(xlabel=r"time ($1/\eta_1$)", ylabel="$L$ along each trajectory (squared weight)", yscale="log")
        figure.suptitle(title)
    return figure
