"""The trace of a matrix from random probes, with its standard error."""

from collections.abc import Callable

import jax
from jax import Array
from matfree import stochtrace

from plastodyn import checks, tree
from plastodyn.measure import estimate
from plastodyn.measure.curvature import Loss, check_loss, hessian_operator, hessian_product
from plastodyn.measure.estimate import Estimate
from plastodyn.measure.operator import Operator, check_operator
from plastodyn.runtime.convolutions import channels_last
from plastodyn.runtime.progress import Bar
from plastodyn.tree import Weights
from plastodyn.types import Key


def trace(operator: Operator, *, key: Key, samples: int = 32) -> Estimate:
    """Hutchinson's estimate of tr A: the mean of ``v' A v`` over random signs v, one product each.

    Standard error ``sqrt(2 (|A|_F^2 - sum A_ii^2) / samples)``, estimated from the probes.

    Args:
        operator: a symmetric matrix of N rows, from `operator` or `host_operator`.
        key: random key.
        samples: number of probes, at least 2.

    Returns:
        `Estimate` of tr A, in its units.

    Raises:
        ValueError: if an argument is out of range.

    Source: Hutchinson (1990).

    >>> import jax.numpy as jnp
    >>> from plastodyn.measure import operator
    >>> found = trace(operator(lambda v: jnp.arange(4.0) * v, jnp.ones(4)), key=jax.random.key(0), samples=2)
    >>> float(found.value), float(found.standard_error), found.samples
    (6.0, 0.0, 2)
    """
    check_operator("operator", operator)
    checks.key("key", key)
    checks.count("samples", samples, at_least=2)

    with Bar("trace", samples) as bar:
        return estimate.mean(operator.each(_quadratic_form, jax.random.split(key, samples), bar))


def _quadratic_form(operator: Operator) -> Callable[[Key], Array]:
    def of_probe(key: Key) -> Array:
        probe = tree.signs_like(key, operator.like)
        return tree.dot(probe, operator.product(probe))

    return of_probe


def hessian_trace(loss: Loss, weights: Weights, *, key: Key, samples: int = 32) -> Estimate:
    """Hutchinson's estimate of tr H: the mean of ``v' H v`` over random signs v.

    Each probe costs about two gradients; memory is that of one. Standard error ``sqrt(2 (|H|_F^2 - sum H_ii^2) /
    samples)``, estimated from the probes.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays, N in all.
        key: random key.
        samples: number of probes, at least 2.

    Returns:
        `Estimate` of tr H in units of loss per weight^2.

    Raises:
        ValueError: if an argument is out of range.

    Source: Hutchinson (1990); equation 12 of Raman and O'Leary (2021) needs tr H.

    >>> import jax.numpy as jnp
    >>> estimate = hessian_trace(lambda w: jnp.sum(w**2), jnp.ones(5), key=jax.random.key(0), samples=4)
    >>> float(estimate.value), float(estimate.standard_error)
    (10.0, 0.0)
    """
    return trace(hessian_operator(loss, weights), key=key, samples=samples)


def hessian_trace_deflated(loss: Loss, weights: Weights, *, key: Key, samples: int = 32) -> Estimate:
    """XTrace: tr H with the dominant subspace removed, at the cost of ``2 samples`` products and as many vectors.

    Where a few eigenvalues carry most of the trace its error falls much faster than Hutchinson's; it needs memory for
    ``2 samples`` vectors of length N.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays, N in all.
        key: random key.
        samples: number of probes, at least 2 and at most N.

    Returns:
        `Estimate` of tr H; exact, with error 0, where ``2 samples >= N``.

    Raises:
        ValueError: if an argument is out of range.

    Source: Epperly, Tropp and Webber (2024), as implemented in matfree.

    >>> import jax.numpy as jnp
    >>> loss = lambda w: 0.5 * jnp.sum(jnp.array([100.0, 1.0, 1.0, 1.0]) * w**2)
    >>> estimate = hessian_trace_deflated(loss, jnp.ones(4), key=jax.random.key(0), samples=2)
    >>> round(float(estimate.value), 3)
    103.0
    """
    check_loss(loss, weights)
    checks.key("key", key)
    checks.count("samples", samples, at_least=2)
    if samples > tree.size(weights):
        raise ValueError(f"samples must be at most the number of weights, {tree.size(weights)}; got {samples}")
    sampler = stochtrace.sampler_normal(weights, num=samples)
    estimator = stochtrace.estimator_leave_one_out_mean_and_sem(stochtrace.leave_one_out_xtrace(), sampler)
    value, error = channels_last(estimator)(hessian_product(loss, weights), key)
    return Estimate(value, error, samples)
