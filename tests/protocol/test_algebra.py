"""The algebra of rules: sums, differences, multiples, whatever states and constraints they carry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.circuits import AbstractCircuit
from plastodyn.protocol import (
    HIDDEN_SPAN,
    INPUT_ROTATION,
    Moment,
    Rule,
    Sum,
    begin,
    hidden_span_by_sign,
    rule_change,
    signals_read,
    step,
    velocities,
)

KEY = jax.random.key(0)
BOWL = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(jnp.array([1.0, 2.0, 3.0]) * w**2), weights=jnp.array([1.0, -1.0, 0.5]))
A, B, C = pd.rules.gradient(0.1), pd.fluctuations.white(0.2), pd.fluctuations.drift(0.3, 2.0)


def _change(rule, dt=0.5, key=KEY, circuit=BOWL):
    moment = circuit.start
    state = rule.init(moment, key)
    return np.asarray(rule_change(rule, moment, state, rule.draw(moment.weights, key), jnp.float32(dt))[0])


def test_sums_are_flat_and_their_terms_have_keys_by_place():
    assert [type(rule).__name__ for rule in ((A + B) + C).rules] == ["Gradient", "White", "Drift"]
    assert [type(rule).__name__ for rule in (A + (B + C)).rules] == ["Gradient", "White", "Drift"]
    # A term behind changes nothing for those before it.
    with jax.threefry_partitionable(False):
        # The scheme that runs use, in which keys that are split depend on how many there are.
        np.testing.assert_allclose(_change(B + C + A) - _change(A), _change(B + C), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(_change(B + B + B + C) - _change(B + B + B), _change(0 * B + 0 * B + 0 * B + C), atol=1e-6)
    # Two terms alike draw different numbers.
    assert np.abs(_change(B + B) - 2 * _change(B)).max() > 0.01
    assert np.abs(_change(C + C) - 2 * _change(C)).max() > 0.01


def test_minus_is_what_it_says():
    np.testing.assert_allclose(_change(-A), -_change(A))
    np.testing.assert_allclose(_change(-B), -_change(B))
    np.testing.assert_allclose(_change(A - A), 0 * _change(A), atol=1e-9)
    np.testing.assert_allclose(_change(3 * A - A), 2 * _change(A), rtol=1e-6)
    # Its noise is its own.
    assert np.abs(_change(B - B)).max() > 0.01
    np.testing.assert_allclose(_change(C + A - A), _change(C + 0 * A), rtol=1e-5)


def test_times_and_over():
    np.testing.assert_allclose(_change(A / 2), _change(A) / 2, rtol=1e-6)
    np.testing.assert_allclose(_change(2 * A), _change(A * 2), rtol=1e-6)
    np.testing.assert_allclose(_change((A + B) / 4), _change(A + B) / 4, rtol=1e-6)
    np.testing.assert_allclose(_change(np.float64(2) * A), 2 * _change(A), rtol=1e-6)
    np.testing.assert_allclose(_change(jnp.float32(2) * A), 2 * _change(A), rtol=1e-6)


def test_the_built_in_sum_adds_rules():
    made = sum([A, B, C])
    assert isinstance(made, Sum)
    assert [type(rule).__name__ for rule in made.rules] == ["Gradient", "White", "Drift"]
    assert sum([A]) is A
    np.testing.assert_allclose(_change(sum([A, B, C])), _change(A + B + C))


def test_axes_multiply_rules():
    run = pd.simulate(BOWL, A * pd.axis("factor", [0.0, 2.0]) / pd.axis("share", [1.0, 4.0]), steps=1, key=KEY)
    moved = run.weights.isel(replica=0).transpose("factor", "share", "weight").values - np.asarray(BOWL.weights)
    np.testing.assert_allclose(moved[1, 0], 2 * _change(A, 1.0), rtol=1e-5)
    np.testing.assert_allclose(moved[1, 1], _change(A, 1.0) / 2, rtol=1e-5)
    assert (moved[0] == 0).all()


@pytest.mark.parametrize(
    "wrong", [lambda: A + 1, lambda: 1 + A, lambda: A - 1, lambda: A + None, lambda: 2 - A, lambda: "a" + A]
)
def test_what_is_no_rule_cannot_be_added(wrong):
    with pytest.raises(TypeError):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "name"), [(lambda: A * np.nan, "factor"), (lambda: A / "x", "divisor"), (lambda: "x" * A, "factor")]
)
def test_factors_are_numbers(wrong, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        wrong()


def test_division_by_zero_is_refused():
    with pytest.raises((ValueError, ZeroDivisionError)):
        A / 0


SYMMETRIES = {HIDDEN_SPAN, INPUT_ROTATION, hidden_span_by_sign(np.array([-1, 1]))}


def _kept(rule):
    return set(filter(rule.keeps, SYMMETRIES))


def test_a_sum_reads_and_keeps_what_its_parts_do():
    assert signals_read(A + pd.rules.beeline(0.1)) == {"loss", "teacher"}
    assert signals_read(2 * (pd.rules.constrained(A) + B)) == {"loss"}
    assert _kept(A + pd.rules.newton()) == _kept(A) == SYMMETRIES
    assert _kept(A + B) == _kept(B) == {INPUT_ROTATION}
    assert _kept(A + pd.fluctuations.log_normal(1, 1, 1)) == set()
    assert _kept(2 * A - B / 2) == {INPUT_ROTATION}
    assert _kept(pd.rules.exact_norm(A, 1.0)) == _kept(A)
    assert _kept(pd.rules.gated(A, lambda moment: moment.time)) == set()
    assert _kept(pd.fluctuations.confined(B, jnp.ones(3))) == set()


class Moving(AbstractCircuit):
    """Weights, activity and time all matter, to each other."""

    weights: jax.Array
    offset: jax.Array
    signals = frozenset({"loss"})

    @property
    def activity(self):
        return jnp.array([2.0])

    def activity_velocity(self, moment):
        return moment.weights + moment.time - moment.activity + moment.circuit.offset

    def loss(self, moment):
        return jnp.sum(moment.weights * (moment.activity + moment.time + self.offset))

    def sample(self, key):
        return Moving(self.weights, self.offset + 1)


class Counting(Rule):
    """A number for each step taken, which its changes are proportional to."""

    def init(self, moment, key):
        return jnp.ones(())

    def velocity(self, moment, state):
        return state * moment.gradient()

    def increment(self, moment, state, dt, noise):
        return 10 * state * moment.gradient(), state + 1

    def retract(self, weights, state):
        return jnp.where(state > 2.5, 0.0, weights)


def test_a_step_is_written_out_by_hand():
    """Velocity and increment read the moment before the step, in the circuit as seen; a constraint reads the next state."""
    circuit, rule = Moving(jnp.array([3.0]), jnp.zeros(1)), Counting()
    carry = begin(circuit, rule, KEY)
    assert float(carry.activity[0]) == 2.0
    moved = step(circuit, rule, carry, time=jnp.float32(0.5), dt=jnp.float32(0.25), noise=None)
    assert moved.weights.tolist() == [3 + 0.25 * 2.5 + 10 * 2.5]
    assert moved.activity.tolist() == [2 + 0.25 * (3 + 0.5 - 2)]
    assert float(moved.state) == 2
    seen = step(circuit, rule, carry, time=jnp.float32(0.5), dt=jnp.float32(0.25), noise=None, seen=circuit.sample(KEY))
    assert seen.weights.tolist() == [3 + 0.25 * 3.5 + 10 * 3.5]
    assert seen.activity.tolist() == moved.activity.tolist()
    again = step(circuit, rule, moved, time=jnp.float32(0.75), dt=jnp.float32(0.25), noise=None)
    assert again.weights.tolist() == [0.0]
    velocity, moving = velocities(circuit, rule, carry, jnp.float32(0.5), circuit.sample(KEY))
    assert (velocity.tolist(), moving.tolist()) == ([3.5], [1.5])


def test_nothing_moves_where_nobody_moves_it():
    circuit = BOWL
    carry = begin(circuit, Rule(), KEY)
    assert velocities(circuit, Rule(), carry, circuit.start.time, circuit) == (None, None)
    moved = step(circuit, Rule(), carry, time=jnp.zeros(()), dt=jnp.ones(()), noise=None, solver=pd.solvers.rk4)
    np.testing.assert_array_equal(moved.weights, circuit.weights)
    assert rule_change(Rule(), circuit.start, None, None, jnp.ones(())) == (None, None)


def test_the_change_of_a_rule_is_velocity_times_time_and_increment():
    moment = Moving(jnp.array([3.0]), jnp.zeros(1)).start
    change, after = rule_change(Counting(), moment, jnp.float32(2), None, jnp.float32(0.25))
    assert change.tolist() == [0.25 * 2 * 2 + 10 * 2 * 2]
    assert float(after) == 3
    assert rule_change(B, BOWL.start, None, jnp.ones(3), jnp.float32(4.0))[0].tolist() == pytest.approx([0.4] * 3)


def test_a_moment_is_a_circuit_at_an_instant():
    circuit = Moving(jnp.array([3.0]), jnp.zeros(1))
    start = circuit.start
    assert (float(start.time), start.activity.tolist(), start.structure) == (0.0, [2.0], None)
    assert start.time.dtype == circuit.weights.dtype
    there = start.at(jnp.array([5.0]))
    assert (float(there.loss()), float(start.loss()), there.activity.tolist()) == (10.0, 6.0, [2.0])
    assert there.gradient().tolist() == [2.0]
    other = start.replace(activity=jnp.array([7.0]), time=jnp.float32(1.0))
    assert (float(other.loss()), other.weights.tolist()) == (24.0, [3.0])
    assert float(circuit.loss_at(jnp.array([5.0]))) == 10.0


def test_a_signal_may_be_data_or_a_function():
    class Both(AbstractCircuit):
        weights: jax.Array
        teacher: jax.Array
        signals = frozenset({"teacher", "double"})

        def double(self, moment):
            return 2 * moment.weights

    start = Both(jnp.ones(2), jnp.arange(2.0)).start
    assert (start.signal("teacher").tolist(), start.signal("double").tolist()) == ([0.0, 1.0], [2.0, 2.0])
    with pytest.raises(
        ValueError, match="the signal 'loss' is read, which the circuit does not offer; Both offers 'double', 'teacher'"
    ):
        start.loss()
    with pytest.raises(ValueError, match="Nothing offers no signals"):
        type("Nothing", (AbstractCircuit,), {"__annotations__": {"weights": jax.Array}})(jnp.ones(1)).start.loss()


def test_a_class_that_names_what_it_has_not_is_refused():
    with pytest.raises(ValueError, match="Half names the signal 'loss' and has no attribute or method of that name"):

        class Half(AbstractCircuit):
            weights: jax.Array
            signals = frozenset({"loss"})


def test_a_plain_circuit_has_no_more_than_weights():
    class Plain(AbstractCircuit):
        weights: jax.Array

    circuit = Plain(jnp.ones(2))
    assert (circuit.activity, circuit.structure, circuit.events, circuit.symmetries) == (None, None, (), frozenset())
    assert circuit.sample(KEY) is circuit
    assert circuit.activity_velocity(circuit.start) is None
    run = pd.simulate(circuit, pd.fluctuations.white(0.5), steps=1, key=KEY)
    assert run.weight_norm.shape == (1, 2)
    assert isinstance(circuit.start, Moment)


@pytest.mark.parametrize("factor", [np.array([1.0, 2.0]), [1.0, 2.0], "2", None, np.nan, True])
def test_a_factor_is_one_number_or_an_axis(factor):
    """An array would be a number for each weight, without a word; an axis on either side is an axis."""
    rule = pd.rules.gradient(0.1)
    for use in (lambda: rule * factor, lambda: rule / factor):
        with pytest.raises(ValueError, match=r"^(factor|divisor) must be [^\n]*$"):
            use()
    ratio = pd.axis("ratio", [1.0, 2.0])
    assert (ratio * rule).factor.identical((rule * ratio).factor)
    for use in (lambda: ratio + rule, lambda: ratio - rule, lambda: rule + 1.0):
        with pytest.raises(TypeError, match="unsupported operand"):
            use()
