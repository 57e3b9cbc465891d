"""Figure 2: learning curves of circuits of several sizes, with and without synaptic noise."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.circuits import Layers, StudentTeacher
from plastodyn.figures import style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.raman2019.catalogue import NAME
from plastodyn.papers.raman2019.setups import HIDDEN, Case, log, mean_and_error, rule, student
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import bounds
from plastodyn.theory.bounds import Plasticity

_DEPTH, _ENDS = 5, 10
_CASES = {"without synaptic noise": Case(Plasticity(0.007, 1.0, 0.0)), "γ₃ = 0.05": Case(Plasticity(0.007, 1.0, 0.05))}
_QUIET, _LOUD = _CASES
_UNITS = {"smoke": (5, 22, 45), "standard": (5, 12, 17, 22, 32, 45), "full": (5, 12, 17, 22, 27, 32, 37, 45)}
_EVERY, _LATE, _PROBES = 10, 0.2, 32
_EASIEST = 0.05
"""Below it, or where the landscape bends down along the motion, a task counts as so easy."""


class _Extent(NamedTuple):
    networks: int
    samples: int
    cycles: int


_EXTENTS = {"smoke": _Extent(5, 60, 800), "standard": _Extent(8, 200, 1500), "full": _Extent(12, 1000, 1500)}


@unswept
def figure_2(size: str, key: Array) -> Reproduction:
    """Figure 2: 10-[h x 5]-10 logistic circuits of up to 45 units a layer that start at the same function of 5 units a layer.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 5, 8 or 12 networks, 60, 200 or 1000 inputs, 800, 1500 or 1500 cycles.
        key: random key.

    Source: figure 2; gammas and sizes of the authors' code.
    """
    extent, units = _EXTENTS[size], _UNITS[size]
    key_networks, key_run, key_probes = jax.random.split(key, 3)
    keys = jax.random.split(key_networks, extent.networks)
    small = [student(_widths(HIDDEN), each, extent.samples, "sigmoid") for each in keys]
    large = [[pd.circuits.enlarged(each, _widths(h)) for each in small] for h in units]
    runs = [_run(circuits, extent.cycles, key_run) for circuits in large]
    data = xr.concat([run[["loss"]] for run in runs], xr.IndexVariable("size", [_weights(h) for h in units]))
    data = data.assign_coords(units=("size", list(units)))
    starts = [[_landscape(each, each.weights, key_probes) for each in circuits] for circuits in large]
    rates = [[[bounds.learning_rate(here, case.plasticity) for here in each] for case in _CASES.values()] for each in starts]
    data["rate_theory"] = (("size", "case", "replica"), np.array(rates, float))
    ends = [_landscape(each, _back(each, flat), key_probes) for each, flat in zip(large[-1], runs[-1].last.values, strict=True)]
    for name, heres, case in (("easy", starts[-1], _CASES[_QUIET]), ("hard", ends, _CASES[_LOUD])):
        most = float(bounds.largest_difficulty(_weights(units[-1]), case.plasticity))
        data[name] = ("replica", [float(bounds.task_difficulty(here, case.plasticity)) / most for here in heres])
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _widths(units: int) -> list[int]:
    return [_ENDS, *[units] * _DEPTH, _ENDS]


def _weights(units: int) -> int:
    """Number of weights.

    >>> _weights(5), _weights(45)
    (200, 9000)
    """
    return 2 * _ENDS * units + (_DEPTH - 1) * units**2


def _run(circuits: list[StudentTeacher], cycles: int, key: Array) -> xr.Dataset:
    watch = [pd.observe("loss", every=_EVERY)]
    run = pd.simulate(circuits, rule(list(_CASES.values())), steps=cycles, key=key, record=watch, progress=False)
    last = run.weights.isel(case=-1).transpose("replica", ...).values
    loss = run.loss.transpose("case", "replica", "step").assign_coords(case=list(_CASES))
    return xr.Dataset({"loss": loss, "last": (("replica", "weight"), last)})


def _back(circuit: StudentTeacher, flat: np.ndarray) -> Layers:
    return ravel_pytree(circuit.weights)[1](jnp.asarray(flat))


def _landscape(circuit: StudentTeacher, weights: Layers, key: Array) -> bounds.Landscape:
    return pd.measure.landscape(circuit.loss_at, weights, key=key, samples=_PROBES).value


def _late(data: xr.Dataset) -> xr.DataArray:
    """Error over the last fifth of the run."""
    return data.loss.isel(step=slice(-int(_LATE * data.sizes["step"]), None)).mean("step")


def _claims(data: xr.Dataset) -> list[Claim]:
    source, logs = Source(NAME, "fig2"), log(_late(data))
    smallest, largest = (logs.sel(size=_weights(h)) for h in (5, 45))
    helps = mean_and_error((largest - smallest).sel(case=_QUIET))
    idle = mean_and_error((largest - smallest).sel(case=_LOUD))
    costs = mean_and_error((largest - smallest).sel(case=_LOUD) - (largest - smallest).sel(case=_QUIET))
    learned = log(data.loss).isel(step=0) - logs
    quiet = mean_and_error(learned.sel(case=_QUIET, size=_weights(45)))
    easy, hard = (mean_and_error(np.log(np.maximum(each, _EASIEST))) for each in (data.easy, data.hard))
    easier = f"{_QUIET}, h = 45: ln of task difficulty over the largest at which it learns, at the start"
    harder = f"{_LOUD}, h = 45: ln of task difficulty over the largest at which it learns, at the end"
    return [
        source.at_most(f"{_QUIET}: ln of the late error, h = 45 over h = 5", "figure 2", -1.0, 0.0, *helps),
        source.at_least(f"{_LOUD}: ln of the late error, h = 45 over h = 5", "figure 2", -1.0, 0.0, *idle),
        source.at_least("ln of the late error, h = 45 over h = 5: with noise less without", "figure 2", 1.0, 0.0, *costs),
        source.at_least(f"{_QUIET}, h = 45: ln of the first error over the late one", "figure 2", 1.0, 0.0, *quiet),
        source.at_most(easier, "slides", -1.0, 0.0, *easy),
        source.at_least(harder, "slides", -1.0, 0.0, *hard),
    ]


def _picture(data: xr.Dataset) -> Figure:
    count, late = data.sizes["replica"], _late(data)
    with style.style():
        figure, grid = style.panels(3, 3, 4.2, 3.6, "Figure 2: 10-[h x 5]-10 logistic circuits, learning curves by size")
        colours = mpl.colormaps["viridis"](np.linspace(0.05, 0.9, data.sizes["size"]))
        for axes, case in zip(grid[:2], _CASES, strict=True):
            for units, own, colour in zip(data.units.values, data.loss.sel(case=case), colours, strict=True):
                mean, error = own.mean("replica"), own.std("replica", ddof=1) / count**0.5
                axes.plot(data.step, mean, color=colour, label=f"h = {units}")
                rate = float(data.rate_theory.sel(case=case, size=_weights(int(units))).mean())
                if rate > 0:
                    first = data.step.values[data.step.values * rate <= 1]
                    axes.plot(first, float(mean[0]) * np.exp(-rate * first), color=colour, ls="--", lw=1)
                axes.fill_between(data.step, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
            axes.set(xlabel="cycle", ylabel="error F: mean ± s.e.", title=case, yscale="log")
            axes.plot([], [], color="0.5", ls="--", lw=1, label="theory: k at the start")
        low, high = float(data.loss.mean("replica").min()) / 1.5, float(data.loss.mean("replica").max()) * 1.3
        for axes in grid[:2]:
            axes.set_ylim(low, high)
        for case, colour in zip(_CASES, (style.SIMULATION, style.FAR), strict=True):
            own = late.sel(case=case)
            error = own.std("replica", ddof=1) / count**0.5
            grid[2].errorbar(data["size"], own.mean("replica"), error, fmt="o-", ms=4, capsize=2, color=colour, label=case)
        best = float(bounds.optimal_size(1.0, 0.05))
        grid[2].axvline(best, color=style.THEORY, ls="--", label="T γ₂²/γ₃², of linear circuits")
        grid[2].set(xlabel="synapses N", ylabel="error F, last fifth", title="late error", xscale="log", yscale="log")
        for axes in grid:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=3 if axes is not grid[2] else 2, frameon=False)
    return figure
