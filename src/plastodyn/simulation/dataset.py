"""From arrays of members to a labelled Dataset with units and provenance."""

import json
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.protocol import AbstractCircuit, Carry, Rule
from plastodyn.runtime import provenance
from plastodyn.simulation.axes import is_axis
from plastodyn.simulation.members import Population
from plastodyn.simulation.plan import Timing
from plastodyn.simulation.record import Observable
from plastodyn.simulation.status import MEANINGS, Status

_LONG_NAMES = {
    "loss": ("task error F", "1"),
    "weights": ("weights", "1"),
    "weight_norm": ("norm of the weights", "1"),
    "gradient_norm": ("norm of the gradient", "loss / weight"),
}


class Outcome(NamedTuple):
    """The results of a run on the host, members first."""

    population: Population
    timing: Timing
    recorded: tuple[Observable, ...]
    windows: list[range]
    records: list[np.ndarray]
    carries: Carry
    status: np.ndarray
    taken: np.ndarray
    stored: np.ndarray


def assemble(outcome: Outcome, key: Array, rule: Rule, circuit: AbstractCircuit) -> xr.Dataset:
    """The Dataset of a run: what was recorded, what was carried to the end, status; parameters and provenance as attributes."""
    grid, shape = outcome.population.grid, outcome.population.shape
    dims = (*grid.coordinates, "replica")
    result = xr.Dataset(coords={**grid.coordinates, "replica": np.arange(shape[-1])})
    for item, window, values in zip(outcome.recorded, outcome.windows, outcome.records, strict=True):
        result[variable(item)] = _recorded(item, window, values.reshape(*shape, *values.shape[1:]), dims, outcome)
    unknown = ~outcome.stored
    weights = _blank(_raveled(outcome.carries.weights), unknown)
    result["weights"] = ((*dims, "weight"), weights.reshape(*shape, -1), {"long_name": "final weights", "units": "1"})
    for name, leaf in carried(outcome.carries).items():
        values = _blank(leaf, unknown)
        inner = [f"{name}_{i}" for i in range(leaf.ndim - 1)]
        attributes = {"long_name": f"{name.split('_')[0]} at the end", "units": "1"}
        result[name] = ((*dims, *inner), values.reshape(*shape, *leaf.shape[1:]), attributes)
    flags = {"flag_values": [int(each) for each in Status], "flag_meanings": MEANINGS}
    result["status"] = (dims, outcome.status.reshape(shape), flags)
    result["steps_taken"] = (dims, outcome.taken.reshape(shape), {"long_name": "steps carried", "units": "1"})
    result.attrs = {
        "rule": describe(rule),
        "circuit": describe(circuit),
        "last_step": outcome.timing.last,
        "dt": outcome.timing.dt,
        "time_is": "continuous" if outcome.timing.is_flow else "discrete",
        "seed": json.dumps(np.asarray(jax.random.key_data(key)).tolist()),
        "seed_kind": str(jax.random.key_impl(key)),
        **provenance.attributes(),
    }
    return result


def carried(carries: Carry) -> dict[str, np.ndarray]:
    """What members carry besides weights, leaf by leaf under the names that the leaves have in a result.

    >>> list(carried(Carry(np.zeros((2, 1)), np.zeros(2), {"neighbours": np.zeros(2)}, (None, np.zeros(2)))))
    ['activity', 'structure_neighbours', 'state_1']
    """
    found = {}
    for part in ("activity", "structure", "state"):
        for path, leaf in jax.tree_util.tree_leaves_with_path(getattr(carries, part)):
            name = "_".join(filter(None, [part, jax.tree_util.keystr(path, simple=True, separator="_")]))
            while name in found:
                # Leaves such as ["a"]["b"] and ["a_b"] would share a name.
                name += "_"
            found[name] = leaf
    return found


def _raveled(weights: Any) -> np.ndarray:
    """Weights of all members, shape (members, N)."""
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(weights)], axis=1)


def _blank(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The values, NaN at some members where they can be."""
    if not rows.any() or not np.issubdtype(values.dtype, np.floating):
        return values
    return np.where(rows.reshape(-1, *(1,) * (values.ndim - 1)), values.dtype.type(np.nan), values)


def variable(item: Observable) -> str:
    """The name of a record in the result.

    >>> from plastodyn.simulation.record import observe
    >>> variable(observe("loss")), variable(observe("weights"))
    ('loss', 'weights_recorded')
    """
    taken = item.name in ("status", "steps_taken") or item.name.split("_")[0] in ("weights", "activity", "structure", "state")
    return f"{item.name}_recorded" if taken else item.name


def _recorded(item: Observable, window: range, values: np.ndarray, dims: tuple[str, ...], outcome: Outcome) -> xr.DataArray:
    base = "time" if outcome.timing.is_flow else "step"
    same = [other.name for other, w in zip(outcome.recorded, outcome.windows, strict=True) if w == window]
    # Observables recorded at the same instants share a dimension; the first ones have the plain name.
    plain = outcome.windows[0] == window
    dim = base if plain else f"{base}_{same[0]}"
    steps = np.arange(window.start, window.stop, window.step)
    instants = steps * outcome.timing.dt if outcome.timing.is_flow else steps
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
