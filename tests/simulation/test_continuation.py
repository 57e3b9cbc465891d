"""Going on from an earlier run: the two together are the longer run, bit for bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import plastodyn as pd
from plastodyn import rules
from plastodyn.circuits import AbstractCircuit, event
from plastodyn.protocol import Rule

KEY = jax.random.key(11)
BOOKKEEPING = ("status", "steps_taken")


class Everything(AbstractCircuit):
    """Weights in two arrays, an activity, a structure of whole numbers, a redraw at each step, and an event."""

    weights: dict
    noise: jax.Array
    signals = frozenset({"loss"})

    @property
    def activity(self):
        return {"rate": jnp.full(3, 0.5)}

    @property
    def structure(self):
        return jnp.arange(4, dtype=jnp.int32)

    @property
    def events(self):
        return (event(self.rewire, every=2.0), event(self.kick, times=[3.0, 5.0]))

    def rewire(self, moment, key):
        return moment.replace(structure=jax.random.permutation(key, moment.structure))

    def kick(self, moment, key):
        rate = moment.activity["rate"]
        return moment.replace(activity={"rate": rate + jax.random.normal(key, rate.shape)})

    def sample(self, key):
        return Everything(self.weights, jax.random.normal(key, self.noise.shape))

    def activity_velocity(self, moment):
        rate = moment.activity["rate"]
        return {"rate": jnp.tanh(moment.weights["a"]) - rate + 0.1 * jnp.sin(moment.time)}

    def loss(self, moment):
        wired = moment.weights["b"][moment.structure] * self.noise * jnp.arange(1, 5)
        return 0.5 * jnp.sum((moment.weights["a"] - moment.activity["rate"]) ** 2) + 0.25 * jnp.sum(wired**2)


class Keyed(Rule):
    """Its memory is a random key, which it uses up, and the number of steps it has seen."""

    def init(self, moment, key):
        return key, jnp.zeros((), jnp.int32)

    def increment(self, moment, state, dt, noise):
        following, now = jax.random.split(state[0])
        change = jax.tree.map(lambda w: 0.05 * jnp.sqrt(dt) * jax.random.normal(now, w.shape), moment.weights)
        return change, (following, state[1] + 1)


CIRCUIT = Everything({"a": jnp.array([1.0, -1.0, 0.3]), "b": jnp.linspace(-1, 1, 4)}, jnp.ones(4))
RULE = (
    rules.constrained(rules.gradient(pd.axis("rate", [0.02, 0.1])))
    + pd.fluctuations.ornstein_uhlenbeck(0.1, 3.0)
    + rules.gated(Keyed(), rules.averaged(lambda moment: 1 / (1 + moment.time), 2.0))
)
FLOW = {"dt": 0.5, "solver": pd.solvers.heun}


def _simulate(steps, flow, **options):
    extent = {"duration": steps * FLOW["dt"], **FLOW} if flow else {"steps": steps}
    return pd.simulate(CIRCUIT, RULE, **extent, **{"replicas": 3, "record": [], "chunk": 2, **options})


def _same_ends(first, second):
    kinds = {"weights", "activity", "structure", "state", "status", "steps"}
    names = [n for n in first.data_vars if n.split("_")[0] in kinds and not n.endswith("_recorded")]
    assert {"weights", "activity_rate", "structure", "state_0_own_a", "state_2_inner_0", "state_2_inner_1"} <= set(names)
    for name in names:
        assert first[name].dtype == second[name].dtype
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.parametrize(
    ("flow", "cut"),
    [pytest.param(False, (3, 4), marks=pytest.mark.slow), (True, (5, 7)), pytest.param(True, (8, 4), marks=pytest.mark.slow)],
)
def test_two_runs_are_one_longer_run(flow, cut, tmp_path):
    """Axes, replicas, every kind of state, events before, at and after the cut; by way of a file."""
    whole = _simulate(sum(cut), flow, key=KEY)
    first = _simulate(cut[0], flow, key=KEY)
    first.to_zarr(tmp_path / "first.zarr")
    second = _simulate(cut[1], flow, start=xr.open_zarr(tmp_path / "first.zarr"))
    _same_ends(second, whole)
    assert second.attrs["seed"] == whole.attrs["seed"]
    assert (second.state_2_inner_1 == sum(cut)).all()
    assert not (second.structure == first.structure).all()


@pytest.mark.slow
def test_three_runs_and_their_records_are_one_run():
    """Records of any stride go on where they were; the last of one run is the first of the next."""
    record = ["loss", pd.observe("weights", every=3), pd.observe("weight_norm", every=2, start=1)]
    whole = _simulate(9, False, key=KEY, record=record)
    parts, start = [], {"key": KEY}
    for steps in (2, 3, 4):
        parts.append(_simulate(steps, False, record=record, **start))
        start = {"start": parts[-1]}
    _same_ends(parts[-1], whole)
    for name, dim in (("loss", "step"), ("weights_recorded", "step_weights"), ("weight_norm", "step_weight_norm")):
        for part in parts:
            np.testing.assert_array_equal(part[name], whole[name].sel({dim: part[dim]}), err_msg=name)
        seen = np.unique(np.concatenate([part[dim] for part in parts]))
        np.testing.assert_array_equal(seen, whole[dim])
    assert [part.step.values[[0, -1]].tolist() for part in parts] == [[0, 2], [2, 5], [5, 9]]


@pytest.mark.slow
def test_the_batching_may_change_between_runs():
    whole = _simulate(6, False, key=KEY)
    second = _simulate(3, False, start=_simulate(3, False, key=KEY), chunk=5)
    # Products may round differently in a batch of another shape.
    np.testing.assert_allclose(second.weights, whole.weights, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(second.state_2_inner_0, whole.state_2_inner_0)


@pytest.mark.slow
def test_a_new_key_gives_other_numbers_from_there_on():
    first = _simulate(3, False, key=KEY)
    usual, other = (_simulate(3, False, start=first, key=key) for key in (KEY, jax.random.key(12)))
    _same_ends(usual, _simulate(6, False, key=KEY))
    assert not np.array_equal(other.weights, usual.weights)
    # Its memory is not drawn again.
    np.testing.assert_array_equal(other.state_2_inner_0, usual.state_2_inner_0)


def _bowl(until, **extent):
    circuit = pd.Circuit(loss=_quadratic, weights=jnp.array([1.0, -1.0, 2.0]))
    rule = rules.gradient(pd.axis("rate", [0.02, 0.1, 0.3])) + pd.fluctuations.white(0.02)
    return pd.simulate(circuit, rule, until=until, replicas=2, chunk=2, **{"key": KEY, **extent})


def _quadratic(w):
    return 0.5 * jnp.sum(w**2)


def _small(moment):
    return moment.loss() < 0.3


@pytest.mark.parametrize("cut", [6, 8])
def test_members_that_were_done_stay_as_they_are(cut):
    """Questions are asked at the same steps, whatever step a run begins at."""
    until = pd.observe(_small, every=4)
    whole = _bowl(until, steps=30)
    first = _bowl(until, steps=cut)
    second = _bowl(until, steps=30 - cut, start=first)
    assert set(first.status.values.ravel()) == {0, 3}
    assert sorted(set(whole.steps_taken.values.ravel()))[0] < cut < sorted(set(whole.steps_taken.values.ravel()))[1]
    for name in ("weights", "status", "steps_taken"):
        np.testing.assert_array_equal(second[name], whole[name], err_msg=name)
    going = second.steps_taken.values > cut
    np.testing.assert_array_equal(second.loss.values[going], whole.loss.sel(step=second.step).values[going])
    np.testing.assert_allclose(second.loss, whole.loss.sel(step=second.step), rtol=1e-6)


def test_a_run_in_double_precision_goes_on_in_it():
    with jax.enable_x64(True):
        circuit = pd.Circuit(loss=_quadratic, weights=jnp.ones(3, "float64"))
        rule = rules.gradient(0.1) + pd.fluctuations.white(0.1)
        whole = pd.simulate(circuit, rule, steps=8, key=KEY)
        first = pd.simulate(circuit, rule, steps=5, key=KEY)
        second = pd.simulate(circuit, rule, steps=3, start=first)
    assert second.weights.dtype == np.float64
    np.testing.assert_array_equal(second.weights, whole.weights)


def test_a_diverged_member_goes_on_and_stays_diverged():
    circuit = pd.Circuit(loss=lambda w: 0.25 * jnp.sum(w**4), weights=jnp.array([3.0]))
    rule = rules.gradient(pd.axis("rate", [0.01, 1.0]))
    first = pd.simulate(circuit, rule, steps=20, key=KEY)
    second = pd.simulate(circuit, rule, steps=5, start=first)
    assert second.status.values.ravel().tolist() == [0, 1]
    assert second.steps_taken.values.ravel().tolist() == [25, 25]


def _first(**options):
    circuit = pd.Circuit(loss=_quadratic, weights=jnp.ones(3))
    return pd.simulate(circuit, rules.gradient(pd.axis("rate", [0.1, 0.2])), steps=2, key=KEY, **{"replicas": 2, **options})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 3}, "start must be the result of simulate"),
        ({"start": xr.Dataset()}, "start must be the result of simulate"),
        ({"replicas": 3}, "start must have the axes and replicas of this run"),
        ({"rule": rules.gradient(pd.axis("rate", [0.1, 0.3]))}, "start must have the points of 'rate'"),
        ({"rule": rules.gradient(pd.axis("speed", [0.1, 0.2]))}, "start must have the axes and replicas of this run"),
        ({"rule": rules.gradient(0.1)}, "start must have the axes and replicas of this run|start must be a run of the same"),
        ({"weights": jnp.zeros(3)}, "give one of start and weights"),
        ({"circuit": pd.Circuit(loss=_quadratic, weights=jnp.ones(4))}, "weights is float32"),
        (
            {"rule": rules.gradient(pd.axis("rate", [0.1, 0.2])) + pd.fluctuations.drift(0.1)},
            r"same circuit and rule; it lacks \['state_1'\]",
        ),
    ],
)
def test_a_start_that_does_not_fit_is_refused(change, message):
    arguments = {
        "circuit": pd.Circuit(loss=_quadratic, weights=jnp.ones(3)),
        "rule": rules.gradient(pd.axis("rate", [0.1, 0.2])),
        "steps": 2,
        "start": change["start"] if "start" in change else _first(),
        **change,
    }
    with pytest.raises(ValueError, match=message):
        pd.simulate(arguments.pop("circuit"), arguments.pop("rule"), **arguments)


def test_a_start_with_more_memory_than_the_rule_is_refused():
    circuit = pd.Circuit(loss=_quadratic, weights=jnp.ones(3))
    first = pd.simulate(circuit, rules.gradient(0.1) + pd.fluctuations.drift(0.1), steps=2, key=KEY)
    with pytest.raises(ValueError, match=r"has besides \['state_1'\]"):
        pd.simulate(circuit, rules.gradient(0.1), steps=2, start=first)


def test_an_interrupted_run_is_no_start(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("plastodyn.simulation.ensemble.Ensemble.compute", stop)
    with pytest.raises(pd.Interrupted) as stopped:
        _first()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="start must be a run that came to its end; this one was interrupted"):
        pd.simulate(
            pd.Circuit(loss=_quadratic, weights=jnp.ones(3)),
            rules.gradient(pd.axis("rate", [0.1, 0.2])),
            steps=2,
            start=stopped.value.dataset,
        )
