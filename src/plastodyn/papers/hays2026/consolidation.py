"""Beyond the paper: a memory at two sites that learns late only while two rhythms are in step."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import kuramoto, pulsed

_PERIODS = (2.0, 4.0, 10.0, 20.0, 40.0, 80.0)
"""Of a slip, in units of one over the early learning rate."""
_PULL, _SLOPE, _CENTRE = 0.5, 20.0, 0.8
"""Coupling over the difference of frequencies; the gate's slope and centre."""
_MEANS = (0.1, 1.0)
"""Mean late learning rates, over the early one."""
_FLUCTUATION, _STEP, _PIECES, _EVERY = 0.05, 0.02, 256, 10
_REPLICAS = {"smoke": 64, "standard": 256, "full": 2048}
_SETTLING, _MEASURED = 80.0, 320.0
"""Units of time; both whole numbers of every period."""
_TOLERANCE = 0.15
"""Of the logarithm of a late error: three errors of the smoke size's 64 replicas, and 2 % that a step of 0.02 may be off."""
_COURSE = 20.0
"""Period whose course is drawn."""
LATE: tuple[str, ...] = ("at a constant rate", "while in step")
FLUCTUATIONS: tuple[str, ...] = ("at all times", "while out of step")


_COLOURS: dict[str, str] = dict(zip(LATE, ("0.45", style.SIMULATION), strict=True))
_FINE = np.geomspace(_PERIODS[0], _PERIODS[-1], 40)
_SLIPS = "time of a slip (1 / early learning rate)"


@unswept
def figure_paced(size: str, key: Array) -> Reproduction:
    """Late learning at a constant rate, or only while two rhythms are in step, at one mean rate: how fast, and how safe?

    Args:
        size: ``smoke``, ``standard`` or ``full``: 64, 256 or 2048 replicas of each circuit with fluctuations.
        key: random key.

    Source: this project; the memory is that of Alemi, Aksay and Goldman, the gate that of figure 2.
    """
    errors = [[[_errors(T, late, when, size, key) for T in _PERIODS] for when in FLUCTUATIONS] for late in LATE]
    course = _course()
    rates = [[[_rate(T, mean, late) for T in _PERIODS] for late in LATE] for mean in _MEANS]
    data = xr.Dataset(
        {
            "rate": (("mean_rate", "late", "period"), rates),
            "error": (("late", "fluctuations", "period", "replica"), np.array(errors)),
            "coherence": ("time", course.coherence.values[0]),
            "late_weight": ("time", course.sites.values[0, :, 1]),
        },
        {"mean_rate": list(_MEANS), "late": list(LATE), "fluctuations": list(FLUCTUATIONS), "period": list(_PERIODS)},
    ).assign_coords(time=course.time)
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _circuit(period: float, weights: Sequence[float] = (0.0, 1.0)) -> pd.circuits.WithRhythm:
    """A memory that is to be forgotten, so that small numbers keep their digits, beside two oscillators that slip."""
    difference = 2 * np.pi / period / (1 - _PULL**2) ** 0.5
    pair = pd.circuits.kuramoto([difference / 2, -difference / 2], _PULL * difference, phases=[0.0, 0.0])
    return pd.circuits.with_rhythm(pd.circuits.tracking(weights, target=0.0), pair)


def opening(period: float) -> np.ndarray:
    """How far the gate is open over a slip, by Adler's equation.

    >>> [round(float(opening(period).mean()), 3) for period in (2.0, 80.0)]
    [0.387, 0.387]
    """
    difference = 2 * np.pi / period / (1 - _PULL**2) ** 0.5
    time = period * (np.arange(_PIECES) + 0.5) / _PIECES
    coherence = np.abs(np.cos(kuramoto.phase_difference(time, _PULL * difference, difference) / 2))
    return 1 / (1 + np.exp(-_SLOPE * (coherence - _CENTRE)))


def _theory(period: float, mean: float, late: str, when: str) -> tuple[np.ndarray, np.ndarray]:
    """Late rate and size of the fluctuations over a period."""
    open_ = opening(period)
    rate = mean * (open_ / open_.mean() if late == "while in step" else np.ones(_PIECES))
    return rate, _FLUCTUATION * ((1 - open_) if when == "while out of step" else np.ones(_PIECES))


def _run(circuit: Any, period: float, mean: float, late: str, fluctuations: pd.rules.Rule | None, **options: Any) -> xr.Dataset:
    learning, early = pd.rules.late(mean), pd.rules.early(1.0)
    if late == "while in step":
        learning = pd.rules.gated(pd.rules.late(mean / float(opening(period).mean())), pd.rules.coherence_gate(_SLOPE, _CENTRE))
    rule = early + learning if fluctuations is None else early + learning + fluctuations
    return pd.simulate(circuit, rule, dt=_STEP, solver=pd.solvers.rk4, progress=False, **options)


def _sites(moment: pd.rules.Moment) -> Array:
    """The weight of each site."""
    return jnp.asarray(moment.weights)


def _course() -> xr.Dataset:
    """Coherence and weights over four slips of one circuit."""
    record = ["coherence", pd.observe(_sites, name="sites")]
    return _run(
        _circuit(_COURSE), _COURSE, _MEANS[0], "while in step", None, key=jax.random.key(0), duration=4 * _COURSE, record=record
    )


def _rate(period: float, mean: float, late: str) -> float:
    """Rate of convergence in the long run, from what one slip makes of each site's weight."""
    starts = [_circuit(period, weights) for weights in ([1.0, 0.0], [0.0, 1.0])]
    over = _run(starts, period, mean, late, None, key=jax.random.key(0), duration=period, record=["coherence"])
    return -float(np.log(np.abs(np.linalg.eigvals(over.weights.values.astype(float))).max())) / period


def _errors(period: float, late: str, when: str, size: str, key: Array) -> np.ndarray:
    """Mean square of the late weight of each replica, all of it error, with fluctuations of the early one."""
    each = pd.fluctuations.confined(pd.fluctuations.wiener(_FLUCTUATION), np.eye(2, dtype=np.float32)[0])
    if when == "while out of step":
        each = pd.rules.gated(each, pd.rules.coherence_gate(-_SLOPE, _CENTRE))
    watch = pd.observe(_sites, every=_EVERY, start=round(_SETTLING / _STEP), name="sites")
    options = {"duration": _SETTLING + _MEASURED, "replicas": _REPLICAS[size], "record": [watch]}
    return (_run(_circuit(period), period, _MEANS[0], late, each, key=key, **options).sites.values[..., 1] ** 2).mean(1)


def _claims(data: xr.Dataset) -> list[Claim]:
    source, expected = Source(NAME, "beyond4"), [[[_floquet(T, m, late) for T in _PERIODS] for late in LATE] for m in _MEANS]
    off = float(np.abs(data.rate - np.array(expected)).max())
    ratio = data.rate.sel(late=LATE[1]) / data.rate.sel(late=LATE[0])
    slow, fast = float(ratio.sel(mean_rate=_MEANS[0], period=40)), float(ratio.sel(mean_rate=_MEANS[1], period=4))
    furthest = "rates of convergence, largest difference from Floquet's"
    faster = "slow learning is faster in step, slips of 40: rate over that at a constant one"
    resonates = "fast learning resonates with the rhythm, slips of 4: rate over that at a constant one"
    claims = [
        source.at_most(furthest, "Floquet exponents", 0.0005, 0.0, off),
        source.at_least(faster, "this project", 1.2, 0.0, slow),
        source.at_most(resonates, "this project", 0.3, 0.0, fast),
    ]
    for when in FLUCTUATIONS:
        claims += [_against_theory(source, data, late, when) for late in LATE]
    for when, least, claim in zip(FLUCTUATIONS, (0.5, -1.0), (source.at_least, source.at_most), strict=True):
        one = np.log(data.error.sel(fluctuations=when, period=_COURSE).mean("replica"))
        more = float(one.sel(late=LATE[1]) - one.sel(late=LATE[0]))
        error = float(np.hypot(*(_relative_error(data, late, when)[_PERIODS.index(_COURSE)] for late in LATE)))
        name = f"fluctuations {when}, slips of {_COURSE:g}: ln of the late error in step over that at a constant rate"
        claims.append(claim(name, "this project", least, 0.0, more, error))
    return claims


def _against_theory(source: Source, data: xr.Dataset, late: str, when: str) -> Claim:
    """The late error where it is furthest from theory, in its own standard errors."""
    found = data.error.sel(late=late, fluctuations=when).mean("replica").values
    off = np.log(found / _errors_in_theory(_PERIODS, late, when))
    worst = int(np.argmax(np.abs(off)))
    name = f"late error, fluctuations {when}, learning {late}: ln over theory, where furthest, slips of {_PERIODS[worst]:g}"
    error = _relative_error(data, late, when)[worst]
    return source.equal(name, "periodic Lyapunov equation", 0.0, _TOLERANCE, off[worst], error)


def _relative_error(data: xr.Dataset, late: str, when: str) -> np.ndarray:
    """Standard errors of the late errors over their means, at each period."""
    own, count = data.error.sel(late=late, fluctuations=when), data.sizes["replica"]
    return own.std("replica", ddof=1).values / own.mean("replica").values * widened(count**-0.5, count)


def _errors_in_theory(periods: Iterable[float], late: str, when: str) -> np.ndarray:
    return np.array([pulsed.stationary_error(*_theory(T, _MEANS[0], late, when), T)[1] for T in periods])


def _floquet(period: float, mean: float, late: str) -> float:
    return pulsed.convergence_rate(_theory(period, mean, late, FLUCTUATIONS[0])[0], period)


def _picture(data: xr.Dataset) -> Figure:
    r = Curve("coherence of the rhythms", data.time, data.coherence, look={"color": style.CONTRAST})
    memory = Curve("late weight, to be forgotten", data.time, data.late_weight, look={"color": style.SIMULATION})
    panels = [Panel("late learning while in step", "time (1 / early learning rate)", "coherence; weight", [r, memory])]
    for mean in _MEANS:
        curves = [curve for late in LATE for curve in _rate_curves(data, mean, late)]
        title = f"how fast: mean late rate {mean:g}"
        panels.append(Panel(title, _SLIPS, "rate of convergence (early rate)", curves, scales=("log", "linear")))
    curves = [curve for when in FLUCTUATIONS for late in LATE for curve in _error_curves(data, late, when)]
    title = "how safe: early site fluctuates"
    panels.append(Panel(title, _SLIPS, "late error (squared weight)", curves, scales=("log", "log")))
    return curve_panels(panels, "Consolidation gated by synchrony: points simulated, lines theory")


def _rate_curves(data: xr.Dataset, mean: float, late: str) -> list[Curve]:
    fine = np.geomspace(_PERIODS[0], _PERIODS[-1], 250)
    theory, found = [_floquet(T, mean, late) for T in fine], data.rate.sel(mean_rate=mean, late=late)
    colour = _COLOURS[late]
    return [Curve(late, fine, theory, look={"color": colour}), Curve("_", _PERIODS, found, look=style.points(colour))]


def _error_curves(data: xr.Dataset, late: str, when: str) -> list[Curve]:
    found = data.error.sel(late=late, fluctuations=when).mean("replica").values
    line = {"color": _COLOURS[late], "ls": "-" if when == FLUCTUATIONS[0] else "--"}
    return [
        Curve(f"{late}; noise {when}", _FINE, _errors_in_theory(_FINE, late, when), look=line),
        Curve("_", _PERIODS, found, found * _relative_error(data, late, when), {"color": _COLOURS[late], "fmt": "o", "ms": 4}),
    ]
