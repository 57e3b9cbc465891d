"""The best ratio of plasticity to fluctuations at steady state, from the spectrum of the Hessian alone."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.circuits import Circuit
from plastodyn.measure.changes import memory_time, require_correlation_time, two_changes
from plastodyn.measure.curvature import Loss, check_loss, hessian_operator
from plastodyn.measure.estimate import left_out_error
from plastodyn.measure.spectrum import DENSE_LIMIT, Spectrum, by_probe, hessian_eigenvalues, merged
from plastodyn.protocol import Rule, check_joined
from plastodyn.theory import ratio
from plastodyn.tree import Weights
from plastodyn.types import Floats

_ROUNDING = 1e-12
"""Share of the spectrum below which a Lanczos node is rounding: what is left where few curvatures differ."""
_FLAT = 100
"""Roundings of the largest curvature below which one is 0: products with H know them no better."""


class StationaryRatio(NamedTuple):
    """|dc| / |de| at steady state: where equation 9 holds, and where the error is lowest; NaN for a flat loss.

    Each with its standard error, by jackknife over the probes: 0 where all curvatures were computed, NaN from one probe.
    """

    greedy: float
    greedy_error: float
    stationary: float
    stationary_error: float


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

    The stationary theory of a quadratic loss, ``F = w' H w / 2``, on the spectrum of H: all of it where that costs no more
    than the probes, and else by Lanczos quadrature. The size of the fluctuations cancels. It holds where fluctuations are
    small; negative curvatures count as 0.

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
    check_loss(loss, weights)
    checks.one_number("precision", precision, above=0, infinite=True)
    if fluctuation is not None:
        checks.instance("fluctuation", fluctuation, Rule, "a plastodyn rule, such as pd.fluctuations.white(0.1)")
    if correlation_time is None:
        correlation_time = 0.0 if fluctuation is None else memory_time(fluctuation)
    checks.one_number("correlation_time", correlation_time, at_least=0, infinite=True)
    checks.key("key", key)
    checks.count("depth", depth, at_least=1)
    checks.count("probes", probes, at_least=1)
    isotropic = _isotropic(loss, weights, key, depth, probes)
    along = isotropic
    if fluctuation is not None:
        circuit = Circuit(loss=loss, weights=weights)
        check_joined(circuit, fluctuation)
        require_correlation_time(circuit, weights, fluctuation, correlation_time, key)

        def draw(own: Array) -> Weights:
            return two_changes(circuit, weights, fluctuation, own)[0]

        along = by_probe(hessian_operator(loss, weights), key=key, depth=depth, probes=probes, probe=draw)
    rounding = float(jnp.finfo(tree.ravel(weights).dtype).eps)

    def best(skipped: int | None) -> tuple[float, float]:
        parts = (merged(_without(part, skipped)) for part in (isotropic, along))
        return _optima(_together(*parts, rounding=rounding), precision, correlation_time)

    greedy, stationary = best(None)
    if fluctuation is None and _can_be_exact(weights, depth, probes):
        return StationaryRatio(greedy, 0.0 * greedy, stationary, 0.0 * stationary)
    if probes < 2:
        return StationaryRatio(greedy, math.nan, stationary, math.nan)
    without = np.array([best(probe) for probe in range(probes)])
    return StationaryRatio(greedy, left_out_error(without[:, 0]), stationary, left_out_error(without[:, 1]))


def _can_be_exact(weights: Weights, depth: int, probes: int) -> bool:
    """Whether all curvatures take no more products with H than the probes."""
    return tree.size(weights) <= min(depth * probes, DENSE_LIMIT)


def _isotropic(loss: Loss, weights: Weights, key: Array, depth: int, probes: int) -> list[Spectrum]:
    """Spectra of the probes, or the one spectrum of all curvatures."""
    if not _can_be_exact(weights, depth, probes):
        return by_probe(hessian_operator(loss, weights), key=key, depth=depth, probes=probes)
    return [Spectrum(hessian_eigenvalues(loss, weights), np.ones(tree.size(weights)))]


def _without(spectra: list[Spectrum], skipped: int | None) -> list[Spectrum]:
    """All but one of the probes' spectra; where there is one alone, it is not of a probe and stays."""
    return spectra if len(spectra) == 1 else [one for place, one in enumerate(spectra) if place != skipped]


def _optima(measured: tuple[Floats, Floats, Floats], precision: float, correlation_time: float) -> tuple[float, float]:
    """Where equation 9 holds along steady states, and where the error is lowest."""
    curvatures, multiplicities, shares = measured
    if not curvatures.any():
        return math.nan, math.nan
    arguments = (curvatures, 1.0, precision, multiplicities)
    best = ratio.stationary_optimum(*arguments, shares=shares, correlation_time=correlation_time)
    greedy = math.nan if correlation_time > 0 else float(ratio.greedy_optimum(*arguments, shares=shares))
    return greedy, float(best)


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
