"""Figure 4: an oculomotor integrator that the cerebellum tunes, and that takes over what the cerebellum has learned."""

import jax
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree

import plastodyn as pd
from plastodyn.circuits import Integrator
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024 import integrator_panels as panels
from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.setups import (
    EIGENVALUE,
    ETA_FAST,
    ETA_SLOW,
    INTEGRATOR_DT,
    NEURONS,
    SACCADE_EVERY,
    consolidate,
    eye,
    late_slope,
)
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.types import Reproduction, unswept

_SEEDS = {"smoke": 20, "standard": 20, "full": 100}
_LEARNED_EARLY, _LEARNED = 60.0, 1500.0
"""Seconds after which the cerebellum is inactivated."""
_TUNED = 0.02
_FIXATION = 10.0
_NEVER = 1e6
_MISTUNED = (0.9, 1.0, 1.1)
_MISTUNED_LOOKS = (
    ("leaky: 0.9", 0.9, style.SIMULATION),
    ("tuned: 1", 1.0, style.GREEDY),
    ("unstable: 1.1", 1.1, style.THEORY),
)
_OSCILLATION = 1000.0
_PERIODS = (200.0, 280.0)
_FLOOR = 0.01
"""Gain error beyond which a swing counts as one: 1 % of the strength of feedback."""


def integrators(seeds: int, key: Array) -> list[Integrator]:
    """Integrators of 20 neurons that start with a leading eigenvalue of 1.15, each with saccades of its own."""
    keys = jax.random.split(key, seeds)
    return [pd.circuits.integrator(NEURONS, key=each, eigenvalue=EIGENVALUE, interval=SACCADE_EVERY) for each in keys]


def fixate(circuits: list[Integrator], key: Array) -> xr.DataArray:
    """Eye position while all weights rest and no saccade comes."""
    record = [pd.observe(eye)]
    run = pd.simulate(
        circuits, pd.rules.early(0.0), duration=_FIXATION, dt=INTEGRATOR_DT, solver=pd.solvers.rk4, key=key, record=record
    )
    return run.eye


@unswept
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
    figure = curve_panels([_fine_tuning_panel(relative)], "Figure 4B: fine-tuning", 1)
    return Reproduction(xr.Dataset({"eye": relative}), figure, tuple(_fine_tuning_claims(relative)))


def _fine_tuning_panel(relative: xr.DataArray) -> Panel:
    curves = []
    for label, value, colour in _MISTUNED_LOOKS:
        curves.append(Curve(label, relative.time, relative.sel(eigenvalue=value), look={"color": colour}))
    for index, value in enumerate(_MISTUNED):
        theory = np.exp((value - 1) * relative.time)
        curves.append(Curve("theory" if index == 0 else "_", relative.time, theory, look={"color": "k", "ls": ":"}))
    return Panel("leading eigenvalue", "time after a saccade (s)", "eye position (relative)", curves)


def _fine_tuning_claims(relative: xr.DataArray) -> list[Claim]:
    source, where = Source(NAME, "fig4b"), "figure 4B, (eigenvalue - 1) / tau"
    rates = late_slope(relative.time.values, relative.values)
    # float32 eye positions over 10 s: a slope to about 1e-6; the mode is exact to rounding.
    return [
        source.equal(f"rate of the eye at eigenvalue {value:g} (1/s)", where, value - 1, 1e-4, rate)
        for value, rate in zip(_MISTUNED, rates, strict=True)
    ]


@unswept
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
    drawn = [panels.plane(whole), panels.times(whole), panels.gain_error(whole, (_LEARNED_EARLY,)), panels.fixations(data)]
    figure = curve_panels(drawn, "Figure 4D: fast cerebellum, slow integrator", 2)
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
    learned = data.time >= _LEARNED_EARLY - 1e-3
    tuned = abs(1 - data.feedback - data.eigenvalue).where(learned).max("time").max()
    minute = data.isel(time=int(np.searchsorted(data.time.values, _LEARNED_EARLY - 1e-3)))
    end = data.isel(time=-1)
    unlearned = end.feedback[int(np.argmax(np.abs(end.feedback.values)))]
    off = abs(end.eigenvalue - 1).max()
    # Alone, an integrator with eigenvalue 1 + d moves by exp(10 d) - 1 in 10 s.
    early, late = data.moved.sel(inactivated="early").min(), data.moved.sel(inactivated="late").max()
    drift = "relative drift of the eye in 10 s"
    return [
        source.at_most("gain error from 60 s on, all seeds", "figure 4D; specification", _TUNED, 0.0, tuned),
        source.at_least("leading eigenvalue at 60 s: unstable alone", "figure 4D", 1.05, 0.0, minute.eigenvalue.min()),
        source.at_least(f"cerebellum inactivated at 60 s: {drift}, least of all seeds", "figure 4D", 0.5, 0.0, early),
        source.at_most(f"cerebellum inactivated at 1500 s: {drift}, most of all seeds", "figure 4D", 0.1, 0.0, late),
        source.equal("feedback through the cerebellum at 1500 s, all seeds", "figure 4D", 0.0, 1e-2, unlearned),
        source.at_most("leading eigenvalue at 1500 s: largest distance from 1", "figure 4D", 1e-2, 0.0, off),
    ]


@unswept
def figure_4e(size: str, key: Array) -> Reproduction:
    """Figure 4E: the rates interchanged: eye position alternates between leaky and unstable.

    Args:
        size: ``smoke`` and ``standard``: 20 seeds; ``full``: 100.
        key: random key.

    Source: figure 4E; periods from upward zero crossings of the feedback through the cerebellum over 1000 s.
    """
    run = consolidate(integrators(_SEEDS[size], key), ETA_SLOW, ETA_FAST, _OSCILLATION, key)
    gain_error = 1 - run.feedback - run.eigenvalue
    pairs = zip(run.feedback.values, gain_error.values, strict=True)
    periods = [_crossing_times(run.time.values, course, np.abs(error) > _FLOOR) for course, error in pairs]
    lengths = np.concatenate([np.diff(times) for times in periods])
    data = run[["feedback", "eigenvalue", "eye"]].assign(period=("crossing", lengths, {"units": "s"}))
    drawn = [panels.plane(run), panels.times(run), panels.gain_error(run), _period_panel(lengths, run.sizes["replica"])]
    figure = curve_panels(drawn, "Figure 4E: slow cerebellum, fast integrator", 2)
    return Reproduction(data, figure, tuple(_period_claims(data, lengths)))


def _period_panel(lengths: np.ndarray, seeds: int) -> Panel:
    count, edges = np.histogram(lengths, bins=np.arange(180, 301, 10))
    steps = {"drawstyle": "steps-mid", "color": style.SIMULATION}
    curves = [Curve("simulated", (edges[1:] + edges[:-1]) / 2, count, look=steps)]
    for index, edge in enumerate(_PERIODS):
        label = "published range" if index == 0 else "_"
        curves.append(Curve(label, [edge] * 2, [0, count.max()], look={"color": style.PUBLISHED, "ls": "--"}))
    return Panel(f"periods of {seeds} integrators", "period (s)", "count", curves)


def _crossing_times(time: np.ndarray, course: np.ndarray, swings: np.ndarray) -> np.ndarray:
    """When a course comes up through zero, between its records, up to the last record that still counts as a swing."""
    at = np.flatnonzero((course[:-1] < 0) & (course[1:] >= 0))
    at = at[at < np.flatnonzero(swings).max(initial=-1)]
    return time[at] - course[at] * (time[at + 1] - time[at]) / (course[at + 1] - course[at])


def _period_claims(data: xr.Dataset, lengths: np.ndarray) -> list[Claim]:
    source, where = Source(NAME, "fig4e"), "figure 4E: 200 to 280 s"
    # Without any period there is no quantile, and none of the claims holds.
    low, median, high = np.quantile(lengths, [0.05, 0.5, 0.95]) if len(lengths) else [np.nan] * 3
    (shortest, longest), each = _PERIODS, len(lengths) / data.sizes["replica"]
    gain_error = 1 - data.feedback - data.eigenvalue
    after = gain_error.where(data.time > shortest)
    leaky, unstable = after.max("time").min(), after.min("time").max()
    largest, smallest = "largest gain error after 200 s, least", "smallest gain error after 200 s, largest"
    # The envelope: the largest gain error within one period, early and three periods later.
    first, fourth = (
        abs(gain_error.where((data.time > t) & (data.time <= t + longest))).max("time") for t in (0.0, 3 * shortest)
    )
    rings = "it rings down: largest gain error in the fourth period over that in the first, most of all seeds"
    return [
        source.at_least("periods: 5 % quantile (s)", where, shortest, 0.0, low),
        source.equal("periods: median (s)", where, (shortest + longest) / 2, (longest - shortest) / 2, median),
        source.at_most("periods: 95 % quantile (s)", where, longest, 0.0, high),
        source.at_least(
            f"periods per integrator while the gain error swings beyond {_FLOOR:g}, mean",
            "several oscillations",
            1.5,
            0.0,
            each,
        ),
        source.at_least(f"leaky phases: {largest} of all seeds", "figure 4E, right", 0.02, 0.0, leaky),
        source.at_most(f"unstable phases: {smallest} of all seeds", "figure 4E, left", -0.02, 0.0, unstable),
        source.at_most(rings, "this project: not sustained for ever", 0.5, 0.0, (fourth / first).max()),
    ]
