"""Any loss on examples drawn at each step: the mean over draws is the gradient on all, and whole sets are undrawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd

INPUTS = jax.random.normal(jax.random.key(1), (40, 3))
TARGETS = INPUTS @ jnp.array([1.0, -2.0, 0.5]) + jnp.arange(40) % 2


def squares(w, data):
    inputs, targets = data
    return jnp.mean((inputs @ w - targets) ** 2)


def _circuit(size, data=(INPUTS, TARGETS)):
    return pd.circuits.minibatches(squares, jnp.zeros(3), data, size)


def test_the_gradient_over_draws_is_that_of_the_whole_set(key):
    circuit = _circuit(5)
    slope = lambda k: jax.grad(circuit.sample(k).loss_at)(circuit.weights)  # noqa: E731
    draws = np.asarray(jax.vmap(slope)(jax.random.split(key, 4000)))
    whole = np.asarray(jax.grad(circuit.loss_at)(circuit.weights))
    np.testing.assert_array_less(np.abs(draws.mean(0) - whole), 4.5 * draws.std(0) / 4000**0.5)
    # One draw of five is not the whole set.
    assert (draws.std(0) > 0.1).all()


def test_rules_see_draws_and_records_see_all(key):
    run = pd.simulate(_circuit(5), pd.rules.gradient(0.05), steps=3, replicas=2, key=key, progress=False)
    assert not np.array_equal(run.loss.values[0], run.loss.values[1])
    np.testing.assert_allclose(run.loss.values[:, 0], float(squares(jnp.zeros(3), (INPUTS, TARGETS))), rtol=1e-6)


def test_without_a_size_it_is_the_loss_on_all(key):
    closed = pd.Circuit(lambda w: squares(w, (INPUTS, TARGETS)), jnp.zeros(3))
    runs = [
        pd.simulate(circuit, pd.rules.gradient(0.05), steps=20, key=key, progress=False).loss.values
        for circuit in (closed, _circuit(None))
    ]
    np.testing.assert_allclose(*runs, rtol=1e-5)
    # So that it has a field, which a circuit that redraws has not.
    pd.measure.rule_field(_circuit(None), pd.rules.gradient(0.1))


def test_a_list_of_circuits_may_hold_data_of_their_own(key):
    circuits = [_circuit(None, (INPUTS, TARGETS + shift)) for shift in (0.0, 1.0)]
    run = pd.simulate(circuits, pd.rules.gradient(0.05), steps=5, key=key, progress=False)
    for replica, circuit in enumerate(circuits):
        alone = pd.simulate(circuit, pd.rules.gradient(0.05), steps=5, key=key, progress=False)
        np.testing.assert_allclose(run.loss.values[replica], alone.loss.values[0], rtol=1e-6)


def test_functions_of_their_own_are_refused_and_told_where_data_go(key):
    closed = [pd.Circuit(lambda w, s=shift: jnp.sum((w - s) ** 2), jnp.zeros(3)) for shift in (0.0, 1.0)]
    with pytest.raises(ValueError, match=r"must share their functions; data .* as pd\.circuits\.minibatches keeps them"):
        pd.simulate(closed, pd.rules.gradient(0.05), steps=5, key=key)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": (INPUTS, TARGETS[:-1])}, r"data must be arrays of one number of examples, .* got \[39, 40\]"),
        ({"data": (INPUTS, ["a"])}, r"data\[1\]\[0\] must be an array of numbers"),
        ({"data": (INPUTS, TARGETS * jnp.nan)}, r"data\[1\] must be finite"),
        ({"data": (INPUTS[:, :2], TARGETS)}, "loss failed on these weights and data"),
        ({"data": ()}, "data must be a pytree with at least one array"),
        ({"size": 0}, "size must be a whole number >= 1"),
        ({"loss": lambda w: 0.0}, "loss must be a function of the weights and the data; got one that takes"),
        ({"loss": lambda w, data: data[1]}, "loss must return a scalar"),
    ],
)
def test_what_is_no_data_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        pd.circuits.minibatches(**{"loss": squares, "weights": jnp.zeros(3), "data": (INPUTS, TARGETS), "size": 4, **change})


def test_a_circuit_whose_inputs_cannot_be_redrawn():
    with pytest.raises(ValueError, match=r"circuit must be a student-teacher .* see pd\.circuits\.minibatches; got Circuit"):
        pd.circuits.resampled(pd.Circuit(jnp.sum, jnp.ones(2)))
