"""The best ratio of plasticity to fluctuations at steady state, from the spectrum of the Hessian alone."""

import math
from typing import NamedTuple

import numpy as np
from jax import Array

from plastodyn import checks
from plastodyn.measure.curvature import Loss
from plastodyn.measure.spectrum import hessian_spectrum
from plastodyn.theory import ratio
from plastodyn.tree import Weights

_ROUNDING = 1e-12
"""Share of the spectrum below which a Lanczos node is rounding: what is left where few curvatures differ."""


class StationaryRatio(NamedTuple):
    """|dc| / |de| at steady state: where equation 9 holds, and where the error is lowest; NaN for a flat loss."""

    greedy: float
    stationary: float


def stationary_ratio(
    loss: Loss, weights: Weights, *, key: Array, precision: float = math.inf, depth: int = 30, probes: int = 8
) -> StationaryRatio:
    """How much plasticity is right against fluctuations, for a gradient rule on a loss with these curvatures.

    The stationary theory of a quadratic loss, ``F = w' H w / 2``, on the spectrum of H by Lanczos quadrature. The size of
    the fluctuations cancels. It holds where fluctuations are small; negative curvatures count as 0.

    Args:
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays.
        key: random key of the quadrature.
        precision: gamma1 / gamma2 of the rule, above 0; infinite for the exact gradient.
        depth: Lanczos steps (Hessian-vector products) a probe.
        probes: number of random starting vectors.

    Returns:
        `StationaryRatio`, both as |dc| / |de|; the fluctuation times ``stationary`` is the best plasticity.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project; `theory.ratio.greedy_optimum` and `theory.ratio.stationary_optimum`.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> found = stationary_ratio(lambda w: jnp.sum(w**2), jnp.ones(400), key=jax.random.key(0))
    >>> round(found.greedy, 2), round(found.stationary, 2)  # all curvatures equal: as much as the fluctuations
    (1.0, 1.0)
    """
    checks.one_number("precision", precision, above=0, infinite=True)
    spectrum = hessian_spectrum(loss, weights, key=key, depth=depth, probes=probes)
    counted = spectrum.multiplicities > _ROUNDING * spectrum.multiplicities.sum()
    curvatures = np.clip(spectrum.eigenvalues[counted], 0, None)
    if not curvatures.any():
        return StationaryRatio(math.nan, math.nan)
    arguments = (curvatures, 1.0, precision, spectrum.multiplicities[counted])
    return StationaryRatio(float(ratio.greedy_optimum(*arguments)), float(ratio.stationary_optimum(*arguments)))
