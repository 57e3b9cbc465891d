"""The minute-long demonstration: both circuits of figure 5 at one size of fluctuations."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

from plastodyn.figures import sweet_spot_panels
from plastodyn.papers.raman2021.setups import LINEAR, NONLINEAR, CircuitSetup, Extent
from plastodyn.papers.raman2021.sweeps import sweep
from plastodyn.papers.types import Place

_FLUCTUATION = 0.02
_PARTS: tuple[tuple[CircuitSetup, Extent], ...] = (
    (LINEAR, Extent(8, 4000, (_FLUCTUATION,))),
    (NONLINEAR, Extent(4, 3000, (_FLUCTUATION,))),
)
_COLUMNS = (
    *(f"optimum_{name}" for name in ("simulated", "simulated_error", "stationary", "greedy", "greedy_error")),
    *(f"vertex_{name}" for name in ("simulated", "simulated_error", "published")),
)

CAPTION = (
    "theory: near a solution, from which crude rules drive the nonlinear circuit away (dotted lines of the figure)\n"
    "* of a parabola through three points of the paper's grid, as published: up to 0.1 above the lowest error"
)
"""What the demo's table says below it."""


class DemoRow(NamedTuple):
    """One line of the demo's table; NaN where nothing is published."""

    circuit: str
    precision: float
    simulated: float
    simulated_error: float
    stationary: float
    greedy: float
    greedy_error: float
    vertex: float
    vertex_error: float
    published: float


def demo(key: Array) -> tuple[xr.DataTree, Figure, list[DemoRow]]:
    """Run the demonstration.

    Args:
        key: random key.

    Returns:
        The data of both circuits, the figure, and the rows of the table.

    Source: Raman and O'Leary (2021), figure 5 and supplement 1, middle row.
    """
    keys = jax.random.split(key, len(_PARTS))
    with TemporaryDirectory() as directory:
        data = {
            setup.name: sweep(setup, "mixed", extent, k, Place(Path(directory))).sel(fluctuation=_FLUCTUATION)
            for (setup, extent), k in zip(_PARTS, keys, strict=True)
        }
    figure = sweet_spot_panels(
        [(f"{name} circuit", part) for name, part in data.items()],
        "How much plasticity should counteract synaptic fluctuations?",
    )
    rows = [row for name, part in data.items() for row in _rows(name, part)]
    return xr.DataTree.from_dict(data), figure, rows


def _rows(name: str, data: xr.Dataset) -> Iterator[DemoRow]:
    for precision in data.precision.values:
        one = data.sel(precision=precision)
        values = [float(one[column]) for column in _COLUMNS]
        yield DemoRow(name, float(precision), *np.round(values, 4).tolist())
