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
from plastodyn.simulation.plan import Timing
from plastodyn.simulation.status import Status

if TYPE_CHECKING:
    from plastodyn.simulation.ensemble import Ensemble


def check(run: object) -> xr.Dataset:
    """Refuse anything that is not the complete result of a run.

    Raises:
        ValueError: naming what it is, or lacks.
    """
    if not isinstance(run, xr.Dataset):
        raise ValueError(f"start must be the result of simulate, an xarray.Dataset; got {type(run).__name__}")
    lacking = [name for name in ("weights", "status", "steps_taken") if name not in run]
    lacking += [name for name in ("seed", "last_step", "dt", "time_is") if name not in run.attrs]
    if lacking:
        raise ValueError(f"start must be the result of simulate, with its attributes; it lacks {', '.join(lacking)}")
    if bool((run.status == Status.INTERRUPTED).any()):
        again = "the same call with the same key makes it again, and pd.sweep keeps what is done"
        raise ValueError(f"start must be a run that came to its end; this one was interrupted: {again}")
    return run


def key_of(run: xr.Dataset) -> Array:
    """The random key of a run.

    >>> key_of(xr.Dataset(attrs={"seed": "[0, 7]", "seed_kind": "threefry2x32"})) == jax.random.key(7)
    Array(True, dtype=bool)
    """
    words = jnp.asarray(json.loads(run.attrs["seed"]), "uint32")
    return jax.random.wrap_key_data(words, impl=run.attrs.get("seed_kind", "threefry2x32"))


def steps_of(run: xr.Dataset) -> int:
    """The step at which a run ended."""
    return int(run.attrs["last_step"])


def check_timing(run: xr.Dataset, timing: Timing) -> None:
    """Refuse to go on in steps of another length: time would jump.

    Raises:
        ValueError: naming both.
    """
    here = ("continuous" if timing.is_flow else "discrete", timing.dt)
    there = (run.attrs["time_is"], float(run.attrs["dt"]))
    if here != there:
        found, wanted = (f"{dt:g} in {kind} time" for kind, dt in (here, there))
        raise ValueError(f"dt must be that of the run in start, {wanted}; got {found}")


def carries_of(run: xr.Dataset, ensemble: "Ensemble") -> tuple[Carry, np.ndarray, np.ndarray, np.ndarray]:
    """What an earlier run's members carry into an ensemble; which of them were done; their status and steps.

    Raises:
        ValueError: if the run is not of the same members, circuit and rule.
    """
    population, room = ensemble.population, ensemble.carries
    dims = (*population.grid.coordinates, "replica")
    found = {str(name): run.weights.sizes[name] for name in run.weights.dims if name != "weight"}
    wanted = dict(zip(dims, population.shape, strict=True))
    if found != wanted:
        raise ValueError(f"start must have the axes and replicas of this run, {wanted}; got {found}")
    for name, points in {**population.grid.coordinates, "replica": np.arange(population.replicas)}.items():
        if not np.array_equal(run[name].values, points):
            raise ValueError(f"start must have the points of {name!r}, {points}; got {run[name].values}")
    others = carried(room)
    unknown = [name for name in others if name not in run]
    extra = [str(name) for name in run.data_vars if _is_carried(str(name)) and name not in others]
    if unknown or extra:
        raise ValueError(f"start must be a run of the same circuit and rule; it lacks {unknown} and has besides {extra}")
    for name, leaf in others.items():
        leaf[...] = _members(run[name], dims, leaf)
    _split(_members(run.weights, dims, np.zeros((population.total, _size(room)), ensemble.dtype)), room)
    status, taken = (run[name].transpose(*dims).values.reshape(-1) for name in ("status", "steps_taken"))
    # A member that retired stays what it is; one that diverged without being asked goes on.
    return room, taken < steps_of(run), status, taken


def _is_carried(name: str) -> bool:
    return name.split("_", maxsplit=1)[0] in ("structure", "state") and not name.endswith("_recorded")


def _members(values: xr.DataArray, dims: tuple[str, ...], like: np.ndarray) -> np.ndarray:
    ordered = values.transpose(*dims, ...).values
    flat = ordered.reshape(-1, *ordered.shape[len(dims) :])
    if flat.shape != like.shape or flat.dtype != like.dtype:
        found, wanted = f"{flat.dtype}{list(flat.shape)}", f"{like.dtype}{list(like.shape)}"
        raise ValueError(f"start must be a run of the same circuit and rule; {values.name} is {found}, not {wanted}")
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
