"""Fields of weights and activity together, against closed forms and published exponents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.protocol import AbstractCircuit, Rule

EPS = float(np.finfo(np.float32).eps)


class Pair(AbstractCircuit):
    """One weight and as many activities as ``b`` has rows: ``a' = A a + b w``."""

    weights: jax.Array
    matrix: jax.Array
    drive: jax.Array
    signals = frozenset({"readout"})

    @property
    def activity(self):
        return jnp.ones(len(self.matrix))

    def readout(self, moment):
        return jnp.sum(moment.activity)

    def activity_velocity(self, moment):
        return self.matrix @ moment.activity + self.drive * moment.weights[0]


class FromReadout(Rule):
    """``w' = c'a - w``, here with c of ones."""

    reads = frozenset({"readout"})

    def velocity(self, moment, state):
        del state
        return moment.signal("readout")[None] - moment.weights


class Lorenz(AbstractCircuit):
    """Lorenz's equations, the first coordinate as the weight and the other two as the activity."""

    weights: jax.Array
    signals = frozenset({"teaching"})

    @property
    def activity(self):
        return jnp.array([1.0, 20.0])

    def teaching(self, moment):
        return 10.0 * (moment.activity[0] - moment.weights[0])

    def activity_velocity(self, moment):
        x, (y, z) = moment.weights[0], moment.activity
        return jnp.stack([x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z])


class Taught(Rule):
    reads = frozenset({"teaching"})

    def velocity(self, moment, state):
        del state
        return moment.signal("teaching")[None]


@pytest.fixture
def linear():
    matrix = np.array([[-1.0, 2.0], [-2.0, -1.0]], "float32")
    drive = np.array([0.5, -0.5], "float32")
    circuit = Pair(jnp.array([0.3]), jnp.asarray(matrix), jnp.asarray(drive))
    # Weights come first: that is how a pair is raveled.
    whole = np.block([[np.array([[-1.0]]), np.ones((1, 2))], [drive[:, None], matrix]])
    return circuit, whole


def test_jacobian_of_the_pair_is_that_of_the_linear_system(linear):
    circuit, whole = linear
    field, start = pd.measure.joint_field(circuit, FromReadout()), (circuit.weights, circuit.activity)
    np.testing.assert_allclose(pd.measure.dense_jacobian(field, start), whole, atol=10 * EPS)
    found = pd.measure.jacobian_spectrum(field, start)
    expected = np.linalg.eigvals(whole)
    np.testing.assert_allclose(np.sort_complex(found.eigenvalues), np.sort_complex(expected), atol=100 * EPS)
    assert found.spectral_abscissa == pytest.approx(expected.real.max(), abs=100 * EPS)


def test_flow_and_exponents_of_the_pair_are_those_of_the_linear_system(linear):
    """The flow over one unit of time is the matrix exponential, the exponents are the real parts of the eigenvalues."""
    circuit, whole = linear
    field, start = pd.measure.joint_field(circuit, FromReadout()), (circuit.weights, circuit.activity)
    dt = 0.02
    step = pd.measure.flow_map(field, dt)
    weights, activity = jax.lax.fori_loop(0, 50, lambda _, at: step(at), start)
    values, vectors = np.linalg.eig(whole)
    exact = (vectors @ np.diag(np.exp(values)) @ np.linalg.inv(vectors)).real @ np.concatenate([[0.3], np.ones(2)])
    # Fourth order: the error per unit time is |A|^5 dt^4 / 120, about 1e-7; rounding adds 50 steps of EPS.
    np.testing.assert_allclose(np.concatenate([weights, activity]), exact, atol=100 * EPS)
    found = pd.measure.lyapunov_exponents(
        step, start, key=jax.random.key(0), steps=10_000, warm_up=2_000, count=3, every=5, dt=dt, segments=10
    )
    expected = np.sort(values.real)[::-1]
    # A complex pair turns: over a segment of 20 units of time its vectors end up to a bounded factor off their rate.
    np.testing.assert_allclose(found.value, expected, atol=0.02)
    assert float(found.value.sum()) == pytest.approx(np.trace(whole), rel=1e-4)


def test_exponents_of_lorenz_in_weights_and_activity():
    """Largest exponent 0.9056 (Sprott, 2003), one of 0, and a sum of exactly -(1 + 10 + 8/3), the divergence."""
    circuit = Lorenz(jnp.array([1.0]))
    field = pd.measure.joint_field(circuit, Taught())
    found = pd.measure.lyapunov_exponents(
        pd.measure.flow_map(field, 0.01),
        (circuit.weights, circuit.activity),
        key=jax.random.key(1),
        steps=40_000,
        warm_up=2_000,
        count=3,
        every=5,
        dt=0.01,
        segments=10,
    )
    # n = 10 segments of 40 units of time.
    assert abs(float(found.value[0]) - 0.9056) < 5 * float(found.standard_error[0]) < 0.15
    assert abs(float(found.value[1])) < 0.02
    # The divergence is constant; what is left is the error of the Runge-Kutta step, of order dt^4.
    assert float(found.value.sum()) == pytest.approx(-(11 + 8 / 3), rel=1e-3)


def test_a_circuit_without_activity_is_refused():
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(2))
    with pytest.raises(ValueError, match="must have an activity"):
        pd.measure.joint_field(circuit, pd.rules.gradient(0.1))
