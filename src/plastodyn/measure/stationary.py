"""The best ratio of plasticity to fluctuations at steady state, from the spectrum of the Hessian alone."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.circuits import Circuit
from plastodyn.measure.changes import memory_time, require_correlation_time, two_changes
from plastodyn.measure.curvature import Loss, hessian_operator
from plastodyn.measure.spectrum import Spectrum, hessian_spectrum, spectrum
from plastodyn.protocol import Rule, check_joined
from plastodyn.theory import ratio
from plastodyn.tree import Weights
from plastodyn.types import Floats

_ROUNDING = 1e-12
"""Share of the spectrum below which a Lanczos node is rounding: what is left where few curvatures differ."""
_FLAT = 100
"""Roundings of the largest curvature below which one is 0: products with H know them no better."""


class StationaryRatio(NamedTuple):
    """|dc| / |de| at steady state: where equation 9 holds, and where the error is lowest; NaN for a flat loss."""

    greedy: float
    stationary: float


def stationary_ratio(
    loss: Loss,
    weights: Weights,
    *,
    key: Array,
    precision: float = math.inf,
    depth: int = 30,
    probes: int = 8,
    fluctuation: Rule | None = None,
    correlation_time: float | None = None,
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
        fluctuation: whose directions count: `fluctuations.confined`, `sparing`, `log_normal`, or any other; isotropic
            unless given.
        correlation_time: of the fluctuations, in steps, 0 for white ones and infinite for a constant direction. That of
            ``fluctuation`` unless given, the turning time of `drift`: needed for a rule of your own that remembers.
            Equation 9 knows white ones only: with others ``greedy`` is NaN.

    Returns:
        `StationaryRatio`, both as |dc| / |de|; the fluctuation times ``stationary`` is the best plasticity.

    Raises:
        ValueError: if an argument is out of range, or ``fluctuation`` correlates from step to step otherwise than
            ``correlation_time`` says, such as one that is drawn back within a few steps.

    Source: this project; `theory.ratio.greedy_optimum` and `theory.ratio.stationary_optimum`.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> found = stationary_ratio(lambda w: jnp.sum(w**2), jnp.ones(400), key=jax.random.key(0))
    >>> round(found.greedy, 2), round(found.stationary, 2)  # all curvatures equal: as much as the fluctuations
    (1.0, 1.0)
    """
    checks.one_number("precision", precision, above=0, infinite=True)
    if fluctuation is not None:
        checks.instance("fluctuation", fluctuation, Rule, "a plastodyn rule, such as pd.fluctuations.white(0.1)")
    if correlation_time is None:
        correlation_time = 0.0 if fluctuation is None else memory_time(fluctuation)
    checks.one_number("correlation_time", correlation_time, at_least=0, infinite=True)
    isotropic = hessian_spectrum(loss, weights, key=key, depth=depth, probes=probes)
    parts = [isotropic, isotropic]
    if fluctuation is not None:
        circuit = Circuit(loss=loss, weights=weights)
        check_joined(circuit, fluctuation)
        require_correlation_time(circuit, weights, fluctuation, correlation_time, key)

        def draw(own: Array) -> Weights:
            return two_changes(circuit, weights, fluctuation, own)[0]

        parts[1] = spectrum(hessian_operator(loss, weights), key=key, depth=depth, probes=probes, probe=draw)
    curvatures, multiplicities, shares = _together(*parts, rounding=float(jnp.finfo(tree.ravel(weights).dtype).eps))
    if not curvatures.any():
        return StationaryRatio(math.nan, math.nan)
    arguments = (curvatures, 1.0, precision, multiplicities)
    best = ratio.stationary_optimum(*arguments, shares=shares, correlation_time=correlation_time)
    greedy = math.nan if correlation_time > 0 else float(ratio.greedy_optimum(*arguments, shares=shares))
    return StationaryRatio(greedy, float(best))


def _together(isotropic: Spectrum, along: Spectrum, rounding: float) -> tuple[Floats, Floats, Floats]:
    """Nodes of both quadratures side by side: those of one count as curvatures, those of the other as shares of |de|^2."""
    nodes = np.concatenate([isotropic.eigenvalues, along.eigenvalues])
    nodes = np.where(nodes > _FLAT * rounding * np.abs(nodes).max(), nodes, 0.0)
    total = isotropic.multiplicities.sum()
    multiplicities = np.concatenate([isotropic.multiplicities, np.zeros_like(along.multiplicities)])
    shares = np.concatenate([np.zeros_like(isotropic.multiplicities), along.multiplicities / along.multiplicities.sum()])
    counted = (multiplicities > _ROUNDING * total) | (shares > _ROUNDING)
    shares = shares[counted] / shares[counted].sum()
    return nodes[counted], multiplicities[counted], shares
