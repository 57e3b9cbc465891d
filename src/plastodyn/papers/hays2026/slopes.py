"""Beyond the paper: synaptic fluctuations on the Hebbian weights, and how steep the gate should be against them."""

import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import CENTRE, DRIFTERS, LOCKED, RATE, STEP, five_and_three, off_diagonal, run
from plastodyn.papers.types import Reproduction, unswept

_UNITS, _STEPS = LOCKED + len(DRIFTERS), 4000
_NO_GATE = -1.0
"""Stands for growth without a gate among the slopes; a slope of 0 is a gate that is always half open."""
_SLOPES = (0.0, 1.0, 2.0, 4.0, 8.0, 20.0, 60.0)
_FLUCTUATIONS = (0.0, 0.05, 0.3)
"""Norm of the fluctuations per square root of the unit of time, over all 64 weights."""
_SEEDS = {"smoke": 20, "standard": 100, "full": 400}


@unswept
def figure_slopes(size: str, key: Array) -> Reproduction:
    """How well weights tell the cluster of figure 3 from the rest, against the slope of the gate, under white fluctuations.

    ``d' = (mean within - mean elsewhere) / sqrt((var within + var elsewhere) / 2)``, over the pairs of all circuits.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 20, 100 or 400 circuits of 4000 steps.
        key: random key.

    Source: this project.
    """
    circuits, slope = five_and_three(_SEEDS[size], key), pd.axis("slope", _SLOPES)
    hebb, weights = pd.rules.phase_hebbian(1.0), []
    for fluctuation in _FLUCTUATIONS:
        kinds = []
        for growth in (pd.rules.gated(hebb, pd.rules.coherence_gate(slope, CENTRE)), hebb):
            rule = RATE * (growth + pd.rules.decay(1.0)) + pd.fluctuations.white(fluctuation)
            found = run(circuits, rule, _STEPS, key, []).weights
            kinds.append(found if "slope" in found.dims else found.expand_dims(slope=[_NO_GATE]))
        weights.append(xr.concat(kinds, "slope").transpose("slope", "replica", "weight"))
    all_ = xr.concat(weights, xr.IndexVariable("fluctuation", list(_FLUCTUATIONS)))
    within, elsewhere = _pairs(np.asarray(all_))
    data = xr.Dataset(
        {
            name: (("fluctuation", "slope", "replica", name + "_pair"), part)
            for name, part in (("within", within), ("elsewhere", elsewhere))
        },
        {"fluctuation": list(_FLUCTUATIONS), "slope": [*_SLOPES, _NO_GATE]},
    )
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _pairs(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the pairs within the cluster and of the others, shapes (..., replica, pairs)."""
    shaped = off_diagonal(weights, _UNITS).reshape(*weights.shape[:-1], _UNITS, _UNITS)
    inside = np.zeros((_UNITS, _UNITS), bool)
    inside[:LOCKED, :LOCKED] = True
    apart = ~np.eye(_UNITS, dtype=bool)
    return shaped[..., inside & apart], shaped[..., ~inside & apart]


def _separation(within: np.ndarray, elsewhere: np.ndarray, added: float = 0.0) -> float:
    """d', with a variance added to that of both."""
    return float(np.exp(_log_separation(*_moments(within, elsewhere), added=added)))


def _moments(within: np.ndarray, elsewhere: np.ndarray) -> list[np.ndarray]:
    return [within, within**2, elsewhere, elsewhere**2]


def _log_separation(*means: np.ndarray, added: float = 0.0) -> float:
    """The logarithm of d' from the means of weights and of their squares, within the cluster and elsewhere, at each pair."""
    inside, inside_square, outside, outside_square = (mean.mean() for mean in means)
    variance = (inside_square - inside**2 + outside_square - outside**2) / 2 + added
    return float(np.log((inside - outside) / variance**0.5))


def _compared(data: xr.Dataset, fluctuation: float, slope: float, other: float | None = None) -> tuple[float, float]:
    """The logarithm of d' at a slope, over that at another where one is given; its error by jackknife over circuits."""
    parts = []
    for one in (slope, other)[: 1 if other is None else 2]:
        at = data.sel(fluctuation=fluctuation, slope=one)
        parts += _moments(np.asarray(at.within, float), np.asarray(at.elsewhere, float))

    def statistic(*means: np.ndarray) -> float:
        return _log_separation(*means[:4]) - (_log_separation(*means[4:]) if other is not None else 0.0)

    value, error = pd.measure.jackknife(statistic, parts)
    return value, widened(error, data.sizes["replica"])


def stationary_variance(fluctuation: float) -> float:
    """Variance that white fluctuations add to a decaying weight by the end of a run: ``s^2 (1 - exp(-2 eps T)) / (2 eps)``.

    >>> round(stationary_variance(0.3), 5)
    0.03514
    """
    return fluctuation**2 / _UNITS**2 / (2 * RATE) * -float(np.expm1(-2 * RATE * STEP * _STEPS))


def _claims(data: xr.Dataset) -> list[Claim]:
    source, claims = Source(NAME, "beyond3"), []
    steep, flat = 20.0, 0.0
    quiet, strong = _FLUCTUATIONS[0], _FLUCTUATIONS[-1]
    best = max(_SLOPES, key=lambda one: _compared(data, strong, one)[0])
    for fluctuation, other in ((quiet, flat), (strong, best)):
        name = f"fluctuations of {fluctuation:g}: no gate over the best one, slope {other:g}: ln of d' over d'"
        claims.append(source.at_least(name, "this project", -0.05, 0.0, *_compared(data, fluctuation, _NO_GATE, other)))
    name = "without fluctuations a gate of slope 0 separates better than the paper's of 20: ln of d' over d'"
    claims.append(source.at_least(name, "this project", 0.7, 0.0, *_compared(data, quiet, flat, steep)))
    name = f"with fluctuations of {strong:g} the paper's slope separates better: ln of d' over d'"
    claims.append(source.at_least(name, "this project", 0.1, 0.0, *_compared(data, strong, steep, flat)))
    one = data.sel(fluctuation=quiet)
    for fluctuation in _FLUCTUATIONS[1:]:
        for slope in (flat, steep, _NO_GATE):
            parts = one.sel(slope=slope).within.values, one.sel(slope=slope).elsewhere.values
            expected = np.log(_separation(*parts, added=stationary_variance(fluctuation)))
            gate = f"slope {slope:g}" if slope >= 0 else "no gate"
            name = f"{gate}, fluctuations of {fluctuation:g}: ln d', against weights without them and their variance"
            claims.append(source.equal(name, "theory", expected, 0.1, *_compared(data, fluctuation, slope)))
    return claims


def _picture(data: xr.Dataset) -> Figure:
    colours, curves, means = ("0.5", style.CONTRAST, style.SIMULATION), [], []
    places = [max(slope, 0.5) for slope in _SLOPES]
    quiet = data.sel(fluctuation=_FLUCTUATIONS[0])
    for fluctuation, colour in zip(_FLUCTUATIONS, colours, strict=True):
        one = data.sel(fluctuation=fluctuation)
        found = [_separation(one.within.sel(slope=s).values, one.elsewhere.sel(slope=s).values) for s in _SLOPES]
        curves.append(Curve(f"simulation, fluctuations {fluctuation:g}", places, found, look=style.points(colour)))
        free = _separation(one.within.sel(slope=_NO_GATE).values, one.elsewhere.sel(slope=_NO_GATE).values)
        ends, label = [places[0], places[-1]], "_" if fluctuation else "without a gate"
        curves.append(Curve(label, ends, [free, free], look={"color": colour, "ls": ":"}))
        added = stationary_variance(fluctuation)
        theory = [_separation(quiet.within.sel(slope=s).values, quiet.elsewhere.sel(slope=s).values, added) for s in _SLOPES]
        curves.append(
            Curve("_" if fluctuation else "weights without, and the variance", places, theory, look={"color": colour})
        )
    for name, colour in (("within", style.SIMULATION), ("elsewhere", style.CONTRAST)):
        mean = quiet[name].sel(slope=list(_SLOPES)).mean(["replica", f"{name}_pair"])
        means.append(Curve(name, places, mean, look={"color": colour, "marker": "o", "ms": 4}))
    x = "slope of the gate (0 at the left end)"
    panels = [
        Panel("what the gate lets through, without fluctuations", x, "mean weight", means, scales=("log", "linear")),
        Panel("telling the cluster from the rest", x, "separation d'", curves, scales=("log", "log")),
    ]
    return curve_panels(panels, "How steep a gate? It depends on the fluctuations")
