"""Checks at the door, where they are more than one line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd

BOWL = pd.Circuit(lambda w: jnp.sum(w**2), jnp.ones(2))


@pytest.mark.parametrize(
    "rate", [[0.1, 0.2], np.array([0.1, 0.2]), jnp.ones(1), (0.1,), "0.1", None, True, 1j, {"a": 1}, np.nan, -1.0]
)
def test_a_rate_is_one_number_or_an_axis(rate):
    """An array would be one number for each weight, a list an error in the middle of a trace."""
    for rule in (pd.rules.gradient, pd.fluctuations.white, lambda value: pd.rules.noisy_gradient(value, 3.0)):
        with pytest.raises(ValueError, match=r"^rate must be [^\n]*; got"):
            rule(rate)


def test_numbers_of_any_kind_are_rates():
    for rate in (0.1, np.float32(0.1), jnp.float32(0.1), np.array(0.1), 1, pd.axis("rate", [0.1, 0.2])):
        pd.rules.gradient(rate)


@pytest.mark.parametrize(
    "measure",
    [
        lambda loss: pd.measure.curvature(loss, BOWL.weights, BOWL.weights),
        lambda loss: pd.measure.hessian_trace(loss, BOWL.weights, key=jax.random.key(0)),
        lambda loss: pd.measure.hessian_spectrum(loss, BOWL.weights, key=jax.random.key(0)),
        lambda loss: pd.measure.hessian_eigenvalues(loss, BOWL.weights),
    ],
)
def test_a_circuits_loss_is_not_one_of_the_weights(measure):
    with pytest.raises(ValueError, match=r"loss must be a function of the weights, such as circuit\.loss_at"):
        measure(BOWL.loss)
    with pytest.raises(ValueError, match=r"loss must be a function of the weights; got 3"):
        measure(3)
