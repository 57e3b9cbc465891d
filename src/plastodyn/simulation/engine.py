"""The compiled inner loop: a chunk of members on each device, carried through many steps at a time.

A member is one replica at one setting of the axes. What differs between members (`batched`) is mapped over; what they
share is not copied; what is not an array (`static`) is compiled in. Random numbers depend on a member's own key and
the step only, never on how members are batched.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import PartitionSpec

from plastodyn import devices, tree
from plastodyn.protocol import Moment
from plastodyn.simulation.record import Observable
from plastodyn.simulation.solvers import Solver

_UNROLLED = 4
"""Steps written out in the loop's body: XLA copies what the loop carries once for each turn, which large weights feel."""


class Carry(NamedTuple):
    """What one step hands to the next."""

    weights: Any
    activity: Any
    state: Any


class Program(NamedTuple):
    """Everything about a run that is compiled in; hashable, so that equal runs share compiled code."""

    static_leaves: tuple[Any, ...]
    structure: Any
    solver: Solver
    observables: tuple[Observable, ...]
    devices: int
    chunk: int
    block: int

    def system(self, batched: Any, shared: Any) -> tuple[Any, Any]:
        """The (circuit, rule) of one member, put together again from its parts."""
        static = jax.tree.unflatten(self.structure, self.static_leaves)
        return eqx.combine(batched, shared, static)


class Clock(NamedTuple):
    """Where a stretch of steps begins, as an index, and how long one step is."""

    start: Any
    dt: Any


def begin(program: Program, key: Array, batched: Any, shared: Any) -> Carry:
    """The carry of one member before its first step."""
    circuit, rule = program.system(batched, shared)
    moment = Moment(circuit, circuit.weights, jnp.zeros((), _time_type(circuit.weights)), circuit.activity)
    state = rule.init(moment, jax.random.fold_in(key, 0))
    return Carry(circuit.weights, circuit.activity, state)


def noises(program: Program, key: Array, batched: Any, shared: Any, first: Array, count: int) -> Any:
    """The rule's noise at ``count`` steps from ``first`` on, each a function of the member's key and the step's index."""
    circuit, rule = program.system(batched, shared)
    return jax.vmap(lambda index: rule.draw(circuit.weights, _keys(key, index)[0]))(first + jnp.arange(count))


def _keys(key: Array, index: Array) -> Array:
    """Keys of one step of a member: for its rule's noise and for the draw of its inputs."""
    return jax.random.split(jax.random.fold_in(jax.random.fold_in(key, 1), index))


def step(program: Program, carry: Carry, noise: Any, key: Array, batched: Any, shared: Any, clock: Clock) -> Carry:
    """One step of one member, at the clock's index: ``w <- settle(w + displacement + increment)``."""
    circuit, rule = program.system(batched, shared)
    # Compiled away where the circuit does not redraw its inputs.
    seen = circuit.sample(_keys(key, clock.start)[1])
    dt = clock.dt
    time = clock.start * dt

    def field(at: Array, state: Any) -> Any:
        weights, activity = state
        velocity = rule.velocity(Moment(seen, weights, at, activity), carry.state)
        if velocity is not None and not program.solver.first_order:
            velocity = rule.tangent(velocity, weights, carry.state)
        speed = None if activity is None else circuit.activity_velocity(weights, activity, at)
        return velocity, speed

    moved = program.solver.displacement(field, time, (carry.weights, carry.activity), dt)
    moment = Moment(seen, carry.weights, time, carry.activity)
    change, state = rule.increment(moment, carry.state, dt, noise)
    weights = tree.add(carry.weights, tree.add(moved[0], change))
    weights = rule.settle(weights, state)
    return Carry(weights, circuit.jump(weights, tree.add(carry.activity, moved[1]), time, dt), state)


def snapshot(program: Program, carry: Carry, batched: Any, shared: Any, time: Array, active: tuple[int, ...]) -> Any:
    """The active observables of one member at one instant."""
    circuit, rule = program.system(batched, shared)
    moment = Moment(circuit, carry.weights, time, carry.activity, lambda at: rule.velocity(at, carry.state))
    return tuple(jnp.asarray(program.observables[i].function(moment)) for i in active)


class _Member(NamedTuple):
    """One member on its way through a piece: nested loops record at each stride and draw noise a block at a time."""

    program: Program
    active: tuple[int, ...]
    key: Array
    batched: Any
    shared: Any
    dt: Array

    def run(
        self, carry: Carry, start: Array, count: int, strides: list[int], drawn: tuple[Array, Any] | None = None
    ) -> tuple[Carry, dict[int, Array]]:
        """Carry through ``count`` steps; ``drawn`` holds the noise of some steps and the first of these."""
        stride = strides[0] if strides else 1
        if drawn is None and stride <= self.program.block:

            def block(carry: Carry, at: Array, length: int) -> tuple[Carry, dict[int, Array]]:
                fresh = noises(self.program, self.key, self.batched, self.shared, at, length)
                return self.run(carry, at, length, strides, (at, fresh))

            return _in_blocks(block, carry, start, count, self.program.block // stride * stride)
        if strides:
            return _in_blocks(functools.partial(self._recorded, strides=strides, drawn=drawn), carry, start, count, stride)
        assert drawn is not None
        return _repeat(functools.partial(self._step, start=start, drawn=drawn), count, carry), {}

    def _recorded(
        self, carry: Carry, at: Array, length: int, strides: list[int], drawn: tuple[Array, Any] | None
    ) -> tuple[Carry, dict[int, Array]]:
        mine = tuple(i for i in self.active if self.program.observables[i].every == strides[0])
        records = snapshot(self.program, carry, self.batched, self.shared, at * self.dt, mine)
        carry, deeper = self.run(carry, at, length, strides[1:], drawn)
        return carry, {**{i: r[None] for i, r in zip(mine, records, strict=True)}, **deeper}

    def _step(self, offset: Array, carry: Carry, start: Array, drawn: tuple[Array, Any]) -> Carry:
        index = start + offset
        noise = jax.tree.map(lambda x: x[index - drawn[0]], drawn[1])
        return step(self.program, carry, noise, self.key, self.batched, self.shared, Clock(index, self.dt))


def _advance(
    program: Program, active: tuple[int, ...], length: int, carry: Carry, key: Array, batched: Any, shared: Any, clock: Clock
) -> tuple[Carry, dict[int, Array]]:
    """Carry one member through ``length`` steps; the records of each active observable come stacked."""
    strides = sorted({program.observables[i].every for i in active}, reverse=True)
    return _Member(program, active, key, batched, shared, clock.dt).run(carry, clock.start, length, strides)


def _in_blocks(
    block: Callable[[Carry, Array, int], tuple[Carry, dict[int, Array]]], carry: Carry, start: Array, count: int, size: int
) -> tuple[Carry, dict[int, Array]]:
    """Scan ``block`` over stretches of ``size`` steps, then over what is left; join what they record."""
    blocks, rest = divmod(count, size)
    outputs: list[dict[int, Array]] = []
    if blocks:
        carry, stacked = jax.lax.scan(lambda c, i: block(c, start + i * size, size), carry, jnp.arange(blocks))
        outputs.append(jax.tree.map(lambda r: r.reshape(-1, *r.shape[2:]), stacked))
    if rest:
        carry, last = block(carry, start + blocks * size, rest)
        outputs.append(last)
    return carry, {i: jnp.concatenate([o[i] for o in outputs]) for i in outputs[0]}


def _repeat(body: Callable[[Array, Carry], Carry], count: int, carry: Carry) -> Carry:
    if count == 1:
        return body(jnp.zeros((), jnp.int32), carry)
    return jax.lax.fori_loop(0, count, body, carry, unroll=min(count, _UNROLLED))


@functools.lru_cache(maxsize=128)
def compiled(program: Program, task: str, active: tuple[int, ...] = (), length: int = 0) -> Callable[..., Any]:
    """The compiled function that does one task for a chunk on each device.

    Args:
        program: of the run.
        task: ``begin``, ``advance`` or ``snapshot``.
        active: observables to record.
        length: steps, for ``advance``.
    """
    one_member: Callable[..., Any]
    if task == "begin":
        one_member = functools.partial(begin, program)
        mapped = (0, 0, None)
    elif task == "advance":
        one_member = functools.partial(_advance, program, active, length)
        mapped = (0, 0, 0, None, None)
    else:
        one_member = functools.partial(_snapshot_now, program, active)
        mapped = (0, 0, None, None)

    def chunk(*arguments: Any) -> Any:
        local = [jax.tree.map(lambda x: x[0], a) if axis == 0 else a for a, axis in zip(arguments, mapped, strict=True)]
        if program.chunk == 1:
            # A batch of one keeps XLA from using its plain matrix product, which is faster.
            local = [jax.tree.map(lambda x: x[0], a) if axis == 0 else a for a, axis in zip(local, mapped, strict=True)]
            return jax.tree.map(lambda x: x[None, None], one_member(*local))
        return jax.tree.map(lambda x: x[None], jax.vmap(one_member, in_axes=mapped)(*local))

    if program.devices == 1:
        return jax.jit(chunk, compiler_options=_options(program))
    split = PartitionSpec("device")
    return jax.jit(
        jax.shard_map(
            chunk,
            mesh=devices.mesh_of(program.devices),
            in_specs=tuple(split if axis == 0 else PartitionSpec() for axis in mapped),
            out_specs=split,
            check_vma=False,
        ),
        compiler_options=_options(program),
    )


def one_snapshot(program: Program, active: tuple[int, ...]) -> Callable[..., Any]:
    """The snapshot of one member at its start, as a function of (key, batched, shared, clock)."""

    def found(key: Array, batched: Any, shared: Any, clock: Clock) -> Any:
        return _snapshot_now(program, active, begin(program, key, batched, shared), batched, shared, clock)

    return found


def _snapshot_now(program: Program, active: tuple[int, ...], carry: Carry, batched: Any, shared: Any, clock: Clock) -> Any:
    return snapshot(program, carry, batched, shared, clock.start * clock.dt, active)


def _options(program: Program) -> dict[str, Any]:
    if not devices.on_cpu():
        return {}
    # With a chunk on every core, threads inside the products only get in each other's way. Wide vectors gain 7 % where the
    # processor has them and change nothing where it has not.
    return {"xla_cpu_multi_thread_eigen": program.devices == 1, "xla_cpu_prefer_vector_width": 512}


def _time_type(weights: Any) -> Any:
    return jnp.result_type(*jax.tree.leaves(weights))


class Cost(NamedTuple):
    """What one step of one member takes."""

    operations: float
    bytes: float
    random_numbers: int


@functools.lru_cache(maxsize=128)
def cost(program: Program, layout: Any, shapes: tuple[jax.ShapeDtypeStruct, ...]) -> Cost:
    """Floating-point operations of one step of one member, as XLA counts them; what it carries; the numbers it draws.

    Args:
        program: of the run.
        layout: structure of (key, batched, shared) of one member.
        shapes: of their leaves, which is all that the cost depends on.
    """
    key, batched, shared = jax.tree.unflatten(layout, shapes)
    clock = Clock(jnp.zeros((), jnp.int32), jnp.ones(()))

    def draw(key: Array, batched: Any, shared: Any) -> Any:
        return jax.tree.map(lambda x: x[0], noises(program, key, batched, shared, clock.start, 1))

    def one_step(key: Array, batched: Any, shared: Any) -> Carry:
        carry = begin(program, key, batched, shared)
        return step(program, carry, draw(key, batched, shared), key, batched, shared, clock)

    drawn = jax.eval_shape(draw, key, batched, shared)
    counted = jax.jit(one_step).lower(key, batched, shared).cost_analysis() or {}
    carried = jax.tree.leaves(jax.eval_shape(lambda *a: begin(program, *a), key, batched, shared))
    return Cost(
        operations=max(float(counted.get("flops", 1.0)), 1.0),
        bytes=sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in carried),
        random_numbers=sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(drawn)),
    )
