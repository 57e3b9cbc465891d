"""Figure 4: an oculomotor integrator that the cerebellum tunes, and that takes over what the cerebellum has learned."""

from typing import Any

import jax
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree

import plastodyn as pd
from plastodyn.circuits import Integrator
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.setups import (
    EIGENVALUE,
    ETA_FAST,
    ETA_SLOW,
    INTEGRATOR_DT,
    NAME,
    NEURONS,
    SACCADE_EVERY,
    consolidate,
    eye,
    late_slope,
)
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.registry import Reproduction

_SEEDS = {"smoke": 20, "standard": 20, "full": 100}
_LEARNED_EARLY, _LEARNED = 60.0, 1500.0
"""Seconds after which the cerebellum is inactivated."""
_TUNED = 0.02
_FIXATION = 10.0
_NEVER = 1e6
_MISTUNED = (0.9, 1.0, 1.1)
_OSCILLATION = 1000.0
_PERIODS = (200.0, 280.0)


def integrators(seeds: int, key: Array, **options: Any) -> list[Integrator]:
    """Integrators of 20 neurons that start with a leading eigenvalue of 1.15, each with saccades of its own."""
    build = {"eigenvalue": EIGENVALUE, "interval": SACCADE_EVERY, **options}
    return [pd.circuits.integrator(NEURONS, key=each, **build) for each in jax.random.split(key, seeds)]


def fixate(circuits: list[Integrator], key: Array) -> xr.DataArray:
    """Eye position while all weights rest and no saccade comes."""
    record = [pd.observe(eye)]
    run = pd.simulate(
        circuits, pd.rules.early(0.0), duration=_FIXATION, dt=INTEGRATOR_DT, solver=pd.solvers.rk4, key=key, record=record
    )
    return run.eye


def figure_4b(size: str, key: Array) -> Reproduction:
    """Figure 4B: fine-tuning: eye position after a saccade for recurrent feedback that is a little too weak or too strong.

    Args:
        size: the same at every size.
        key: random key.

    Source: figure 4B; eigenvalues 1 -+ 0.1, tau = 1 s.
    """
    del size
    circuits = [pd.circuits.integrator(NEURONS, key=key, eigenvalue=value, interval=_NEVER) for value in _MISTUNED]
    position = fixate(circuits, key)
    relative = (position / position.isel(time=0)).rename(replica="eigenvalue").assign_coords(eigenvalue=list(_MISTUNED))
    rates = late_slope(relative.time.values, relative.values)
    colours = (style.SIMULATION, style.GREEDY, style.THEORY)
    labels = ("leaky: 0.9", "tuned: 1", "unstable: 1.1")
    curves = [Curve(label, relative.time, relative.sel(eigenvalue=value), look={"color": colour})
              for label, value, colour in zip(labels, _MISTUNED, colours, strict=True)]  # fmt: skip
    curves += [Curve("theory" if i == 0 else "_", relative.time, np.exp((value - 1) * relative.time),
                     look={"color": "k", "ls": ":"}) for i, value in enumerate(_MISTUNED)]  # fmt: skip
    panel = Panel("leading eigenvalue", "time after a saccade (s)", "eye position (relative)", curves)
    source = Source(NAME, "fig4b")
    # float32 eye positions over 10 s: a slope to about 1e-6; the mode is exact to rounding.
    claims = tuple(
        source.equal(
            f"rate of the eye at eigenvalue {value:g} (1/s)", "figure 4B, (eigenvalue - 1) / tau", value - 1, 1e-4, rate
        )
        for value, rate in zip(_MISTUNED, rates, strict=True)
    )
    return Reproduction(xr.Dataset({"eye": relative}), curve_panels([panel], "Figure 4B: fine-tuning", 1), claims)


def figure_4d(size: str, key: Array) -> Reproduction:
    """Figure 4D: the early site learns fast, the late one slowly: tuned within a minute, consolidated within half an hour.

    Args:
        size: ``smoke`` and ``standard``: 20 seeds; ``full``: 100.
        key: random key.

    Source: figure 4D; rates and saccades as chosen in the specification.
    """
    circuits = integrators(_SEEDS[size], key)
    # The same keys give the same course: the shorter run ends on the way of the longer one.
    early = consolidate(circuits, ETA_FAST, ETA_SLOW, _LEARNED_EARLY, key)
    whole = consolidate(circuits, ETA_FAST, ETA_SLOW, _LEARNED, key)
    inactivated = {
        "early": fixate(_inactivated(circuits, early), key),
        "late": fixate(_inactivated(circuits, whole), key),
    }
    names = list(inactivated)
    positions = xr.concat(list(inactivated.values()), xr.Variable("inactivated", names)).rename(time="fixation")
    moved = abs(positions / positions.isel(fixation=0) - 1).isel(fixation=-1)
    data = whole[["feedback", "eigenvalue", "eye"]].assign(fixation_eye=positions, moved=moved)
    figure = curve_panels(
        [_plane(whole, "weights of 20 integrators"), _times(whole), _gain_error(whole, (_LEARNED_EARLY,)), _fixations(data)],
        "Figure 4D: fast cerebellum, slow integrator", 2,
    )  # fmt: skip
    return Reproduction(data, figure, tuple(_learning_claims(data)))


def _inactivated(circuits: list[Integrator], run: xr.Dataset) -> list[Integrator]:
    """The circuits at the end of a run, their cerebellum inactivated, next to an eye position of 1."""
    found = []
    for circuit, weights in zip(circuits, run.weights.values, strict=True):
        at, mode = ravel_pytree(circuit.weights)[1](weights), circuit.mode
        found.append(Integrator(at, mode, mode, circuit.perturbation, 0.0, circuit.saccades, _NEVER, circuit.time_constant))
    return found


def _learning_claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "fig4d")
    gain_error = abs(1 - data.feedback - data.eigenvalue)
    minute = data.isel(time=int(np.searchsorted(data.time.values, _LEARNED_EARLY - 1e-3)))
    tuned = gain_error.where(data.time >= _LEARNED_EARLY - 1e-3).max("time")
    end = data.isel(time=-1)
    # Alone, an integrator with eigenvalue 1 + d moves by exp(10 d) - 1 in 10 s.
    return [
        source.at_most("gain error from 60 s on, all seeds", "figure 4D; specification", _TUNED, 0.0, tuned.max()),
        source.at_least("leading eigenvalue at 60 s: unstable alone", "figure 4D", 1.05, 0.0, minute.eigenvalue.min()),
        source.at_least("cerebellum inactivated at 60 s: relative drift of the eye in 10 s, least of all seeds", "figure 4D",
                        0.5, 0.0, data.moved.sel(inactivated="early").min()),
        source.at_most("cerebellum inactivated at 1500 s: relative drift of the eye in 10 s, most of all seeds", "figure 4D",
                       0.1, 0.0, data.moved.sel(inactivated="late").max()),
        source.equal("feedback through the cerebellum at 1500 s, all seeds", "figure 4D", 0.0, 1e-2,
                     float(end.feedback[np.argmax(np.abs(end.feedback.values))])),
        source.at_most("leading eigenvalue at 1500 s: largest distance from 1", "figure 4D", 1e-2, 0.0,
                       abs(end.eigenvalue - 1).max()),
    ]  # fmt: skip


def figure_4e(size: str, key: Array) -> Reproduction:
    """Figure 4E: the rates interchanged: eye position alternates between leaky and unstable.

    Args:
        size: ``smoke`` and ``standard``: 20 seeds; ``full``: 100.
        key: random key.

    Source: figure 4E; periods from upward zero crossings of the feedback through the cerebellum over 1000 s.
    """
    run = consolidate(integrators(_SEEDS[size], key), ETA_SLOW, ETA_FAST, _OSCILLATION, key)
    periods = [_crossing_times(run.time.values, course) for course in run.feedback.values]
    lengths = np.concatenate([np.diff(times) for times in periods])
    data = run[["feedback", "eigenvalue", "eye"]].assign(period=("crossing", lengths, {"units": "s"}))
    share, edges = np.histogram(lengths, bins=np.arange(180, 301, 10))
    dashed = {"color": style.PUBLISHED, "ls": "--"}
    histogram = Panel(
        f"periods of {len(periods)} integrators", "period (s)", "count",
        [Curve("simulated", (edges[1:] + edges[:-1]) / 2, share, look={"drawstyle": "steps-mid", "color": style.SIMULATION}),
         *(Curve("published range" if i == 0 else "_", [edge] * 2, [0, share.max()], look=dashed)
           for i, edge in enumerate(_PERIODS))],
    )  # fmt: skip
    figure = curve_panels(
        [_plane(run, "weights of 20 integrators"), _times(run), _gain_error(run, ()), histogram],
        "Figure 4E: slow cerebellum, fast integrator", 2,
    )  # fmt: skip
    return Reproduction(data, figure, tuple(_period_claims(data, lengths)))


def _crossing_times(time: np.ndarray, course: np.ndarray) -> np.ndarray:
    """When a course comes up through zero, between its records."""
    at = np.flatnonzero((course[:-1] < 0) & (course[1:] >= 0))
    return time[at] - course[at] * (time[at + 1] - time[at]) / (course[at + 1] - course[at])


def _period_claims(data: xr.Dataset, lengths: np.ndarray) -> list[Claim]:
    source = Source(NAME, "fig4e")
    gain_error = (1 - data.feedback - data.eigenvalue).where(data.time > _PERIODS[0])
    low, median, high = np.quantile(lengths, [0.05, 0.5, 0.95])
    where = "figure 4E: 200 to 280 s"
    return [
        source.at_least("periods: 5 % quantile (s)", where, _PERIODS[0], 0.0, low),
        source.equal("periods: median (s)", where, sum(_PERIODS) / 2, np.diff(_PERIODS)[0] / 2, median),
        source.at_most("periods: 95 % quantile (s)", where, _PERIODS[1], 0.0, high),
        source.at_least("periods per integrator in 1000 s, mean", "sustained oscillation", 3.0, 0.0,
                        len(lengths) / data.sizes["replica"]),
        source.at_least("leaky phases: largest gain error after 200 s, least of all seeds", "figure 4E, right", 0.02, 0.0,
                        gain_error.max("time").min()),
        source.at_most("unstable phases: smallest gain error after 200 s, largest of all seeds", "figure 4E, left", -0.02, 0.0,
                       gain_error.min("time").max()),
    ]  # fmt: skip


def _plane(run: xr.Dataset, title: str) -> Panel:
    paths = [Curve("seeds" if i == 0 else "_", run.feedback[i], run.eigenvalue[i], look={"lw": 0.7, "color": style.SIMULATION})
             for i in range(min(20, run.sizes["replica"]))]  # fmt: skip
    ends = [float(run.feedback.min()), float(run.feedback.max())]
    tuned = Curve("tuned: they add up to 1", ends, [1 - x for x in ends], look={"color": style.THEORY, "ls": "--"})
    return Panel(title, r"feedback through the cerebellum $w_{PC}\cdot v$", r"leading eigenvalue of $\Omega$", [*paths, tuned])


def _times(run: xr.Dataset) -> Panel:
    curves = [
        Curve("feedback through the cerebellum", run.time, run.feedback[0], look={"color": style.CONTRAST}),
        Curve("leading eigenvalue", run.time, run.eigenvalue[0], look={"color": style.SIMULATION}),
    ]
    return Panel("one integrator", "time (s)", "strength", curves)


def _gain_error(run: xr.Dataset, inactivations: tuple[float, ...]) -> Panel:
    error = 1 - run.feedback - run.eigenvalue
    curves = [Curve("seeds" if i == 0 else "_", run.time, error[i], look={"lw": 0.7, "color": style.SIMULATION})
              for i in range(min(20, run.sizes["replica"]))]  # fmt: skip
    lines = [Curve(f"{at:g} s", [at] * 2, [float(error.min()), float(error.max())], look={"color": "0.4", "ls": "--"})
             for at in inactivations]  # fmt: skip
    return Panel("above 0 leaky, below 0 unstable", "time (s)", "gain error", [*curves, *lines])


def _fixations(data: xr.Dataset) -> Panel:
    curves = []
    for name, label, colour in (("early", "at 60 s", style.THEORY), ("late", "at 1500 s", style.GREEDY)):
        eyes = data.fixation_eye.sel(inactivated=name)
        relative, thin = eyes / eyes.isel(fixation=0), {"lw": 0.7, "color": colour}
        curves += [Curve(f"inactivated {label}" if i == 0 else "_", data.fixation, relative[i], look=thin)
                   for i in range(min(20, data.sizes["replica"]))]  # fmt: skip
    return Panel("cerebellum inactivated", "time of fixation (s)", "eye position (relative)", curves)
