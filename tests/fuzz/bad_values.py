"""Values of every kind that somebody may put where something else is expected."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import plastodyn as pd


class Opaque:
    """An object that nothing here knows."""


def needs_three(a, b, c):
    """A function that cannot be called with one argument, nor with two."""
    return a


def fails(*_):
    """A function that raises what a user's function may raise, over several lines."""
    raise RuntimeError("a fault\nof the user's own")


def texts(*_):
    """A function whose value is no number."""
    return "text"


def ragged():
    return [[0.1, 0.2], [0.3]]


BAD_VALUES = {
    "none": None,
    "text": "abc",
    "number as text": "0.1",
    "empty text": "",
    "markup": "[/]",
    "unicode": "é\u2028ü\n",
    "bytes": b"1",
    "true": True,
    "false": False,
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": -float("inf"),
    "minus one": -1,
    "negative": -0.3,
    "zero": 0,
    "one": 1,
    "fraction": 0.5,
    "beyond one": 2.5,
    "huge": 2**70,
    "huge negative": -(2**70),
    "beyond floats": 10**400,
    "beyond text": 10**5000,
    "complex": 1j,
    "empty list": [],
    "list of one": [0.1],
    "list": [0.1, 0.2],
    "list of whole numbers": [1, -1],
    "list of none": [None],
    "list of texts": ["0.1"],
    "list of truth": [True, False],
    "ragged": ragged(),
    "tuple": (0.1, 0.2),
    "range": range(3),
    "dict": {"a": 1.0},
    "empty dict": {},
    "mixed keys": {"a": 1.0, 2: 1.0},
    "set": {1.0},
    "object": Opaque(),
    "class": Opaque,
    "function": needs_three,
    "failing function": fails,
    "function of text": texts,
    "no numbers": np.zeros(0),
    "no rows": np.zeros((0, 3)),
    "array": np.array([0.1, 0.2]),
    "three dimensions": np.full((2, 3, 4), 0.5),
    "array of one": np.full((1, 1), 0.5),
    "array with nan": np.array([0.1, np.nan]),
    "array of objects": np.array([1.0, None], object),
    "array of texts": np.array(["0.1", "x"]),
    "array of truth": np.array([True, False]),
    "array of complex": np.array([0.1j, 0.2]),
    "array of whole numbers": np.array([1, 2]),
    "half precision": np.float16(0.5),
    "array of half precision": jnp.full(2, 0.5, "bfloat16"),
    "date": np.datetime64("2026-01-01"),
    "key": jax.random.key(1),
    "keys": jax.random.split(jax.random.key(1), 2),
    "labelled without coordinates": xr.DataArray([0.1, 0.2], dims=["a"]),
    "dataset": xr.Dataset(),
    "rule": pd.rules.gradient(0.1),
    "circuit": pd.Circuit(jnp.sum, jnp.ones(2)),
    "path": Path("nowhere"),
}
