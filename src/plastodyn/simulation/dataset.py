"""From arrays of members to a labelled Dataset with units and provenance."""

import json
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jax import Array

from plastodyn import provenance
from plastodyn.circuits.base import AbstractCircuit
from plastodyn.protocol import Rule
from plastodyn.simulation.axes import is_axis
from plastodyn.simulation.members import Members
from plastodyn.simulation.record import Observable

_LONG_NAMES = {
    "loss": ("task error F", "1"),
    "weights": ("weights", "1"),
    "weight_norm": ("norm of the weights", "1"),
    "gradient_norm": ("norm of the gradient", "loss / weight"),
}


class Outcome(NamedTuple):
    """The results of a run on the host, members first."""

    members: Members
    recorded: tuple[Observable, ...]
    windows: list[range]
    records: list[np.ndarray]
    weights: np.ndarray
    status: np.ndarray
    taken: np.ndarray
    dt: float
    is_flow: bool


def assemble(outcome: Outcome, key: Array, rule: Rule, circuit: AbstractCircuit) -> xr.Dataset:
    """The Dataset of a run: recorded observables, final weights, status; parameters and provenance as attributes."""
    grid, shape = outcome.members.grid, outcome.members.shape
    dims = (*grid.coordinates, "replica")
    result = xr.Dataset(coords={**grid.coordinates, "replica": np.arange(shape[-1])})
    for item, window, values in zip(outcome.recorded, outcome.windows, outcome.records, strict=True):
        result[_variable(item)] = _recorded(item, window, values.reshape(*shape, *values.shape[1:]), dims, outcome)
    result["weights"] = ((*dims, "weight"), outcome.weights.reshape(*shape, -1), {"long_name": "final weights", "units": "1"})
    result["status"] = (
        dims,
        outcome.status.reshape(shape),
        {"flag_values": [0, 1, 2, 3], "flag_meanings": "finished diverged interrupted retired"},
    )
    result["steps_taken"] = (dims, outcome.taken.reshape(shape), {"long_name": "steps carried", "units": "1"})
    result.attrs = {
        "rule": describe(rule),
        "circuit": describe(circuit),
        "seed": json.dumps(np.asarray(jax.random.key_data(key)).tolist()),
        **provenance.attributes(),
    }
    return result


def _variable(item: Observable) -> str:
    return "weights_recorded" if item.name in ("weights", "status") else item.name


def _recorded(item: Observable, window: range, values: np.ndarray, dims: tuple[str, ...], outcome: Outcome) -> xr.DataArray:
    base = "time" if outcome.is_flow else "step"
    same = [other.name for other, w in zip(outcome.recorded, outcome.windows, strict=True) if w == window]
    # Observables recorded at the same instants share a dimension; the first ones have the plain name.
    plain = outcome.windows[0] == window
    dim = base if plain else f"{base}_{same[0]}"
    instants = np.array(window) * (outcome.dt if outcome.is_flow else 1)
    trailing = values.shape[len(dims) + 1 :]
    inner = ["weight"] if item.name == "weights" else [f"{item.name}_{i}" for i in range(len(trailing))]
    long_name, units = _LONG_NAMES.get(item.name, (item.name, "1"))
    array = xr.DataArray(values, dims=(*dims, dim, *inner), coords={dim: instants})
    array.attrs = {"long_name": long_name, "units": units}
    array[dim].attrs = {"long_name": base, "units": "1"}
    return array


def describe(part: Any) -> str:
    """A rule or circuit in one line: names and numbers, arrays by shape, axes by name.

    >>> from plastodyn import rules
    >>> describe(rules.noisy_gradient(rate=0.5, precision=np.inf))
    'Sum(rules=(ExactNorm(rule=Gradient(rate=1.0), magnitude=0.5), White(rate=0.0)))'
    """

    def short(leaf: Any) -> Any:
        if is_axis(leaf):
            return _Words("axis(" + ", ".join(map(str, leaf.dims)) + ")")
        return leaf.item() if isinstance(leaf, np.generic) else leaf

    shown = eqx.tree_pformat(jax.tree.map(short, part, is_leaf=is_axis), width=10_000)
    return " ".join(shown.split())


class _Words(str):
    """Text shown without quotation marks."""

    def __repr__(self) -> str:
        return str(self)
