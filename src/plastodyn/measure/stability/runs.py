"""Runs that start next to a solution: where they end, and how fast neighbours part along them.

All lengths are relative to the norm of the solution's weights.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, PRNGKeyArray

from plastodyn import tree
from plastodyn.measure.curl import descent_angle
from plastodyn.measure.field import RuleField, RuleMap
from plastodyn.measure.lyapunov import Plan, growth
from plastodyn.protocol import AbstractCircuit
from plastodyn.runtime.convolutions import compiled
from plastodyn.runtime.pieces import pieces
from plastodyn.runtime.progress import Bar
from plastodyn.tree import Weights
from plastodyn.types import Key

SEGMENTS, EVERY = 10, 10
"""Pieces of a run for the exponent's standard error, and steps between orthonormalisations."""
_NUDGE = 1e-3
"""Distance from the solution at which runs start."""
_LAST_PART = 10
"""One over the share of a run along which the path is measured."""


class Starts(NamedTuple):
    """Weights next to the solution, one entry for each run; the loss there and at the solution, the angle to descent."""

    weights: Weights
    loss: Float[Array, " runs"]
    loss_at_rest: Float[Array, " runs"]
    angle: Float[Array, " runs"]


class Ends(NamedTuple):
    """Where runs ended, one entry for each: weights, loss, distance from the solution, last part of the path, norm."""

    weights: Weights
    loss: Float[Array, " runs"]
    distance: Float[Array, " runs"]
    path: Float[Array, " runs"]
    norm: Float[Array, " runs"]


@compiled
def next_to(circuit: AbstractCircuit, field: RuleField, keys: PRNGKeyArray) -> Starts:
    """A start at a relative distance of 1e-3 from the solution, in a random direction, for each key."""
    weights, loss = circuit.weights, circuit.loss_at

    def one(key: Key) -> Starts:
        direction = tree.unit(tree.normal_like(key, weights))
        start = tree.add(weights, tree.scale(_NUDGE * tree.norm(weights), direction))
        return Starts(start, loss(start), loss(weights), descent_angle(field, loss, start))

    return jax.vmap(one)(keys)


class _Way(NamedTuple):
    """Where runs are, the path of each so far, over the last tenth of the steps, and whether its last step changed nothing."""

    at: Weights
    path: Float[Array, " runs"]
    rests: Bool[Array, " runs"]


def run(circuit: AbstractCircuit, step: RuleMap, starts: Weights, steps: int) -> Ends:
    """As many steps from each start; the path is that of the last tenth of them.

    The steps that are left are not made once a step changes no bit of any weight: they would change nothing.
    """
    runs = len(jax.tree.leaves(starts)[0])
    way = _Way(starts, jnp.zeros(runs, tree.ravel(circuit.weights).dtype), jnp.zeros(runs, bool))
    advance = lambda way, first, stop: _advanced(circuit, step, way, steps, first, stop)  # noqa: E731
    with Bar("runs next to the solution", steps) as bar:
        for following in pieces(advance, way, steps, bar):
            way = following
            if bool(way.rests.all()):
                break
    return _ends(circuit, way)


@compiled
def _advanced(circuit: AbstractCircuit, step: RuleMap, way: _Way, steps: int, first: Array, stop: Array) -> _Way:
    """The runs after the steps from ``first`` up to ``stop``."""
    size = tree.norm(circuit.weights)

    def advance(index: Array, way: _Way) -> _Way:
        following = step(way.at)
        moved = jnp.where(index < steps - steps // _LAST_PART, 0, _distance(following, way.at) / size)
        return _Way(following, way.path + moved, _are_equal(following, way.at))

    return jax.lax.map(lambda way: jax.lax.fori_loop(first, stop, advance, way), way)


@compiled
def _ends(circuit: AbstractCircuit, way: _Way) -> Ends:
    size = tree.norm(circuit.weights)

    def one(at: Weights, path: Array) -> Ends:
        return Ends(at, circuit.loss_at(at), _distance(at, circuit.weights) / size, path, tree.norm(at) / size)

    return jax.vmap(one)(way.at, way.path)


def _are_equal(first: Weights, second: Weights) -> Array:
    """Whether two pytrees agree in every number; one that is none agrees with itself."""
    equal = jax.tree.map(functools.partial(jnp.array_equal, equal_nan=True), first, second)
    return jnp.all(jnp.stack(jax.tree.leaves(equal)))


def largest_exponent(step: RuleMap, starts: Weights, key: Key, steps: int) -> tuple[float, float]:
    """The mean over runs of the largest Lyapunov exponent per step, and its standard error.

    The error is the larger of that from batch means within runs and that from the spread between them.
    """
    seeds = len(jax.tree.leaves(starts)[0])
    # The runs are on their attractor already: what warms up are the tangent vectors.
    plan = Plan(SEGMENTS, steps // (SEGMENTS * EVERY), steps // (10 * EVERY), EVERY)
    sums = np.asarray(growth(step, starts, jax.random.split(key, seeds), 1, plan), float)[..., 0]
    rates = sums / (steps // SEGMENTS)
    within = np.sqrt(np.mean(np.var(rates, axis=1, ddof=1) / SEGMENTS))
    between = np.std(np.mean(rates, axis=1), ddof=1)
    return float(np.mean(rates)), float(max(within, between) / np.sqrt(seeds))


def _distance(first: Weights, second: Weights) -> Array:
    return tree.norm(tree.add(first, tree.scale(-1.0, second)))
