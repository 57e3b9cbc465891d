"""Experiments that worker processes import by name."""

import os
import signal
import time
from pathlib import Path

import jax
import numpy as np
import xarray as xr

from plastodyn.sweeps import claims

LABELS = ["low", "high"]
HELD = 3
"""Batches that are computed while the gate is shut: a file that does not exist yet."""


def draws(point, key, *, log=None, gate=None, fail=(), die=None, scale=1.0):
    """Random numbers over (a, b); tells `log` which batch it computes, fails at some values of a, dies until a file exists."""
    first = float(point["a"][0])
    if die is not None and first == 1.0 and not Path(die).exists():
        Path(die).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if first in fail and not (log and Path(log + ".mended").exists()):
        raise ArithmeticError(f"no value at {first}\nsecond line")
    while gate is not None and not Path(gate).exists() and len(Path(log).read_text().splitlines()) >= HELD:
        time.sleep(0.01)
    if log is not None:
        with open(log, "a") as file:
            file.write(f"{os.getpid()} {first} {float(point['b'][0])}\n")
    shape = (len(point["a"]), len(point["b"]), 3)
    noise = scale * np.asarray(jax.random.normal(key, shape))
    total = point["a"][:, None] + point["b"]
    return xr.Dataset(
        {
            # Another order of dimensions than that of the axes.
            "noise": (("sample", "a", "b"), noise.transpose(2, 0, 1), {"units": "1"}),
            "total": (("a", "b"), total),
            "count": (("a", "b"), np.rint(10 * total).astype(np.int32)),
            "positive": (("a", "b"), total > 1),
            "label": (("a", "b"), np.where(total > 1, *reversed(LABELS))),
        },
        coords={"sample": [10, 20, 30], "weight_of": ("sample", [0.1, 0.2, 0.3])},
    )


def texts(point, key):
    del key
    return xr.Dataset({"length": ("word", [len(word) for word in point["word"]])})


def dies(point, key):
    del point, key
    os.kill(os.getpid(), signal.SIGKILL)


def doubles(point, key):
    del key
    return xr.Dataset({"double": ("a", 2.0 * point["a"])})


def kills_at_one(point, key):
    del key
    if point["a"][0] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return xr.Dataset({"double": ("a", 2.0 * point["a"])})


def says_why(point, key, *, log):
    del key
    number = int(point["a"][0])
    with open(log, "a") as file:
        file.write(f"{number}\n")
    why = {2: "diverged: at once", 3: "no root"}.get(number, "")
    return xr.Dataset({"double": ("a", 2.0 * point["a"]), "member_error": ("a", np.array([why], object))})


def no_dataset(point, key):
    del key
    return point["a"]


def lacks_an_axis(point, key):
    del key
    return xr.Dataset({"x": ("a", point["a"])})


def too_few_points(point, key):
    del point, key
    return xr.Dataset({"x": (("a", "b"), np.ones((1, 1)))})


def other_shape_each_time(point, key):
    del key
    a, b = (len(point[name]) for name in "ab")
    return xr.Dataset({"x": (("a", "b", "more"), np.ones((a, b, 1 + int(point["a"][0]))))})


def moving_coordinate(point, key):
    del key
    data = {"x": (("a", "b"), np.ones((len(point["a"]), len(point["b"]))))}
    return xr.Dataset(data, coords={"where": ("w", point["a"][:1])})


def reads_precision(point, key):
    return xr.Dataset({"bits": ("a", np.asarray(jax.random.normal(key, point["a"].shape)))})


def counts(point, key, *, log):
    """A number at each point of any axes; tells `log` that it was called."""
    del key
    with open(log, "a") as file:
        file.write("called 0\n")
    shape = tuple(len(values) for values in point.values())
    return xr.Dataset({"number": (tuple(point), 1 + np.arange(np.prod(shape)).reshape(shape))})


def loses_its_claim(point, key, *, store):
    """While a member is computed, somebody else takes its chunk away."""
    del key
    for claim in (Path(store) / claims.FOLDER).glob("*"):
        claims.seize(Path(store), tuple(map(int, claim.name.split("."))), None)
    return xr.Dataset({"double": ("a", 2.0 * point["a"])})
