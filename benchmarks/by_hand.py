"""The same runs written by hand in JAX, a `vmap` of a `scan`: what a user would write without plastodyn."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

EVERY = 10
"""Steps between two records of the loss in the quadratic cases."""


class Quadratic(NamedTuple):
    """Gradient descent on ``sum_i c_i w_i^2 / 2``, maybe against white fluctuations."""

    weights: int
    members: int
    steps: int
    rate: float = 0.01
    fluctuation: float = 0.0

    def loss(self, weights: Array) -> Array:
        """The task error."""
        return 0.5 * jnp.sum(_curvatures(self.weights) * weights**2)

    def by_hand(self) -> Callable[[], object]:
        """A function that runs it and hands over the end and the losses."""

        def step(weights: Array, key: Array) -> tuple[Array, None]:
            weights = weights - self.rate * jax.grad(self.loss)(weights)
            if self.fluctuation:
                noise = jax.random.normal(key, (self.weights,))
                weights = weights + self.fluctuation * noise / jnp.linalg.norm(noise)
            return weights, None

        def stretch(weights: Array, keys: Array) -> tuple[Array, Array]:
            return jax.lax.scan(step, weights, keys, length=EVERY)[0], self.loss(weights)

        def run(weights: Array, key: Array) -> tuple[Array, Array]:
            keys = jax.random.split(key, (self.steps // EVERY, EVERY)) if self.fluctuation else None
            return jax.lax.scan(stretch, weights, keys, length=self.steps // EVERY)

        start, key = jnp.ones(self.weights), jax.random.key(0)
        if self.members == 1:
            return _fetched(jax.jit(run), start, key)
        many = jnp.ones((self.members, self.weights)), jax.random.split(key, self.members)
        return _fetched(jax.jit(jax.vmap(run)), *many)


@functools.cache
def _curvatures(weights: int) -> Array:
    """Data in memory, as those of most losses: made within the loss, XLA hoists them out of one loop and not out of another."""
    with jax.ensure_compile_time_eval():
        return jnp.linspace(0.5, 1.0, weights)


class SweetSpot(NamedTuple):
    """The README's example: a 12-20-10 circuit, nine ratios of plasticity to fluctuations, four replicas."""

    steps: int = 2000
    replicas: int = 4
    ratios: tuple[float, ...] = tuple(np.arange(0.1, 2.6, 0.3))

    def by_hand(self) -> Callable[[], object]:
        """A function that runs it and hands over the end and the losses."""
        bounds = (6 / 32) ** 0.5, (6 / 30) ** 0.5
        keys = jax.random.split(jax.random.key(0), 3)
        teacher = (
            jax.random.uniform(keys[0], (20, 12), minval=-bounds[0], maxval=bounds[0]),
            jax.random.uniform(keys[1], (10, 20), minval=-bounds[1], maxval=bounds[1]),
        )
        inputs = jax.random.normal(keys[2], (12, 1000))
        targets = _outputs(teacher, inputs)

        def loss(weights: tuple[Array, Array]) -> Array:
            return jnp.mean((_outputs(weights, inputs) - targets) ** 2)

        def run(ratio: Array, key: Array) -> tuple[tuple[Array, Array], Array]:
            rate, precision = 0.3 * ratio, 20.0
            directed, random = rate / np.sqrt(1 + 1 / precision**2), rate / np.sqrt(1 + precision**2)

            def step(weights: tuple[Array, Array], key: Array) -> tuple[tuple[Array, Array], Array]:
                error, slope = jax.value_and_grad(loss)(weights)
                first, second = (_direction(k, weights) for k in jax.random.split(key))
                moved = zip(weights, _unit(slope), first, second, strict=True)
                return tuple(w - directed * g + random * a + 0.3 * b for w, g, a, b in moved), error

            start = tuple(1.001 * w for w in teacher)
            return jax.lax.scan(step, start, jax.random.split(key, self.steps))

        ratios = jnp.repeat(jnp.asarray(self.ratios), self.replicas)
        return _fetched(jax.jit(jax.vmap(run)), ratios, jax.random.split(jax.random.key(1), len(ratios)))


class Convolutional(NamedTuple):
    """Gradient descent of a small classifier of images with two layers of convolutions."""

    steps: int = 100
    images: int = 1000
    rate: float = 0.05

    @property
    def start(self) -> dict[str, Array]:
        """Random weights, 3794 of them."""
        keys = jax.random.split(jax.random.key(0), 3)
        shapes = {"first": (8, 1, 3, 3), "second": (16, 8, 3, 3), "readout": (10, 256)}
        return {name: 0.1 * jax.random.normal(key, shape) for key, (name, shape) in zip(keys, shapes.items(), strict=True)}

    def loss(self, weights: dict[str, Array]) -> Array:
        """The cross-entropy of random labels."""
        images, labels = _images(self.images)
        hidden = jnp.tanh(jax.lax.conv(images, weights["first"], (1, 1), "SAME"))
        hidden = hidden.reshape(self.images, 8, 4, 2, 4, 2).mean((3, 5))
        hidden = jnp.tanh(jax.lax.conv(hidden, weights["second"], (1, 1), "SAME"))
        scores = hidden.reshape(self.images, -1) @ weights["readout"].T
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], 1))

    def by_hand(self) -> Callable[[], object]:
        """A Python loop over a compiled step: within a loop of its own XLA has no fast convolution on a CPU."""
        loss = jax.jit(self.loss)
        step = jax.jit(lambda weights: jax.tree.map(lambda w, g: w - self.rate * g, weights, jax.grad(self.loss)(weights)))

        def run(weights: dict[str, Array]) -> tuple[dict[str, Array], list[Array]]:
            losses = []
            for index in range(self.steps):
                if index % EVERY == 0:
                    losses.append(loss(weights))
                weights = step(weights)
            return weights, losses

        return _fetched(run, self.start)


@functools.cache
def _images(count: int) -> tuple[Array, Array]:
    with jax.ensure_compile_time_eval():
        keys = jax.random.split(jax.random.key(1))
        return jax.random.uniform(keys[0], (count, 1, 8, 8)), jax.random.randint(keys[1], (count,), 0, 10)


def _outputs(weights: tuple[Array, ...], inputs: Array) -> Array:
    return weights[1] @ jax.nn.sigmoid(weights[0] @ inputs)


def _unit(change: tuple[Array, ...]) -> tuple[Array, ...]:
    length = jnp.sqrt(sum(jnp.vdot(part, part) for part in change))
    return tuple(part / length for part in change)


def _direction(key: Array, like: tuple[Array, ...]) -> tuple[Array, ...]:
    keys = jax.random.split(key, len(like))
    return _unit(tuple(jax.random.normal(k, part.shape) for k, part in zip(keys, like, strict=True)))


def _fetched(run: Callable[..., object], *arguments: Array) -> Callable[[], object]:
    return lambda: jax.tree.map(np.asarray, run(*arguments))
