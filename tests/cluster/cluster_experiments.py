"""Experiments that jobs import by name."""

import os
import time
from pathlib import Path

import jax
import numpy as np
import xarray as xr


def slow(point, key, *, log=None, gate=None, seconds=0.0):
    """Random numbers over ``a``, after a time, or once a file is there; tells ``log`` which point which job began."""
    place = int(point["a"][0])
    if log is not None:
        with open(log, "a") as file:
            file.write(f"{place} {os.environ.get('SLURM_ARRAY_JOB_ID')}_{os.environ.get('SLURM_ARRAY_TASK_ID')}\n")
    while gate is not None and not Path(gate).exists():
        time.sleep(0.01)
    time.sleep(seconds)
    noise = np.asarray(jax.random.normal(key, (len(point["a"]), 3)))
    return xr.Dataset({"noise": (("a", "sample"), noise), "place": ("a", point["a"])})
