"""The contents of a small store without a store: for examples."""

import json
from pathlib import Path

import numpy as np
import xarray as xr

from plastodyn.app.stores.reading import Contents, contents_of


def example() -> Contents:
    """A loss over two rates and two noises, two replicas and two steps, with its theory; one of four members failed.

    >>> example().status.tolist()
    [[1, 1], [1, 2]]
    """
    axes = {"rate": [0.1, 0.2], "noise": [0.0, 1.0]}
    base = np.array([[[2.0, 1.0], [4.0, 2.0]], [[3.0, 1.5], [np.nan, np.nan]]])
    loss = np.stack([base - 1, base + 1], axis=2)
    specification = {
        "experiment": "plastodyn.sweeps.example:noisy_bowl",
        "source": "0",
        "axes": list(axes.items()),
        "parameters": {"steps": 1},
        "seed": 0,
        "batch": {"rate": 1, "noise": 1},
        "x64": False,
        "plastodyn": "0.1.0",
    }
    origin = json.dumps({"host": "a", "device": "cpu", "commit": "0", "created": "2026-01-01T00:00:00+00:00"})
    chunks = ("rate_chunk", "noise_chunk")
    data = xr.Dataset(
        {
            "loss": (("rate", "noise", "replica", "step"), loss, {"long_name": "task error", "units": "1"}),
            "steady": (("rate", "noise"), base[..., 1], {"theory_of": "loss", "long_name": "stationary theory"}),
            "member_status": (("rate", "noise"), np.array([[1, 1], [1, 2]], np.int8)),
            "member_error": (("rate", "noise"), np.array([["", ""], ["", "ValueError: no value"]], object)),
            "chunk_status": (chunks, np.array([[1, 1], [1, 2]], np.int8)),
            "chunk_seconds": (chunks, np.full((2, 2), 2.0)),
            "chunk_cpu_seconds": (chunks, np.full((2, 2), 1.5)),
            "chunk_origin": (chunks, np.full((2, 2), origin, object)),
        },
        {**axes, "replica": [0, 1], "step": [0, 10]},
        {"format": "plastodyn sweep 2", "specification": json.dumps(specification), "chunk": '{"rate": 1, "noise": 1}'},
    )
    return contents_of(Path("example.zarr"), data)
