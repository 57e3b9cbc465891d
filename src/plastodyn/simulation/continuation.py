"""Going on from an earlier run: its key, its last step, and what its members carried."""

import json
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.protocol import Carry
from plastodyn.simulation.dataset import carried
from plastodyn.simulation.status import Status

if TYPE_CHECKING:
    from plastodyn.simulation.ensemble import Ensemble


def key_of(run: xr.Dataset) -> Array:
    """The random key of a run.

    >>> key_of(xr.Dataset(attrs={"seed": "[0, 7]", "seed_kind": "threefry2x32"})) == jax.random.key(7)
    Array(True, dtype=bool)
    """
    try:
        words = jnp.asarray(json.loads(run.attrs["seed"]), "uint32")
        return jax.random.wrap_key_data(words, impl=run.attrs.get("seed_kind", "threefry2x32"))
    except (AttributeError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"start must be the result of simulate, with its attributes; {error!r}") from None


def steps_of(run: xr.Dataset) -> int:
    """The step at which a run ended."""
    if not isinstance(run, xr.Dataset) or "steps_taken" not in run or "last_step" not in run.attrs:
        raise ValueError(f"start must be the result of simulate; got {type(run).__name__}")
    if bool((run.status == Status.INTERRUPTED).any()):
        raise ValueError("start must be a run that came to its end; this one was interrupted")
    return int(run.attrs["last_step"])


def carries_of(run: xr.Dataset, ensemble: "Ensemble") -> tuple[Carry, np.ndarray, np.ndarray, np.ndarray]:
    """What an earlier run's members carry into an ensemble; which of them were done; their status and steps.

    Raises:
        ValueError: if the run is not of the same members, circuit and rule.
    """
    population, room = ensemble.population, ensemble.carries
    dims = (*population.grid.coordinates, "replica")
    found = {name: run.sizes.get(name, 0) for name in dims}
    wanted = dict(zip(dims, population.shape, strict=True))
    same = all(np.array_equal(run[name].values, points) for name, points in population.grid.coordinates.items() if name in run)
    if found != wanted or not same:
        raise ValueError(f"start must have the axes and replicas of this run, {wanted}; got {found}")
    others = carried(room)
    unknown = [name for name in others if name not in run]
    extra = [str(name) for name in run.data_vars if str(name).split("_")[0] in ("structure", "state") and name not in others]
    if unknown or extra:
        raise ValueError(f"start must be a run of the same circuit and rule; it lacks {unknown} and has besides {extra}")
    for name, leaf in others.items():
        leaf[...] = _members(run[name], dims, leaf)
    _split(_members(run.weights, dims, np.zeros((population.total, _size(room)))), room)
    status, taken = (run[name].transpose(*dims).values.reshape(-1) for name in ("status", "steps_taken"))
    # A member that retired stays what it is; one that diverged without being asked goes on.
    return room, taken < steps_of(run), status, taken


def _members(values: xr.DataArray, dims: tuple[str, ...], like: np.ndarray) -> np.ndarray:
    flat = values.transpose(*dims, ...).values.reshape(-1, *values.shape[len(dims) :])
    if flat.shape != like.shape:
        raise ValueError(
            f"start must be a run of the same circuit and rule; {values.name} has shape {flat.shape}, not {like.shape}"
        )
    return flat


def _size(carries: Carry) -> int:
    return sum(leaf[0].size for leaf in jax.tree.leaves(carries.weights))


def _split(flat: np.ndarray, room: Carry) -> None:
    """Raveled weights of all members into the arrays that hold them."""
    at = 0
    for leaf in jax.tree.leaves(room.weights):
        size = leaf[0].size
        leaf[...] = flat[:, at : at + size].reshape(leaf.shape)
        at += size
