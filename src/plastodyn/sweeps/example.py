"""An experiment to copy from: a quadratic bowl under noisy gradient descent."""

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.circuits import Circuit
from plastodyn.fluctuations import white
from plastodyn.rules import gradient
from plastodyn.simulation import axis, simulate


def _bowl(weights: Array) -> Array:
    # At the top level, not a lambda inside: calls with the same function share compiled code.
    return 0.5 * jnp.sum(weights**2)


def noisy_bowl(point: dict[str, np.ndarray], key: Array, *, steps: int = 20, replicas: int = 4) -> xr.Dataset:
    """Loss of a three-dimensional bowl ``|w|^2 / 2`` along gradient descent, over the axes ``rate`` and ``noise``.

    Args:
        point: learning rates under ``rate``, norms of one step's fluctuation under ``noise``.
        key: random key.
        steps: of the simulation.
        replicas: members at each point.

    Returns:
        ``loss`` over (rate, noise, replica, step).

    >>> import jax
    >>> point = {"rate": np.array([0.1, 0.2]), "noise": np.array([0.0])}
    >>> dict(noisy_bowl(point, jax.random.key(0), steps=3).sizes)
    {'rate': 2, 'noise': 1, 'replica': 4, 'step': 4}
    """
    circuit = Circuit(loss=_bowl, weights=jnp.ones(3))
    rate, noise = (axis(name, point[name]) for name in ("rate", "noise"))
    rule = gradient(rate) + white(noise)
    return simulate(circuit, rule, steps=steps, replicas=replicas, key=key, progress=False)[["loss"]]
