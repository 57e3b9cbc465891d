"""Members that are done retire: what they and the others then hold, against runs in which nobody does."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import rules
from plastodyn.protocol import Rule
from plastodyn.runtime.progress import Bar
from plastodyn.simulation import engine

STEPS, EVERY = 30, 4
# Up to 30 steps, or one observable, in single precision, compiled into loops of other lengths: rounded in another order.
ROUNDING = 10 * np.finfo(np.float32).eps
RATES = [0.02, 0.1, 0.3]
KEY = jax.random.key(5)


class _Gated(pd.circuits.AbstractCircuit):
    """A quadratic loss beside a fast activity, so that every part of a member has to survive a round."""

    weights: jax.Array
    signals = frozenset({"loss"})

    @property
    def activity(self):
        return jnp.zeros(())

    def activity_velocity(self, moment):
        return 0.1 + 0 * moment.activity

    def loss(self, moment):
        return 0.5 * jnp.sum(moment.weights**2)


CIRCUIT = _Gated(jnp.array([1.0, -1.0, 2.0]))


def _openness(moment):
    return 1 / (1 + moment.activity)


def _rule(rates=RATES):
    """With a state, noise, an activity and an axis."""
    descent = rules.gated(rules.gradient(pd.axis("rate", rates)), _openness)
    return descent + pd.fluctuations.ornstein_uhlenbeck(0.02, 5.0)


def done(moment):
    return moment.loss() < 0.3


UNTIL = pd.observe(done, every=EVERY)


def _run(until=UNTIL, steps=STEPS, rule=None, circuit=CIRCUIT, **options):
    arguments = {"replicas": 3, "chunk": 2, "record": ["loss", "weights"], **options}
    return pd.simulate(circuit, rule or _rule(), steps=steps, key=KEY, until=until, **arguments)


@pytest.fixture(scope="module")
def whole():
    return _run(until=None)


@pytest.fixture(scope="module")
def retiring():
    return _run()


def _members(run):
    return run.stack(member=("rate", "replica")).transpose("member", ...)


def test_members_retire_at_the_first_question_that_they_meet(whole, retiring):
    """The step that a member retires at is read off the record of a run in which nobody does."""
    loss = _members(whole).loss.values
    asked = np.arange(EVERY, STEPS, EVERY)
    met = loss[:, asked] < 0.3
    expected = np.where(met.any(axis=1), asked[met.argmax(axis=1)], STEPS)
    found = _members(retiring)
    assert found.steps_taken.values.tolist() == expected.tolist()
    assert found.status.values.tolist() == np.where(met.any(axis=1), 3, 0).tolist()
    # The choice of rates makes members of every kind: never, at different steps, at once.
    assert len(set(expected.tolist())) >= 4
    assert set(_members(whole).status.values.tolist()) == {0}
    assert set(_members(whole).steps_taken.values.tolist()) == {STEPS}


def test_what_a_member_does_until_then_has_the_same_bits(whole, retiring):
    with_all, without = _members(whole), _members(retiring)
    for member, taken in enumerate(without.steps_taken.values):
        for name in ("loss", "weights_recorded"):
            np.testing.assert_array_equal(without[name][member, :taken], with_all[name][member, :taken])
        if taken == STEPS:
            np.testing.assert_array_equal(without.weights[member], with_all.weights[member])


def test_a_retired_member_is_that_of_a_run_stopped_there(retiring):
    run = _members(retiring)
    for taken in sorted(set(run.steps_taken.values.tolist()) - {STEPS})[:2]:
        stopped = _members(_run(until=None, steps=taken))
        for member in np.flatnonzero(run.steps_taken.values == taken):
            np.testing.assert_array_equal(run.weights[member], stopped.weights[member])
            # All later records hold what the stopped run ended with.
            np.testing.assert_array_equal(run.weights_recorded[member, taken:], stopped.weights[[member] * (STEPS + 1 - taken)])
            np.testing.assert_allclose(run.loss[member, taken:], float(stopped.loss[member, -1]), rtol=ROUNDING)


def test_windows_and_strides_hold_the_last_values():
    """Windows that end before a member retires, that it retires within, and that begin afterwards; in closed form."""
    record = [
        pd.observe("loss", every=6),
        pd.observe("weights", every=6, start=24),
        pd.observe("weight_norm", stop=0),
        pd.observe("gradient_norm", start=STEPS),
    ]
    start = np.array([1.0, -1.0, 2.0])
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.array(start))
    run = _members(_run(record=record, rule=rules.gradient(pd.axis("rate", RATES)), circuit=circuit, replicas=1))
    assert run.status.values.tolist() == [0, 3, 3]
    # Asked every 4 steps, whatever the stride of the records: the first at which the error has fallen below the threshold.
    asked = np.arange(EVERY, 24, EVERY)
    met = [int(asked[(0.5 * (start**2).sum() * (1 - rate) ** (2 * asked) < 0.3).argmax()]) for rate in RATES[1:]]
    assert run.steps_taken.values.tolist() == [STEPS, *met]
    assert met[1] < met[0] < 24
    for member, taken in enumerate(run.steps_taken.values):

        def weights(steps, member=member, taken=taken):
            return start * (1 - RATES[member]) ** np.minimum(steps, taken)[:, None]

        close = functools.partial(np.testing.assert_allclose, rtol=ROUNDING)
        close(run.loss[member], 0.5 * (weights(run.step.values) ** 2).sum(1))
        close(run.weights_recorded[member], weights(run.step_weights.values))
        close(run.weights[member], weights(np.array([STEPS]))[0])
        close(run.weight_norm[member], [6**0.5])
        close(run.gradient_norm[member], np.linalg.norm(weights(np.array([STEPS])), axis=1))


def test_a_diverged_member_retires_too_and_says_so():
    circuit = pd.Circuit(loss=lambda w: 0.25 * jnp.sum(w**4), weights=jnp.array([3.0]))
    rule = rules.gradient(pd.axis("rate", [0.01, 1.0, 0.1]))
    never = pd.observe(lambda moment: moment.loss() < 0, every=10, name="never")
    found, plain = (_run(u, 50, rule, circuit, replicas=1, record=["loss"]) for u in (never, None))
    assert found.status.values.ravel().tolist() == plain.status.values.ravel().tolist() == [0, 1, 0]
    assert found.steps_taken.values.ravel().tolist() == [50, 10, 50]
    assert not np.isfinite(found.weights.sel(rate=1.0)).any()
    assert not np.isfinite(found.loss.sel(rate=1.0, step=slice(10, None))).any()
    np.testing.assert_array_equal(found.weights.sel(rate=[0.01, 0.1]), plain.weights.sel(rate=[0.01, 0.1]))


def test_a_member_that_diverges_is_not_done_though_the_condition_holds():
    circuit = pd.Circuit(loss=lambda w: 0.25 * jnp.sum(w**4), weights=jnp.array([3.0]))
    always = pd.observe(lambda moment: jnp.isfinite(moment.time), every=10, name="always")
    run = _run(always, 20, rules.gradient(pd.axis("rate", [0.01, 1.0])), circuit, replicas=1, record=["loss"])
    assert run.status.values.ravel().tolist() == [3, 1]


def test_a_bare_function_is_asked_every_thousand_steps():
    run = _run(until=done, steps=2500, rule=rules.gradient(pd.axis("rate", [1e-6, 0.01])), record=[], replicas=1)
    assert run.steps_taken.values.ravel().tolist() == [2500, 1000]
    assert run.status.values.ravel().tolist() == [0, 3]


def test_when_all_have_retired_nothing_more_is_computed(monkeypatch):
    made, advanced = [], []
    monkeypatch.setattr(Bar, "advance", lambda self, steps: advanced.append(steps))
    compiled = engine.compiled_advance

    def counted(program):
        def advance(carry, members, clock):
            made.append(int(clock.stop) - int(clock.start))
            return compiled(program)(carry, members, clock)

        return advance

    monkeypatch.setattr(engine, "compiled_advance", counted)
    rule = rules.gradient(pd.axis("rate", [0.3, 0.4]))
    record = [pd.observe("loss", start=-2)]
    run = _run(steps=1000, rule=rule, record=record, replicas=2, chunk=4)
    assert run.steps_taken.max() <= 2 * EVERY
    # Four members, carried together.
    assert sum(made) == run.steps_taken.max()
    # The bar is full all the same: it counts steps that are no longer needed.
    assert sum(advanced) == 4 * 1000
    assert run.loss.shape == (2, 2, 2)
    assert (run.loss < 0.3).all()


def test_a_flow_retires_by_its_time():
    late = pd.observe(lambda moment: moment.time > 0.45, every=1, name="late")
    rule = rules.gradient(pd.axis("rate", [0.5, 1.0]))
    run = pd.simulate(CIRCUIT, rule, duration=1.0, dt=0.1, solver=pd.solvers.rk4, key=KEY, until=late)
    assert run.steps_taken.values.ravel().tolist() == [5, 5]
    exact = 3 * np.exp(-2 * np.minimum(run.time.values, 0.5))
    # The local error of RK4 at dt = 0.1 is 1e-7; float32 rounding is as large.
    np.testing.assert_allclose(run.loss.sel(rate=1.0, replica=0), exact, rtol=2e-6)


def test_a_list_of_circuits_retires_one_by_one():
    circuits = [_Gated(jnp.array([1.0, -1.0, 2.0]) * scale) for scale in (1.0, 0.2, 3.0)]
    run = _run(rule=rules.gradient(0.1), circuit=circuits)
    for replica, circuit in enumerate(circuits):
        alone = _run(rule=rules.gradient(0.1), circuit=circuit, replicas=1)
        np.testing.assert_allclose(run.weights[replica], alone.weights[0], rtol=1e-6)
        assert int(run.steps_taken[replica]) == int(alone.steps_taken[0])
    assert len(set(run.steps_taken.values.tolist())) == 3


def test_ctrl_c_keeps_the_retired_and_what_was_recorded_of_the_others(monkeypatch, retiring):
    """Interrupted where the bar has moved by half: retired members are whole, the others recorded up to there."""
    seen = []

    def stop_halfway(self, steps):
        seen.append(steps)
        if sum(seen) > 9 * STEPS * 0.6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Bar, "advance", stop_halfway)
    with pytest.raises(pd.Interrupted) as stop:
        _run()
    kept, complete = _members(stop.value.dataset), _members(retiring)
    retired = kept.status.values == 3
    assert set(kept.status.values.tolist()) == {2, 3}
    for name in ("loss", "weights_recorded", "weights", "steps_taken"):
        np.testing.assert_array_equal(kept[name][retired], complete[name][retired])
    for member in np.flatnonzero(~retired):
        known = np.isfinite(kept.loss.values[member])
        assert 0 < known.sum() < STEPS + 1
        np.testing.assert_array_equal(kept.loss.values[member][known], complete.loss.values[member][known])
        # Recorded from the start without a gap.
        assert known[: known.sum()].all()
        # Its weights are those after the steps that it took.
        taken = int(kept.steps_taken[member])
        assert taken == known.sum()
        np.testing.assert_array_equal(kept.weights[member], complete.weights_recorded[member].sel(step=taken))


@pytest.mark.parametrize("until", ["loss", 0.1, True, [done]])
def test_a_bad_condition_is_named(until):
    with pytest.raises(ValueError, match="until must be a function of the moment"):
        _run(until=until)


@pytest.mark.parametrize("until", [pd.observe("loss"), pd.observe(lambda moment: moment.weights > 0, name="each")])
def test_a_condition_that_is_not_one_truth_value_is_named(until):
    with pytest.raises(ValueError, match="until must return"):
        _run(until=until)


@pytest.mark.parametrize("window", [{"start": 5}, {"stop": 20}])
def test_a_condition_has_no_window(window):
    with pytest.raises(ValueError, match="until is asked throughout"):
        _run(until=pd.observe(done, **window))


def test_a_state_may_hold_a_random_key():
    class Keyed(Rule):
        def init(self, moment, key):
            return key

        def velocity(self, moment, state):
            return -0.1 * jax.random.uniform(state) * moment.weights

    whole, retiring = (_run(until, rule=Keyed(), record=["loss"]) for until in (None, UNTIL))
    going_on = retiring.status.values == 0
    np.testing.assert_array_equal(retiring.weights[going_on], whole.weights[going_on])
