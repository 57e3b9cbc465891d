"""How a run is laid out on the machine: a chunk size tuned to the cost and the size of a member."""

import functools
import math
from collections.abc import Hashable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks
from plastodyn.protocol import Carry, Instants
from plastodyn.runtime import devices
from plastodyn.simulation import engine
from plastodyn.simulation.members import Population
from plastodyn.simulation.record import Observable
from plastodyn.solvers import Solver
from plastodyn.types import Leaves

# Work per step, and bytes of weights, that fill a core's caches without spilling them: measured on linear circuits of 220
# units, 16 to 100 kB each, a step takes up to twice as long per member beyond 120 kB, and the same or longer below it.
_OPERATIONS_PER_CHUNK = 7e6
_BYTES_PER_CHUNK = 1.2e5
# Random numbers come cheaper for many steps at once; a block of them is to stay in cache.
_NUMBERS_PER_BLOCK = 1.5e5
_LONGEST_BLOCK = 64
# What one call may record of one observable on one device.
_BYTES_OF_RECORDS = 4e6
# Runs with fewer records share one program.
_LEAST_ROOM = 64
_ACCELERATOR_FACTOR = 1000


Shapes = tuple[jax.ShapeDtypeStruct, ...]


class Timing(NamedTuple):
    """The discretisation of a run: from step ``first`` to step ``last``."""

    first: int
    last: int
    dt: float
    solver: Solver
    is_flow: bool


class Cost(NamedTuple):
    """What one step of one member takes: floating-point operations, bytes that it carries, random numbers it draws."""

    operations: float
    bytes: float
    random_numbers: int


def plan(
    population: Population, timing: Timing, observed: tuple[Observable, ...], events: tuple[Instants, ...], chunk: int | None
) -> engine.Program:
    """Choose the members that a device carries at a time, the block of random numbers and the room for records.

    Args:
        population: of the run.
        timing: of the run.
        observed: everything that is compiled to be observed.
        events: when the events of circuit and rule happen.
        chunk: members per device; chosen from the cost of a step and the bytes of the weights unless given.

    Raises:
        ValueError: if ``chunk`` is not a positive whole number.
    """
    leaves, structure = jax.tree.flatten(population.static)
    functions = tuple(item.function for item in observed)
    whole = range(timing.first, timing.last + 1)
    dense = tuple(item.within(timing.first, timing.last) == whole for item in observed)
    single = engine.Program(tuple(leaves), structure, timing.solver, functions, (1,) * len(observed), dense, events, 1, 1, 1)
    shapes, layout = jax.tree.flatten(population.one())
    recorded = [_shape_of(item, single, which, layout, tuple(shapes)) for which, item in enumerate(observed)]
    cost = _cost(single, layout, tuple(shapes))
    cores = 1 if timing.solver.one_device else len(jax.local_devices())
    if chunk is None:
        room = min(_OPERATIONS_PER_CHUNK / cost.operations, _BYTES_PER_CHUNK / cost.bytes)
        room *= 1 if devices.on_cpu() else _ACCELERATOR_FACTOR
        chunk = max(1, int(min(room, math.ceil(population.total / cores))))
    checks.count("chunk", chunk, at_least=1)
    # More than there are members would be empty room.
    chunk = min(chunk, population.total)
    used = min(cores, math.ceil(population.total / chunk))
    block = max(1, min(_LONGEST_BLOCK, int(_NUMBERS_PER_BLOCK / (max(cost.random_numbers, 1) * chunk))))
    counts = (len(item.within(timing.first, timing.last)) for item in observed)
    room = tuple(_room(one, count, chunk) for one, count in zip(recorded, counts, strict=True))
    return single._replace(devices=used, chunk=chunk, block=block, room=room)


def _shape_of(item: Observable, program: engine.Program, which: int, layout: Hashable, shapes: Shapes) -> jax.ShapeDtypeStruct:
    """`observed_shape`, with what goes wrong in a user's function said by its name."""
    try:
        found = observed_shape(program, which, layout, shapes)
    except ValueError:
        raise
    except Exception as error:
        first = (str(error).strip() or "no message").splitlines()[0]
        told = f"{type(error).__name__}: {first}"
        raise ValueError(f"record, until: the observable {item.name!r} failed when JAX traced it: {told}") from error
    if not isinstance(found, jax.ShapeDtypeStruct):
        raise ValueError(f"record, until: the observable {item.name!r} must return one array; got {checks.shown(found)}")
    return found


def _room(one: jax.ShapeDtypeStruct, count: int, chunk: int) -> int:
    """Records of one observable for which a call has room; a power of two, so that runs of other lengths share programs."""
    most = max(1, int(_BYTES_OF_RECORDS / max(1, chunk * one.size * one.dtype.itemsize)))
    return 2 ** min(int(math.log2(most)), math.ceil(math.log2(max(count, _LEAST_ROOM))))


@functools.lru_cache(maxsize=256)
def observed_shape(program: engine.Program, which: int, layout: Hashable, shapes: Shapes) -> jax.ShapeDtypeStruct:
    """Shape and type of one observable of one member."""

    def observed(key: Array, batched: Leaves, shared: Leaves) -> Array:
        carry = engine.begin(program, key, batched, shared)
        return engine.observe(program, carry, batched, shared, jnp.zeros((), _float_of(carry)), which)

    return jax.eval_shape(observed, *jax.tree.unflatten(layout, shapes))


def _float_of(carry: Carry) -> np.dtype:
    return jnp.result_type(*jax.tree.leaves(carry.weights))


@functools.lru_cache(maxsize=128)
def _cost(program: engine.Program, layout: Hashable, shapes: Shapes) -> Cost:
    """The cost of one step of one member, as XLA counts it.

    Args:
        program: of the run.
        layout: structure of (key, batched, shared) of one member.
        shapes: of their leaves, which is all that the cost depends on.
    """
    key, batched, shared = jax.tree.unflatten(layout, shapes)
    index = jnp.zeros((), jnp.int32)

    def one_step(key: Array, batched: Leaves, shared: Leaves) -> Carry:
        carry = engine.begin(program, key, batched, shared)
        noise = engine.draw(program, index, key, batched, shared)
        return engine.step(program, carry, noise, key, batched, shared, index, jnp.ones((), _float_of(carry)))

    drawn = jax.eval_shape(lambda *system: engine.draw(program, index, *system), key, batched, shared)
    counted = jax.jit(one_step).lower(key, batched, shared).cost_analysis() or {}
    carried = jax.tree.leaves(jax.eval_shape(lambda *system: engine.begin(program, *system), key, batched, shared))
    return Cost(
        operations=max(float(counted.get("flops", 1.0)), 1.0),
        bytes=sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in carried),
        random_numbers=sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(drawn)),
    )
