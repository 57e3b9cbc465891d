"""Records: each observable at its own instants, whatever the others ask for and wherever a run is cut; and how members end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.circuits import AbstractCircuit
from plastodyn.simulation import ensemble
from plastodyn.simulation.record import observe

KEY = jax.random.key(0)
CIRCUIT = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.array([1.0, -1.0, 2.0]))
RULE = pd.rules.gradient(pd.axis("rate", [0.1, 0.2, 0.3])) + pd.fluctuations.wiener(0.1)
STEPS = 29
WINDOWS = [(2, 0, None), (3, 0, None), (4, 3, 20), (5, -9, None), (1, 7, 7), (7, 28, None), (6, -1, None), (1, 0, 0)]
WINDOWS += [(11, 29, 29), (3, 5, 100), (1, -4, 27), (50, 0, None)]


def _run(record, **options):
    return pd.simulate(CIRCUIT, RULE, **{"steps": STEPS, "replicas": 2, "key": KEY, "record": record, "chunk": 2, **options})


def _many():
    return ["weights", *(observe("weights", every=e, start=a, stop=b, name=f"w{i}") for i, (e, a, b) in enumerate(WINDOWS))]


def _expected(every, start, stop):
    first = start if start >= 0 else STEPS + 1 + start
    return [s for s in range(first, STEPS + 1) if (s - first) % every == 0 and (stop is None or s <= stop)]


@pytest.fixture(scope="module")
def many():
    return _run(_many())


def test_every_observable_has_its_own_instants(many):
    full = many.weights_recorded
    assert full.step.values.tolist() == list(range(STEPS + 1))
    for place, window in enumerate(WINDOWS):
        found = many[f"w{place}"]
        (dim,) = (name for name in found.dims if str(name).startswith("step"))
        assert found[dim].values.tolist() == _expected(*window)
        np.testing.assert_array_equal(found.values, full.sel(step=_expected(*window)).values)


@pytest.mark.parametrize("every", [2, 3])
def test_a_record_is_that_of_a_run_of_its_own(many, every):
    alone = _run([observe("weights", every=every)])
    np.testing.assert_array_equal(alone.weights_recorded, many.weights_recorded.sel(step=alone.step))
    np.testing.assert_array_equal(alone.weights, many.weights)


def test_nothing_recorded_changes_nothing(many):
    silent = _run([])
    np.testing.assert_array_equal(silent.weights, many.weights)
    assert not [name for name in silent.dims if str(name).startswith("step")]


class _Erratic:
    """Calls of 1 to 9 steps, whatever the clock says."""

    def __init__(self):
        self._draw = np.random.default_rng(3)

    @property
    def steps(self):
        return int(self._draw.integers(1, 10))

    def start(self):
        pass

    def finish(self, made):
        pass


@pytest.mark.parametrize("room", [1, 200, 10**6])
def test_records_do_not_depend_on_where_the_host_is_returned_to(many, monkeypatch, room):
    """Calls of any length, and room for one record, a few or all in each."""
    monkeypatch.setattr(ensemble, "Pace", _Erratic)
    monkeypatch.setattr("plastodyn.simulation.plan._BYTES_OF_RECORDS", room)
    found = _run(_many())
    assert found.drop_attrs().identical(many.drop_attrs())


def test_room_is_as_long_as_there_are_records(monkeypatch):
    """In calls for all steps, the room for records decides; no record is lost at its edge."""

    class Long(_Erratic):
        steps = 10**6

    monkeypatch.setattr(ensemble, "Pace", Long)
    for room in (1, 50, 100):
        monkeypatch.setattr("plastodyn.simulation.plan._BYTES_OF_RECORDS", room)
        run = _run([observe("weights", every=3, start=2), observe("weight_norm", every=2)])
        assert np.isfinite(run.weights_recorded).all()
        assert np.isfinite(run.weight_norm).all()


def test_windows_of_a_flow_are_in_time():
    run = pd.simulate(
        CIRCUIT, RULE, duration=3.0, dt=0.25, key=KEY, record=[observe("loss", every=4), observe("weights", start=-2)]
    )
    assert run.time.values.tolist() == [0, 1, 2, 3]
    assert run.time_weights.values.tolist() == [2.75, 3.0]
    time = pd.observe(lambda moment: moment.time, name="clock")
    clock = pd.simulate(CIRCUIT, RULE, duration=3.0, dt=0.25, key=KEY, record=[time]).clock
    np.testing.assert_array_equal(clock[0, 0], clock.time)


def test_observables_of_any_kind_find_rule_and_state():
    """Whole numbers, truth values, matrices; the rule that moves the weights and its memory. A signal may be named."""
    turn = pd.fluctuations.drift(0.1, 3.0)
    items = [
        observe(lambda m: jnp.argmax(m.weights), name="largest"),
        observe(lambda m: m.weights > 0, name="positive"),
        observe(lambda m: jnp.outer(m.weights, m.weights), name="square", every=2),
        observe(lambda m: m.state, name="state"),
        observe(lambda m: m.rule.rate * m.rule.velocity(m, m.state) / m.rule.rate, name="velocity"),
        observe(lambda m: m.signal("loss"), name="error"),
        "loss",
    ]
    run = pd.simulate(CIRCUIT, turn, steps=4, key=KEY, record=["weights", *items])
    weights = run.weights_recorded.values[0]
    np.testing.assert_array_equal(run.largest[0], weights.argmax(-1))
    np.testing.assert_array_equal(run.positive[0], weights > 0)
    np.testing.assert_allclose(run.square[0], np.einsum("ti,tj->tij", weights, weights)[::2], rtol=1e-6)
    np.testing.assert_array_equal(run.state_recorded[0, -1], run.state[0])
    np.testing.assert_allclose(run.velocity[0, :-1], np.diff(weights, axis=0), atol=1e-6)
    np.testing.assert_array_equal(run.error, run.loss)


def test_an_observable_declares_what_it_needs():
    def teacher(moment):
        return moment.signal("teacher")

    teacher.reads = frozenset({"teacher"})
    with pytest.raises(ValueError, match="record: teacher reads the signal 'teacher', which the circuit does not offer"):
        _run([teacher])
    with pytest.raises(ValueError, match="reads the signal 'teacher'"):
        _run(["loss"], until=teacher)


class Racing(AbstractCircuit):
    """An activity that grows as its own square, beside weights that do not care, or that follow it."""

    weights: jax.Array
    speed: object
    coupling: object
    signals = frozenset({"loss"})

    @property
    def activity(self):
        return jnp.ones(2)

    def activity_velocity(self, moment):
        return self.speed * moment.activity**2

    def loss(self, moment):
        felt = jnp.where(self.coupling > 0, moment.activity, 0)
        return 0.5 * jnp.sum(moment.weights**2) + self.coupling * jnp.sum(moment.weights) * jnp.sum(felt)


@pytest.mark.parametrize("until", [None, pd.observe(lambda moment: moment.time < 0, every=5, name="never")])
def test_an_activity_that_is_not_finite_has_a_status_of_its_own(until):
    """4 where the weights are finite, 1 where they are not either; the meaning is in the attributes."""
    circuit = Racing(jnp.ones(3), pd.axis("speed", [0.0, 1.0]), pd.axis("coupling", [0.0, 1.0]))
    run = pd.simulate(circuit, pd.rules.gradient(0.1), steps=20, key=KEY, until=until)
    assert run.status.isel(replica=0).transpose("speed", "coupling").values.tolist() == [[0, 0], [4, 1]]
    assert np.isfinite(run.weights.sel(coupling=0)).all()
    assert not np.isfinite(run.activity.sel(speed=1)).any()
    meanings = dict(zip(run.status.attrs["flag_values"], run.status.attrs["flag_meanings"].split(), strict=True))
    assert meanings[4] == "activity_diverged"
    assert meanings[1] == "diverged"
    taken = run.steps_taken.isel(replica=0).sel(coupling=0).values.tolist()
    assert taken == ([20, 20] if until is None else [20, 10 if np.isfinite(_square(5)) else 5])


def _square(steps):
    value = np.float32(1)
    for _ in range(steps):
        with np.errstate(over="ignore"):
            value = value + value * value
    return value


def test_a_window_that_records_nothing_is_refused_by_name():
    circuit, rule = pd.Circuit(lambda w: jnp.sum(w**2), jnp.ones(2)), pd.rules.gradient(0.1)
    late = pd.observe("weight_norm", start=50)
    with pytest.raises(ValueError, match="record: 'weight_norm' would never be recorded in 12 steps; got observe"):
        pd.simulate(circuit, rule, steps=12, key=jax.random.key(0), record=["loss", late])
    # A run that goes on has recorded it before, or comes to it later.
    run = pd.simulate(circuit, rule, steps=60, key=jax.random.key(0), record=[late], progress=False)
    assert run.sizes["step"] == 11
