"""Long compiled loops in pieces: each call takes about a quarter of a second, between them Ctrl-C and a bar have their turn.

The bounds of a piece are arguments of the compiled loop, so that the numbers do not depend on where it is cut.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer

from plastodyn.runtime.convolutions import compiled
from plastodyn.runtime.pace import Pace
from plastodyn.runtime.progress import Bar

State = TypeVar("State")
Result = TypeVar("Result")
Advance = Callable[[State, Array, Array], State]
"""``advance(state, first, stop)``: the state after the steps from ``first`` up to ``stop``; compiled."""


def pieces(advance: Advance[State], state: State, count: int, bar: Bar) -> Iterator[State]:
    """The state after each piece of ``count`` steps; whoever has seen enough may leave.

    Within `jax.jit` or `jax.vmap`, where there is no time, the steps make one piece.

    Args:
        advance: a compiled loop with bounds as arguments.
        state: pytree of arrays.
        count: steps in all.
        bar: is advanced by the steps made.

    >>> double = compiled(lambda x, first, stop: jax.lax.fori_loop(first, stop, lambda _, x: 2 * x, x))
    >>> with Bar("doubling", 3) as bar:
    ...     print(*pieces(double, jnp.ones(()), 3, bar))
    2.0 4.0 8.0
    """
    pace, index = Pace(), 0
    while index < count:
        following = count if _is_traced(state) else min(count, index + pace.steps)
        pace.start()
        state = jax.block_until_ready(advance(state, jnp.int32(index), jnp.int32(following)))
        pace.finish(following - index)
        bar.advance(following - index)
        index = following
        yield state


def carried(advance: Advance[State], state: State, count: int, bar: Bar) -> State:
    """The state after all pieces, see `pieces`."""
    for following in pieces(advance, state, count, bar):
        state = following
    return state


def each(function: Callable[[Any], Callable[[Any], Result]], system: Any, items: Any, bar: Bar) -> Result:
    """The results of ``function(system)`` for every item, stacked: one at a time, so that memory stays that of one.

    Args:
        function: of the system, returns a function of one item; it is compiled once for equal functions and shapes.
        system: pytree.
        items: pytree of arrays, with an axis of items in front.
        bar: is advanced by the items done.

    >>> with Bar("squares", 3) as bar:
    ...     each(lambda factor: lambda x: factor * x**2, jnp.float32(2.0), jnp.arange(3.0), bar).tolist()
    [0.0, 2.0, 8.0]
    """
    one = eqx.filter_eval_shape(lambda: function(system)(jax.tree.map(lambda leaf: leaf[0], items)))
    count = len(jax.tree.leaves(items)[0])
    room = jax.tree.map(lambda leaf: jnp.zeros((count, *leaf.shape), leaf.dtype), one)
    return carried(lambda state, first, stop: _filled(function, system, items, state, first, stop), room, count, bar)


@compiled
def _filled(
    function: Callable[[Any], Callable[[Any], Result]], system: Any, items: Any, room: Result, first: Array, stop: Array
) -> Result:
    one = function(system)

    def put(index: Array, room: Result) -> Result:
        found = one(jax.tree.map(lambda leaf: leaf[index], items))
        return jax.tree.map(lambda rows, row: rows.at[index].set(row), room, found)

    return jax.lax.fori_loop(first, stop, put, room)


def _is_traced(state: Any) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(state))
