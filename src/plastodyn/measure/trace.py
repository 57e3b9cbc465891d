"""The trace of the Hessian from random probes, with its standard error."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from matfree import stochtrace

from plastodyn import checks, tree
from plastodyn.measure.curvature import Loss, hessian_product
from plastodyn.tree import Weights


class Estimate(NamedTuple):
    """A Monte Carlo estimate and its standard error."""

    value: Array
    standard_error: Array


def hessian_trace(loss: Loss, weights: Weights, *, key: Array, samples: int = 32) -> Estimate:
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

    >>> estimate = hessian_trace(lambda w: jnp.sum(w**2), jnp.ones(5), key=jax.random.key(0), samples=4)
    >>> float(estimate.value), float(estimate.standard_error)
    (10.0, 0.0)
    """
    _check(weights, key, samples)
    product = hessian_product(loss, weights)

    def quadratic_form(probe_key: Array) -> Array:
        probe = tree.signs_like(probe_key, weights)
        return tree.dot(probe, product(probe))

    # One probe at a time: memory stays that of one gradient, whatever the number of probes.
    forms = jax.lax.map(quadratic_form, jax.random.split(key, samples))
    return Estimate(jnp.mean(forms), jnp.std(forms, ddof=1) / math.sqrt(samples))


def hessian_trace_deflated(loss: Loss, weights: Weights, *, key: Array, samples: int = 32) -> Estimate:
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

    >>> loss = lambda w: 0.5 * jnp.sum(jnp.array([100.0, 1.0, 1.0, 1.0]) * w**2)
    >>> estimate = hessian_trace_deflated(loss, jnp.ones(4), key=jax.random.key(0), samples=2)
    >>> round(float(estimate.value), 3)
    103.0
    """
    _check(weights, key, samples)
    checks.number("samples", samples, at_most=tree.size(weights))
    sampler = stochtrace.sampler_normal(weights, num=samples)
    estimator = stochtrace.estimator_leave_one_out_mean_and_sem(stochtrace.leave_one_out_xtrace(), sampler)
    value, error = estimator(hessian_product(loss, weights), key)
    return Estimate(value, error)


def _check(weights: Weights, key: Array, samples: int) -> None:
    checks.weights("weights", weights)
    checks.key("key", key)
    checks.count("samples", samples, at_least=2)
