"""The same function in a larger circuit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree

import plastodyn as pd

KEY = jax.random.key(0)
LARGER = [(4, 6), (8, 3), (8, 9)]
"""Inputs and outputs: wider on one side, on the other, on both; few, for each shape is compiled anew."""


def one_layer(inputs=4, outputs=3, **options):
    options = {"normalisation": pd.circuits.half_squared_error, "displacement": 0.5, "inputs": 40, **options}
    return pd.circuits.student_teacher([inputs, outputs], key=KEY, **options)


def hessian(circuit):
    flat, back = ravel_pytree(circuit.weights)
    return np.asarray(jax.hessian(lambda w: circuit.loss_at(back(w)))(flat), float)


def slope(circuit):
    return np.asarray(ravel_pytree(jax.grad(circuit.loss_at)(circuit.weights))[0], float)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(LARGER), st.sampled_from(["expanded", "original"]), st.integers(0, 2**31))
def test_expansion_keeps_error_and_gradient(larger, measured, seed):
    (inputs, outputs), small = larger, one_layer()
    large = pd.circuits.expanded(small, inputs, outputs, key=jax.random.key(seed), measured=measured)
    assert large.weights.kernels[0].shape == (outputs, inputs)
    np.testing.assert_allclose(large.loss_at(large.weights), small.loss_at(small.weights), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(slope(large)), np.linalg.norm(slope(small)), rtol=1e-5)
    assert float(large.loss_at(large.teacher)) < 1e-9


def test_the_trace_grows_with_expanded_outputs_only():
    """``1 (x) B C B'`` over c2 times the outputs against ``D D' (x) B C B'``."""
    small = one_layer()
    trace = np.trace(hessian(small))
    for inputs, outputs in LARGER:
        whole = pd.circuits.expanded(small, inputs, outputs, key=KEY)
        back = pd.circuits.expanded(small, inputs, outputs, key=KEY, measured="original")
        np.testing.assert_allclose(np.trace(hessian(whole)), trace * outputs / 3, rtol=1e-5)
        np.testing.assert_allclose(np.trace(hessian(back)), trace, rtol=1e-5)


def test_curvature_along_the_gradient_does_not_grow():
    """The gradient lies in the range of B: the specification's statement, for any inputs, not only for white ones."""
    small = one_layer()
    expected = slope(small) @ hessian(small) @ slope(small)
    for measured in ("expanded", "original"):
        large = pd.circuits.expanded(small, 9, 6, key=KEY, measured=measured)
        np.testing.assert_allclose(slope(large) @ hessian(large) @ slope(large), expected, rtol=1e-4)


def test_semi_orthogonal_is_uniform():
    """Entries have variance 1 / rows in any direction: mean of squares of the first column's first entry, n = 2000."""
    keys = jax.random.split(KEY, 2000)
    drawn = np.asarray(jax.vmap(lambda key: pd.circuits.semi_orthogonal(key, 5, 2))(keys), float)
    error = np.sqrt(2 / (5 * 7) / 5 * 4 / 2000)  # at least the spread of a squared entry of a point on the 5-sphere
    np.testing.assert_allclose((drawn**2).mean(0), 0.2, atol=4 * error)
    np.testing.assert_allclose(drawn.mean(0), 0, atol=4 * np.sqrt(0.2 / 2000))


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "linear"])
def test_enlargement_keeps_the_function_at_any_depth(hidden):
    small = pd.circuits.student_teacher(
        [4, 3, 3, 3, 3, 3, 2], hidden=hidden, output="sigmoid", displacement=0.5, inputs=30, plastic_biases=True, key=KEY
    )
    large = pd.circuits.enlarged(small, [4, 5, 7, 3, 6, 9, 2])
    np.testing.assert_allclose(large.rates(large.weights)[-1], small.rates(small.weights)[-1], rtol=1e-6)
    assert float(large.loss_at(large.teacher)) < 1e-12
    assert "teacher" in large.signals


def test_new_weights_of_sigmoid_circuits_learn():
    """A unit without inputs is at 1/2: its outgoing weights have a gradient, and through them, once moved, the others."""
    small = pd.circuits.student_teacher([4, 3, 2], displacement=0.5, inputs=30, key=KEY)
    large = pd.circuits.enlarged(small, [4, 5, 2])
    gradient = jax.grad(large.loss_at)(large.weights)
    assert bool(jnp.all(gradient.kernels[1][:, 3:] != 0))
    assert bool(jnp.all(gradient.kernels[0][3:] == 0))
    run = pd.simulate(large, pd.rules.gradient(0.1) + pd.fluctuations.synaptic_noise(0.01), steps=3, key=KEY)
    assert bool((run.weights != 0).all())


def test_a_student_may_be_wider_than_its_teacher():
    teacher = pd.circuits.student_teacher([4, 3, 2], key=KEY).teacher.kernels
    circuit = pd.circuits.student_teacher([4, 8, 2], teacher=teacher, inputs=30, key=jax.random.key(1))
    assert [kernel.shape for kernel in circuit.weights.kernels] == [(8, 4), (2, 8)]
    answers = teacher[1] @ jax.nn.sigmoid(teacher[0] @ circuit.inputs)
    np.testing.assert_allclose(circuit.targets, answers, rtol=1e-5)
    assert "teacher" not in circuit.signals
    with pytest.raises(ValueError, match="teacher"):
        pd.simulate(circuit, pd.rules.beeline(0.1), steps=1, key=KEY)
    again = pd.circuits.enlarged(circuit, [4, 9, 2])
    np.testing.assert_allclose(again.loss_at(again.weights), circuit.loss_at(circuit.weights), rtol=1e-6)


def test_a_wider_student_keeps_its_teacher_aside_in_every_circuit_made_of_it():
    teacher = pd.circuits.student_teacher([4, 3, 2], hidden="linear", key=KEY).teacher.kernels
    circuit = pd.circuits.student_teacher([4, 8, 2], hidden="linear", teacher=teacher, inputs=30, key=KEY)
    made = (pd.circuits.through_covariance(circuit), pd.circuits.matched(circuit), pd.circuits.resampled(circuit))
    for other in made:
        assert "teacher" not in other.signals
    np.testing.assert_allclose(made[0].loss_at(circuit.weights), circuit.loss_at(circuit.weights), rtol=1e-5)


def test_synaptic_noise_is_white_noise_of_each_synapse():
    circuit = one_layer()
    noisy, white = (
        pd.simulate(circuit, rule, duration=2.0, dt=0.5, key=KEY)
        for rule in (pd.fluctuations.synaptic_noise(0.1), pd.fluctuations.white(0.1 * 12**0.5))
    )
    np.testing.assert_allclose(noisy.weights, white.weights, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: pd.circuits.expanded(one_layer(), 3, 3, key=KEY), "inputs"),
        (lambda: pd.circuits.expanded(one_layer(), 4, 2, key=KEY), "outputs"),
        (lambda: pd.circuits.expanded(one_layer(), 4, 3, key=KEY, measured="both"), "measured"),
        (lambda: pd.circuits.expanded(one_layer(normalisation=pd.circuits.mean_squared_error), 4, 6, key=KEY), "circuit"),
        (lambda: pd.circuits.expanded(one_layer(output="tanh"), 4, 3, key=KEY), "circuit"),
        (lambda: pd.circuits.expanded(one_layer(biases=True), 4, 3, key=KEY), "circuit"),
        (lambda: pd.circuits.enlarged(one_layer(), [4, 4]), "widths"),
        (lambda: pd.circuits.enlarged(one_layer(), [4, 3, 3]), "widths"),
        (lambda: pd.circuits.semi_orthogonal(KEY, 2, 3), "rows"),
        (lambda: pd.circuits.student_teacher([4, 3, 2], teacher=[jnp.ones((3, 5)), jnp.ones((2, 3))], key=KEY), "teacher"),
        (lambda: pd.circuits.student_teacher([4, 3, 2], teacher=[jnp.ones((3, 4)), jnp.ones((2, 5))], key=KEY), "teacher"),
        (lambda: pd.fluctuations.synaptic_noise(-1.0), "rate"),
    ],
)
def test_bad_input_is_named(call, word):
    with pytest.raises(ValueError, match=word):
        call()
