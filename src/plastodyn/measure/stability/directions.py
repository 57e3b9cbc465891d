"""What one step does next to a solution, with flips and without: which directions grow, and whether it is at rest."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from plastodyn import tree
from plastodyn.measure.field import Field
from plastodyn.measure.jacobian import JacobianSpectrum, default_tolerance, jacobian_spectrum
from plastodyn.measure.stability.answer import MARGIN
from plastodyn.runtime.convolutions import compiled
from plastodyn.tree import Weights
from plastodyn.types import Key, Scalar

_REST = 1e-2
"""Distance to rest up to which the weights count as a solution; relative to their norm."""
_SHORT = 0.5
"""``|J|_2`` up to which no direction is so steep that a step overshoots: that takes ``|lambda|^2 > -2 Re lambda``."""
_NEGATIVE_CURVATURE = 1e-3
"""Share of the largest rate up to which growth without flips counts as that of a nearly converged loss."""


class Change(eqx.Module):
    """What one step changes, ``w -> sign (step(w) - w)``."""

    step: Field
    sign: float = 1.0

    def __call__(self, weights: Weights) -> Weights:
        """The change at these weights."""
        return jax.tree.map(lambda after, before: self.sign * (after - before), self.step(weights), weights)


class Directions(NamedTuple):
    """What a step does next to the solution: the leading growth rate, counts, ``|J|_2``, and what counts as zero.

    Where fewer ``eigenvalues`` were found than there are weights, the counts are lower bounds.
    """

    growth: float
    unstable: int
    flat: int
    scale: float
    zero: float
    eigenvalues: int

    def grows_beyond(self, without: "Directions") -> bool:
        """Whether a direction grows because of the flips."""
        return self.growth > max(self.zero, MARGIN * without.growth)

    def as_before(self, without: "Directions") -> bool:
        """Whether no direction grows, or only as slowly as in a nearly converged loss without flips."""
        return self.growth <= max(self.zero, min(without.growth, _NEGATIVE_CURVATURE * self.scale))


def directions(step: Field, weights: Weights, count: int | None, key: Key, tolerance: float | None) -> Directions:
    """Growth rates ``log |1 + lambda|`` per step, lambda the eigenvalues of the derivative of the step less the identity.

    Args:
        step: one step of a rule.
        weights: the solution.
        count: eigenvalues looked for at either end of the spectrum, as for `jacobian_spectrum`.
        key: random key of the Arnoldi iterations.
        tolerance: relative size of what counts as zero, as for `jacobian_spectrum`.

    Returns:
        `Directions`.

    Source: this project.

    >>> found = directions(lambda w: jnp.array([1.5, 0.5]) * w, jnp.ones(2), None, jax.random.key(0), None)
    >>> round(found.growth, 4), found.unstable, found.flat
    (0.4055, 1, 0)
    """
    rightmost = jacobian_spectrum(Change(step), weights, count=count, key=key, tolerance=tolerance)
    eigenvalues = rightmost.eigenvalues
    if len(eigenvalues) < tree.size(weights) and rightmost.scale > _SHORT:
        # A step too large for the steepest directions shows at the other end of the spectrum.
        leftmost = -jacobian_spectrum(Change(step, -1.0), weights, count=count, key=key, tolerance=tolerance).eigenvalues
        eigenvalues = np.append(eigenvalues, leftmost[np.real(leftmost) < np.real(eigenvalues).min()])
    return _counted(growth_rates(eigenvalues), rightmost, default_tolerance(weights) if tolerance is None else tolerance)


def growth_rates(eigenvalues: Complex[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """``log |1 + x| = log(1 + 2 Re x + |x|^2) / 2``, without the loss of digits that small x have in 1 + x.

    >>> growth_rates(np.array([0.0, 1j])).round(4)
    array([0.    , 0.3466])
    """
    with np.errstate(divide="ignore"):
        return np.log1p(np.maximum(2 * np.real(eigenvalues) + np.abs(eigenvalues) ** 2, -1)) / 2


def _counted(growth: Float[np.ndarray, " n"], spectrum: JacobianSpectrum, tolerance: float) -> Directions:
    zero = tolerance * spectrum.scale
    return Directions(float(growth.max()), int((growth > zero).sum()), spectrum.flat, spectrum.scale, zero, len(growth))


def is_at_rest(step: Field, weights: Weights, growth: float) -> bool:
    """Whether the weights are a solution: a step v is below their precision, or leaves less than 1 % of the norm to go.

    Args:
        step: one step of the rule without flips.
        weights: where it is asked.
        growth: rate of the fastest direction, per step.

    Source: this project.

    >>> is_at_rest(lambda w: 0.5 * w, jnp.ones(2), 0.0), is_at_rest(lambda w: 0.5 * w + 0.5, jnp.ones(2), 0.0)
    (False, True)
    """
    length, rate, size = (float(x) for x in _distance_to_rest(step, weights))
    precision = float(jnp.finfo(tree.ravel(weights).dtype).eps)
    return length <= size * max(precision, _REST * max(rate, growth))


@compiled
def _distance_to_rest(step: Field, weights: Weights) -> tuple[Scalar, Scalar, Scalar]:
    """Length of a step v, its rate ``|v'Jv| / |v|^2``, and the norm of the weights."""
    change, pushed = jax.jvp(Change(step), (weights,), (Change(step)(weights),))
    length = tree.norm(change)
    rate = jnp.abs(tree.dot(change, pushed)) / jnp.maximum(length**2, jnp.finfo(length.dtype).tiny)
    return length, rate, tree.norm(weights)
