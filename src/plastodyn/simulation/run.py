"""`simulate`: a circuit, a rule and a time span in; a labelled Dataset out."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from plastodyn import checks, devices, tree
from plastodyn.circuits.base import AbstractCircuit
from plastodyn.protocol import Rule, check_joined
from plastodyn.simulation import dataset, engine
from plastodyn.simulation.members import Members, enlist, initial_weights
from plastodyn.simulation.progress import Bar
from plastodyn.simulation.record import Observable, Piece, observables, pieces, recorded_at
from plastodyn.simulation.solvers import Solver, euler
from plastodyn.tree import Weights

OK, DIVERGED, INTERRUPTED = 0, 1, 2
"""Status of a member: finished, ended with weights that are not finite, or stopped before its end."""

# Work per step that keeps a core's caches full without spilling them, and work between two updates of the bar.
_OPERATIONS_PER_CHUNK = 7e6
_OPERATIONS_PER_PIECE = 1.5e10
_OVERHEAD = 1e5
_NUMBERS_PER_BLOCK = 1.5e5
_LONGEST_BLOCK = 64
_ACCELERATOR_FACTOR = 1000


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; ``dataset`` holds what was recorded until then, the rest is NaN and has status 2.

    In a notebook or an interactive session: ``sys.last_value.dataset``.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        super().__init__("interrupted; what was recorded is in this exception's `dataset`")
        self.dataset = dataset


class Timing(NamedTuple):
    """The discretisation of a run."""

    steps: int
    dt: float
    solver: Solver
    is_flow: bool


def simulate(
    circuit: AbstractCircuit | Sequence[AbstractCircuit],
    rule: Rule,
    *,
    key: Array,
    steps: int | None = None,
    duration: float | None = None,
    dt: float | None = None,
    solver: Solver = euler,
    replicas: int | None = None,
    record: Sequence[Any] = ("loss",),
    weights: Weights | None = None,
    chunk: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Drive a circuit by a rule through time, at every setting of the axes in either and for several replicas.

    Discrete: ``w <- settle(w + velocity + increment)`` for ``steps`` steps. Flow: the same with
    ``dt * velocity`` replaced by the solver's combination, for ``duration`` in steps of ``dt``.

    Args:
        circuit: what learns; or a list of circuits of equal shapes, one for each replica.
        rule: how its weights change: rules and fluctuations, composed.
        key: random key. The result depends on it, on the axes and on the replica, not on how members are batched.
        steps: number of discrete steps. Give this, or ``duration`` and ``dt``.
        duration: of a flow, in units of time.
        dt: step of a flow, in units of time.
        solver: ``pd.solvers.euler``, ``heun``, ``rk4`` or ``adaptive()``; for flows.
        replicas: members at each setting; the number of circuits, or 1, unless given.
        record: observables: ``"loss"``, ``"weights"``, functions of the `Moment`, or ``pd.observe(...)`` for stride
            and window.
        weights: where to start instead of ``circuit.weights``.
        chunk: members that one device carries at a time; chosen from the cost of a step unless given.
        progress: show a bar on standard error when the run lasts more than 2 seconds.

    Returns:
        A Dataset with dimensions (axes..., replica, step or time); observables recorded at other instants than the first
        one have a dimension of their own, ``step_<name>``. ``weights`` holds the final weights, raveled along
        ``weight`` (recorded weights come as ``weights_recorded``); ``status`` is 0 for a finished member, 1 for one
        whose weights are not finite, 2 for one interrupted. Attributes hold parameters, seed, versions and commit.

    Raises:
        Interrupted: on Ctrl-C; a KeyboardInterrupt whose ``dataset`` holds what was recorded until then.
        ValueError: if an argument is out of range or the rule reads a signal that the circuit does not offer.

    Source: the update of Raman and O'Leary (2021), methods; the engine's shape was measured on their figure 5.

    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.ones(3))
    >>> run = pd.simulate(circuit, pd.rules.gradient(pd.axis("rate", [0.1, 0.5])), steps=2, key=jax.random.key(0))
    >>> run.loss.sel(rate=0.5, replica=0).values.tolist()
    [1.5, 0.375, 0.09375]
    """
    circuits = _circuits(circuit, weights)
    for each in circuits[:1]:
        check_joined(each, rule)
    checks.key("key", key)
    timing = _timing(steps, duration, dt, solver)
    replicas = _replicas(replicas, len(circuits))
    recorded = observables(record)
    members = enlist(circuits, rule, replicas, key)
    run = _Run(members, timing, recorded, circuits[0].weights, chunk)
    with Bar("simulate", members.total * timing.steps, progress) as bar:
        try:
            # Half the cost of the partitionable scheme, which a member on one device does not need.
            with jax.threefry_partitionable(False):
                run.compute(bar)
        except KeyboardInterrupt as stop:
            raise Interrupted(dataset.assemble(run.outcome(), key, rule, circuits[0])) from stop
    return dataset.assemble(run.outcome(), key, rule, circuits[0])


class _Run:
    """The state of one call: results on the host, filled in chunk by chunk."""

    def __init__(
        self, members: Members, timing: Timing, recorded: tuple[Observable, ...], weights: Weights, chunk: int | None
    ) -> None:
        self.members, self.timing, self.recorded = members, timing, recorded
        self.dtype = np.dtype(jnp.result_type(*jax.tree.leaves(weights)))
        self.windows = [item.within(timing.steps) for item in recorded]
        self.program, operations = _plan(members, timing, recorded, chunk)
        self.longest = max(1, int(_OPERATIONS_PER_PIECE / (operations * self.program.chunk + _OVERHEAD)))
        self.records: list[np.ndarray | None] = [None] * len(recorded)
        self.weights = np.full((members.total, tree.size(weights)), np.nan, self.dtype)
        self.finished = np.zeros(members.total, bool)

    def compute(self, bar: Bar) -> None:
        """Carry all members through all steps, a chunk on each device at a time."""
        width = self.program.devices * self.program.chunk
        for first in range(0, self.members.total, width):
            # The last group repeats its last member rather than compile for another shape.
            chosen = np.minimum(np.arange(first, first + width), self.members.total - 1)
            self._carry(chosen.reshape(self.program.devices, self.program.chunk), first, bar)

    def _carry(self, chosen: np.ndarray, first: int, bar: Bar) -> None:
        keys, batched = self.members.take(chosen)
        shared = self.members.shared
        rows = slice(first, min(first + chosen.size, self.members.total))
        carry = engine.compiled(self.program, "begin")(keys, batched, shared)
        for piece in pieces(self.recorded, self.timing.steps, self.longest):
            task = engine.compiled(self.program, "advance", piece.active, piece.length)
            carry, found = task(carry, keys, batched, shared, self._clock(piece.start))
            self._keep(found, piece, rows)
            bar.advance(piece.length * (rows.stop - rows.start))
        self._finish(carry, batched, shared, rows)

    def _finish(self, carry: engine.Carry, batched: Any, shared: Any, rows: slice) -> None:
        final = tuple(i for i, window in enumerate(self.windows) if self.timing.steps in window)
        if final:
            task = engine.compiled(self.program, "snapshot", final)
            found = task(carry, batched, shared, self._clock(self.timing.steps))
            last = dict(zip(final, (x[:, :, None] for x in found), strict=True))
            self._keep(last, Piece(self.timing.steps, 1, final), rows)
        leaves = [np.asarray(leaf).reshape(self.program.devices * self.program.chunk, -1) for leaf in jax.tree.leaves(carry.weights)]
        self.weights[rows] = np.concatenate(leaves, axis=1)[: rows.stop - rows.start]
        self.finished[rows] = True

    def _keep(self, found: dict[int, Array], piece: Piece, rows: slice) -> None:
        for index, values in found.items():
            host = np.asarray(values)
            host = host.reshape(-1, *host.shape[2:])[: rows.stop - rows.start]
            store = self.records[index]
            window = self.windows[index]
            if store is None:
                kind = host.dtype if np.issubdtype(host.dtype, np.floating) else self.dtype
                store = np.full((self.members.total, len(window), *host.shape[2:]), np.nan, kind)
                self.records[index] = store
            begin = window.index(recorded_at(piece, window.step)[0])
            store[rows, begin : begin + host.shape[1]] = host

    def _clock(self, start: int) -> engine.Clock:
        return engine.Clock(jnp.asarray(start, jnp.int32), jnp.asarray(self.timing.dt, self.dtype))

    def outcome(self) -> dataset.Outcome:
        """What has been computed so far."""
        diverged = ~np.isfinite(self.weights).all(axis=1)
        status = np.where(self.finished, np.where(diverged, DIVERGED, OK), INTERRUPTED).astype(np.int8)
        return dataset.Outcome(
            self.members, self.recorded, self.windows, self.records, self.weights, status, self.timing.dt, self.timing.is_flow
        )


def _circuits(circuit: Any, weights: Weights | None) -> list[AbstractCircuit]:
    circuits = list(circuit) if isinstance(circuit, Sequence) else [circuit]
    if not circuits or not all(isinstance(each, AbstractCircuit) for each in circuits):
        raise ValueError(f"circuit must be a plastodyn circuit, or a non-empty list of them; got {circuit!r}")
    return circuits if weights is None else [initial_weights(each, weights) for each in circuits]


def _replicas(replicas: int | None, circuits: int) -> int:
    if replicas is None:
        return circuits
    checks.count("replicas", replicas, at_least=1)
    if circuits not in (1, replicas):
        raise ValueError(f"replicas must equal the number of circuits, {circuits}; got {replicas}")
    return replicas


def _timing(steps: int | None, duration: float | None, dt: float | None, solver: Solver) -> Timing:
    if not isinstance(solver, Solver):
        raise ValueError(f"solver must be one of pd.solvers.euler, heun, rk4 or adaptive(); got {solver!r}")
    if steps is not None:
        if duration is not None or dt is not None:
            raise ValueError("steps is for discrete updates, duration and dt for a flow; give one or the other")
        checks.count("steps", steps, at_least=1)
        return Timing(steps, 1.0, solver, is_flow=False)
    if duration is None or dt is None:
        raise ValueError("give steps for discrete updates, or both duration and dt for a flow")
    checks.number("dt", dt, above=0)
    checks.number("duration", duration, at_least=dt)
    return Timing(round(duration / dt), float(dt), solver, is_flow=True)


def _plan(
    members: Members, timing: Timing, recorded: tuple[Observable, ...], chunk: int | None
) -> tuple[engine.Program, float]:
    """The program of the run, its chunk size tuned to the cost of one step; and that cost, in operations."""
    leaves, structure = jax.tree.flatten(members.static)
    single = engine.Program(tuple(leaves), structure, timing.solver, recorded, devices=1, chunk=1, block=1)
    arrays = (*members.take(np.zeros((), int)), members.shared)
    shapes, layout = jax.tree.flatten(jax.eval_shape(lambda *a: a, *arrays))
    operations, numbers = engine.cost(single, layout, tuple(shapes))
    cores = 1 if timing.solver.one_device else len(jax.local_devices())
    if chunk is None:
        budget = _OPERATIONS_PER_CHUNK * (1 if devices.on_cpu() else _ACCELERATOR_FACTOR)
        chunk = max(1, int(min(budget / operations, math.ceil(members.total / cores))))
    checks.count("chunk", chunk, at_least=1)
    used = min(cores, math.ceil(members.total / chunk))
    # Random numbers come cheaper for many steps at once; a block of them is to stay in cache.
    block = max(1, min(_LONGEST_BLOCK, int(_NUMBERS_PER_BLOCK / (numbers * chunk))))
    return single._replace(devices=used, chunk=chunk, block=block), operations
