"""What a run will take of memory, before it takes it; a run that does not fit is refused, and not killed half way."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax

from plastodyn.protocol import Carry
from plastodyn.runtime.memory import free_on_device, free_on_host, readable
from plastodyn.simulation.engine import Program
from plastodyn.simulation.members import BYTES_PER_MEMBER, Population
from plastodyn.types import Noise

_BYTES_PER_INSTANT = 24
"""Its label in the result: in the array, in the index, and on the way there."""
_COPIES_OF_CARRY = 3
"""That a device holds of what members carry: before a step and after it, and the change."""
_COPIES_OF_RECORDS = 2
"""On a device and on their way to the host."""


class Recorded(NamedTuple):
    """What is kept of one observable: its name, how often, and shape and type of one record of one member."""

    name: str
    instants: int
    one: jax.ShapeDtypeStruct


class Part(NamedTuple):
    """A part of what is needed, in bytes; what it is; and what would make it smaller."""

    bytes: int
    what: str
    remedy: str


def check(population: Population, program: Program, recorded: Sequence[Recorded], carry: Carry, drawn: Noise) -> None:
    """Refuse a run that does not fit into the memory that is free now.

    Args:
        population: of the run.
        program: how it is laid out.
        recorded: what is kept on the host.
        carry: shapes and types of what one member carries.
        drawn: shapes and types of the random numbers that it draws at a step.

    Raises:
        ValueError: with what is needed, what is free, what of it takes most, and what to change.
    """
    kept, moving = on_host(population, recorded, carry), on_device(program, recorded, carry, drawn)
    on_accelerator = free_on_device()
    if on_accelerator is None:
        _refuse([*kept, *moving], free_on_host(), "memory")
    else:
        _refuse(kept, free_on_host(), "memory")
        _refuse(moving, on_accelerator, "memory of the device")


def on_host(population: Population, recorded: Sequence[Recorded], carry: Carry) -> list[Part]:
    """What the results take: records, labels of their instants, and what members carry to the end."""
    total = population.total
    axes = ", ".join(f"{name!r} of {len(points)}" for name, points in population.grid.coordinates.items())
    members = f"{total} members" + (f" (axes {axes}, replicas {population.replicas})" if total > 1 else "")
    fewer = "fewer members at a time, see plastodyn.sweeps"
    parts = [
        Part(
            total * item.instants * _size(item.one) + item.instants * _BYTES_PER_INSTANT,
            f"the record {item.name!r}, {math.prod(item.one.shape)} numbers at {item.instants} instants of {members}",
            f"record {item.name!r} less often (every=) or later (start=)" + (f", or take {fewer}" if total > 1 else ""),
        )
        for item in recorded
    ]
    carried, weights = (sum(map(_size, jax.tree.leaves(part))) for part in (carry, carry.weights))
    # The weights once more: they are raveled for the result.
    own = Part(total * (carried + weights + BYTES_PER_MEMBER), f"weights and states of {members}", f"take {fewer}")
    return [*parts, own]


def on_device(program: Program, recorded: Sequence[Recorded], carry: Carry, drawn: Noise) -> list[Part]:
    """What the devices hold at a time: a chunk of members each, its random numbers, and its latest records."""
    members = program.devices * program.chunk
    carried, noise = (sum(map(_size, jax.tree.leaves(part))) for part in (carry, drawn))
    latest = sum(room * _size(item.one) for room, item in zip(program.room, recorded, strict=False))
    what = f"{members} members at a time on {program.devices} devices"
    size = members * (_COPIES_OF_CARRY * carried + program.block * noise + _COPIES_OF_RECORDS * latest)
    return [Part(size, what, f"give a chunk below {program.chunk}" if program.chunk > 1 else "take fewer weights")]


def _size(leaf: jax.ShapeDtypeStruct) -> int:
    return math.prod(leaf.shape) * leaf.dtype.itemsize


def _refuse(parts: list[Part], free: int | None, where: str) -> None:
    needed = sum(part.bytes for part in parts)
    if free is None or needed <= free:
        return
    most = max(parts)
    raise ValueError(
        f"the run needs about {readable(needed)} of {where}, and {readable(free)} are free: "
        f"{readable(most.bytes)} are for {most.what}; {most.remedy}"
    )
