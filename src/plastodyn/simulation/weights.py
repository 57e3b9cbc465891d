"""The weights that a run ended with, or recorded, as the user's own pytree."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from plastodyn import checks
from plastodyn.protocol import AbstractCircuit
from plastodyn.tree import Weights, size

_ROUNDING = 1e-6
"""Share of a point by which the number that is asked for may miss it."""


def weights_of(run: xr.Dataset | xr.DataArray, circuit: AbstractCircuit, **selection: Any) -> Weights:
    """The weights of a run in the structure of the circuit's own, with the axes of the run in front of each array.

    Args:
        run: what `simulate` returned; its final weights are taken, or, of an array with a dimension ``weight`` such as
            ``run.weights_recorded``, those.
        circuit: that of the run, or one of weights of the same structure and shapes.
        selection: one point of an axis by its name, such as ``ratio=0.4, replica=0``; the other axes are kept.

    Returns:
        A pytree like ``circuit.weights``; a leaf of shape ``s`` there has the shape ``(*axes, *s)`` here.

    Raises:
        ValueError: if ``run`` holds no weights of this number, or has no such axis or point.

    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(lambda w: jnp.sum(w["a"] ** 2) + jnp.sum(w["b"] ** 2), {"a": jnp.ones((2, 3)), "b": jnp.ones(4)})
    >>> rule = pd.rules.gradient(pd.axis("rate", [0.1, 0.5]))
    >>> run = pd.simulate(circuit, rule, steps=1, replicas=3, key=jax.random.key(0))
    >>> weights_of(run, circuit)["a"].shape, weights_of(run, circuit, rate=0.5, replica=0)["b"].tolist()
    ((2, 3, 2, 3), [0.0, 0.0, 0.0, 0.0])
    """
    checks.instance("circuit", circuit, AbstractCircuit, "the circuit of the run")
    leaves, structure = jax.tree.flatten(circuit.weights)
    flat = _selected(_weights(run), selection).transpose(..., "weight")
    if flat.sizes["weight"] != size(circuit.weights):
        raise ValueError(f"run must be of {size(circuit.weights)} weights, as circuit has; got {flat.sizes['weight']}")
    bounds = np.cumsum([leaf.size for leaf in leaves])[:-1]
    parts = np.split(flat.values, bounds, axis=-1)
    shaped = [
        jnp.asarray(part.reshape((*flat.shape[:-1], *leaf.shape)), leaf.dtype) for part, leaf in zip(parts, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, shaped)


def _weights(run: object) -> xr.DataArray:
    found = run.get("weights") if isinstance(run, xr.Dataset) else run
    if not isinstance(found, xr.DataArray) or "weight" not in found.dims:
        checks.refuse("run", run, "the result of simulate, or an array of its weights with a dimension 'weight'")
    return found


def _selected(weights: xr.DataArray, selection: dict[str, Any]) -> xr.DataArray:
    axes = [str(name) for name in weights.dims if name != "weight"]
    for name, point in selection.items():
        checks.one_of("the name of a selection", name, axes)
        checks.one_number(name, point)
        points = weights[name].values
        near = np.flatnonzero(np.isclose(points, point, rtol=_ROUNDING, atol=0))
        if not near.size:
            checks.refuse(name, point, f"one of the points of its axis, {checks.shown(points)}")
        weights = weights.isel({name: near[0]})
    return weights
