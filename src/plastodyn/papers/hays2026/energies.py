"""Figure 4: the energy that the paper states, and those that only fall."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import (
    CENTRE,
    SLOPE,
    mean_and_error,
    plasticity,
    run,
    share_and_error,
)
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import kuramoto

_UNITS, _COUPLING, _STEPS = 20, 2.0, 600
_RATE, _GAIN, _STRONG = 0.1, 0.1, 1.0
_NORMS = (2.0, 10.0)
_SHOWN = 8
_SEEDS = {"smoke": 40, "standard": 400, "full": 2000}
_ROUNDING = 1e-10
"""By which an energy of some tens may rise from step to step in double precision."""


@unswept
def figure_4(size: str, key: Array) -> Reproduction:
    """Figure 4: 20 oscillators of one frequency, 600 steps from random phases and weights: V, and the energy L that only falls.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 40, 400 or 2000 circuits; eight are drawn.
        key: random key.

    Source: figure 4; K = 2, eps = 0.1, eta = 0.1 and the initial weights are this project's choice.
    """
    with jax.enable_x64(True):
        circuits = [_circuit(each) for each in jax.random.split(key, _SEEDS[size])]
        weak = run(circuits, plasticity(_RATE, _GAIN), _STEPS, key, ["coherence", weight_norm, spread, to_target])
        strong = run(circuits, plasticity(_RATE, _STRONG), _STEPS, key, ["coherence", weight_norm, to_strong_target])
    data = weak[["coherence", "weight_norm", "spread", "to_target"]].transpose("replica", "time")
    share = 0.5 * kuramoto.largest_weight_share(_UNITS, _GAIN, 1.0, _RATE, SLOPE)
    phases = -0.5 * _COUPLING * _UNITS * data.coherence**2
    data = data.assign(
        coupling_energy=phases,
        stated=phases + 0.5 * data.weight_norm**2,
        composite=phases + 0.5 * share * data.to_target**2,
        loose=-0.5 * _COUPLING * _UNITS * strong.coherence**2 + 0.5 * strong.to_strong_target**2,
        strong=-0.5 * _COUPLING * _UNITS * strong.coherence**2 + 0.5 * strong.weight_norm**2,
    )
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _circuit(key: Array) -> pd.circuits.AbstractCircuit:
    """All frequencies 0; symmetric normal weights of a norm between 2 and 10."""
    placed, drawn, sized = jax.random.split(key, 3)
    raw = jax.random.normal(drawn, (_UNITS, _UNITS), "float64")
    raw = jnp.triu(raw, 1)
    raw = raw + raw.T
    norm = jax.random.uniform(sized, minval=_NORMS[0], maxval=_NORMS[1])
    return pd.circuits.kuramoto(
        jnp.zeros(_UNITS), _COUPLING, key=placed, weights=norm * raw / jnp.linalg.norm(raw), dtype="float64"
    )


def weight_norm(moment: pd.rules.Moment) -> Array:
    """|W|."""
    return jnp.linalg.norm(moment.weights)


def spread(moment: pd.rules.Moment) -> Array:
    """Mean distance of the phases from the mean one, radians."""
    z = jnp.exp(1j * moment.activity)
    return jnp.abs(jnp.angle(z * jnp.conj(z.mean()))).mean()


def to_target(moment: pd.rules.Moment) -> Array:
    """|W - W*|."""
    return _to_target(moment, _GAIN)


def to_strong_target(moment: pd.rules.Moment) -> Array:
    """The same with eta = 1."""
    return _to_target(moment, _STRONG)


def _to_target(moment: pd.rules.Moment, gain: float) -> Array:
    opening = jax.nn.sigmoid(SLOPE * (moment.signal("coherence") - CENTRE))
    return jnp.linalg.norm(moment.weights - gain * opening * moment.signal("alignment"))


def _claims(data: xr.Dataset) -> list[Claim]:
    source, project = Source(NAME, "fig4"), "this project"
    falls = lambda energy: share_and_error((energy.diff("time").max("time") <= _ROUNDING).values)  # noqa: E731
    ends = int((data.stated.isel(time=-1) >= data.stated.isel(time=0)).sum())
    rises = lambda energy: int((energy.diff("time").max("time") > _ROUNDING).sum())  # noqa: E731
    strong = share_and_error((data.strong.isel(time=-1) < data.strong.isel(time=0)).values)
    last, last_error = mean_and_error(data.stated.isel(time=-1))
    opening = 1 / (1 + np.exp(-SLOPE * (1 - CENTRE)))
    rest = -0.5 * _COUPLING * _UNITS + 0.5 * (_GAIN * opening) ** 2 * _UNITS * (_UNITS - 1)
    left = np.exp(-2 * _RATE * float(data.time[-1]))
    initial = float((data.weight_norm.isel(time=0) ** 2).mean())
    only = "share whose stated V only falls (lemma 1 and theorem say: all)"
    beyond = "share whose L only falls with c = lambda, beyond its bound, and eta = 1"
    expected, name = _late(rest, left, initial), "stated V at the end: rest, and what is left of the way there"
    lower = "circuits whose stated V is not lower at the end"
    return [
        source.at_most(lower, "figure 4", 0.0, 0.0, ends),
        source.equal(
            name,
            project,
            expected,
            0.1,
            last,
            last_error,
        ),
        source.equal(only, "specification, V_not_mono", 0.1, 0.06, *falls(data.stated)),
        source.at_most("share whose stated V is lower at the end with eta = 1", project, 0.1, 0.0, *strong),
        source.at_most("circuits whose L ever rises", project, 0.0, 0.0, rises(data.composite)),
        source.at_most(beyond, "specification 2c", 0.1, 0.0, *falls(data.loose)),
        source.at_most("circuits whose energy of the phases ever rises", project, 0.0, 0.0, rises(data.coupling_energy)),
    ]


def _late(rest: float, left: float, initial: float) -> float:
    """V once the phases are locked and weights relax: W = W* + x (W0 - W*), W0 without relation to W*, x^2 = ``left``."""
    at_rest = 2 * (rest + 0.5 * _COUPLING * _UNITS)
    x = left**0.5
    return -0.5 * _COUPLING * _UNITS + 0.5 * ((1 - x) ** 2 * at_rest + left * initial)


def _picture(data: xr.Dataset) -> Figure:
    shown = data.isel(replica=slice(0, _SHOWN))
    angle, norm = np.linspace(1e-6, 1.7, 120), np.linspace(0, 10.5, 120)
    # A uniform spread of phases: the closure under which the caption's surface is a function of two numbers.
    closed = np.sinc(2 * angle / np.pi) ** 2
    surface = -0.5 * _COUPLING * _UNITS * closed + 0.5 * norm[:, None] ** 2
    with style.style():
        figure = Figure(figsize=(12.6, 3.9), layout="constrained")
        plane, fall, rise = figure.subplots(1, 3)
        drawn = plane.contourf(angle, norm, surface, levels=20, cmap="Greys")
        figure.colorbar(drawn, ax=plane, pad=0.02)
        for index in range(shown.sizes["replica"]):
            one = shown.isel(replica=index)
            plane.plot(one.spread, one.weight_norm, color=style.SIMULATION, label="simulation" if index == 0 else None)
            plane.plot(one.spread[0], one.weight_norm[0], "o", color=style.SIMULATION, ms=4, label=None if index else "start")
            plane.plot(one.spread[-1], one.weight_norm[-1], "s", color=style.CONTRAST, ms=4, label=None if index else "end")
            for axes, name, colour, label in (
                (fall, "stated", style.SIMULATION, "stated, V"),
                (fall, "composite", style.THEORY, "composite, L"),
            ):
                axes.plot(one.time, one[name], color=colour, label=None if index else label)
            lowest = float(one.stated.min())
            rise.plot(one.time, one.stated - lowest, color=style.SIMULATION)
        plane.set_title("shade: stated energy V of phases spread evenly")
        plane.set(xlabel="mean distance of phases from the mean one (rad)", ylabel="norm of the weights |W|", xlim=(-0.08, 1.7))
        fall.set(xlabel="time (model units, coupling K = 2)", ylabel="energy")
        rise.set(xlabel="time (model units, coupling K = 2)", ylabel="V above its minimum", ylim=(0, 1))
        for axes in (plane, fall):
            axes.legend(fontsize=8)
        figure.suptitle("Figure 4: V falls and rises again; L only falls")
    return figure
