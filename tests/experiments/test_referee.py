"""Numbers by another route: each member of one document with every kind of axis against plain `pd.simulate`.

Batches are in an unusual order, there are draws, replicas and a nested part; keys are written out, not taken from the library.
"""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import experiments

OWN = """
import jax
def drawn(key):
    return float(jax.random.normal(key))
def rate_of(rule):
    return float(rule.factor if hasattr(rule, "factor") else rule.rate)
def twice(value):
    return 2 * value
def last(run):
    return float(run.loss[-1])
"""
TEXT = """
seed = 5
[circuit]
name = "student_teacher"
widths = [3, 2]
hidden = "linear"
inputs = "= samples"
displacement = "= away"
[[rule]]
name = "noisy_gradient"
rate = "= rate"
precision = "= precision"
[axes]
rate = [0.03, 0.01, 0.02]
first = { seeds = 2 }
shape = { zip = { samples = [7, 9], away = [0.2, 0.4] } }
precision = { from = 0.5, to = 8.0, points = 3, spacing = "log" }
second = { seeds = 2 }
[run]
steps = 4
replicas = 2
batch = { precision = 3, rate = 3 }
[record]
loss = { keep = "all" }
[analysis.last]
function = "own.py:last"
run = "@run"
[analysis.again]
function = "own.py:twice"
value = "@last"
[analysis.noise]
function = "own.py:drawn"
[analysis.fixed]
function = "own.py:twice"
value = "= rate"
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    place = tmp_path_factory.mktemp("referee")
    (place / "own.py").write_text(OWN)
    (place / "my.toml").write_text(TEXT)
    return experiments.run(place / "my.toml", place / "my.zarr", workers=1, progress=False).load()


def _circuit(first, second, samples, away):
    place = int.from_bytes(hashlib.sha256(b"circuit").digest()[:4], "big")
    key = jax.random.fold_in(jax.random.key(5), jnp.uint32(place))
    for value in (first, second):
        key = jax.random.fold_in(key, jnp.uint32(value))
    return pd.circuits.student_teacher([3, 2], hidden="linear", inputs=samples, displacement=away, key=key)


@pytest.mark.slow  # Sixteen runs, and a worker.
def test_every_member_is_what_simulate_gives(found):
    assert found.loss.dims == ("rate", "first", "shape", "precision", "second", "replica", "step")
    np.testing.assert_allclose(found.precision, [0.5, 2.0, 8.0], rtol=1e-15)
    for i in range(2):
        for j, (samples, away) in enumerate(((7, 0.2), (9, 0.4))):
            for k in range(2):
                key = jax.random.key(5)
                for start in (0, i, j, 0, k):
                    key = jax.random.fold_in(key, start)
                rate, precision = pd.axis("rate", [0.03, 0.01, 0.02]), pd.axis("precision", found.precision.values)
                rule = pd.rules.noisy_gradient(rate, precision)
                run = pd.simulate(_circuit(i, k, samples, away), rule, steps=4, replicas=2, key=key, progress=False)
                here = found.isel(first=i, shape=j, second=k)
                want = run.loss.transpose("rate", "precision", "replica", "step")
                # A worker has one device and so another program, which rounds otherwise: a few units of single precision.
                np.testing.assert_allclose(here.loss.transpose(*want.dims), want, rtol=1e-6)
                np.testing.assert_array_equal(here["last"], here.loss.isel(step=-1).transpose(*here["last"].dims))
                np.testing.assert_array_equal(here.again, 2 * here["last"])
                assert (int(here.samples), float(here.away)) == (samples, away)
    np.testing.assert_allclose(found.fixed, 2 * found.rate.broadcast_like(found.fixed), rtol=1e-15)


@pytest.mark.slow  # As above.
def test_draws_are_of_each_member_replica_and_seed(found):
    assert len(np.unique(found.noise)) == found.noise.size == 3 * 2 * 2 * 3 * 2 * 2
    starts = found.loss.isel(step=0)
    # What is drawn at the start does not depend on the rule.
    assert len(np.unique(starts.isel(replica=0, rate=0, precision=0))) == 8
    np.testing.assert_array_equal(starts.isel(rate=0, precision=0).broadcast_like(starts).transpose(*starts.dims), starts)


def test_the_draws_of_a_part_and_of_its_whole_differ():
    """A circuit within another has a key of its own: that of its place in the file."""
    inner = {"name": "student_teacher", "widths": [3, 2], "hidden": "linear", "inputs": 5}
    content = {
        "circuit": {"name": "resampled", "circuit": inner, "samples": 2},
        "rule": {"name": "gradient", "rate": "= rate"},
        "run": {"steps": 1},
        "axes": {"rate": [0.1]},
    }
    made = experiments.circuit_of(experiments.from_json(content), {})
    keys = [int.from_bytes(hashlib.sha256(name).digest()[:4], "big") for name in (b"circuit.circuit", b"circuit")]
    own, other = (
        pd.circuits.student_teacher(
            [3, 2], hidden="linear", inputs=5, key=jax.random.fold_in(jax.random.key(0), jnp.uint32(place))
        )
        for place in keys
    )
    inside = jax.tree.leaves(made)
    assert any(leaf.shape == (2, 3) and (leaf == own.weights.kernels[0]).all() for leaf in inside)
    assert not any(leaf.shape == (2, 3) and (leaf == other.weights.kernels[0]).all() for leaf in inside)
