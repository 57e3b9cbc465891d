"""Figure 6, nonlinear circuit: the best number of hidden units, where it has learned and where it starts."""

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.raman2019.catalogue import NAME
from plastodyn.papers.raman2019.setups import HIDDEN, INPUTS, Case, late_mean, mean_and_error, random_steps, rule, student
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import bounds
from plastodyn.theory.bounds import Plasticity

_OUTPUTS = 10
_RELEVANT, _IRRELEVANT = 0.04, 1.5
NOISES = {"smoke": (0.03, 0.05), "standard": (0.03, 0.04, 0.05), "full": (0.03, 0.04, 0.05)}
_UNITS = {
    "smoke": (5, 20, 60, 200),
    "standard": (5, 10, 20, 40, 60, 100, 150, 250, 400),
    "full": (5, 10, 20, 40, 60, 100, 150, 250, 400),
}
_NEAR = 20
"""Hidden units from which the logarithm of the error is a parabola in that of the size, about its lowest."""
_EVERY, _PROBES = 10, 64
_LEAST = 0.02
"""By how much an error is to differ from another, in logarithms, that the claim may fail where nothing differs."""
_COLOURS = dict(zip(NOISES["full"], (style.SIMULATION, style.CONTRAST, style.FAR), strict=True))


class _Extent(NamedTuple):
    networks: int
    samples: int
    cycles: int
    draws: int


_EXTENTS = {"smoke": _Extent(6, 60, 1000, 500), "standard": _Extent(8, 200, 2000, 2000), "full": _Extent(12, 1000, 2000, 8000)}


@unswept
def figure_6b(size: str, key: Array) -> Reproduction:
    """Figure 6, nonlinear: 10-h-10 logistic circuits of 5 to 400 hidden units that start at the same function.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 6, 8 or 12 networks, 60, 200 or 1000 inputs, 1000, 2000 or 2000 cycles.
        key: random key.

    Source: figure 6 and the authors' code.
    """
    extent, noises, units = _EXTENTS[size], NOISES[size], _UNITS[size]
    key_networks, key_run, key_steps = jax.random.split(key, 3)
    keys = jax.random.split(key_networks, extent.networks)
    small = [student([INPUTS, HIDDEN, _OUTPUTS], each, extent.samples, "sigmoid") for each in keys]
    weights = (INPUTS + _OUTPUTS) * np.array(units)
    large = [[pd.circuits.enlarged(each, [INPUTS, h, _OUTPUTS]) for each in small] for h in units]
    errors = [_errors(circuits, noises, extent.cycles, key_run) for circuits in large]
    starts = [_start(circuits[0], noises, extent.draws, jax.random.fold_in(key_steps, i)) for i, circuits in enumerate(large)]
    data = xr.Dataset(
        {
            "error": (("size", "noise", "replica"), errors),
            "start_error": ("replica", [float(each.loss_at(each.weights)) for each in small]),
        },
        {"size": weights, "noise": list(noises)},
    )
    names = ("rate", "rate_spread", "rate_theory", "spread_theory", "rate_theory_error")
    for name, column in zip(names, np.moveaxis(np.array(starts), -1, 0), strict=True):
        data[name] = (("size", "noise"), column)
    data.attrs["draws"] = extent.draws
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _case(noise: float) -> Case:
    return Case(Plasticity(_RELEVANT, _IRRELEVANT, noise))


def _errors(circuits: list[StudentTeacher], noises: tuple[float, ...], cycles: int, key: Array) -> np.ndarray:
    """Mean error of the second half of a run, (noise, network)."""
    watch = [pd.observe("loss", every=_EVERY)]
    run = pd.simulate(circuits, rule([_case(noise) for noise in noises]), steps=cycles, key=key, record=watch, progress=False)
    return late_mean(run.loss).transpose("case", "replica").values


def _start(circuit: StudentTeacher, noises: tuple[float, ...], draws: int, key: Array) -> list[list[float]]:
    """K at the start: mean and spread over steps, the same in theory, and the theory's error from its traces."""
    cases = [_case(noise) for noise in noises]
    own = [pd.measure.learning_bounds(circuit, case.plasticity, key=key, samples=_PROBES) for case in cases]
    rates = random_steps(circuit, cases, draws, key)
    theory = [[each.learning_rate, each.learning_rate_spread, each.learning_rate_error] for each in own]
    return [[each.mean(), each.std(ddof=1), *numbers] for each, numbers in zip(rates, theory, strict=True)]


def _log_best(sizes: np.ndarray, log_errors: np.ndarray) -> float:
    """Where the parabola through the logarithms of errors over those of sizes is lowest; NaN if it bends down."""
    near = sizes >= (INPUTS + _OUTPUTS) * _NEAR
    bend, slope, _ = np.polyfit(np.log(sizes[near]), log_errors[near], 2)
    return float(-slope / (2 * bend)) if bend > 0 else np.nan


def best_sizes(data: xr.Dataset) -> dict[float, tuple[float, float]]:
    """Log of the best size at each noise, and its standard error by leaving out one network after the other."""
    found = {}
    for noise in data.noise.values:
        logs = np.log(data.error.sel(noise=noise).transpose("replica", "size").values)
        value, error = pd.measure.jackknife(lambda mean: _log_best(data["size"].values, mean), [logs])
        found[float(noise)] = value, widened(error, len(logs))
    return found


def _drawn(noise: float) -> float:
    return float(bounds.optimal_size(_IRRELEVANT, noise))


def _printed(noise: float) -> float:
    """What the slides print for nonlinear circuits, ``N* = (T gamma2^2 / gamma3^2) gamma1^2 N / (gamma2^2 N*)``, solved."""
    return _RELEVANT / noise * ((INPUTS + _OUTPUTS) * HIDDEN) ** 0.5


def _claims(data: xr.Dataset) -> list[Claim]:
    source, logs = Source(NAME, "fig6b"), np.log(data.error)
    quiet, loud = float(data.noise[0]), float(data.noise[-1])
    middle = logs.sel(size=(INPUTS + _OUTPUTS) * 60)
    falls = logs.isel(size=0) - middle
    rises = logs.isel(size=-1) - middle
    leans = logs.isel(size=-1) - logs.sel(size=(INPUTS + _OUTPUTS) * _NEAR)
    tilt = mean_and_error(leans.sel(noise=loud) - leans.sel(noise=quiet))
    off = (data.rate - data.rate_theory) / data.spread_theory
    known = (1 / data.attrs["draws"] + (data.rate_theory_error / data.spread_theory) ** 2) ** 0.5
    spread = np.log(data.rate_spread / data.spread_theory)
    mean = "k at the start, measured less predicted, in predicted spreads: mean over sizes and γ₃"
    wide = "spread of k at the start, ln over that predicted: mean over sizes and γ₃"
    largest = int(data["size"][-1])
    moves = f"ln of the error at {largest} over that at 400 synapses: γ₃ = {loud:g} less γ₃ = {quiet:g}"
    learns = "ln of the error at 100 over that at 1200 synapses"
    loses = f"γ₃ = {loud:g}: ln of the error at {largest} over that at 1200 synapses"
    each = zip(data.noise.values, falls.transpose("noise", "replica"), strict=True)
    return [
        *(source.at_least(f"γ₃ = {g:g}: {learns}", "figure 6", _LEAST, 0.0, *mean_and_error(one)) for g, one in each),
        source.at_least(loses, "figure 6", _LEAST, 0.0, *mean_and_error(rises.sel(noise=loud))),
        source.at_least(moves, "figure 6", _LEAST, 0.0, *tilt),
        *_size_claims(source, data),
        source.equal(mean, "slides", 0.0, 0.1, off.mean(), float((known**2).sum()) ** 0.5 / off.size),
        source.equal(wide, "this project", 0.0, 0.1, spread.mean(), (2 * data.attrs["draws"] * spread.size) ** -0.5),
    ]


def _size_claims(source: Source, data: xr.Dataset) -> list[Claim]:
    found, claims = best_sizes(data), []
    for noise in (float(data.noise[0]), float(data.noise[-1])):
        value, error = found[noise]
        drawn, printed = np.log(_drawn(noise)), np.log(_printed(noise))
        place = f"γ₃ = {noise:g}: ln of the best size over"
        claims += [
            source.equal(f"{place} T γ₂²/γ₃²: within a factor of 3", "figure 6", 0.0, np.log(3), value - drawn, error),
            source.at_least(
                f"{place} γ₁ √(T N)/γ₃, printed for nonlinear circuits", "slides", 3.0, 0.0, value - printed, error
            ),
        ]
    return claims


def _picture(data: xr.Dataset) -> Figure:
    errors, rates, theory = [], [], {}
    for noise in data.noise.values:
        own, colour = data.sel(noise=noise), _COLOURS[float(noise)]
        spread = own.error.std("replica", ddof=1) / own.sizes["replica"] ** 0.5
        look = {"color": colour, "fmt": "o-", "ms": 4}
        errors.append(Curve(f"γ₃ = {noise:g}", data["size"], own.error.mean("replica"), spread, look))
        measured = own.rate_spread / data.attrs["draws"] ** 0.5
        rates.append(Curve(f"γ₃ = {noise:g}, measured", data["size"], own.rate, measured, {**look, "fmt": "o"}))
        theory[noise] = Curve("_", data["size"], own.rate_theory, look={"color": colour})
    rates += [*theory.values(), Curve("mean learning rate in theory", [], [], look={"color": "0.4"})]
    start = float(data.start_error.mean())
    sizes = [float(data["size"][0]), float(data["size"][-1])]
    errors.append(Curve("at the start", sizes, [start, start], look={"color": "0.6", "ls": ":"}))
    shown = [float(noise) for noise in data.noise.values]
    marks = [Marks("T γ₂²/γ₃², as published", [_drawn(noise) for noise in shown], [_COLOURS[noise] for noise in shown])]
    panels = [
        Panel("after learning", "synapses N", "error $F$, second half of the run", errors, marks, ("log", "log")),
        Panel("at the start", "synapses N", "learning rate k (1 / cycle)", rates, marks, ("log", "linear")),
    ]
    return curve_panels(panels, "Figure 6, nonlinear circuit: 10-h-10, logistic")
