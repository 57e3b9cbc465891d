"""Sweeps of this paper as documents, which `plastodyn new` writes as files; and where their stores are."""

from collections.abc import Callable, Mapping, Sequence

import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.experiments import Document
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.setups import seed_of
from plastodyn.papers.types import Place

Sweeps = dict[str, Document]
"""The sweeps of a figure at one size, each by what tells its store from the others."""


def described(
    experiment: Callable[..., xr.Dataset],
    axes: Mapping[str, Sequence[float]],
    batch: Mapping[str, int],
    key: Array,
    **parameters: str | float | Mapping[str, float],
) -> Document:
    """A sweep of one of this paper's experiments; ``batch`` says how many points of an axis are computed at once."""
    sizes = {name: min(count, len(axes[name])) for name, count in batch.items()}
    function = f"{experiment.__module__}:{experiment.__qualname__}"
    content = {"seed": seed_of(key), "axes": dict(axes), "run": {"batch": sizes}}
    return pd.experiments.from_json({**content, "experiment": {"function": function, **parameters}})


def swept(label: str, sweeps: Sweeps, place: Place) -> xr.Dataset:
    """One of a figure's sweeps, resumed from its store if that is there, and loaded."""
    document = sweeps[label]
    store = place.directory / f"{NAME}-{label}-{document.seed:08x}.zarr"
    return pd.experiments.run(document, store, workers=place.workers).load()


def cpu_hours(data: xr.Dataset) -> float:
    """Processor time that the sweep took, in hours, whatever the number of calls it took."""
    return float(data.chunk_cpu_seconds.sum()) / 3600
