"""Dense answers on a small network and its minibatches: what a report must agree with."""

from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from plastodyn import tree

SIZES = [6, 9, 7, 3]


class Small(NamedTuple):
    """A classifier of 160 weights, its data in minibatches, and all of its Hessian."""

    weights: dict
    batches: list
    hessian: np.ndarray
    gradient: np.ndarray


def loss(weights, batch):
    """Cross-entropy with smoothed labels, mean over examples."""
    inputs, targets = batch
    layers = sorted(weights)
    for name in layers[:-1]:
        inputs = jnp.tanh(inputs @ weights[name]["w"] + weights[name]["b"])
    logits = inputs @ weights[layers[-1]]["w"] + weights[layers[-1]]["b"]
    logp = jax.nn.log_softmax(logits)
    return -jnp.mean(0.9 * jnp.take_along_axis(logp, targets[:, None], 1)[:, 0] + 0.1 * logp.mean(1))


def small(examples=240, size=30):
    """Weights near those that solve a task that a teacher of the same kind sets."""
    source = np.random.default_rng(5)
    pairs = list(pairwise(SIZES))
    teacher, weights = (
        {
            f"layer{i}": {"w": jnp.asarray(source.normal(size=pair) * 1.5 / pair[0] ** 0.5, "float32"), "b": jnp.zeros(pair[1])}
            for i, pair in enumerate(pairs)
        }
        for _ in range(2)
    )
    inputs = source.normal(size=(examples, SIZES[0])).astype("float32")
    hidden = inputs
    for name in ("layer0", "layer1"):
        hidden = np.tanh(hidden @ np.asarray(teacher[name]["w"]))
    targets = np.argmax(hidden @ np.asarray(teacher["layer2"]["w"]), axis=1)
    mixed = jax.tree.map(lambda a, b: 0.9 * a + 0.3 * b, teacher, weights)
    batches = [(inputs[i : i + size], targets[i : i + size]) for i in range(0, examples, size)]
    flat = tree.ravel(mixed)
    whole = lambda w: loss(tree.unravel(mixed, w), (inputs, targets))  # noqa: E731 - one line
    return Small(mixed, batches, np.asarray(jax.hessian(whole)(flat), float), np.asarray(jax.grad(whole)(flat), float))
