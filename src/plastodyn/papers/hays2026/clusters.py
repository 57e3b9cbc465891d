"""Figure 3: five oscillators lock, three drift, and the weights keep who was in step with whom."""

import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import (
    CENTRE,
    DRIFTERS,
    LOCKED,
    RATE,
    SLOPE,
    STEP,
    five_and_three,
    mean_and_error,
    median_and_error,
    off_diagonal,
    plasticity,
    run,
    share_and_error,
)
from plastodyn.papers.types import Reproduction, unswept

_UNITS, _STEPS = LOCKED + len(DRIFTERS), 2000
_SEEDS = {"smoke": 30, "standard": 200, "full": 1000}
_SLIP = np.pi
"""Radians by which phases that are locked do not come apart within half of the run."""


@unswept
def figure_3(size: str, key: Array) -> Reproduction:
    """Figure 3: 8 oscillators, K = 3, 2000 steps: coherence, and weights in the cluster and elsewhere, gated and not.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 30, 200 or 1000 circuits.
        key: random key.

    Source: figure 3; the frequencies (five within 0.2 of 0, three near 5, -6 and 7) and the control are this project's.
    """
    circuits = five_and_three(_SEEDS[size], key)
    gated = run(circuits, plasticity(), _STEPS, key, ["coherence", apart])
    control = run(circuits, plasticity(gated=False), _STEPS, key, [])
    data = gated[["coherence", "apart"]]
    for name, one in (("gated", gated), ("ungated", control)):
        within, elsewhere = _means(one.weights.transpose("replica", "weight").values)
        data[f"within_{name}"], data[f"elsewhere_{name}"] = ("replica", within), ("replica", elsewhere)
    theory = independent_phases()
    data = data.assign(within_theory=theory[0], elsewhere_theory=theory[1])
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def apart(moment: pd.rules.Moment) -> Array:
    """The largest difference of lifted phases within the cluster, radians."""
    locked = moment.activity[:LOCKED]
    return locked.max() - locked.min()


def _means(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean W within the cluster and mean |W| elsewhere, one for each replica."""
    found, inside = off_diagonal(weights, _UNITS), np.zeros((_UNITS, _UNITS), bool)
    inside[:LOCKED, :LOCKED] = True
    return np.nanmean(found[:, inside], 1), np.nanmean(np.abs(found[:, ~inside]), 1)


def independent_phases(points: int = 48) -> tuple[float, float]:
    """Weights between locked oscillators, and between them and drifters, if drifters knew nothing of the others.

    The five are one phase, the three uniform on the circle: ``(1 - exp(-eps T)) E[G]`` and ``(1 - exp(-eps T)) E[G cos]``,
    the means by the midpoint rule.

    >>> [round(x, 3) for x in independent_phases()]
    [0.682, 0.088]
    """
    angle = 2 * np.pi * (np.arange(points) + 0.5) / points
    one = np.exp(1j * angle)
    field = LOCKED + one[:, None, None] + one[:, None] + one
    opening = 1 / (1 + np.exp(-SLOPE * (np.abs(field) / _UNITS - CENTRE)))
    reached = -np.expm1(-RATE * STEP * _STEPS)
    return float(reached * opening.mean()), float(reached * (opening * np.cos(angle)).mean())


def _claims(data: xr.Dataset) -> list[Claim]:
    source, half = Source(NAME, "fig3"), data.isel(time=slice(data.sizes["time"] // 2, None))
    slips = (half.apart.max("time") - half.apart.min("time")).values
    locked, locked_error = share_and_error(slips < _SLIP)
    open_, open_error = mean_and_error((half.coherence > CENTRE).mean("time"))
    crossings = abs((half.coherence > CENTRE).astype(int).diff("time")).sum("time")
    within, within_error = mean_and_error(data.within_gated)
    ratio, ratio_error = median_and_error((data.within_gated / data.elsewhere_gated).values)
    control, control_error = median_and_error((data.within_ungated / data.elsewhere_ungated).values)
    between = "weights elsewhere, against drifters that know nothing of the cluster"
    elsewhere, elsewhere_error = mean_and_error(data.elsewhere_gated)
    project, theory = "this project", float(data.within_theory)
    stays, fewest = "share of circuits whose five like oscillators stay locked", "times that the gate opens or shuts, fewest"
    inside = "mean W within the cluster, against independent phases"
    return [
        source.at_least(stays, "figure 3A", 0.9, 0.0, locked, locked_error),
        source.equal("share of the last half with the gate more than half open", project, 0.812, 0.02, open_, open_error),
        source.at_least(fewest, "figure 3B", 10.0, 0.0, crossings.min()),
        source.equal(inside, project, theory, 0.03, within, within_error),
        source.at_most(between, project, float(data.elsewhere_theory), 0.0, elsewhere, elsewhere_error),
        source.equal("mean |W| elsewhere", "specification, figure 3", 0.066, 0.006, elsewhere, elsewhere_error),
        source.equal("mean W within the cluster over mean |W| elsewhere, median", "figure 3C", 10.0, 1.5, ratio, ratio_error),
        source.at_least("the same without the gate: it is the cosine that carves", project, 30.0, 0.0, control, control_error),
    ]


def _picture(data: xr.Dataset) -> Figure:
    first = data.isel(replica=0)
    r = Curve("coherence", first.time, first.coherence, look={"lw": 0.8})
    level = Curve("centre of the gate", [0, float(first.time[-1])], [CENTRE, CENTRE], look={"color": "0.35", "linestyle": "--"})
    places = {"in the cluster": "within", "elsewhere": "elsewhere"}
    bars = []
    for shift, (name, colour) in enumerate((("gated", style.SIMULATION), ("ungated", style.CONTRAST))):
        found = [mean_and_error(data[f"{place}_{name}"]) for place in places.values()]
        x = np.arange(2) + 0.1 * shift
        bars.append(Curve(name, x, [m for m, _ in found], [e for _, e in found], {"color": colour, "fmt": "o"}))
    theory = [float(data.within_theory), float(data.elsewhere_theory)]
    dash = {"color": style.THEORY, "marker": "_", "ms": 18, "ls": ""}
    bars.append(
        Curve(
            "independent phases, gated",
            np.arange(2) + 0.05,
            theory,
            look=dash,
        )
    )
    panels = [
        Panel("the gate opens and shuts", "time (model units, coupling K = 3)", "coherence r", [r, level]),
        Panel("weights at the end", "pairs", "mean |W|", bars, scales=("linear", "log")),
    ]
    figure = curve_panels(panels, "Figure 3: phases carve weights")
    figure.axes[1].set(xticks=[0.05, 1.05], xticklabels=list(places), xlim=(-0.5, 1.6))
    return figure
