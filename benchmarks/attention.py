"""Attention by synchrony against attention by products, on digits read row by row: accuracy and time of a step.

``python benchmarks/attention.py`` trains both on scikit-learn's digits (eight rows of eight pixels as tokens), two blocks of
equal size each, with the same three learning rates, of which each takes the one best on validation digits, five seeds; and
writes ``out/attention.json`` with the environment.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits

from plastodyn.attention import OscillatoryBlock, calibrated
from plastodyn.runtime import provenance

WIDTH, HEADS, BLOCKS, BATCH = 32, 4, 2, 64
RATES = (5e-4, 2e-3, 8e-3)
LOCKED = 0.5
"""Share of pairs that lock at the start, in the calibrated model."""


class ProductBlock(eqx.Module):
    """A standard block: softmax of products, the same norms and feed-forward network."""

    attention: eqx.nn.MultiheadAttention
    rest: OscillatoryBlock

    def __init__(self, key: Array) -> None:
        self.attention = eqx.nn.MultiheadAttention(
            HEADS, WIDTH, use_query_bias=True, use_key_bias=True, use_value_bias=True, use_output_bias=True, key=key
        )
        whole = OscillatoryBlock(WIDTH, HEADS, key=key)
        self.rest = eqx.tree_at(lambda b: b.attention, whole, None)

    def __call__(self, tokens: Array) -> Array:
        seen = jax.vmap(self.rest.first_norm)(tokens)
        return self.rest.forward(tokens + self.attention(seen, seen, seen))


class Classifier(eqx.Module):
    """Rows to tokens, places added, blocks, mean, ten scores."""

    embedding: eqx.nn.Linear
    places: Array
    blocks: list[Any]
    readout: eqx.nn.Linear

    def __init__(self, make: Callable[[Array], Any], key: Array) -> None:
        first, places, last, *own = jax.random.split(key, 3 + BLOCKS)
        self.embedding = eqx.nn.Linear(8, WIDTH, key=first)
        self.places = jax.random.normal(places, (8, WIDTH))
        self.blocks = [make(each) for each in own]
        self.readout = eqx.nn.Linear(WIDTH, 10, key=last)

    def tokens(self, image: Array) -> Array:
        return jax.vmap(self.embedding)(image) + self.places

    def __call__(self, image: Array) -> Array:
        found = self.tokens(image)
        for block in self.blocks:
            found = block(found)
        return self.readout(found.mean(0))


def synchrony(key: Array, images: Array) -> Classifier:
    """Calibrated block after block, on one digit."""
    model = Classifier(lambda own: OscillatoryBlock(WIDTH, HEADS, key=own), key)
    for place in range(BLOCKS):
        tokens = model.tokens(images[0])
        for block in model.blocks[:place]:
            tokens = block(tokens)
        seen = jax.vmap(model.blocks[place].first_norm)(tokens)
        better = calibrated(model.blocks[place].attention, seen, LOCKED)
        model = eqx.tree_at(lambda m, p=place: m.blocks[p].attention, model, better)
    return model


MODELS: dict[str, Callable[[Array, Array], Classifier]] = {
    "synchrony, calibrated": synchrony,
    "synchrony, as made": lambda key, _: Classifier(lambda own: OscillatoryBlock(WIDTH, HEADS, key=own), key),
    "products": lambda key, _: Classifier(ProductBlock, key),
}


def digits(seed: int) -> dict[str, tuple[Array, Array]]:
    """Two thirds to train, a sixth to choose, a sixth to test; split by seed."""
    data = load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    images, labels = jnp.asarray(data.images[order] / 8 - 1, jnp.float32), jnp.asarray(data.target[order])
    cut, end = 2 * len(order) // 3, 5 * len(order) // 6
    return {
        "train": (images[:cut], labels[:cut]),
        "choose": (images[cut:end], labels[cut:end]),
        "test": (images[end:], labels[end:]),
    }


def accuracy(model: Classifier, images: Array, labels: Array) -> float:
    """Share of digits told right."""
    return float((eqx.filter_jit(jax.vmap(model))(images).argmax(-1) == labels).mean())


def train(model: Classifier, images: Array, labels: Array, rate: float, steps: int, key: Array) -> tuple[Classifier, float]:
    """Adam on cross-entropy; the model, and seconds of a step."""
    optimiser = optax.adam(rate)
    state = optimiser.init(eqx.filter(model, eqx.is_array))

    @eqx.filter_jit
    def some_steps(model: Classifier, state: Any, key: Array) -> tuple[Classifier, Any]:
        moving, fixed = eqx.partition(model, eqx.is_array)

        def step(carry: tuple[Any, Any], own: Array) -> tuple[tuple[Any, Any], None]:
            moving, state = carry
            rows = jax.random.randint(own, (BATCH,), 0, len(images))

            def loss(moving: Any) -> Array:
                scores = jax.vmap(eqx.combine(moving, fixed))(images[rows])
                return optax.softmax_cross_entropy_with_integer_labels(scores, labels[rows]).mean()

            updates, state = optimiser.update(jax.grad(loss)(moving), state, moving)
            return (optax.apply_updates(moving, updates), state), None

        (moving, state), _ = jax.lax.scan(step, (moving, state), jax.random.split(key, steps // 2))
        return eqx.combine(moving, fixed), state

    first, second = jax.random.split(key)
    model, state = some_steps(model, state, first)
    jax.block_until_ready(jax.tree.leaves(eqx.filter(model, eqx.is_array)))
    began = time.perf_counter()
    model, state = some_steps(model, state, second)
    jax.block_until_ready(jax.tree.leaves(eqx.filter(model, eqx.is_array)))
    return model, (time.perf_counter() - began) / (steps // 2)


def best_of_rates(make: Callable[[Array, Array], Classifier], seed: int, steps: int) -> tuple[float, float, float]:
    """Test accuracy at the rate that is best on the digits to choose by; that rate; seconds of a step."""
    data, found = digits(seed), []
    for place, rate in enumerate(RATES):
        key = jax.random.fold_in(jax.random.key(seed), place)
        model, seconds = train(make(jax.random.key(seed), data["train"][0]), *data["train"], rate, steps, key)
        found.append((accuracy(model, *data["choose"]), accuracy(model, *data["test"]), rate, seconds))
    _, tested, rate, seconds = max(found)
    return tested, rate, seconds


def main() -> None:
    """Parse, run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("out"))
    chosen = parser.parse_args()
    rows = {name: [best_of_rates(make, seed, chosen.steps) for seed in range(chosen.seeds)] for name, make in MODELS.items()}
    table = Table("attention", "numbers", "test accuracy", "standard error", "ms a step", title="digits, row by row")
    for name, found in rows.items():
        model = MODELS[name](jax.random.key(0), digits(0)["train"][0])
        count = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array)))
        right = np.array([one[0] for one in found])
        error = right.std(ddof=1) / len(right) ** 0.5 if len(right) > 1 else float("nan")
        table.add_row(name, str(count), f"{right.mean():.4f}", f"{error:.4f}", f"{1000 * np.median([o[2] for o in found]):.2f}")
    Console(width=120).print(table)
    chosen.out.mkdir(parents=True, exist_ok=True)
    record = {**provenance.attributes(), "cores": os.cpu_count(), "accuracy_rate_seconds": rows}
    (chosen.out / "attention.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
