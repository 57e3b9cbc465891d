"""Spectra of Hessians by Lanczos iteration, and the directions that carry the largest curvature."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from matfree import decomp

from plastodyn import checks, tree
from plastodyn.measure.curvature import Loss, hessian_product
from plastodyn.tree import Weights

DENSE_LIMIT = 2000
"""No Hessian with more rows than this is ever formed."""


class Spectrum(NamedTuple):
    """Eigenvalues in ascending order and how often each occurs; the multiplicities sum to N."""

    eigenvalues: np.ndarray
    multiplicities: np.ndarray


def hessian_eigenvalues(loss: Loss, weights: Weights) -> np.ndarray:
    """All eigenvalues of the Hessian, from the dense matrix: for small circuits and as an oracle.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays, at most 2000 in all.

    Returns:
        Eigenvalues in ascending order, float64, shape (N,), in units of loss per weight^2.

    Raises:
        ValueError: if there are more than 2000 weights; use `hessian_spectrum` for those.

    >>> hessian_eigenvalues(lambda w: w[0] ** 2 + 2 * w[1] ** 2, jnp.ones(2)).tolist()
    [2.0, 4.0]
    """
    checks.weights("weights", weights)
    if tree.size(weights) > DENSE_LIMIT:
        raise ValueError(f"weights must number at most {DENSE_LIMIT} for a dense Hessian; got {tree.size(weights)}")
    return np.linalg.eigvalsh(np.asarray(_dense_hessian(loss, weights), float))


@eqx.filter_jit
def _dense_hessian(loss: Loss, weights: Weights) -> Array:
    return jax.hessian(lambda w: loss(tree.unravel(weights, w)))(tree.ravel(weights))


def hessian_spectrum(loss: Loss, weights: Weights, *, key: Array, depth: int = 40, probes: int = 8) -> Spectrum:
    """The spectral density of the Hessian by stochastic Lanczos quadrature.

    Each probe v yields nodes theta_k (Ritz values) and weights tau_k with ``sum_k tau_k f(theta_k) = v' f(H) v / |v|^2``
    for polynomials f of degree below ``2 depth``; their mean over probes estimates ``tr f(H) / N``.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays, N in all.
        key: random key.
        depth: Lanczos steps (Hessian-vector products) a probe; memory is ``depth`` vectors of length N.
        probes: number of random starting vectors.

    Returns:
        `Spectrum` of ``depth * probes`` nodes, whose multiplicities sum to N.

    Raises:
        ValueError: if an argument is out of range.

    Source: Ubaru, Chen and Saad (2017); Lanczos iteration with full reorthogonalisation from matfree.

    >>> spectrum = hessian_spectrum(lambda w: jnp.sum(w**2), jnp.ones(9), key=jax.random.key(0), depth=1, probes=2)
    >>> spectrum.eigenvalues.round(4).tolist(), float(spectrum.multiplicities.sum())
    ([2.0, 2.0], 9.0)
    """
    checks.weights("weights", weights)
    checks.key("key", key)
    checks.count("probes", probes, at_least=1)
    count = tree.size(weights)
    checks.count("depth", depth, at_least=1)
    depth = min(depth, count)
    product = hessian_product(loss, weights)

    def quadrature(probe_key: Array) -> tuple[Array, Array]:
        tridiagonal, _ = _lanczos(product, tree.normal_like(probe_key, weights), depth)
        nodes, vectors = jnp.linalg.eigh(tridiagonal)
        return nodes, vectors[0] ** 2

    nodes, shares = (np.asarray(x, float).ravel() for x in jax.lax.map(quadrature, jax.random.split(key, probes)))
    order = np.argsort(nodes)
    return Spectrum(nodes[order], shares[order] * count / shares.sum())


def leading_directions(loss: Loss, weights: Weights, *, key: Array, count: int, depth: int = 60) -> tuple[Array, Array]:
    """The largest curvatures of a loss and their directions, by Lanczos iteration.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays, N in all.
        key: random key of the starting vector.
        count: how many.
        depth: Lanczos steps, at least ``count``; the leading pairs converge first.

    Returns:
        Ritz values in descending order, shape (count,), and orthonormal directions, shape (count, N).

    Raises:
        ValueError: if an argument is out of range.

    >>> loss = lambda w: w[0] ** 2 + 3 * w[1] ** 2
    >>> values, directions = leading_directions(loss, jnp.ones(2), key=jax.random.key(0), count=1)
    >>> round(float(values[0]), 4), abs(round(float(directions[0, 1]), 4))
    (6.0, 1.0)
    """
    checks.weights("weights", weights)
    checks.key("key", key)
    checks.count("count", count, at_least=1)
    checks.count("depth", depth, at_least=count)
    checks.number("count", count, at_most=tree.size(weights))
    depth = min(depth, tree.size(weights))
    tridiagonal, basis = _lanczos(hessian_product(loss, weights), tree.normal_like(key, weights), depth)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    leading = jnp.argsort(-values)[:count]
    return values[leading], vectors[:, leading].T @ basis


def extreme_eigenvalues(loss: Loss, weights: Weights, *, key: Array, depth: int = 40) -> tuple[Array, Array]:
    """The smallest and the largest Ritz value of the Hessian: an inner bound on its range that tightens with depth.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays.
        key: random key of the starting vector.
        depth: Lanczos steps.

    Returns:
        Two scalars in units of loss per weight^2.

    Raises:
        ValueError: if ``depth`` is below 1.

    >>> low, high = extreme_eigenvalues(lambda w: w[0] ** 2 - w[1] ** 2, jnp.ones(2), key=jax.random.key(0))
    >>> round(float(low), 4), round(float(high), 4)
    (-2.0, 2.0)
    """
    checks.count("depth", depth, at_least=1)
    depth = min(depth, tree.size(weights))
    tridiagonal, _ = _lanczos(hessian_product(loss, weights), tree.normal_like(key, weights), depth)
    values = jnp.linalg.eigvalsh(tridiagonal)
    return values[0], values[-1]


def _lanczos(product: Callable[[Weights], Weights], start: Weights, depth: int) -> tuple[Array, Array]:
    """Tridiagonal matrix (depth, depth) and orthonormal basis (depth, N); robust to an early end of the iteration."""
    flat = tree.ravel(start)
    algorithm = decomp.tridiag_sym(depth, reortho="full", materialize=True, custom_vjp=False)
    found = algorithm(lambda v: tree.ravel(product(tree.unravel(start, v))), flat)
    return jnp.nan_to_num(jnp.asarray(found.J_small)), jnp.nan_to_num(jnp.asarray(found.Q_tall))
