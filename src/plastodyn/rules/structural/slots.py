"""Slots of a sparse graph: column i holds the neighbours of oscillator i, and its own number where a slot is free."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from plastodyn.protocol import Moment

Neighbours = Int[Array, "slots oscillators"]
Values = Float[Array, "slots oscillators"]


def carried(values: Values, old: Neighbours, new: Neighbours) -> Values:
    """What belongs to edges, after the slots have been filled anew: kept where the edge is, 0 where it was not.

    Args:
        values: shape (k, n).
        old: neighbours that they belong to, shape (k, n), each at most once in a column.
        new: neighbours now, shape (k, n).

    >>> carried(jnp.array([[1.0], [2.0]]), jnp.array([[5], [7]]), jnp.array([[7], [6]])).tolist()
    [[2.0], [0.0]]
    """
    return jax.lax.map(lambda near: jnp.sum(jnp.where(old == near, values, 0), axis=0), new)


def positions_of(moment: Moment, who: str) -> Float[Array, "oscillators dimensions"]:
    """The positions of a circuit.

    Raises:
        ValueError: if it has none.
    """
    positions = getattr(graph_of(moment, who), "positions", None)
    if positions is None:
        raise ValueError(f"{who} needs a circuit with positions: give it positions=, shape (n, d), within the unit ball")
    return positions


def graph_of(moment: Moment, who: str) -> Any:
    """The structure of a sparse circuit.

    Raises:
        ValueError: if it has none.
    """
    neighbours = getattr(moment.structure, "neighbours", None)
    if neighbours is None:
        raise ValueError(f"{who} needs a sparse circuit: give it neighbours=, shape (k, n)")
    if getattr(moment.weights, "shape", None) != neighbours.shape:
        raise ValueError(f"{who} needs a circuit whose weights are those of its edges, shape {neighbours.shape}")
    return moment.structure
