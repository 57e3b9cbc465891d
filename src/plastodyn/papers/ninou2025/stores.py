"""Sweeps of this paper, and where their stores are."""

from collections.abc import Callable, Mapping, Sequence

import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.setups import seed_of
from plastodyn.papers.types import Place


def swept(
    label: str,
    experiment: Callable[..., xr.Dataset],
    axes: Mapping[str, Sequence[float]],
    chunk: dict[str, int],
    key: Array,
    place: Place,
    **parameters: str | float | Mapping[str, float],
) -> xr.Dataset:
    """A sweep, resumed from its store if that is there, and loaded; ``label`` tells its store from the others."""
    seed = seed_of(key)
    store = place.directory / f"{NAME}-{label}-{seed:08x}.zarr"
    sizes = {name: min(count, len(axes[name])) for name, count in chunk.items()}
    found = pd.sweep(experiment, axes, store=store, seed=seed, parameters=parameters, chunk=sizes, workers=place.workers)
    return found.load()


def cpu_hours(data: xr.Dataset) -> float:
    """Processor time that the sweep took, in hours, whatever the number of calls it took."""
    return float(data.chunk_cpu_seconds.sum()) / 3600
