"""Spectra of symmetric operators, Hessians above all, by Lanczos iteration, and their leading directions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from plastodyn import checks, tree
from plastodyn.measure.curvature import Loss, check_loss, hessian_operator
from plastodyn.measure.operator import Operator, check_operator
from plastodyn.runtime.convolutions import compiled
from plastodyn.runtime.progress import Bar
from plastodyn.tree import Weights
from plastodyn.types import Key, Scalar

DENSE_LIMIT = 2000
"""No Hessian with more rows than this is ever formed."""
Pairs = tuple[Float[Array, " count"], Float[Array, "count n"]]
"""Eigenvalues and, as rows, their directions."""


class Spectrum(NamedTuple):
    """Eigenvalues in ascending order and how often each occurs; the multiplicities sum to N."""

    eigenvalues: Float[np.ndarray, " nodes"]
    multiplicities: Float[np.ndarray, " nodes"]


def spectrum(
    operator: Operator, *, key: Key, depth: int = 40, probes: int = 8, probe: Callable[[Key], Weights] | None = None
) -> Spectrum:
    """The spectral density of a symmetric operator by stochastic Lanczos quadrature.

    Each probe v yields nodes theta_k (Ritz values) and weights tau_k with ``sum_k tau_k f(theta_k) = v' f(A) v / |v|^2``
    for polynomials f of degree below ``2 depth``; their mean over probes estimates ``tr f(A) / N``.

    Args:
        operator: a symmetric matrix of N rows, from `operator` or `host_operator`.
        key: random key.
        depth: Lanczos steps (products) a probe; memory is ``depth`` vectors of length N.
        probes: number of random starting vectors.
        probe: draws a starting vector; standard normal unless given. Others weigh eigenvalues by their share along each
            eigenvector.

    Returns:
        `Spectrum` of ``depth * probes`` nodes, whose multiplicities sum to N.

    Raises:
        ValueError: if an argument is out of range.

    Source: Ubaru, Chen and Saad (2017); Lanczos iteration with full reorthogonalisation.

    >>> from plastodyn.measure import operator
    >>> found = spectrum(operator(lambda v: 2 * v, jnp.ones(9)), key=jax.random.key(0), depth=1, probes=2)
    >>> found.eigenvalues.round(4).tolist(), float(found.multiplicities.sum())
    ([2.0, 2.0], 9.0)
    """
    return merged(by_probe(operator, key=key, depth=depth, probes=probes, probe=probe))


def by_probe(
    operator: Operator, *, key: Key, depth: int, probes: int, probe: Callable[[Key], Weights] | None = None
) -> list[Spectrum]:
    """`spectrum`, each probe's own.

    >>> from plastodyn.measure import operator
    >>> found = by_probe(operator(lambda v: 2 * v, jnp.ones(9)), key=jax.random.key(0), depth=1, probes=2)
    >>> len(found), found[0].eigenvalues.round(4).tolist()
    (2, [2.0])
    """
    check_operator("operator", operator)
    checks.key("key", key)
    checks.count("probes", probes, at_least=1)
    checks.count("depth", depth, at_least=1)
    if probe is not None:
        checks.function("probe", probe, takes=1, of="a key")
        checks.alike("probe", checks.traced("probe", probe, key), operator.like, "return")
    count = tree.size(operator.like)
    steps = min(depth, count)

    with Bar("spectrum", steps * probes) as bar:
        draw = (lambda own: tree.normal_like(own, operator.like)) if probe is None else probe
        starts = (draw(own) for own in jax.random.split(key, probes))
        found = [jnp.linalg.eigh(operator.lanczos(start, steps, bar)[0]) for start in starts]
    return [Spectrum(np.asarray(nodes, float), _of_total(np.asarray(rows[0] ** 2, float), count)) for nodes, rows in found]


def merged(spectra: Sequence[Spectrum]) -> Spectrum:
    """The mean of spectra of one operator.

    >>> one, two = (Spectrum(np.array([x]), np.array([4.0])) for x in (2.0, 1.0))
    >>> [part.tolist() for part in merged([one, two])]
    [[1.0, 2.0], [2.0, 2.0]]
    """
    nodes = np.concatenate([one.eigenvalues for one in spectra])
    multiplicities = np.concatenate([one.multiplicities for one in spectra]) / len(spectra)
    order = np.argsort(nodes)
    return Spectrum(nodes[order], multiplicities[order])


def _of_total(shares: np.ndarray, total: float) -> np.ndarray:
    return shares * (total / shares.sum())


def leading_pairs(operator: Operator, *, key: Key, count: int, depth: int = 60) -> Pairs:
    """The largest eigenvalues of a symmetric operator and their directions, by Lanczos iteration.

    Args:
        operator: a symmetric matrix of N rows, from `operator` or `host_operator`.
        key: random key of the starting vector.
        count: how many.
        depth: Lanczos steps, at least ``count``; the leading pairs converge first.

    Returns:
        Ritz values in descending order, shape (count,), and orthonormal directions, shape (count, N).

    Raises:
        ValueError: if an argument is out of range.

    Source: Lanczos (1950).

    >>> from plastodyn.measure import operator
    >>> values, directions = leading_pairs(
    ...     operator(lambda v: jnp.array([2.0, 6.0]) * v, jnp.ones(2)), key=jax.random.key(0), count=1
    ... )
    >>> round(float(values[0]), 4), abs(round(float(directions[0, 1]), 4))
    (6.0, 1.0)
    """
    check_operator("operator", operator)
    size = tree.size(operator.like)
    checks.key("key", key)
    checks.count("count", count, at_least=1)
    checks.count("depth", depth, at_least=count)
    checks.number("count", count, at_most=size)
    with Bar("leading pairs", min(depth, size)) as bar:
        tridiagonal, basis = operator.lanczos(tree.normal_like(key, operator.like), min(depth, size), bar)
    values, vectors = jnp.linalg.eigh(tridiagonal)
    leading = jnp.argsort(-values)[:count]
    return values[leading], vectors[:, leading].T @ basis


def extremes(operator: Operator, *, key: Key, depth: int = 40) -> tuple[Scalar, Scalar]:
    """The smallest and the largest Ritz value: an inner bound on the range of eigenvalues that tightens with depth.

    Args:
        operator: a symmetric matrix, from `operator` or `host_operator`.
        key: random key of the starting vector.
        depth: Lanczos steps.

    Returns:
        Two scalars, in units of the operator.

    Raises:
        ValueError: if ``depth`` is below 1.

    Source: Lanczos (1950).

    >>> from plastodyn.measure import operator
    >>> low, high = extremes(operator(lambda v: jnp.array([-2.0, 2.0]) * v, jnp.ones(2)), key=jax.random.key(0))
    >>> round(float(low), 4), round(float(high), 4)
    (-2.0, 2.0)
    """
    check_operator("operator", operator)
    checks.key("key", key)
    checks.count("depth", depth, at_least=1)
    with Bar("extreme eigenvalues", min(depth, tree.size(operator.like))) as bar:
        return ends(operator, key, depth, bar)


def ends(operator: Operator, key: Key, depth: int, bar: Bar) -> tuple[Scalar, Scalar]:
    """`extremes` within a longer work, whose bar is advanced by the products made.

    >>> from plastodyn.measure import operator
    >>> with Bar("both ends", 2) as bar:
    ...     low, high = ends(operator(lambda v: jnp.array([-2.0, 2.0]) * v, jnp.ones(2)), jax.random.key(0), 2, bar)
    >>> round(float(low), 4), round(float(high), 4)
    (-2.0, 2.0)
    """
    steps = min(depth, tree.size(operator.like))
    tridiagonal, _ = operator.lanczos(tree.normal_like(key, operator.like), steps, bar)
    values = jnp.linalg.eigvalsh(tridiagonal)
    return values[0], values[-1]


def hessian_eigenvalues(loss: Loss, weights: Weights) -> Float[np.ndarray, " n"]:
    """All eigenvalues of the Hessian, from the dense matrix: for small circuits and as an oracle.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays, at most 2000 in all.

    Returns:
        Eigenvalues in ascending order, float64, shape (N,), in units of loss per weight^2.

    Raises:
        ValueError: if there are more than 2000 weights; use `hessian_spectrum` for those.

    Source: standard.

    >>> hessian_eigenvalues(lambda w: w[0] ** 2 + 2 * w[1] ** 2, jnp.ones(2)).tolist()
    [2.0, 4.0]
    """
    check_loss(loss, weights)
    if tree.size(weights) > DENSE_LIMIT:
        raise ValueError(f"weights must number at most {DENSE_LIMIT} for a dense Hessian; got {tree.size(weights)}")
    return np.linalg.eigvalsh(np.asarray(_dense_hessian(loss, weights), float))


@compiled
def _dense_hessian(loss: Loss, weights: Weights) -> Float[Array, "n n"]:
    return jax.hessian(lambda w: loss(tree.unravel(weights, w)))(tree.ravel(weights))


def hessian_spectrum(loss: Loss, weights: Weights, *, key: Key, depth: int = 40, probes: int = 8) -> Spectrum:
    """The spectral density of the Hessian by stochastic Lanczos quadrature.

    `spectrum` of the Hessian-vector product.

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

    Source: Ubaru, Chen and Saad (2017); Lanczos iteration with full reorthogonalisation.

    >>> spectrum = hessian_spectrum(lambda w: jnp.sum(w**2), jnp.ones(9), key=jax.random.key(0), depth=1, probes=2)
    >>> spectrum.eigenvalues.round(4).tolist(), float(spectrum.multiplicities.sum())
    ([2.0, 2.0], 9.0)
    """
    return spectrum(hessian_operator(loss, weights), key=key, depth=depth, probes=probes)


def leading_directions(loss: Loss, weights: Weights, *, key: Key, count: int, depth: int = 60) -> Pairs:
    """The largest curvatures of a loss and their directions, by Lanczos iteration: `leading_pairs` of the Hessian.

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

    Source: Lanczos (1950).

    >>> loss = lambda w: w[0] ** 2 + 3 * w[1] ** 2
    >>> values, directions = leading_directions(loss, jnp.ones(2), key=jax.random.key(0), count=1)
    >>> round(float(values[0]), 4), abs(round(float(directions[0, 1]), 4))
    (6.0, 1.0)
    """
    return leading_pairs(hessian_operator(loss, weights), key=key, count=count, depth=depth)


def extreme_eigenvalues(loss: Loss, weights: Weights, *, key: Key, depth: int = 40) -> tuple[Scalar, Scalar]:
    """The smallest and the largest Ritz value of the Hessian: an inner bound on its range that tightens with depth.

    `extremes` of the Hessian-vector product.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays.
        key: random key of the starting vector.
        depth: Lanczos steps.

    Returns:
        Two scalars in units of loss per weight^2.

    Raises:
        ValueError: if ``depth`` is below 1, or the weights are not finite floats.

    Source: Lanczos (1950).

    >>> low, high = extreme_eigenvalues(lambda w: w[0] ** 2 - w[1] ** 2, jnp.ones(2), key=jax.random.key(0))
    >>> round(float(low), 4), round(float(high), 4)
    (-2.0, 2.0)
    """
    return extremes(hessian_operator(loss, weights), key=key, depth=depth)
