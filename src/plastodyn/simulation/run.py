"""`simulate`: a circuit, a rule and a time span in; a labelled Dataset out."""

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import xarray as xr
from jax import Array

from plastodyn import checks
from plastodyn.protocol import AbstractCircuit, Event, Rule, check_joined
from plastodyn.runtime.progress import Bar
from plastodyn.simulation import continuation, dataset
from plastodyn.simulation.ensemble import Ensemble
from plastodyn.simulation.members import enlist, initial_weights
from plastodyn.simulation.plan import Timing
from plastodyn.simulation.record import Observable, observables, observe
from plastodyn.solvers import Solver, euler
from plastodyn.tree import Weights

_CHECK_EVERY = 1000
_MOST_STEPS = 2**31 - 4
"""Steps are counted in 32 bits."""
_KIND_OF_KEY = "threefry2x32"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; ``dataset`` holds what was recorded until then, the rest is NaN and has status 2.

    In a notebook or an interactive session: ``sys.last_value.dataset``.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        super().__init__("interrupted; what was recorded is in this exception's `dataset`")
        self.dataset = dataset


def simulate(
    circuit: AbstractCircuit | Sequence[AbstractCircuit],
    rule: Rule,
    *,
    key: Array | None = None,
    steps: int | None = None,
    duration: float | None = None,
    dt: float | None = None,
    solver: Solver = euler,
    replicas: int | None = None,
    record: Sequence[Any] | None = None,
    until: Any = None,
    weights: Weights | None = None,
    start: xr.Dataset | None = None,
    chunk: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Drive a circuit by a rule through time, at every setting of the axes in either and for several replicas.

    Discrete: ``w <- retract(w + velocity + increment)`` for ``steps`` steps. Flow: the same with
    ``dt * velocity`` replaced by the solver's combination, for ``duration`` in steps of ``dt``.

    Args:
        circuit: what learns; or a list of circuits of equal shapes, one for each replica.
        rule: how its weights change: rules and fluctuations, composed.
        key: random key. The result depends on it, on the axes and on the replica, not on how members are batched.
        steps: number of discrete steps. Give this, or ``duration`` and ``dt``.
        duration: of a flow, in units of time; rounded to a whole number of steps.
        dt: step of a flow, in units of time.
        solver: ``pd.solvers.euler``, ``heun``, ``rk4`` or ``adaptive()``; for flows.
        replicas: members at each setting; the number of circuits, or 1, unless given.
        record: observables: ``"loss"``, ``"weights"``, functions of the `Moment`, or ``pd.observe(...)`` for stride
            and window.
        until: a function of the `Moment` that is true of a member that is done, or ``pd.observe(function, every=...)`` to
            say how often it is asked (every 1000 steps otherwise). A member that is done, or whose weights are no longer
            finite, retires: it costs nothing more, and keeps its last values in later records.
        weights: where to start instead of ``circuit.weights``.
        start: an earlier run to go on from, of a circuit and a rule of the same shapes; with the same ones and the same key
            (its own, unless one is given) the two runs are, bit for bit, what one longer run would have been. Steps and
            times count on.
        chunk: members that one device carries at a time; chosen from the cost of a step unless given.
        progress: show a bar, in a terminal or a notebook, when the run lasts more than 2 seconds.

    Returns:
        A Dataset with dimensions (axes..., replica, step or time); observables recorded at other instants than the first
        one have a dimension of their own, ``step_<name>``. ``weights`` holds the final weights, raveled along
        ``weight`` (recorded weights come as ``weights_recorded``); ``status`` is 0 for a finished member, 1 for one
        whose weights are not finite, 2 for one interrupted, 3 for one retired, 4 for one whose activity is not finite, after
        ``steps_taken``. ``activity``, ``structure`` and ``state`` (the rule's) hold what the members carry at the end, leaf by
        leaf. Attributes hold parameters, seed, versions and commit.

    Raises:
        Interrupted: on Ctrl-C; a KeyboardInterrupt whose ``dataset`` holds what was recorded until then, and the weights
            of every member after ``steps_taken``, NaN of those that had not begun.
        ValueError: if an argument is out of range, the rule reads a signal that the circuit does not offer, or what the run
            needs does not fit into the memory that is free now.

    Source: the update of Raman and O'Leary (2021), methods; the engine's shape was measured on their figure 5.

    >>> import jax.numpy as jnp, plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.ones(3))
    >>> run = pd.simulate(circuit, pd.rules.gradient(pd.axis("rate", [0.1, 0.5])), steps=2, key=jax.random.key(0))
    >>> run.loss.sel(rate=0.5, replica=0).values.tolist()
    [1.5, 0.375, 0.09375]
    """
    if weights is not None:
        checks.weights("weights", weights)
    checks.flag("progress", progress)
    circuits = _circuits(circuit, weights)
    recorded, asked = observables(record, circuits[0]), _condition(until)
    check_joined(circuits[0], rule, recorded if asked is None else (*recorded, asked))
    if start is not None and weights is not None:
        raise ValueError("start brings weights of its own; give one of start and weights")
    if start is not None:
        continuation.check(start)
        key = continuation.key_of(start) if key is None else key
    checks.key("key", key)
    assert key is not None
    if str(jax.random.key_impl(key)) != _KIND_OF_KEY:
        kind = jax.random.key_impl(key)
        raise ValueError(f"key must be of the kind {_KIND_OF_KEY}, whose numbers do not depend on batching; got one of {kind}")
    timing = _timing(steps, duration, dt, solver, 0 if start is None else continuation.steps_of(start))
    if start is not None:
        continuation.check_timing(start, timing)
    if start is None:
        _check_windows(recorded, timing)
    _check_parts(circuits[0], rule)
    _warn_of_long_steps(circuits, rule, timing)
    population = enlist(circuits, rule, _replicas(replicas, len(circuits), start), key)
    _check_names(recorded, tuple(population.grid.coordinates))
    run = Ensemble(population, timing, recorded, asked, (*circuits[0].events, *rule.events), chunk)
    run.check()
    if start is not None:
        run.resume(*continuation.carries_of(start, run))
    with Bar("simulate", population.total * (timing.last - timing.first), progress) as bar:
        try:
            # Half the cost of the partitionable scheme, which a member on one device does not need.
            with jax.threefry_partitionable(False):
                run.compute(bar)
        except KeyboardInterrupt as stop:
            raise Interrupted(dataset.assemble(run.outcome(), key, rule, circuits[0])) from stop
    return dataset.assemble(run.outcome(), key, rule, circuits[0])


def _check_names(recorded: tuple[Observable, ...], axes: tuple[str, ...]) -> None:
    """Refuse names that would stand for two things in the result."""
    variables = [dataset.variable(item) for item in recorded]
    for item, variable in zip(recorded, variables, strict=True):
        if variables.count(variable) > 1:
            raise ValueError(f"record: two observables would both be {variable!r} in the result; rename {item.name!r}")
        if item.name in (*axes, "replica", "step", "time", "weight"):
            raise ValueError(
                f"name of an observable must not be that of an axis or dimension of the result; got {checks.shown(item.name)}"
            )


def _check_windows(recorded: tuple[Observable, ...], timing: Timing) -> None:
    """Refuse an observable of which a run that is not gone on with would record nothing."""
    for item in recorded:
        if not len(item.within(timing.first, timing.last)):
            window = f"start={item.start}, stop={item.stop}, every={item.every}"
            raise ValueError(f"record: {item.name!r} would never be recorded in {timing.last} steps; got observe({window})")


def _check_parts(circuit: AbstractCircuit, rule: Rule) -> None:
    """Refuse weights of too few digits, an activity that cannot move, and events that are none."""
    checks.floating("circuit.weights", circuit.weights)
    for leaf in jax.tree.leaves(circuit.activity):
        if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            raise ValueError(f"activity must be floating-point, other arrays are structure; got {jnp.result_type(leaf)}")
    for owner, events in (("circuit", circuit.events), ("rule", rule.events)):
        if not isinstance(events, tuple) or not all(isinstance(item, Event) for item in events):
            raise ValueError(f"events of the {owner} must be a tuple of pd.circuits.event(...); got {checks.shown(events)}")


def _warn_of_long_steps(circuits: list[AbstractCircuit], rule: Rule, timing: Timing) -> None:
    """Say so where steps are longer, or more, than a part can bear."""
    reach, dt = timing.solver.reach, timing.dt
    # Decaying weights are to keep their sign, which Euler's steps do up to half of where they are stable.
    least = 1.0 if timing.solver.first_order else reach
    rates = max(each.fastest_rate for each in circuits), rule.fastest_decay
    limits = {"the activity": (reach, rates[0]), "the decay of weights": (least, rates[1])}
    for what, (most, rate) in limits.items():
        if dt * rate > most:
            text = f"dt = {dt:g} is above {most / rate:.3g}, up to which steps of this solver follow {what}: take a smaller dt"
            warnings.warn(text, stacklevel=4)
    longest = min(each.longest_duration(dt) for each in circuits)
    if timing.last * dt > longest:
        text = f"beyond time {longest:.3g} rounding takes more than a hundredth of what a step of {dt:g} adds to the activity"
        warnings.warn(f"{text}: take dtype='float64' with jax_enable_x64, or a longer dt", stacklevel=4)


def _condition(until: Any) -> Observable | None:
    if until is None:
        return None
    if isinstance(until, Observable):
        if until.start or until.stop is not None:
            raise ValueError(
                f"until is asked throughout: give observe(...) no start or stop; got {until.start} and {until.stop}"
            )
        return until
    checks.function("until", until, takes=1, of=" of the moment, or pd.observe of one")
    return observe(until, every=_CHECK_EVERY, name="until")


def _circuits(circuit: Any, weights: Weights | None) -> list[AbstractCircuit]:
    circuits = list(circuit) if isinstance(circuit, Sequence) else [circuit]
    if not circuits or not all(isinstance(each, AbstractCircuit) for each in circuits):
        raise ValueError(f"circuit must be a plastodyn circuit, or a non-empty list of them; got {checks.shown(circuit)}")
    return circuits if weights is None else [initial_weights(each, weights) for each in circuits]


def _replicas(replicas: int | None, circuits: int, start: xr.Dataset | None) -> int:
    if replicas is None:
        return circuits if circuits > 1 or start is None else start.sizes.get("replica", 1)
    checks.count("replicas", replicas, at_least=1)
    if circuits not in (1, replicas):
        raise ValueError(f"replicas must equal the number of circuits, {circuits}; got {replicas}")
    return replicas


def _timing(steps: int | None, duration: float | None, dt: float | None, solver: Solver, first: int) -> Timing:
    if not isinstance(solver, Solver):
        raise ValueError(f"solver must be one of pd.solvers.euler, heun, rk4 or adaptive(); got {checks.shown(solver)}")
    if steps is not None:
        if duration is not None or dt is not None:
            raise ValueError("steps is for discrete updates, duration and dt for a flow; give one or the other")
        checks.count("steps", steps, at_least=1)
        return Timing(first, _last(first, steps, "steps"), 1.0, solver, is_flow=False)
    if duration is None or dt is None:
        raise ValueError("give steps for discrete updates, or both duration and dt for a flow")
    checks.one_number("dt", dt, above=0)
    checks.one_number("duration", duration, at_least=dt)
    checks.one_number("duration", duration, at_most=_MOST_STEPS * dt)
    return Timing(first, _last(first, round(duration / dt), "duration / dt"), float(dt), solver, is_flow=True)


def _last(first: int, steps: int, name: str) -> int:
    if first + steps > _MOST_STEPS:
        raise ValueError(f"{name} must keep the run within {_MOST_STEPS} steps; got {first + steps}")
    return first + steps
