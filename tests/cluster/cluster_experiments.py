"""Experiments that jobs import by name."""

import os
import time
from pathlib import Path

import jax
import numpy as np
import xarray as xr


def slow(point, key, *, gates=None, free=0, seconds=0.0, log=None):
    """Random numbers over ``a``, after a time; begun points are written down in ``log``.

    From the place ``free`` on, a point waits until a file of its number, or one called "all", is in the directory ``gates``.
    """
    place = int(point["a"][0])
    if gates is not None and place >= free:
        (Path(gates) / f"begun-{place}-{os.environ.get('SLURM_JOB_ID')}").touch()
        while not any((Path(gates) / name).exists() for name in (str(place), "all")):
            time.sleep(0.01)
    if log is not None:
        with open(log, "a") as file:
            file.write(f"{place}\n")
    time.sleep(seconds)
    noise = np.asarray(jax.random.normal(key, (len(point["a"]), 3)))
    return xr.Dataset({"noise": (("a", "sample"), noise), "place": ("a", point["a"])})
