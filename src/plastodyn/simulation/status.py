"""How members end, and why."""

from enum import IntEnum

import jax
import jax.numpy as jnp
import numpy as np

from plastodyn.protocol import Carry


class Status(IntEnum):
    """The ``status`` of a member in a result."""

    FINISHED = 0
    DIVERGED = 1
    """Weights that are not finite."""
    INTERRUPTED = 2
    """Stopped before its end, by Ctrl-C."""
    RETIRED = 3
    """Done before its end, by `until`."""
    ACTIVITY_DIVERGED = 4
    """Finite weights, but an activity that is not."""


MEANINGS = "finished diverged interrupted retired activity_diverged"


def of_ends(carries: Carry) -> np.ndarray:
    """Finished or diverged, and what did, for each member.

    >>> of_ends(Carry(np.ones((2, 3)), np.array([1.0, np.nan]), None, None)).tolist()
    [0, 4]
    """
    weights, activity = _finite(carries.weights), _finite(carries.activity)
    return np.where(~weights, Status.DIVERGED, np.where(~activity, Status.ACTIVITY_DIVERGED, Status.FINISHED)).astype(np.int8)


def _finite(leaves: object) -> np.ndarray | np.bool:
    """Whether all floating-point numbers of a member are finite, members first."""
    floating = [leaf for leaf in jax.tree.leaves(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    each = [np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1) for leaf in floating]
    return np.logical_and.reduce(each) if each else np.bool_(True)
