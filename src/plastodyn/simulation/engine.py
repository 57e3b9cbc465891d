"""The compiled inner loop: a chunk of members on each device, carried from one stop to the next.

A member is one replica at one setting of the axes. What differs between members (`batched`) is mapped over; what they
share is not copied; what is not an array (`static`) is compiled in. Random numbers depend on a member's own key and on
the step only, never on how members are batched or where a run is cut.

Three loops stand one inside the other: over blocks of random numbers, over stops (steps at which something is recorded
or an event is due), and over the plain steps between two stops. All bounds are arguments, so that one compiled program
serves any window, stride and length.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import PartitionSpec

from plastodyn import protocol
from plastodyn.protocol import AbstractCircuit, Carry, Instants, Moment, Rule
from plastodyn.runtime import devices
from plastodyn.runtime.convolutions import channels_last
from plastodyn.solvers import Solver
from plastodyn.types import Leaves, Noise

_INIT, _STEP, _EVENT = 0, 1, 2
"""What a member's key is folded with: for the rule's first state, for steps, and for events."""
_ACTIVITY = 2
"""What the key of a step is folded with for the noise of the activity: a split in two has used 0 and 1."""


class Program(NamedTuple):
    """Everything about a run that is compiled in; hashable, so that equal runs share compiled code.

    ``room`` is how many records of each observable one call may make, and ``dense`` says which are recorded at every step of
    the run; ``events`` are those of the circuit, then the rule's.
    """

    static_leaves: tuple[Any, ...]
    structure: Hashable
    solver: Solver
    observables: tuple[Callable[[Moment], Any], ...]
    room: tuple[int, ...]
    dense: tuple[bool, ...]
    events: tuple[Instants, ...]
    devices: int
    chunk: int
    block: int

    def system(self, batched: Leaves, shared: Leaves) -> tuple[AbstractCircuit, Rule]:
        """The (circuit, rule) of one member, put together again from its parts."""
        static = jax.tree.unflatten(self.structure, self.static_leaves)
        return eqx.combine(batched, shared, static)


class Members(NamedTuple):
    """The members of a chunk: their keys, what differs between them, and what they share.

    A chunk of one member has no axis of members: XLA then uses its plain matrix product, and moves weights in place.
    """

    keys: Array
    batched: Leaves
    shared: Leaves


class Clock(NamedTuple):
    """Which steps one call makes, ``start`` to ``stop``, as indices, and none beyond ``last``; and how long a step is."""

    start: Array
    stop: Array
    last: Array
    dt: Array
    windows: tuple[Instants, ...]


def begin(program: Program, key: Array, batched: Leaves, shared: Leaves) -> Carry:
    """The carry of one member before its first step."""
    return protocol.begin(*program.system(batched, shared), jax.random.fold_in(key, _INIT))


def draw(program: Program, index: Array, key: Array, batched: Leaves, shared: Leaves) -> Noise:
    """The rule's random numbers at one step of one member."""
    circuit, rule = program.system(batched, shared)
    return rule.draw(circuit.weights, _step_keys(key, index)[0])


def step(
    program: Program, carry: Carry, noise: Noise, key: Array, batched: Leaves, shared: Leaves, index: Array, dt: Array
) -> Carry:
    """One step of one member."""
    circuit, rule = program.system(batched, shared)
    # Compiled away where the circuit does not redraw its inputs, or its activity has no noise.
    seen, own = circuit.sample(_step_keys(key, index)[1]), jax.random.fold_in(_at_step(key, index), _ACTIVITY)
    options = {"noise": noise, "solver": program.solver, "seen": seen, "key": own}
    return protocol.step(circuit, rule, carry, time=index * dt, dt=dt, **options)


def happen(
    program: Program, carry: Carry, key: Array, batched: Leaves, shared: Leaves, index: Array, dt: Array, which: int
) -> Carry:
    """One event of one member."""
    own = jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(key, _EVENT), index), which)
    return protocol.happen(*program.system(batched, shared), carry, which, index * dt, own)


def observe(program: Program, carry: Carry, batched: Leaves, shared: Leaves, time: Array, which: int) -> Array:
    """One observable of one member."""
    circuit, rule = program.system(batched, shared)
    moment = carry.moment(circuit, time)
    seen = Moment(circuit, moment.weights, time, moment.activity, moment.structure, rule, carry.state)
    return jnp.asarray(program.observables[which](seen))


def _step_keys(key: Array, index: Array) -> Array:
    """Keys of one step of a member: for its rule's noise and for the draw of its inputs."""
    return jax.random.split(_at_step(key, index))


def _at_step(key: Array, index: Array) -> Array:
    return jax.random.fold_in(jax.random.fold_in(key, _STEP), index)


class Chunk(NamedTuple):
    """The functions above over all members of a chunk at once."""

    program: Program
    members: Members
    dt: Array

    def over(self, function: Callable[..., Any], *mapped: Any) -> Any:
        """A function of one member's share of ``mapped`` and of its batched leaves, over all members."""
        return (function if self.program.chunk == 1 else jax.vmap(function))(*mapped, self.members.batched)

    def begin(self) -> Carry:
        """Carries before the first step."""
        return self.over(lambda key, own: begin(self.program, key, own, self.members.shared), self.members.keys)

    def draw(self, index: Array) -> Noise:
        """Noise of one step."""
        return self.over(lambda key, own: draw(self.program, index, key, own, self.members.shared), self.members.keys)

    def step(self, carry: Carry, noise: Noise, index: Array) -> Carry:
        """One step."""

        def one(carry: Carry, noise: Noise, key: Array, own: Leaves) -> Carry:
            return step(self.program, carry, noise, key, own, self.members.shared, index, self.dt)

        return self.over(one, carry, noise, self.members.keys)

    def happen(self, carry: Carry, index: Array, which: int) -> Carry:
        """One event."""

        def one(carry: Carry, key: Array, own: Leaves) -> Carry:
            return happen(self.program, carry, key, own, self.members.shared, index, self.dt, which)

        return self.over(one, carry, self.members.keys)

    def observe(self, carry: Carry, index: Array, which: int) -> Array:
        """One observable."""
        time = index * self.dt
        return self.over(lambda carry, own: observe(self.program, carry, own, self.members.shared, time, which), carry)


State = tuple[Array, Carry, tuple[Array, ...]]
"""What the loops carry: the step's index, the members, and what has been recorded."""


def advance(program: Program, carry: Carry, members: Members, clock: Clock) -> tuple[Carry, tuple[Array, ...]]:
    """Carry a chunk through the steps of the clock; the records of each observable come stacked, behind any axis of members."""
    chunk = Chunk(program, members, clock.dt)
    shapes = [jax.eval_shape(functools.partial(chunk.observe, which=i), carry, clock.start) for i in range(len(clock.windows))]
    records = tuple(jnp.zeros((room, *one.shape), one.dtype) for room, one in zip(program.room, shapes, strict=False))

    def blocks(state: State) -> State:
        """As many steps as random numbers are drawn for at a time."""
        first = state[0]
        stop = jnp.minimum(first + program.block, clock.stop)
        noise = jax.vmap(chunk.draw)(first + jnp.arange(program.block))
        drawn = lambda index: jax.tree.map(lambda x: x[index - first], noise)  # noqa: E731
        return _until(stop, functools.partial(_to_next_stop, chunk, clock, stop, drawn), state)

    state = (clock.start, carry, records)
    if program.block == 1:
        state = _until(clock.stop, functools.partial(_to_next_stop, chunk, clock, clock.stop, chunk.draw), state)
    else:
        state = _until(clock.stop, blocks, state)
    _, carry, records = state
    return carry, records if program.chunk == 1 else jax.tree.map(lambda x: x.swapaxes(0, 1), records)


def _until(stop: Array, body: Callable[[State], State], state: State) -> State:
    return jax.lax.while_loop(lambda state: state[0] < stop, body, state)


def _to_next_stop(chunk: Chunk, clock: Clock, stop: Array, noise: Callable[[Array], Noise], state: State) -> State:
    """Record what is due, step to where something is due again, and let events happen there."""
    index, carry, records = state
    program = chunk.program
    for which in range(len(records)):
        carry, records = _recorded(chunk, clock, which, index, carry, records)
    sparse = [window for window, dense in zip(clock.windows, program.dense, strict=False) if not dense]
    due = [instants.following(index + 1) for instants in (*sparse, *program.events)]
    # The last step is a stop, for the record behind it.
    following = functools.reduce(jnp.minimum, due, jnp.where(index < clock.last, jnp.minimum(stop, clock.last), stop))

    def one(i: Array, state: tuple[Carry, tuple[Array, ...]]) -> tuple[Carry, tuple[Array, ...]]:
        carry, records = state
        # What is recorded at every step stands beside the step, and shares its forward pass.
        records = tuple(
            _written(chunk, clock, which, i, carry, record) if program.dense[which] else record
            for which, record in enumerate(records)
        )
        return chunk.step(carry, noise(i), i), records

    carry, records = jax.lax.fori_loop(index, jnp.minimum(following, clock.last), one, (carry, records))
    for which, instants in enumerate(program.events):
        now = (instants.following(following) == following) & (following <= clock.last)
        carry = jax.lax.cond(now, functools.partial(chunk.happen, which=which), lambda carry, _: carry, carry, following)
    return following, carry, records


def _recorded(
    chunk: Chunk, clock: Clock, which: int, index: Array, carry: Carry, records: tuple[Array, ...]
) -> tuple[Carry, tuple[Array, ...]]:
    """The records, with that of one observable at this stop if it is due."""

    def write(carry: Carry, record: Array) -> tuple[Carry, Array]:
        return keep(carry, _written(chunk, clock, which, index, carry, record))

    def keep(carry: Carry, record: Array) -> tuple[Carry, Array]:
        # The weights pass through, and behind what reads them: otherwise XLA copies them before they are moved.
        return jax.lax.optimization_barrier((carry, record))

    dense = chunk.program.dense[which]
    due = index == clock.last if dense else clock.windows[which].following(index) == index
    carry, record = jax.lax.cond(due, write, keep, carry, records[which])
    return carry, (*records[:which], record, *records[which + 1 :])


def _written(chunk: Chunk, clock: Clock, which: int, index: Array, carry: Carry, record: Array) -> Array:
    """The records of one observable with that of this step."""
    window = clock.windows[which]
    slot = (index - window.following(clock.start)) // window.every
    return jax.lax.dynamic_update_index_in_dim(record, chunk.observe(carry, index, which), slot, 0)


def snapshot(program: Program, which: tuple[int, ...], carry: Carry, members: Members, clock: Clock) -> tuple[Array, ...]:
    """Some observables at the clock's start."""
    chunk = Chunk(program, members, clock.dt)
    return tuple(chunk.observe(carry, clock.start, i) for i in which)


@functools.lru_cache(maxsize=128)
def compiled_begin(program: Program) -> Callable[[Members], Carry]:
    """`Chunk.begin` on all devices."""
    return _spread(program, lambda members: Chunk(program, members, jnp.ones(())).begin(), (_MEMBERS,))


@functools.lru_cache(maxsize=128)
def compiled_advance(program: Program) -> Callable[[Carry, Members, Clock], tuple[Carry, tuple[Array, ...]]]:
    """`advance` on all devices; the carry that it is given is used up."""
    return _spread(program, functools.partial(advance, program), (_SPLIT, _MEMBERS, _WHOLE), donate_argnums=0)


@functools.lru_cache(maxsize=128)
def compiled_snapshot(program: Program, which: tuple[int, ...]) -> Callable[[Carry, Members, Clock], tuple[Array, ...]]:
    """`snapshot` on all devices."""
    return _spread(program, functools.partial(snapshot, program, which), (_SPLIT, _MEMBERS, _WHOLE))


_SPLIT, _WHOLE = PartitionSpec("device"), PartitionSpec()
_MEMBERS: Any = Members._make((_SPLIT, _SPLIT, _WHOLE))


def _spread(program: Program, function: Callable[..., Any], specs: tuple[Any, ...], **options: Any) -> Callable[..., Any]:
    """A function of one chunk over the devices, each of which has its own; ``specs`` say what of its arguments is split."""
    axes = (0,) if program.chunk > 1 else (0, 1)

    @channels_last
    def local(*arguments: Any) -> Any:
        """The part of one device: its axis of devices, and that of a single member, are taken away and put back."""
        return jax.tree.map(lambda x: jnp.expand_dims(x, axes), function(*map(mine, arguments)))

    def mine(argument: Any) -> Any:
        if isinstance(argument, Members):
            return argument._replace(**squeezed({"keys": argument.keys, "batched": argument.batched}))
        return argument if isinstance(argument, Clock) else squeezed(argument)

    def squeezed(leaves: Leaves) -> Leaves:
        return jax.tree.map(lambda x: x.squeeze(axes), leaves)

    if program.devices > 1:
        mesh = devices.mesh_of(program.devices)
        local = jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=_SPLIT, check_vma=False)
    return jax.jit(local, compiler_options=_compiler_options(program), **options)


def _compiler_options(program: Program) -> dict[str, Any]:
    if not devices.on_cpu():
        return {}
    # With a chunk on every core, threads inside the products only get in each other's way. Wide vectors gain 7 % where the
    # processor has them and change nothing where it has not.
    return {"xla_cpu_multi_thread_eigen": program.devices == 1, "xla_cpu_prefer_vector_width": 512}
