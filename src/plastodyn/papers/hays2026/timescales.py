"""Figure 2: phases that lock, weights that follow slowly, and the gate between them."""

import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import (
    CENTRE,
    RATE,
    SLOPE,
    STEP,
    drawn,
    mean_and_error,
    mean_change,
    mean_speed,
    median_and_error,
    off_diagonal,
    plasticity,
    run,
    share_and_error,
)
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import kuramoto

_UNITS, _COUPLING, _STEPS, _SPREAD = 50, 2.0, 1000, 0.8
_SEEDS = {"smoke": 30, "standard": 200, "full": 1000}
_LATE, _RUNNING = 200, 25
_GUARD, _SPAN, _LEAST_BEFORE = 20, 100, 40
"""Steps left out beside the crossing, counted behind it, and needed before it."""


@unswept
def figure_2(size: str, key: Array) -> Reproduction:
    """Figure 2: 50 oscillators, K = 2, 1000 steps: speed of the phases, change of the weights, and coherence.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 30, 200 or 1000 circuits.
        key: random key.

    Source: figure 2; the frequencies, normal with standard deviation 0.8, are this project's choice.
    """
    law = pd.circuits.frequencies.gaussian(_SPREAD)
    circuits = drawn(law, np.zeros(_UNITS), _COUPLING, _SEEDS[size], key)
    data = run(circuits, plasticity(), _STEPS, key, ["coherence", mean_speed, mean_change])
    data = data[["coherence", "mean_speed", "mean_change", "weights"]]
    limit = float(kuramoto.order_parameter(_COUPLING, law.density))
    shaped = off_diagonal(data.weights.transpose("replica", "weight").values, _UNITS)
    data["mean_weight"] = ("replica", np.nanmean(shaped, (1, 2)))
    return Reproduction(data.drop_vars("weights"), _picture(data, limit), tuple(_claims(data, limit)))


def _crossings(data: xr.Dataset) -> np.ndarray:
    """The first step at which the coherence exceeds the gate's centre; the number of steps where it never does."""
    above = data.coherence.transpose("replica", "time").values > CENTRE
    return np.where(above.any(1), above.argmax(1), above.shape[1])


def _claims(data: xr.Dataset, limit: float) -> list[Claim]:
    source, crossed = Source(NAME, "fig2"), _crossings(data)
    share, share_error = share_and_error(crossed <= _STEPS)
    late, late_error = mean_and_error(data.coherence.isel(time=slice(-_LATE, None)).mean("time"))
    jump, jump_error = median_and_error(np.log10(_changes_at_gate(data, crossed)))
    slower, slower_error = median_and_error(_rise(data.mean_change.cumsum("time")) / _rise(data.coherence))
    crosses = "share of circuits whose coherence crosses the gate's centre"
    jumps = "log10 of the change of weights behind the crossing over that before"
    rises = "rise time of the weights over that of the coherence, median"
    weights = "mean weight at the end, against its own equation driven by r: largest difference"
    finite = "mean coherence of the last 200 steps, against infinitely many oscillators"
    return [
        source.at_least(crosses, "figure 2", 0.99, 0.0, share, share_error),
        source.equal(finite, "Kuramoto's self-consistency", limit, 0.02, late, late_error),
        source.at_least(jumps, "figure 2", 2.0, 0.0, jump, jump_error),
        source.at_least(rises, "figure 2", 5.0, 0.0, slower, slower_error),
        source.at_most(weights, "sum over pairs", 1e-3, 0.0, float(abs(data.mean_weight - _expected_weight(data)).max())),
    ]


def _expected_weight(data: xr.Dataset) -> xr.DataArray:
    """The mean of cos over pairs is ``(N r^2 - 1) / (N - 1)``, so that the mean weight obeys an equation of its own."""
    r = data.coherence.transpose("time", "replica").values.astype(float)[:-1]
    opening, pairs = 1 / (1 + np.exp(-SLOPE * (r - CENTRE))), (_UNITS * r**2 - 1) / (_UNITS - 1)
    mean = np.zeros(r.shape[1])
    for grown in opening * pairs:
        mean += STEP * RATE * (grown - mean)
    return xr.DataArray(mean, dims="replica")


def _changes_at_gate(data: xr.Dataset, crossed: np.ndarray) -> np.ndarray:
    """Mean |dW| in the hundred steps behind a crossing over that before it, where there are enough steps before."""
    change, found = data.mean_change.transpose("replica", "time").values, []
    for one, at in zip(change, crossed, strict=True):
        if _LEAST_BEFORE < at <= _STEPS - _GUARD - _SPAN:
            found.append(one[at + _GUARD : at + _GUARD + _SPAN].mean() / one[: at - _GUARD].mean())
    return np.array(found)


def _rise(course: xr.DataArray) -> np.ndarray:
    """Steps until 63 % of the way from the first value to the mean of the last 200."""
    values = course.transpose("replica", "time").values
    start, end = values[:, :1], values[:, -_LATE:].mean(1, keepdims=True)
    return np.maximum(1, (values >= start + (1 - np.exp(-1)) * (end - start)).argmax(1))


def _picture(data: xr.Dataset, limit: float) -> Figure:
    first = data.isel(replica=0).rolling(time=_RUNNING, min_periods=1).mean()
    gate = Marks("coherence crosses 0.5", [float(_crossings(data)[0] * STEP)], ["0.35"])
    r, ends = data.coherence.isel(replica=0), [0, float(data.time[-1])]
    theory = Curve("infinitely many oscillators", ends, [limit, limit], look={"color": style.THEORY, "linestyle": "--"})
    mean = Curve("mean over circuits", r.time, data.coherence.mean("replica"), look={"color": style.SIMULATION})
    speed = Curve("speed of phases", first.time, first.mean_speed, look={"color": style.CONTRAST})
    change = Curve("change of weights", first.time, first.mean_change, look={"color": style.SIMULATION})
    panels = [
        Panel("fast: phases", "time (model units, coupling K = 2)", r"mean $|d\theta/dt|$ (rad / time)", [speed], [gate]),
        Panel(
            "slow: weights",
            "time (model units, coupling K = 2)",
            r"mean $|\Delta W|$ per step",
            [change],
            [gate],
            ("linear", "log"),
        ),
        Panel(
            "what the gate reads",
            "time (model units, coupling K = 2)",
            "coherence r",
            [Curve("one circuit", r.time, r, look={"color": "0.7"}), mean, theory],
            [gate],
        ),
    ]
    return curve_panels(panels, "Figure 2: phases lock, weights follow", 3)
