"""Where two runs, two names or two precisions meet: each case here was once silently wrong, or hung."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.protocol import Carry, Rule
from plastodyn.simulation.status import of_ends

KEY = jax.random.key(0)


def _bowl(w):
    return 0.5 * jnp.sum(w**2)


def _simulate(rule=None, circuit=None, **options):
    circuit = pd.Circuit(_bowl, jnp.ones(3)) if circuit is None else circuit
    options = options if "start" in options else {"key": KEY, **options}
    return pd.simulate(circuit, pd.rules.gradient(0.1) if rule is None else rule, progress=False, **options)


@pytest.mark.parametrize("cut", [5, 9, 10, 11, 15])
def test_until_is_asked_where_a_run_was_cut(cut):
    """The loss falls below 1 at step 6, the question is asked at 5, 10, ...: the member retires at step 10."""
    until = pd.observe(lambda moment: moment.loss() < 0.5, every=5, name="small")
    whole = _simulate(steps=20, until=until)
    assert (int(whole.status[0]), int(whole.steps_taken[0])) == (3, 10)
    second = _simulate(steps=20 - cut, until=until, start=_simulate(steps=cut, until=until))
    for name in ("weights", "status", "steps_taken"):
        np.testing.assert_array_equal(second[name], whole[name], err_msg=name)


def test_a_retired_member_keeps_the_records_of_its_end():
    until = pd.observe(lambda moment: moment.time >= 5, every=5, name="late")
    record = [pd.observe(lambda moment: moment.time, name="clock")]
    second = _simulate(steps=8, until=until, record=record, start=_simulate(steps=12, until=until, record=record))
    assert second.clock.values.tolist() == [[5.0] * 9]


class Colliding(Rule):
    """Two leaves of the state whose paths read the same."""

    def init(self, moment, key):
        del key
        return {"a": {"b": jnp.ones_like(moment.weights[0])}, "a_b": 2 * jnp.ones_like(moment.weights[0])}

    def velocity(self, moment, state):
        return jnp.zeros_like(moment.weights) + state["a"]["b"] + 10 * state["a_b"]


def test_leaves_whose_names_would_meet_are_both_kept():
    whole = _simulate(Colliding(), steps=4)
    second = _simulate(Colliding(), steps=2, start=_simulate(Colliding(), steps=2))
    np.testing.assert_array_equal(second.weights, whole.weights)


def test_a_record_may_be_called_like_a_part_of_what_is_carried():
    record = [pd.observe(lambda moment: moment.time, name="state_of_affairs")]
    second = _simulate(steps=2, record=record, start=_simulate(steps=2, record=record))
    assert second.state_of_affairs_recorded.values.tolist() == [[2.0, 3.0, 4.0]]


def test_steps_of_another_length_do_not_go_on():
    first = _simulate(duration=1.0, dt=0.1)
    with pytest.raises(ValueError, match=r"dt must be that of the run in start, 0.1 in continuous time; got 0.2"):
        _simulate(duration=1.0, dt=0.2, start=first)
    with pytest.raises(ValueError, match="got 1 in discrete time"):
        _simulate(steps=2, start=first)


def test_replicas_in_another_order_do_not_go_on():
    first = _simulate(pd.fluctuations.white(0.1), steps=2, replicas=3)
    with pytest.raises(ValueError, match="must have the points of 'replica'"):
        _simulate(pd.fluctuations.white(0.1), steps=2, start=first.isel(replica=[2, 1, 0]))


def test_keys_whose_numbers_depend_on_batching_are_refused():
    with pytest.raises(ValueError, match="key must be of the kind threefry2x32"):
        _simulate(steps=2, key=jax.random.key(0, impl="rbg"))


@pytest.mark.parametrize("every", [2**31 - 1, 2**31 - 3, 2**30])
def test_a_stride_longer_than_the_run_records_its_start(every):
    run = _simulate(steps=5, record=["loss", pd.observe("weight_norm", every=every)])
    assert run.weight_norm.sizes["step_weight_norm"] == 1
    assert float(run.weight_norm[0, 0]) == pytest.approx(3**0.5)


def test_whole_and_complex_numbers_are_recorded_as_they_are():
    large = 2**24 + 1
    record = [
        pd.observe(lambda moment: jnp.int32(large) + 0 * jnp.int32(moment.time), name="whole"),
        pd.observe(lambda moment: jnp.exp(1j * moment.time), name="turn"),
    ]
    run = _simulate(steps=2, record=record)
    assert run.whole.values.tolist() == [[large] * 3]
    # Single precision: eps 1.2e-7.
    np.testing.assert_allclose(run.turn[0], np.exp(1j * np.arange(3)), atol=1e-6)


@pytest.mark.parametrize("name", ["step", "time", "replica", "weight"])
def test_names_of_dimensions_are_refused(name):
    with pytest.raises(ValueError, match="name of an observable must not be that of an axis or dimension"):
        _simulate(steps=2, record=[pd.observe(lambda moment: moment.time, name=name)])


def test_names_that_would_meet_in_the_result_are_refused():
    record = [pd.observe(lambda moment: moment.time, name=name) for name in ("status", "status_recorded")]
    with pytest.raises(ValueError, match="would both be 'status_recorded'"):
        _simulate(steps=2, record=record)
    with pytest.raises(ValueError, match="name must not begin with"):
        pd.axis("state_0", [1.0])


@pytest.mark.parametrize("rule", [pd.fluctuations.white(0.1), pd.rules.noisy_gradient(0.1, 2.0), pd.rules.gradient(0.1)])
def test_single_precision_stays_single_with_x64_on(rule):
    circuit = pd.circuits.student_teacher([3, 2, 2], inputs=10, key=KEY)
    with jax.enable_x64(True):
        run = _simulate(rule, circuit, steps=3)
    assert run.weights.dtype == run.loss.dtype == np.float32
    assert int(run.status.max()) == 0


@pytest.mark.parametrize("place", range(4))
def test_one_number_that_is_not_finite_tells(place):
    """Among finite ones, in either leaf of the weights or of the activity."""
    leaves = [np.ones((2, 3)) for _ in range(4)]
    leaves[place][1, 2] = np.nan
    found = of_ends(Carry((leaves[0], leaves[1]), (leaves[2], leaves[3]), None, None))
    assert found.tolist() == [0, 1 if place < 2 else 4]
