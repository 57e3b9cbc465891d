"""The spectrum of a field's Jacobian: which directions grow, which decay, which are flat."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Complex, Float
from scipy.sparse import linalg

from plastodyn import checks, tree
from plastodyn.measure.field import Field, check_field
from plastodyn.measure.spectrum import DENSE_LIMIT
from plastodyn.runtime.convolutions import compiled
from plastodyn.runtime.pieces import each
from plastodyn.runtime.progress import Bar
from plastodyn.tree import Weights
from plastodyn.types import Key

RIGHTMOST = 20
"""Eigenvalues looked for where there are too many weights for a dense Jacobian and no number is given."""
_COLUMNS_AT_A_TIME = 64
_NARROW, _WIDE, _MANY = 3, 20, 10**6
"""Restarts of an Arnoldi iteration that holds as few vectors as is usual, and of one that holds 320; and the weights beyond
which it never holds so many. Isolated eigenvalues are found at once, those at a dense end of a spectrum in one wide sweep,
where a narrow one takes thousands of products."""
_VECTORS = 320
_SHARE_OF_TOLERANCE = 0.1
"""How exactly eigenvalues are found: to this share of what counts as zero."""


class JacobianSpectrum(NamedTuple):
    """Eigenvalues of a Jacobian in order of descending real part, and how many of them are unstable or flat."""

    eigenvalues: Complex[np.ndarray, " count"]
    unstable: int
    flat: int
    scale: float

    @property
    def spectral_abscissa(self) -> float:
        """The largest real part: a fixed point of the flow is unstable where it is positive."""
        return float(np.real(self.eigenvalues).max())


def jacobian_spectrum(
    field: Field, weights: Weights, *, count: int | None = None, key: Key | None = None, tolerance: float | None = None
) -> JacobianSpectrum:
    """The eigenvalues of the Jacobian ``J_ij = d f_i / d w_j`` of a field f, and the directions that they sort into.

    With the scale ``|J|_2`` (the largest singular value), a direction is unstable if ``Re lambda > tolerance |J|_2`` and
    flat if ``|lambda| <= tolerance |J|_2``: the zero modes of a solution manifold are told apart from slow ones. A pair
    on the imaginary axis, a centre, is neither.

    All eigenvalues come from the dense matrix, for up to 2000 weights. Beyond, or where ``count`` is given, the
    rightmost come from an Arnoldi iteration on Jacobian-vector products. It sees an eigenvalue that occurs many times
    only a few times: there, ``flat`` is a lower bound, as is ``unstable`` where all that were found are unstable.

    Args:
        field: function of the weights, such as `rule_field` gives.
        weights: pytree of finite floating-point arrays, N in all.
        count: how many of the rightmost eigenvalues, at most N - 2; all (above 2000 weights: 20) unless given.
        key: random key of the Arnoldi iteration's starting vector; the dense spectrum needs none.
        tolerance: relative size of what counts as zero; the square root of the weights' machine precision unless
            given, since a pair of eigenvalues may split by as much.

    Returns:
        `JacobianSpectrum`: complex eigenvalues, per unit time, in order of descending real part, shape (N,) or (count,);
        fewer where the Arnoldi iteration did not converge.

    Raises:
        ValueError: if an argument is out of range, ``field`` does not map to pytrees like ``weights``, its Jacobian is
            not finite, or no eigenvalue converged.

    Source: this project; for the solution manifold of curl descent, Ninou, Kadmon and Cayco-Gajic (2025).

    >>> spiral = lambda w: jnp.array([0.5 * w[0] - w[1], w[0] + 0.5 * w[1], 0.0])
    >>> spectrum = jacobian_spectrum(spiral, jnp.zeros(3))
    >>> spectrum.eigenvalues.round(4).tolist(), spectrum.unstable, spectrum.flat
    ([(0.5+1j), (0.5-1j), 0j], 2, 1)
    """
    check_field("field", field, weights)
    size = tree.size(weights)
    if tolerance is None:
        tolerance = default_tolerance(weights)
    checks.one_number("tolerance", tolerance, at_least=0)
    if key is not None:
        checks.key("key", key)
    if count is None and size <= DENSE_LIMIT:
        eigenvalues, scale = _dense(field, weights)
    else:
        count = RIGHTMOST if count is None else count
        checks.count("count", count, at_least=1)
        checks.number("count", count, at_most=size - 2)
        checks.key("key", key)
        assert key is not None
        eigenvalues, scale = _arnoldi(field, weights, count, key, tolerance)
    return _sorted(eigenvalues, scale, tolerance)


def default_tolerance(weights: Weights) -> float:
    """The square root of the weights' machine precision: what counts as zero, relative to ``|J|_2``, unless given.

    >>> round(default_tolerance(jnp.ones(2)), 6)
    0.000345
    """
    return float(np.sqrt(jnp.finfo(tree.ravel(weights).dtype).eps))


def dense_jacobian(field: Field, weights: Weights) -> Float[Array, "n n"]:
    """The Jacobian of a field on raveled weights, shape (N, N), column by column: for small circuits and as an oracle.

    Args:
        field: function of the weights.
        weights: pytree of finite floating-point arrays, at most 2000 in all.

    Returns:
        ``J_ij = d f_i / d w_j``, per unit time.

    Raises:
        ValueError: if there are more than 2000 weights, or ``field`` does not map to pytrees like ``weights``.

    Source: this project.

    >>> dense_jacobian(lambda w: jnp.array([w[0] * w[1], 3 * w[0]]), jnp.array([1.0, 2.0])).tolist()
    [[2.0, 1.0], [3.0, 0.0]]
    """
    check_field("field", field, weights)
    if tree.size(weights) > DENSE_LIMIT:
        raise ValueError(f"weights must number at most {DENSE_LIMIT} for a dense Jacobian; got {tree.size(weights)}")
    size = tree.size(weights)
    # A block of columns at a time: memory does not grow with N times the number of inputs.
    blocks = -(-size // _COLUMNS_AT_A_TIME)
    wide = -(-size // blocks)
    units = jnp.eye(blocks * wide, size, dtype=tree.ravel(weights).dtype).reshape(blocks, wide, size)
    with Bar("jacobian", blocks) as bar:
        return each(_columns, (field, weights), units, bar).reshape(-1, size)[:size].T


def _columns(system: tuple[Field, Weights]) -> Callable[[Array], Array]:
    return jax.vmap(_push(*system))


def _push(field: Field, weights: Weights) -> Callable[[Array], Array]:
    """The map v -> J v on raveled vectors: the field is evaluated once, however many products follow."""
    return jax.linearize(lambda w: tree.ravel(field(tree.unravel(weights, w))), tree.ravel(weights))[1]


_linearized = compiled(_push)


def _dense(field: Field, weights: Weights) -> tuple[np.ndarray, float]:
    matrix = np.asarray(dense_jacobian(field, weights), float)
    _require_finite(matrix)
    return np.linalg.eigvals(matrix), float(np.linalg.norm(matrix, 2))


class _Operator(linalg.LinearOperator):
    """A JAX function on vectors of length N in the form that ARPACK asks for."""

    def __init__(self, forward: Callable[[np.ndarray], Array], like: Array, bar: Bar):
        super().__init__(like.dtype, (like.size, like.size))
        self.forward, self.bar = forward, bar

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        self.bar.advance(1)
        return np.asarray(self.forward(np.ravel(x)))


def _arnoldi(field: Field, weights: Weights, count: int, key: Array, tolerance: float) -> tuple[np.ndarray, float]:
    """The ``count`` rightmost eigenvalues, or those of them that converge, and the largest singular value."""
    with Bar("jacobian, products", None) as bar:
        return _rightmost(field, weights, count, key, tolerance, bar)


def _rightmost(field: Field, weights: Weights, count: int, key: Array, tolerance: float, bar: Bar) -> tuple[np.ndarray, float]:
    at = tree.ravel(weights)
    push = _linearized(field, weights)
    pull = jax.linear_transpose(push, at)
    start = np.asarray(jax.random.normal(key, at.shape, at.dtype))
    first = np.asarray(push(jnp.asarray(start)))
    _require_finite(first)
    if not first.any():
        # ARPACK refuses the zero matrix; no other sends a random vector to 0.
        return np.zeros(count, complex), 0.0
    squared = _Operator(compiled(lambda v: pull(push(v))[0]), at, bar)
    largest: Any = linalg.eigsh(squared, 1, v0=start, tol=1e-2, return_eigenvectors=False)  # type: ignore[arg-type]
    scale = float(np.sqrt(largest[0]))
    # Convergence is judged relative to an eigenvalue, which one near zero never meets: shifted, it is relative to |J|.
    shifted = _Operator(compiled(lambda v: push(v) + jnp.asarray(scale, at.dtype) * v), at, bar)
    usual = min(at.size, 2 * count + 1)
    wide = usual if at.size > _MANY else min(at.size, max(usual, _VECTORS))
    exactness: Any = tolerance * _SHARE_OF_TOLERANCE
    found: Any = np.zeros(0)
    for vectors, restarts in ((usual, _NARROW), (wide, _WIDE)):
        options = {"v0": start, "ncv": vectors, "maxiter": restarts, "tol": exactness, "return_eigenvectors": False}
        try:
            found = linalg.eigs(shifted, count, which="LR", **options)
            break
        except linalg.ArpackNoConvergence as failure:
            found = failure.eigenvalues
    if not found.size:
        raise ValueError(f"count must let the Arnoldi iteration converge, and no eigenvalue did: try more; got {count}")
    return np.asarray(found, complex) - scale, scale


def _require_finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise ValueError("field must have a finite Jacobian at weights; got NaN or infinity")


def _sorted(eigenvalues: np.ndarray, scale: float, tolerance: float) -> JacobianSpectrum:
    real = np.real(eigenvalues)
    # Of a conjugate pair, the one above the real axis first.
    values = eigenvalues[np.lexsort((-np.imag(eigenvalues), -real))]
    zero = tolerance * scale
    return JacobianSpectrum(values.astype(complex), int((real > zero).sum()), int((np.abs(values) <= zero).sum()), scale)
