"""Weights come back as they were given: structure, shapes and leading axes."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import tree


class Pair(NamedTuple):
    first: jax.Array
    second: jax.Array


class Net(eqx.Module):
    matrix: jax.Array
    name: str = eqx.field(static=True)
    bias: jax.Array


PARTS = (jnp.arange(6.0).reshape(2, 3), jnp.arange(4.0))
TREES = {
    "dict": {"z": PARTS[0], "a": PARTS[1]},
    "tuple": PARTS,
    "named tuple": Pair(*PARTS),
    "equinox module": Net(PARTS[0], "net", PARTS[1]),
    "nested": {"layers": [PARTS[0], {"bias": PARTS[1]}]},
    "one array": PARTS[0],
    "a number": jnp.float32(2.0),
}


def _loss(w):
    return 0.5 * tree.dot(w, w)


def _run(weights, **arguments):
    # One function for all runs: another one would be compiled anew.
    circuit = pd.Circuit(_loss, weights)
    rule = pd.rules.gradient(pd.axis("rate", [0.0, 0.1, 0.5])) + pd.fluctuations.white(0.1)
    return circuit, pd.simulate(circuit, rule, steps=2, replicas=2, key=jax.random.key(0), progress=False, **arguments)


@pytest.fixture(scope="module")
def of_a_tuple():
    return _run(TREES["tuple"])


@pytest.mark.parametrize("name", TREES)
def test_the_users_own_pytree_with_leading_axes(name):
    circuit, run = _run(TREES[name])
    found = pd.weights_of(run, circuit)
    assert jax.tree.structure(found) == jax.tree.structure(circuit.weights)
    assert [leaf.shape for leaf in jax.tree.leaves(found)] == [(3, 2, *leaf.shape) for leaf in jax.tree.leaves(circuit.weights)]
    # Member by member they are what `tree.unravel` makes of the raveled weights.
    for rate, replica in np.ndindex(3, 2):
        one = tree.unravel(circuit.weights, run.weights.values[rate, replica])
        again = pd.weights_of(run, circuit, rate=run.rate.values[rate], replica=replica)
        for mine, other, whole in zip(*map(jax.tree.leaves, (one, again, found)), strict=True):
            np.testing.assert_array_equal(mine, other)
            np.testing.assert_array_equal(mine, whole[rate, replica])
    assert np.isfinite(float(circuit.loss_at(again)))


def test_recorded_weights_keep_their_steps():
    circuit, run = _run(TREES["dict"], record=["weights"])
    found = pd.weights_of(run.weights_recorded, circuit, rate=0.1)
    assert found["z"].shape == (2, 3, 2, 3)
    np.testing.assert_array_equal(found["z"][:, 0], np.broadcast_to(PARTS[0], (2, 2, 3)))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"speed": 1}, "the name of a selection must be one of rate, replica; got 'speed'"),
        ({"rate": 0.2}, r"rate must be one of the points of its axis, \[0. 0.1 0.5\]; got 0.2"),
        ({"replica": 2}, r"replica must be one of the points of its axis, \[0 1\]; got 2"),
        ({"rate": [0.1]}, "rate must be one number"),
        ({"weight": 0}, "the name of a selection must be one of rate, replica; got 'weight'"),
    ],
)
def test_a_selection_is_a_point_of_the_run(selection, message, of_a_tuple):
    circuit, run = of_a_tuple
    with pytest.raises(ValueError, match=message):
        pd.weights_of(run, circuit, **selection)


def test_a_run_of_other_weights_is_refused(of_a_tuple):
    _, run = of_a_tuple
    with pytest.raises(ValueError, match="run must be of 2 weights, as circuit has; got 10"):
        pd.weights_of(run, pd.Circuit(jnp.sum, jnp.ones(2)))
