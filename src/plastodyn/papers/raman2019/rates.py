"""How fast a circuit learns, in theory and in fact, and how hard its task is, along training."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.circuits import AbstractCircuit
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.raman2019.catalogue import NAME
from plastodyn.papers.raman2019.setups import (
    HIDDEN,
    INPUTS,
    OUTPUTS,
    Case,
    grown,
    random_steps,
    rule,
    student,
)
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory.bounds import Plasticity

_GROWTH, _UNITS = 3, 60
_CASES = {"linear": Case(Plasticity(0.07, 1.0, 0.03)), "nonlinear": Case(Plasticity(0.04, 1.5, 0.03))}
"""Figure 6's."""
_CYCLES, _SAMPLES, _PROBES = 1200, 200, 64
_EASIEST = 0.05
_STATES = {"smoke": 4, "standard": 12, "full": 24}
_DRAWS = {"smoke": 1000, "standard": 4000, "full": 16000}


class _State(NamedTuple):
    """What is predicted and measured at one point of training."""

    predicted: float
    predicted_error: float
    spread: float
    difficulty: float
    largest: float
    measured: float
    measured_spread: float


@unswept
def figure_rates(size: str, key: Array) -> Reproduction:
    """Learning rates along training, mean and spread over random steps, against theory; and how hard the task is.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 12 or 24 points of training, 1000, 4000 or 16000 steps from each.
        key: random key.

    Source: learning rate and local task difficulty, as in the slides.
    """
    key_linear, key_nonlinear = jax.random.split(key)
    circuits = {
        "linear": grown(student([INPUTS, OUTPUTS], key_linear, _SAMPLES, "linear"), _GROWTH, key_linear),
        "nonlinear": pd.circuits.enlarged(
            student([INPUTS, HIDDEN, 10], key_nonlinear, _SAMPLES, "sigmoid"), [INPUTS, _UNITS, 10]
        ),
    }
    parts = [_along(circuit, _CASES[name], size, key_linear) for name, circuit in circuits.items()]
    data = xr.concat(parts, xr.IndexVariable("circuit", list(circuits)))
    data.attrs["draws"] = _DRAWS[size]
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _along(circuit: AbstractCircuit, case: Case, size: str, key: Array) -> xr.Dataset:
    times = np.unique(np.geomspace(1, _CYCLES + 1, _STATES[size]).round().astype(int)) - 1
    record = [pd.observe("weights", name="course")]
    run = pd.simulate(circuit, rule([case]), steps=_CYCLES, key=key, record=record, progress=False).isel(case=0, replica=0)
    flat = run.course.transpose("step", ...).values
    found = [_state(circuit, flat[at], case, _DRAWS[size], jax.random.fold_in(key, at)) for at in times]
    columns = {name: ("state", [getattr(each, name) for each in found]) for name in _State._fields}
    return xr.Dataset({**columns, "cycle": ("state", times)})


def _state(circuit: AbstractCircuit, flat: np.ndarray, case: Case, draws: int, key: Array) -> _State:
    key_probes, key_steps = jax.random.split(key)
    weights = ravel_pytree(circuit.weights)[1](jnp.asarray(flat))
    own = pd.measure.learning_bounds(circuit, case.plasticity, key=key_probes, weights=weights, samples=_PROBES)
    (rates,) = random_steps(circuit, [case], draws, key_steps, weights)
    return _State(
        own.learning_rate,
        own.learning_rate_error,
        own.learning_rate_spread,
        own.task_difficulty,
        own.largest_difficulty,
        float(rates.mean()),
        float(rates.std(ddof=1)),
    )


def _claims(data: xr.Dataset) -> list[Claim]:
    source, claims = Source(NAME, "rates"), []
    for name in data.circuit.values:
        own = data.sel(circuit=name)
        # Of independent steps: the measured mean's error, and that of the traces that theory was given.
        error = (1 / data.attrs["draws"] + (own.predicted_error / own.spread) ** 2) ** 0.5
        off = float(((own.measured - own.predicted) / own.spread).mean())
        wide = float(np.log(own.measured_spread / own.spread).mean())
        count = own.sizes["state"]
        mean = f"{name} circuit: mean k measured minus predicted, in predicted spreads, mean over training"
        spread = f"{name} circuit: ln of the spread of k measured over that predicted, mean over training"
        claims += [
            source.equal(mean, "slides", 0.0, 0.1, off, float((error**2).sum()) ** 0.5 / count),
            source.equal(spread, "this project", 0.0, 0.05, wide, (2 * data.attrs["draws"] * count) ** -0.5),
            *_difficulty_claims(str(name), own, error * own.spread, source),
        ]
    return claims


def _difficulty_claims(name: str, own: xr.Dataset, error: xr.DataArray, source: Source) -> list[Claim]:
    """Where k is known to be on one side of 0."""
    known = abs(own.measured) > 4 * error
    right = ((own.measured > 0) == (own.difficulty < own.largest)).values[known.values]
    # Where the landscape bends down along the motion the task is easy without end.
    hard = np.maximum(own.difficulty / own.largest, _EASIEST)
    agree = f"{name} circuit: share of states, k known to have its sign, at which it learns where the task is easy enough"
    harder = f"{name} circuit: ln of task difficulty over the largest, mean of the last quarter less that at the start"
    late = float(np.log(hard[-(hard.size // 4) :]).mean() - np.log(hard[0]))
    first = f"{name} circuit: task difficulty over the largest, at the start"
    return [
        source.at_least(agree, "slides", 0.99, 0.0, right.mean() if right.size else 0.0, 0.0 if right.size else np.inf),
        source.at_most(first, "slides", 1.0, 0.0, float(hard[0])),
        source.at_least(harder, "this project", 0.0, 0.0, late),
    ]


def _picture(data: xr.Dataset) -> Figure:
    rates, tasks = [], []
    for name in data.circuit.values:
        own = data.sel(circuit=name)
        time = own.cycle + 1
        band = [own.predicted - own.spread, own.predicted + own.spread]
        theory = {"color": style.THEORY}
        curves = [
            Curve("predicted", time, own.predicted, look=theory),
            Curve("± its spread", time, band[0], look={**theory, "ls": ":"}),
            Curve("_", time, band[1], look={**theory, "ls": ":"}),
            Curve(
                "measured, ± its spread",
                time,
                own.measured,
                own.measured_spread,
                {"color": style.SIMULATION, "fmt": "o", "ms": 4},
            ),
            Curve("k = 0", [1, _CYCLES], [0, 0], look={"color": "0.6", "lw": 0.8}),
        ]
        rates.append(Panel(f"{name} circuit", "cycle, from 1", "learning rate k (1 / cycle)", curves, scales=("log", "linear")))
        hard = [
            Curve("local task difficulty G", time, own.difficulty, look={"color": style.SIMULATION, "marker": "o", "ms": 4}),
            Curve("the largest at which it learns", time, own.largest, look={"color": style.THEORY, "ls": "--"}),
        ]
        tasks.append(Panel(f"{name} circuit", "cycle, from 1", "G (1 / unit of weight)", hard, scales=("log", "log")))
    return curve_panels([*rates, *tasks], "Learning rate and task difficulty along training")
