"""Lyapunov exponents of maps and flows on weights: how fast nearby trajectories part."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from plastodyn import checks, tree
from plastodyn.measure import estimate
from plastodyn.measure.estimate import Estimate
from plastodyn.measure.field import Field, check_field
from plastodyn.runtime.convolutions import compiled
from plastodyn.runtime.pieces import carried
from plastodyn.runtime.progress import Bar
from plastodyn.solvers import rk4
from plastodyn.tree import Weights
from plastodyn.types import Key


class FlowMap(eqx.Module):
    """One Runge-Kutta step of a field; see `flow_map`."""

    field: Field
    dt: Any

    def __call__(self, weights: Weights) -> Weights:
        """The weights ``dt`` later."""
        change, _ = rk4.displacement(lambda _, state: (self.field(state[0]), None), jnp.zeros(()), (weights, None), self.dt)
        return tree.add(weights, change)


def flow_map(field: Field, dt: float) -> FlowMap:
    """The map of one step of a flow ``dw/dt = f(w)``, by the classical fourth-order Runge-Kutta method.

    Args:
        field: function of the weights, such as `rule_field` gives. A constraint that the field is tangent to holds up
            to the error of the method, of order ``dt^4`` per unit time.
        dt: length of the step, above 0.

    Returns:
        A function of the weights; a pytree itself where the field is one.

    Raises:
        ValueError: if ``dt`` is not positive and finite, or ``field`` is not a function.

    Source: Kutta (1901).

    >>> decay = flow_map(lambda w: -w, dt=0.1)
    >>> abs(float(decay(jnp.ones(()))) - float(jnp.exp(-0.1))) < 2e-7
    True
    """
    checks.one_number("dt", dt, above=0)
    checks.function("field", field, takes=1, of=" of the weights")
    return FlowMap(field, dt)


class Plan(NamedTuple):
    """How many times: segments of rounds, each of ``every`` steps and one orthonormalisation."""

    segments: int
    rounds: int
    warm_up: int
    every: int

    @property
    def all_rounds(self) -> int:
        """Of the warm-up and of all segments."""
        return self.warm_up + self.segments * self.rounds


def lyapunov_exponents(
    step: Field,
    weights: Weights,
    *,
    key: Key,
    steps: int,
    warm_up: int,
    count: int = 1,
    every: int = 1,
    dt: float = 1.0,
    segments: int = 10,
) -> Estimate:
    """The leading Lyapunov exponents of a map: mean rates at which tangent vectors grow along its trajectory.

    Tangent vectors V follow the derivative of the step (through its constraint, if it has one) and are made orthonormal
    every few steps, ``V = Q R``; the exponents are the time averages of ``log |R_ii|``, per unit time. For a flow pass
    `flow_map`; for a rule in discrete steps `rule_map`. ``jax.vmap`` over weights (and keys) runs many initial conditions
    in one batch. Memory does not grow with the number of steps.

    The standard errors are those of batch means: the run is cut into segments, whose averages are taken to be
    independent. They hold where a segment is longer than the correlations of the trajectory, and say nothing of
    transients that outlast the warm-up. Derivatives are those that JAX takes: a step that brings along one of its own
    (``custom_jvp``, ``stop_gradient``) is believed.

    Args:
        step: function from the weights to the weights ``dt`` later, such as `rule_map` or `flow_map` gives.
        weights: where the trajectory starts; pytree of finite floating-point arrays, N in all.
        key: random key of the initial tangent vectors.
        steps: steps that count, a multiple of ``segments * every``.
        warm_up: steps before them, in which the trajectory finds its attractor and the tangent vectors their
            directions; rounded up to a multiple of ``every``.
        count: how many exponents, at most N.
        every: steps between orthonormalisations. Between them neither may a vector overflow nor may ``count`` of them
            become parallel in floating point.
        dt: length of one step; 1 for a map.
        segments: pieces of the run for the standard errors, at least 2.

    Returns:
        `Estimate` of the exponents per unit time, shape (count,), largest first up to their errors, and their standard
        errors. NaN if the trajectory leaves the range of floating point. A direction that a constraint removes at
        each step has an exponent of minus infinity, or as low as rounding lets it be.

    Raises:
        ValueError: if an argument is out of range, or ``step`` does not map to pytrees like ``weights``.

    Source: Benettin, Galgani, Giorgilli and Strelcyn (1980); weight dynamics under a norm constraint: this project.

    >>> halve_and_double = lambda w: jnp.array([2.0, 0.5]) * w
    >>> found = lyapunov_exponents(
    ...     halve_and_double, jnp.zeros(2), key=jax.random.key(0), steps=100, warm_up=50, count=2
    ... )
    >>> [round(float(value), 4) for value in found.value]
    [0.6931, -0.6931]
    """
    check_field("step", step, weights)
    checks.key("key", key)
    checks.count("count", count, at_least=1)
    checks.number("count", count, at_most=tree.size(weights))
    checks.count("every", every, at_least=1)
    checks.count("segments", segments, at_least=2)
    checks.count("steps", steps, at_least=1)
    checks.count("warm_up", warm_up, at_least=0)
    checks.one_number("dt", dt, above=0)
    if steps % (segments * every):
        raise ValueError(f"steps must be a multiple of segments * every = {segments * every}; got {steps}")
    plan = Plan(segments, steps // (segments * every), -(-warm_up // every), every)
    one = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], weights)
    return estimate.mean(growth(step, one, key[None], count, plan)[0] / (steps // segments * float(dt)))


def growth(step: Field, starts: Weights, keys: PRNGKeyArray, count: int, plan: Plan) -> Float[Array, "runs segments count"]:
    """Sums of ``log |R_ii|`` over each segment of each run, as for `lyapunov_exponents`.

    Args:
        step: function from the weights to the weights one step later.
        starts: of the runs, stacked.
        keys: of their tangent vectors.
        count: how many vectors.
        plan: of the runs.

    >>> plan = Plan(segments=2, rounds=3, warm_up=1, every=1)
    >>> growth(lambda w: 2 * w, jnp.ones((1, 2)), jax.random.split(jax.random.key(0), 1), 1, plan).round(3).tolist()
    [[[2.0789999961853027], [2.0789999961853027]]]
    """
    with Bar("Lyapunov exponents", plan.all_rounds) as bar:
        begun = jax.vmap(lambda weights, key: _begun(weights, key, count, plan))(starts, keys)
        return carried(lambda *piece: _advanced(step, plan, *piece), begun, plan.all_rounds, bar).growth


class _Run(NamedTuple):
    """Where a run is, its tangent vectors, and the sums of the logarithms of their growth."""

    at: Weights
    tangents: Weights
    growth: Float[Array, "segments count"]


def _begun(weights: Weights, key: Key, count: int, plan: Plan) -> _Run:
    dtype = tree.ravel(weights).dtype
    tangents, _ = _orthonormal(jax.random.normal(key, (count, tree.size(weights)), dtype), weights)
    return _Run(weights, tangents, jnp.zeros((plan.segments, count), dtype))


def _orthonormal(vectors: Array, like: Weights) -> tuple[Weights, Array]:
    basis, triangle = jnp.linalg.qr(vectors.T)
    return jax.vmap(lambda row: tree.unravel(like, row))(basis.T), jnp.log(jnp.abs(jnp.diagonal(triangle)))


@compiled
def _advanced(step: Field, plan: Plan, runs: _Run, first: Array, stop: Array) -> _Run:
    """The runs after the rounds from ``first`` up to ``stop``."""

    def advance(_: Array, carry: tuple[Weights, Weights]) -> tuple[Weights, Weights]:
        following, push = jax.linearize(step, carry[0])
        # One vector after the other: products with matrices of weights are then faster on a CPU than in a batch.
        return following, jax.lax.map(push, carry[1])

    def one_round(index: Array, run: _Run) -> _Run:
        at, tangents = jax.lax.fori_loop(0, plan.every, advance, (run.at, run.tangents))
        tangents, logarithms = _orthonormal(jax.vmap(tree.ravel)(tangents), at)
        counted = jnp.where(index < plan.warm_up, 0, logarithms)
        return _Run(at, tangents, run.growth.at[(index - plan.warm_up) // plan.rounds].add(counted))

    return jax.lax.map(lambda run: jax.lax.fori_loop(first, stop, one_round, run), runs)
