"""Runs that start next to a solution: where they end, and how fast neighbours part along them.

All lengths are relative to the norm of the solution's weights.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from plastodyn import tree
from plastodyn.measure.curl import descent_angle
from plastodyn.measure.estimate import Estimate
from plastodyn.measure.field import RuleField, RuleMap
from plastodyn.measure.lyapunov import lyapunov_exponents
from plastodyn.protocol import AbstractCircuit
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


@eqx.filter_jit
def next_to(circuit: AbstractCircuit, field: RuleField, keys: PRNGKeyArray) -> Starts:
    """A start at a relative distance of 1e-3 from the solution, in a random direction, for each key."""
    weights, loss = circuit.weights, circuit.loss_at

    def one(key: Key) -> Starts:
        direction = tree.unit(tree.normal_like(key, weights))
        start = tree.add(weights, tree.scale(_NUDGE * tree.norm(weights), direction))
        return Starts(start, loss(start), loss(weights), descent_angle(field, loss, start))

    return jax.vmap(one)(keys)


@eqx.filter_jit
def run(circuit: AbstractCircuit, step: RuleMap, starts: Weights, steps: int) -> Ends:
    """As many steps from each start; the path is that of the last tenth of them."""
    size = tree.norm(circuit.weights)
    last = steps // _LAST_PART

    def advance(_: Array, carry: tuple[Weights, Array]) -> tuple[Weights, Array]:
        following = step(carry[0])
        return following, carry[1] + _distance(following, carry[0]) / size

    def one(start: Weights) -> Ends:
        early = jax.lax.fori_loop(0, steps - last, lambda _, at: step(at), start)
        at, path = jax.lax.fori_loop(0, last, advance, (early, jnp.zeros_like(size)))
        return Ends(at, circuit.loss_at(at), _distance(at, circuit.weights) / size, path, tree.norm(at) / size)

    return jax.vmap(one)(starts)


def largest_exponent(step: RuleMap, starts: Weights, key: Key, steps: int) -> tuple[float, float]:
    """The mean over runs of the largest Lyapunov exponent per step, and its standard error.

    The error is the larger of that from batch means within runs and that from the spread between them.
    """
    seeds = len(jax.tree.leaves(starts)[0])
    found = _exponents(step, starts, jax.random.split(key, seeds), steps)
    value, each = np.asarray(found.value, float)[:, 0], np.asarray(found.standard_error, float)[:, 0]
    within, between = np.sqrt(np.mean(each**2)), np.std(value, ddof=1)
    return float(np.mean(value)), float(max(within, between) / np.sqrt(seeds))


@eqx.filter_jit
def _exponents(step: RuleMap, starts: Weights, keys: PRNGKeyArray, steps: int) -> Estimate:
    def one(start: Weights, key: Key) -> Estimate:
        # The runs are on their attractor already: what warms up are the tangent vectors.
        return lyapunov_exponents(step, start, key=key, steps=steps, warm_up=steps // 10, every=EVERY, segments=SEGMENTS)

    return jax.vmap(one)(starts, keys)


def _distance(first: Weights, second: Weights) -> Array:
    return tree.norm(tree.add(first, tree.scale(-1.0, second)))
