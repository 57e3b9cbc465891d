"""Members of a run: every replica at every setting of the axes, laid out for the engine."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

from plastodyn import checks
from plastodyn.protocol import AbstractCircuit, Rule
from plastodyn.runtime import memory
from plastodyn.simulation.axes import Grid, is_axis, spanned
from plastodyn.tree import Weights
from plastodyn.types import Leaves

BYTES_PER_MEMBER = 100
"""What the host holds of each: its key, status and number of steps, and its place on the axes."""


class Population(NamedTuple):
    """All members of a run, setting-major: member ``m`` is replica ``m % replicas`` at setting ``m // replicas``."""

    grid: Grid
    replicas: int
    keys: Array
    batched: Leaves
    shared: Leaves
    static: Leaves

    @property
    def total(self) -> int:
        """Number of members."""
        return self.grid.settings * self.replicas

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes, then the number of replicas."""
        return (*self.grid.shape, self.replicas)

    def one(self) -> tuple[Array, Leaves, Leaves]:
        """Shapes of the key, batched and shared leaves of one member, whichever."""
        return jax.eval_shape(lambda: (*self.take(np.zeros((), int)), self.shared))

    def take(self, chosen: np.ndarray) -> tuple[Array, Leaves]:
        """Keys and batched leaves of the chosen members, with the shape of ``chosen`` in front."""
        return _gathered(self.keys, self.batched, chosen)


class _Column(NamedTuple):
    """A batched leaf: its distinct values and, for each member, which of them it has."""

    values: Array
    which: Array


def _is_column(leaf: object) -> bool:
    return isinstance(leaf, _Column)


@jax.jit
def _gathered(keys: Array, columns: Leaves, chosen: Array) -> tuple[Array, Leaves]:
    """One compiled call: leaf after leaf, a round of a single network took the host 3 ms longer."""
    return keys[chosen], jax.tree.map(lambda column: column.values[column.which[chosen]], columns, is_leaf=_is_column)


def enlist(circuits: list[AbstractCircuit], rule: Rule, replicas: int, key: Array) -> Population:
    """Spread (circuit, rule) over the axes found in them and over replicas.

    Args:
        circuits: one for all replicas, or one for each.
        rule: may hold axes.
        replicas: at each setting.
        key: of the run; member keys depend on it, on the indices along each axis and on the replica, so that a run
            on a longer axis repeats the members of a shorter one.

    Raises:
        ValueError: if the circuits of a list differ in more than the values of their arrays, or there are more members
            than fit into memory.
    """
    grid = spanned((circuits, rule))
    _check_number(grid.settings * replicas)
    dtype = jnp.result_type(*jax.tree.leaves(circuits[0].weights))
    stacked, differs = stack(circuits)
    setting, replica = np.divmod(np.arange(grid.settings * replicas), replicas)

    def column(leaf: Any, per_replica: bool) -> Any:
        if is_axis(leaf):
            return _Column(jnp.asarray(grid.values(leaf, dtype)), jnp.asarray(setting))
        if not _numeric(leaf):
            return None
        return _Column(jnp.asarray(leaf), jnp.asarray(replica)) if per_replica else None

    batched = (
        jax.tree.map(column, stacked, differs, is_leaf=is_axis),
        jax.tree.map(lambda leaf: column(leaf, False), rule, is_leaf=is_axis),
    )
    system = (stacked, rule)
    shared = jax.tree.map(
        lambda leaf, taken: _shared(leaf, dtype) if taken is None else None,
        system,
        batched,
        is_leaf=is_axis,
    )
    static = jax.tree.map(lambda leaf: None if is_axis(leaf) or _numeric(leaf) else leaf, system, is_leaf=is_axis)
    return Population(grid, replicas, _member_keys(key, grid, replicas), batched, shared, static)


def _check_number(members: int) -> None:
    needed, free = members * BYTES_PER_MEMBER, memory.free_on_host()
    if free is not None and needed > free:
        words = f"{members} members need {memory.readable(needed)} of memory, and {memory.readable(free)} are free"
        raise ValueError(f"axes and replicas must make fewer members: {words}; see plastodyn.sweeps")


def stack(circuits: list[AbstractCircuit]) -> tuple[AbstractCircuit, Leaves]:
    """One circuit whose arrays are those of the list, stacked in front, and which of them are.

    An array that all circuits hold in common, the same object, is kept once: a data set is not copied for each replica.
    """
    parts = [eqx.partition(circuit, _numeric) for circuit in circuits]
    first_arrays, first_static = parts[0]
    for arrays, static in parts[1:]:
        same = jax.tree.structure(arrays) == jax.tree.structure(first_arrays)
        shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(arrays)]
        if same and jax.tree.leaves(static) != jax.tree.leaves(first_static):
            raise ValueError(
                "circuit: the circuits of a list are compiled as one, so that they must share their functions; data that "
                "differ between them belong into arrays of the circuit, as pd.circuits.minibatches keeps them"
            )
        if not same or static != first_static or shapes != [jnp.shape(x) for x in jax.tree.leaves(first_arrays)]:
            raise ValueError("circuit: a list of circuits must differ only in the values of their arrays, one for each replica")
    differs = jax.tree.map(lambda *leaves: any(x is not leaves[0] for x in leaves), *(arrays for arrays, _ in parts))
    stacked = jax.tree.map(
        lambda own, *leaves: jnp.stack([jnp.asarray(x) for x in leaves]) if own else leaves[0],
        differs,
        *(arrays for arrays, _ in parts),
    )
    return eqx.combine(stacked, first_static), eqx.combine(differs, jax.tree.map(lambda _: False, first_static))


def _numeric(leaf: object) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | float | int) and not isinstance(leaf, bool)


def _shared(leaf: Any, dtype: DTypeLike) -> Any:
    if not _numeric(leaf):
        return None
    # A Python number takes the precision of the weights; an array keeps its own.
    return jnp.asarray(leaf, dtype) if isinstance(leaf, float | int) else jnp.asarray(leaf)


def _member_keys(key: Array, grid: Grid, replicas: int) -> Array:
    fold = jax.vmap(jax.random.fold_in, in_axes=(0, 0))
    indices = np.indices((*grid.shape, replicas)).reshape(len(grid.shape) + 1, -1)
    keys = jnp.broadcast_to(key, (indices.shape[1],))
    for index in indices:
        keys = fold(keys, jnp.asarray(index, jnp.uint32))
    return keys


def initial_weights(circuit: AbstractCircuit, weights: Weights) -> AbstractCircuit:
    """The circuit, started at other weights of the same shapes.

    Raises:
        ValueError: if structure or shapes differ.
    """
    checks.alike("weights", weights, circuit.weights, of="circuit.weights")
    return eqx.tree_at(lambda c: c.weights, circuit, weights)
