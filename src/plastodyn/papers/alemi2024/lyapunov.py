"""Figure 2A, B: the phase plane of a two-stage memory, and the Lyapunov function that it descends."""

import jax
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.setups import double, track, two_stage
from plastodyn.papers.alemi2024.surface import surface_panel
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.types import Reproduction, unswept

_STARTS = ((0.0, 0.0), (1.2, 0.6), (-0.8, 1.6), (0.9, -0.4), (-0.6, 0.2))
_ALPHA = 0.5
_DURATION = 25.0
_POINTS = {"smoke": 60, "standard": 300, "full": 1000}


@unswept
def figure_2ab(size: str, key: Array) -> Reproduction:
    """Figure 2A, B: nullclines and trajectories for w* = 1, and the Lyapunov function that they descend.

    Args:
        size: ``smoke``, ``standard`` or ``full``: how finely the surface is drawn.
        key: random key.

    Source: figure 2A, B; alpha = 0.5 without perturbation.
    """
    with jax.enable_x64(True):
        paths = track([double(start) for start in _STARTS], two_stage(_ALPHA), _DURATION, key, every=1)
    gain_error = 1 - paths.sum("site")
    value = (gain_error**2 + (1 - paths.isel(site=1)) ** 2) / 2
    data = xr.Dataset({"weights": paths, "lyapunov": value})
    span = np.linspace(-1.5, 2.0, _POINTS[size])
    first, second = np.meshgrid(span, span)
    surface = ((1 - first - second) ** 2 + (1 - second) ** 2) / 2
    nullclines = {"$w_1$: $w_1 + w_2 = w^*$": (span, 1 - span), "$w_2$: $w_1 = 0$": (0 * span, span)}
    course, title = (value.time.values, value.values), "Figure 2A, B: trajectories descend the Lyapunov function"
    figure = surface_panel(span, surface, paths.values, nullclines, course, title)
    return Reproduction(data, figure, _claims(data))


def _claims(data: xr.Dataset) -> tuple[Claim, ...]:
    source = Source(NAME, "fig2ab")
    end = np.abs(data.weights.isel(time=-1).values - np.array([0.0, 1.0])).max()
    rise = data.lyapunov.diff("time").max()
    return (
        source.equal("one fixed point, w1 = 0 and w2 = w*: largest distance at the end", "figure 2A", 0.0, 5e-3, end),
        source.at_most("L never rises along a trajectory: largest step", "figure 2B", 0.0, 1e-12, rise),
    )
