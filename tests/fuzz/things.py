"""What valid calls are made of: circuits, functions, and what is valid for arguments that many functions have."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from kinds import (
    Kind,
    circuit,
    count,
    either,
    floats,
    function,
    key,
    like,
    nothing,
    numbers,
    one_number,
    one_of,
    optional,
    parameter,
    rule,
)

import plastodyn as pd
from plastodyn import circuits, measure, rules

LEFT_OUT = object()
"""Stands for an argument that the valid call leaves out."""
FRESH = object()
"""Stands for the path of a store that is not there yet."""


class Argument(NamedTuple):
    """A valid value, and what else is valid."""

    value: Any
    kind: Kind


def left(kind):
    """An argument that the valid call leaves out."""
    return Argument(LEFT_OUT, kind)


def bowl(w):
    """A loss with known curvatures; at the top level, so that it is compiled once."""
    return 0.5 * jnp.sum(jnp.array([1.0, 3.0]) * w**2)


def decay(w):
    """A field."""
    return -w


def whirl(z):
    """A field that a certificate exists for."""
    return jnp.stack([z[1] - z[0], -z[0] - z[1]])


def constant(moment):
    """A gate or observable."""
    return 0.5 + 0 * moment.time


def done(moment):
    """A condition."""
    return moment.time > 1


def batch_loss(w, x):
    """A loss on a minibatch."""
    return jnp.mean((x @ w) ** 2)


WEIGHTS, SIGNS, KEY = jnp.ones(2), jnp.array([1.0, -1.0]), jax.random.key(0)
BOWL = pd.Circuit(bowl, WEIGHTS)
LAYERED = circuits.student_teacher([3, 4, 2], hidden="linear", inputs=20, key=KEY, displacement=0.3)
ONE_LAYER = circuits.student_teacher([3, 2], inputs=20, key=KEY, normalisation=circuits.half_squared_error)
LINEAR = circuits.through_covariance(LAYERED)
GRADIENT = rules.gradient(0.1)
OPERATOR = measure.operator(decay, WEIGHTS)
SERIES = np.random.default_rng(0).normal(size=(6, 2))
RUN = pd.simulate(BOWL, GRADIENT, steps=3, key=KEY, progress=False)
DATA = jnp.ones((5, 2))
STORE = Path("store.zarr")

positive, not_negative, share = parameter(above=0), parameter(at_least=0), numbers(at_least=0, at_most=1)
any_positive, any_not_negative = numbers(above=0), numbers(at_least=0)
pair = like((2,))
dtype = one_of("float32", "float64")
any_dtype = lambda value: False  # noqa: E731 - none of the bad values names a type


def _plain(value):
    try:
        found = np.asarray(value)
        return found if found.dtype.kind in "iuf" and found.size else np.zeros(1)
    except Exception:
        return np.zeros(1)


def _distinct(value):
    found = _plain(list(value) if isinstance(value, range) else value)
    single = isinstance(value, dict | set | str | bytes)
    return not single and found.ndim == 1 and found.size == len(np.unique(found)) and _plain(value).size == np.size(value)


def _rate(**bounds):
    return {"rate": Argument(0.1, parameter(at_least=0) if not bounds else parameter(**bounds))}


def signs_of_neurons(value):
    """A fraction, an axis of them, or a vector of signs."""
    found = _plain(value)
    vector = found.ndim == 1 and np.isin(found, (-1, 1)).all() and not isinstance(value, dict)
    return parameter(at_least=0, at_most=1)(value) or vector


def mask(value):
    """Arrays of 0 and 1, truth values among them."""
    leaves = [_plain(np.asarray(leaf) * 1) for leaf in jax.tree.leaves(value)]
    found = np.concatenate([np.ravel(leaf) for leaf in leaves])
    return np.isin(found, (0, 1)).all() and found.any()


def pytree_of_signs(value):
    """Arrays of -1 and 1."""
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(np.isin(_plain(leaf), (-1, 1)).all() for leaf in leaves)


def name_of_file(value):
    """Any text is the name of a store, made by another case maybe."""
    return isinstance(value, str | Path) and str(value) != ""


layer = {"layer": Argument("hidden", one_of("hidden", "readout"))}
alpha = {"alpha": Argument(0.5, any_positive)}
mu = {"mu": Argument(0.5, numbers(at_least=0, at_most=1 - 1e-16))}
wrapped = Argument(GRADIENT, rule)
loss = Argument(bowl, function)
field = Argument(decay, function)
weights = Argument(WEIGHTS, floats)
a_key = Argument(KEY, key)
no_key = left(optional(key))
a_circuit = Argument(BOWL, circuit)
rate_of_flow = {"rate": Argument(0.1, positive)}
lanczos = {"key": a_key, "depth": left(count(1)), "probes": left(count(1))}
widths = Argument([3, 2], lambda value: isinstance(value, np.ndarray) and value.tolist() == [1, 2])
draws = {"key": a_key, "widths": widths, "dtype": Argument(jnp.dtype("float32"), any_dtype)}
spectrum_of_theory = {
    "eigenvalues": Argument([1.0, 2.0], any_not_negative),
    "fluctuation": Argument(0.3, any_not_negative),
    "precision": Argument(5.0, numbers(above=0, infinite=True)),
    "multiplicities": left(optional(any_not_negative)),
}
directed_theory = {**spectrum_of_theory, "shares": left(optional(numbers(at_least=0, at_most=1, shape=lambda s: s == (2,))))}
remembered_theory = {**directed_theory, "correlation_time": left(numbers(at_least=0, infinite=True))}
CURVES = xr.DataArray(
    [[2.0, 1.0, 2.5], [2.1, 1.1, 2.4]], dims=("replica", "ratio"), coords={"ratio": [0.5, 1.0, 2.0], "replica": [0, 1]}
)
curves = {"axis": left(one_of("ratio", "replica")), "replica": left(one_of("ratio", "replica"))}
neurons = {
    "neurons": Argument(0.5, signs_of_neurons),
    "layer": left(count()),
    "layout": left(one_of("outputs-inputs", "inputs-outputs")),
}
_not_negative = numbers(at_least=0)


def whole(value):
    """Whole numbers at least 0, as floats too, in an array of any shape."""
    return _not_negative(value) and bool((np.asarray(value, float) % 1 == 0).all())


rational = either(one_number(above=0), lambda value: value == "0.1")
rational_below_one = either(one_number(at_least=0, at_most=1 - 1e-16), lambda value: value == "0.1")
question = {
    "field": Argument(whirl, function),
    "box": Argument([[-1, 1], [-1, 1]], nothing),
    "equilibrium": left(optional(numbers(shape=lambda shape: shape == (2,)))),
    "candidate": left(optional(nothing)),
    "time": left(one_of("continuous", "discrete")),
    "boxes": left(count(1, 10**6)),
}
