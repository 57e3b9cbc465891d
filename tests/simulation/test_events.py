"""Events: exactly on time, each with a key of its own, under any batching; and nothing at any other time."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plastodyn as pd
from plastodyn.circuits import AbstractCircuit, event
from plastodyn.protocol import Instants, Rule
from plastodyn.protocol.event import NEVER

ROOM = 16
KEY = jax.random.key(7)
PLAN = (("every", 0.5), ("every", 0.75), ("times", (0.3, 1.0, 2.9, 3.0, 5.0)), ("times", (0.25,)))


class Clockwork(AbstractCircuit):
    """Writes down when each of its events happens, with which key, and what the weights then are."""

    weights: jax.Array
    plan: tuple = eqx.field(static=True, default=())
    signals = frozenset({"loss"})

    def loss(self, moment):
        return 0.5 * jnp.sum(moment.weights**2)

    @property
    def structure(self):
        kinds = len(self.plan)
        return {
            "count": jnp.zeros(kinds, jnp.int32),
            "keys": jnp.zeros((kinds, ROOM, 2), jnp.uint32),
            "time": jnp.full((kinds, ROOM), -1.0),
            "weight": jnp.full((kinds, ROOM), -1.0),
        }

    @property
    def events(self):
        return tuple(event(functools.partial(self.strike, place), **dict([when])) for place, when in enumerate(self.plan))

    def strike(self, place, moment, key):
        log = moment.structure
        at = (place, log["count"][place])
        return moment.replace(
            structure={
                "count": log["count"].at[place].add(1),
                "keys": log["keys"].at[at].set(jax.random.key_data(key)),
                "time": log["time"].at[at].set(moment.time),
                "weight": log["weight"].at[at].set(moment.weights[0]),
            }
        )


def _clockwork(plan=PLAN):
    return Clockwork(jnp.array([1.0, -2.0]), plan)


def _due(when, dt, steps):
    """When it is due by definition: at multiples of a period, or at the end of the step that a time falls into."""
    kind, value = when
    if kind == "every":
        return [step * dt for step in range(1, steps + 1) if math.isclose(step * dt % value, 0, abs_tol=1e-9)]
    ends = sorted({next(s for s in range(1, 10**6) if s * dt >= t - 1e-9) for t in value})
    return [s * dt for s in ends if s <= steps]


def _struck(run, place):
    """Times, keys and weights of one event's instants, members first."""
    count = run.structure_count.values[..., place]
    assert (count == count.flat[0]).all()
    cut = (..., place, slice(count.flat[0]))
    return (
        run.structure_time.values[cut],
        run.structure_keys.values[(..., place, slice(count.flat[0]), slice(None))],
        run.structure_weight.values[cut],
    )


RULE = pd.rules.gradient(pd.axis("rate", [0.0, 0.1])) + pd.fluctuations.wiener(0.3)


def _run(chunk, rule=RULE, plan=PLAN, **options):
    options = {"duration": 3.0, "dt": 0.25, "replicas": 3, "record": ["weights"], **options}
    return pd.simulate(_clockwork(plan), rule, key=KEY, chunk=chunk, **options)


@pytest.fixture(scope="module")
def single():
    return _run(1)


# Chunks of 2 are also those of `test_rounds_and_short_calls_miss_nothing`, compared with single members as here.
@pytest.mark.parametrize("chunk", [1, pytest.param(2, marks=pytest.mark.slow), 3, 6])
def test_events_are_on_time_under_any_batching(single, chunk):
    """Chunks of 1 to all members, on two devices and on one; several events at once; instants beyond the end."""
    run = single if chunk == 1 else _run(chunk)
    for place, when in enumerate(PLAN):
        times, keys, weights = _struck(run, place)
        expected = _due(when, 0.25, 12)
        np.testing.assert_allclose(times, np.broadcast_to(expected, times.shape), rtol=1e-6)
        # What an event meets are the weights at the end of its step.
        steps = np.rint(np.array(expected) / 0.25).astype(int)
        np.testing.assert_array_equal(weights, run.weights_recorded.values[:, :, steps, 0])
        np.testing.assert_array_equal(keys, _struck(single, place)[1])
        # Folded by hand: with the member's place, 2 for events, the step and the event.
        fold = functools.partial(functools.reduce, jax.random.fold_in)
        expected_keys = [jax.random.key_data(fold((1, 2, 2, int(step), place), KEY)) for step in steps]
        np.testing.assert_array_equal(keys[1, 2], expected_keys)
    np.testing.assert_allclose(run.weights, single.weights, rtol=1e-6, atol=1e-7)


def test_every_event_has_a_key_of_its_own(single):
    """Another one for each member, kind of event and instant; two listed times within one step are one instant."""
    keys = np.concatenate([_struck(single, place)[1].reshape(-1, 2) for place in range(len(PLAN))])
    assert len(np.unique(keys, axis=0)) == len(keys) == 2 * 3 * (6 + 4 + 3 + 1)


@pytest.mark.parametrize("options", [{"until": pd.observe(lambda m: m.time < 0, every=5, name="never")}, {"steps": 1}])
def test_rounds_and_short_calls_miss_nothing(single, monkeypatch, options):
    """Whether the host is returned to for questions, or because time is up: events happen once."""
    if "steps" in options:
        monkeypatch.setattr("plastodyn.runtime.pace._GROWTH", 1)
        options = {}
    run = _run(2, **options)
    for place in range(len(PLAN)):
        for found, expected in zip(_struck(run, place), _struck(single, place), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("chunk", "time"), [(3, {"duration": 2.0, "dt": 0.25, "solver": pd.solvers.heun}), (1, {"steps": 9})])
def test_an_event_that_changes_nothing_changes_no_bit(chunk, time):
    class Idle(AbstractCircuit):
        weights: jax.Array
        busy: bool
        signals = frozenset({"loss"})

        @property
        def events(self):
            return (event(lambda moment, key: moment, every=1.0),) if self.busy else ()

        def loss(self, moment):
            return 0.25 * jnp.sum(moment.weights**4)

    rule = (
        pd.rules.constrained(pd.rules.gradient(0.1)) + pd.fluctuations.ornstein_uhlenbeck(0.3, 2.0) + pd.fluctuations.white(0.1)
    )
    runs = [
        pd.simulate(Idle(jnp.array([1.0, -2.0, 0.3]), busy), rule, key=KEY, replicas=5, chunk=chunk, record=["weights"], **time)
        for busy in (False, True)
    ]
    np.testing.assert_array_equal(*(run.weights_recorded.values for run in runs))
    np.testing.assert_array_equal(*(run.state_1.values for run in runs))


class Doubling(AbstractCircuit):
    """Two events at the same instants, whose order matters: twice, then one more."""

    weights: jax.Array
    signals = frozenset({"loss"})

    def loss(self, moment):
        return jnp.sum(moment.weights)

    @property
    def events(self):
        return (event(self.double, every=3), event(self.add, every=3))

    def double(self, moment, key):
        return moment.replace(weights=2 * moment.weights)

    def add(self, moment, key):
        return moment.replace(weights=moment.weights + 1)


class Remembering(Rule):
    """Descends, and puts the sum of weights into its memory every second step, after the circuit's events."""

    def init(self, moment, key):
        return jnp.zeros(())

    def velocity(self, moment, state):
        return jax.tree.map(lambda w: -jnp.ones_like(w), moment.weights) if state is not None else None

    @property
    def events(self):
        return (event(self.remember, every=2),)

    def remember(self, moment, state, key):
        return moment, state + 100 * jnp.sum(moment.weights)


def _hand_made(steps):
    weight, memory, weights = 0.0, 0.0, [0.0]
    for step in range(1, steps + 1):
        weight -= 1
        if step % 3 == 0:
            weight = 2 * weight + 1
        if step % 2 == 0:
            memory += 100 * weight
        weights.append(weight)
    return weights, memory


@pytest.mark.parametrize(
    ("wrap", "leaf"),
    [
        (lambda rule: rule, "state"),
        (lambda rule: rule + pd.fluctuations.white(0.0), "state_0"),
        (lambda rule: pd.fluctuations.ornstein_uhlenbeck(0.0, 1.0) + rule, "state_1"),
        (lambda rule: 2 * rule / 2, "state_inner_inner"),
        (lambda rule: -(rule * -1.0), "state_inner_inner"),
        (lambda rule: pd.rules.gated(rule, pd.rules.averaged(lambda moment: 1 + 0 * moment.time, 2.0)), "state_inner"),
        (lambda rule: pd.fluctuations.white(0.0) + 2 * (pd.fluctuations.white(0.0) + rule) / 2, "state_1_inner_inner_1"),
    ],
)
def test_events_of_circuit_and_rule_happen_in_order_and_reach_their_own_state(wrap, leaf):
    """Circuit first, in the order of its list; then the rule's, also from within sums and wrappers. Recorded afterwards."""
    run = pd.simulate(Doubling(jnp.zeros(1)), wrap(Remembering()), steps=7, key=KEY, record=["weights"])
    weights, memory = _hand_made(7)
    assert run.weights_recorded.values.ravel().tolist() == weights
    assert run[leaf].values.ravel()[-1] == memory


def test_nothing_happens_at_time_0_nor_after_the_end():
    run = pd.simulate(Doubling(jnp.zeros(1)), Rule(), steps=3, key=KEY, record=["weights"])
    assert run.weights_recorded.values.ravel().tolist() == [0, 0, 0, 1]
    run = pd.simulate(Doubling(jnp.zeros(1)), Rule(), steps=2, key=KEY, record=["weights"])
    assert run.weights_recorded.values.ravel().tolist() == [0, 0, 0]


def test_a_retired_member_has_no_more_events():
    done = pd.observe(lambda moment: moment.weights[0] > 0, every=1, name="done")
    run = pd.simulate(Doubling(jnp.zeros(1)), Rule(), steps=30, key=KEY, until=done, record=["weights"])
    assert run.steps_taken.values.tolist() == [3]
    assert run.weights.values.tolist() == [[1.0]]
    assert run.weights_recorded.values.ravel().tolist() == [0, 0, 0, *[1] * 28]


def test_events_may_rewire_what_a_signal_reads():
    """A structure of whole numbers, which a random event redraws: rule and observables read it."""

    class Wired(AbstractCircuit):
        weights: jax.Array
        signals = frozenset({"loss"})

        @property
        def structure(self):
            return jnp.arange(3, dtype=jnp.int32)

        @property
        def events(self):
            return (event(self.rewire, every=4),)

        def rewire(self, moment, key):
            return moment.replace(structure=jax.random.permutation(key, moment.structure))

        def loss(self, moment):
            return jnp.arange(1.0, 4.0) @ moment.weights[moment.structure]

    wires = pd.observe(lambda moment: moment.structure, name="wires")
    record = ["weights", wires]
    run = pd.simulate(Wired(jnp.zeros(3)), pd.rules.gradient(1.0), steps=12, replicas=6, key=KEY, record=record, chunk=2)
    found = run.wires.values
    assert (np.sort(found, axis=-1) == np.arange(3)).all()
    changed = (found[:, 1:] != found[:, :-1]).any(axis=(0, 2))
    assert (np.flatnonzero(changed) + 1).tolist() == [4, 8, 12]
    assert len(np.unique(found[:, 4], axis=0)) > 1
    moves = -np.diff(run.weights_recorded.values, axis=1)
    for member, step in np.ndindex(6, 12):
        np.testing.assert_array_equal(moves[member, step][found[member, step].astype(int)], [1.0, 2.0, 3.0])
    assert run.structure.dtype == np.int32


@settings(max_examples=300, deadline=None)
@given(
    first=st.integers(0, 40), last=st.integers(0, 60), every=st.integers(1, 9), index=st.integers(0, 70),
    listed=st.none() | st.lists(st.integers(1, 60), max_size=5),
)  # fmt: skip
def test_the_next_instant_is_the_next_one(first, last, every, index, listed):
    if listed is None:
        due, made = range(first, last + 1, every), Instants(first, last, every)
    else:
        due = sorted(set(listed))
        made = Instants(at=tuple(due))
    expected = min((step for step in due if step >= index), default=NEVER)
    assert int(made.following(jnp.int32(index))) == expected


def test_times_mean_the_steps_that_they_name_whatever_their_rounding():
    """0.07 / 0.01 is a little above 7 in floating point, 0.3 / 0.1 a little below 3."""
    assert event(print, times=[0.07, 0.3]).instants(0.01).at == (7, 30)
    assert event(print, times=[0.3]).instants(0.1).at == (3,)
    assert event(print, times=[1.1001, 0.2999]).instants(0.1).at == (3, 12)
    assert event(print, every=0.3).instants(0.1) == Instants(3, every=3)
    assert event(print, every=1.1).instants(0.1) == Instants(11, every=11)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: event(print), "give an event either every or times; got every=None and times=None"),
        (lambda: event(print, every=1.0, times=[1.0]), "give an event either every or times"),
        (lambda: event(print, every=0.0), "every must be a number > 0"),
        (lambda: event(print, times=[1.0, 0.0]), "times must be a number > 0"),
        (lambda: event(print, times=[]), "times must be non-empty"),
        (lambda: event(print, every=pd.axis("a", [1.0, 2.0])), "every of an event must be plain numbers"),
        (lambda: event("strike", every=1.0), "action must be a function of a moment and a key; got 'strike'"),
        (lambda: _run(1, plan=(("every", 0.3),)), "every of an event must be a whole number of steps of length 0.25; got 0.3"),
        (lambda: _run(1, plan=(("every", 0.1),)), "every of an event must be a whole number of steps of length 0.25; got 0.1"),
    ],
)
def test_bad_events_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda moment: moment.replace(weights=moment.weights[:1]), "weights"),
        (lambda moment: moment.replace(weights=moment.weights.astype(int)), "weights"),
        (lambda moment: moment.replace(structure=None), "structure"),
        (lambda moment: moment.replace(activity=jnp.zeros(1)), "activity"),
    ],
)
def test_an_event_may_not_change_shapes_or_types(change, what):
    class Bad(Clockwork):
        @property
        def events(self):
            return (event(lambda moment, key: change(moment), every=1.0),)

    with pytest.raises(ValueError, match=f"an event must leave shapes and types as they are; of {what}"):
        pd.simulate(Bad(jnp.ones(2)), Rule(), steps=2, key=KEY)
