"""A circuit beside a rhythm: each part is as it is alone, and the one gates the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd

KEY = jax.random.key(0)


def _pair(**options):
    return pd.circuits.kuramoto([0.5, -0.5], coupling=0.4, phases=[0.0, 1.0], **options)


def _run(circuit, rule, **options):
    return pd.simulate(circuit, rule, duration=10.0, dt=0.05, key=KEY, solver=pd.solvers.rk4, **options)


# Bit by bit as users compile; where `make test` compiles quickly, parts of one program may be joined and rounded otherwise.
@pytest.mark.parametrize("rounding", [1e-6, pytest.param(0.0, marks=pytest.mark.slow)])
def test_each_part_is_as_it_is_alone(rounding):
    memory, rule = pd.circuits.tracking([0.3, -0.2]), pd.rules.early(1.0) + pd.rules.late(0.3)
    both = _run(pd.circuits.with_rhythm(memory, _pair()), rule, record=["loss", "coherence"])
    np.testing.assert_array_equal(both.weights, _run(memory, rule).weights)
    alone = _run(_pair(), pd.rules.decay(0.0), record=["coherence"])
    np.testing.assert_allclose(both.coherence, alone.coherence, rtol=0, atol=rounding)
    np.testing.assert_allclose(both.activity, alone.activity, rtol=0, atol=10 * rounding)


def test_a_gate_lets_the_rhythm_into_the_memory():
    """Late learning alone, ``w2' = G alpha w1`` with a fixed early weight: w2 is the integral of the gate."""
    memory = pd.circuits.tracking([1.0, 0.0])
    rule = pd.rules.gated(pd.rules.late(0.1), pd.rules.coherence_gate(20.0, 0.8))
    run = _run(pd.circuits.with_rhythm(memory, _pair()), rule, record=["coherence"])
    opening = 1 / (1 + np.exp(-20 * (run.coherence.values[0].astype(float) - 0.8)))
    expected = 0.1 * 0.05 * (opening.sum() - 0.5 * (opening[0] + opening[-1]))
    assert float(run.weights[0, 1]) == pytest.approx(expected, rel=1e-3)


def test_noise_of_the_rhythm_and_minibatches_of_the_circuit_stay():
    data = jnp.arange(20.0), jnp.arange(20.0)
    learner = pd.circuits.minibatches(lambda w, d: jnp.mean((w * d[0] - d[1]) ** 2), jnp.ones(()) * 0.5, data, size=2)
    both = pd.circuits.with_rhythm(learner, _pair(phase_noise=0.3))
    rule = pd.rules.gated(pd.rules.gradient(1e-4), pd.rules.coherence_gate(20.0, 0.5))
    first, second = (pd.simulate(both, rule, duration=5.0, dt=0.05, key=jax.random.key(s), record=["loss"]) for s in (0, 1))
    assert float(abs(first.activity - second.activity).max()) > 0.01
    drawn = both.sample(jax.random.key(3))
    assert drawn.circuit.data[0].shape == (2,)
    assert float(abs(first.weights - second.weights).max()) > 0


def test_what_the_learner_asks_of_rules_and_what_happens_to_it_stay():
    layered = pd.circuits.student_teacher([3, 2], hidden="linear", inputs=20, key=KEY)
    reduced = pd.circuits.principal_axes([pd.circuits.through_covariance(layered)])[0]
    both = pd.circuits.with_rhythm(reduced, _pair())
    assert both.symmetries == reduced.symmetries != frozenset()
    halved = pd.circuits.with_rhythm(_Halved(jnp.ones(3)), _pair())
    run = pd.simulate(halved, pd.rules.decay(0.0), duration=4.0, dt=0.5, key=KEY, record=["coherence"])
    assert run.weights.values[0].tolist() == [0.25] * 3
    assert both.fastest_rate == _pair().fastest_rate == pytest.approx(0.4)
    assert both.longest_duration(0.1) == _pair().longest_duration(0.1)


class _Halved(pd.circuits.AbstractCircuit):
    """Weights that are halved every two units of time."""

    weights: jax.Array

    @property
    def events(self):
        return (pd.circuits.event(lambda moment, key: moment.replace(weights=moment.weights / 2), every=2.0),)


def test_what_does_not_go_together_is_refused():
    memory = pd.circuits.tracking()
    with pytest.raises(ValueError, match="circuit must have no activity"):
        pd.circuits.with_rhythm(_pair(), _pair())
    with pytest.raises(ValueError, match="rhythm must have an activity and no events; Tracking has no activity"):
        pd.circuits.with_rhythm(memory, memory)
    with pytest.raises(ValueError, match="both offer coherence"):
        pd.circuits.with_rhythm(_Clashing(jnp.ones(2)), _pair())
    with pytest.raises(ValueError, match="rhythm must be a plastodyn circuit"):
        pd.circuits.with_rhythm(memory, 3.0)
    with pytest.raises(ValueError, match=r"WithRhythm offers 'alignment', .*'loss'"):
        pd.circuits.with_rhythm(memory, _pair()).start.signal("nothing")


class _Clashing(pd.circuits.AbstractCircuit):
    weights: jax.Array
    signals = frozenset({"coherence"})

    def coherence(self, moment):
        return moment.weights.sum()
