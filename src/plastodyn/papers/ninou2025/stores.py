"""Sweeps of this paper: where their stores are, and how a figure is made with or without a lasting place for them."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.papers.ninou2025.setups import NAME, seed_of
from plastodyn.papers.registry import Place, Reproduction


def swept(
    label: str,
    experiment: Callable[..., xr.Dataset],
    axes: dict[str, Any],
    chunk: dict[str, int],
    key: Array,
    place: Place,
    **parameters: Any,
) -> xr.Dataset:
    """A sweep, resumed from its store if that is there, and loaded; ``label`` tells its store from the others."""
    seed = seed_of(key)
    store = place.directory / f"{NAME}-{label}-{seed:08x}.zarr"
    sizes = {name: min(count, len(axes[name])) for name, count in chunk.items()}
    found = pd.sweep(experiment, axes, store=store, seed=seed, parameters=parameters, chunk=sizes, workers=place.workers)
    return found.load()


class Make(Protocol):
    """A figure made of sweeps; without a place their stores last as long as the call."""

    def __call__(self, size: str, key: Array, place: Place | None = None) -> Reproduction:
        """Compute the figure."""
        ...


def placed(make: Callable[[str, Array, Place], Reproduction]) -> Make:
    """Let a figure that needs a place be made without one."""

    @wraps(make)
    def made(size: str, key: Array, place: Place | None = None) -> Reproduction:
        if place is not None:
            return make(size, key, place)
        with TemporaryDirectory() as directory:
            return make(size, key, Place(Path(directory)))

    return made


def cpu_hours(data: xr.Dataset) -> float:
    """Processor time that the sweep took, in hours, whatever the number of calls it took."""
    return float(data.chunk_cpu_seconds.sum()) / 3600
