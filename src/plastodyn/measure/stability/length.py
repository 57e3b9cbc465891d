"""How long the runs of `sign_stability` are where nobody says it: long, or, where a step is dear, there are none."""

import jax

from plastodyn.measure.field import RuleMap
from plastodyn.tree import Weights

LONG = 10_000
"""Steps of a run."""
_AFFORDABLE = 1e12
"""Floating-point operations of all runs, a minute or two on a laptop: more has to be asked for."""
_EVALUATIONS = 6
"""Evaluations of a step for each step of a run: in two runs and along the second one, with a tangent vector, once more."""


def length(step: RuleMap, weights: Weights, seeds: int) -> int:
    """``LONG`` steps, or 0 where ``seeds`` runs of that length take more than 1e12 floating-point operations.

    These are counted by XLA in one step as it is traced, the body of a loop in it once: the answer does not depend on how
    busy a machine is.

    >>> import jax.numpy as jnp
    >>> length(lambda w: 0.5 * w, jnp.ones(3), 4), length(lambda w: w @ w, jnp.ones((2000, 2000)), 4)
    (10000, 0)
    """

    def one(at: Weights) -> Weights:
        return step(at)

    counted = jax.jit(one).lower(weights).cost_analysis()
    operations = counted.get("flops", 0.0) if isinstance(counted, dict) else 0.0
    return LONG if _EVALUATIONS * LONG * seeds * operations <= _AFFORDABLE else 0
