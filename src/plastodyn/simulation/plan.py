"""How a run is laid out on the machine: its time steps, and a chunk size tuned to the cost and the size of a member."""

import math
from typing import NamedTuple

import jax

from plastodyn import checks, devices
from plastodyn.simulation import engine
from plastodyn.simulation.members import Members
from plastodyn.simulation.record import Observable
from plastodyn.simulation.solvers import Solver

# Work per step, and bytes of weights, that fill a core's caches without spilling them: measured on linear circuits of 220
# units, 16 to 100 kB each, a step takes up to twice as long per member beyond 120 kB, and the same or longer below it.
_OPERATIONS_PER_CHUNK = 7e6
_BYTES_PER_CHUNK = 1.2e5
# Work between two updates of the bar, beside the cost of a call.
_OPERATIONS_PER_PIECE = 1.5e10
_OVERHEAD = 1e5
# Random numbers come cheaper for many steps at once; a block of them is to stay in cache.
_NUMBERS_PER_BLOCK = 1.5e5
_LONGEST_BLOCK = 64
_ACCELERATOR_FACTOR = 1000


class Timing(NamedTuple):
    """The discretisation of a run."""

    steps: int
    dt: float
    solver: Solver
    is_flow: bool


class Plan(NamedTuple):
    """The program of a run and the number of steps between two returns to the host."""

    program: engine.Program
    longest: int


def plan(members: Members, timing: Timing, observed: tuple[Observable, ...], chunk: int | None) -> Plan:
    """Choose the members that a device carries at a time, the block of random numbers and the length of a piece.

    Args:
        members: of the run.
        timing: of the run.
        observed: everything that is compiled to be observed.
        chunk: members per device; chosen from the cost of a step and the bytes of the weights unless given.

    Raises:
        ValueError: if ``chunk`` is not a positive whole number.
    """
    leaves, structure = jax.tree.flatten(members.static)
    single = engine.Program(tuple(leaves), structure, timing.solver, observed, devices=1, chunk=1, block=1)
    shapes, layout = jax.tree.flatten(members.one())
    cost = engine.cost(single, layout, tuple(shapes))
    cores = 1 if timing.solver.one_device else len(jax.local_devices())
    if chunk is None:
        room = min(_OPERATIONS_PER_CHUNK / cost.operations, _BYTES_PER_CHUNK / cost.bytes)
        room *= 1 if devices.on_cpu() else _ACCELERATOR_FACTOR
        chunk = max(1, int(min(room, math.ceil(members.total / cores))))
    checks.count("chunk", chunk, at_least=1)
    used = min(cores, math.ceil(members.total / chunk))
    block = max(1, min(_LONGEST_BLOCK, int(_NUMBERS_PER_BLOCK / (max(cost.random_numbers, 1) * chunk))))
    longest = max(1, int(_OPERATIONS_PER_PIECE / (cost.operations * chunk + _OVERHEAD)))
    return Plan(single._replace(devices=used, chunk=chunk, block=block), longest)
