"""Constraints on the weights that hold whatever moved them: fixed norms, fixed signs."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule, Symmetry, Wrapped
from plastodyn.tree import Weights


def _keep_norm(weight: Array, length: Array) -> Array:
    now = tree.norm(weight)
    return weight * (length / jnp.where(now > 0, now, 1))


def _norm_tangent(change: Array, weight: Array, length: Array) -> Array:
    del length
    return change - weight * (tree.dot(change, weight) / jnp.maximum(tree.dot(weight, weight), jnp.finfo(weight.dtype).tiny))


def _keep_sign(weight: Array, sign: Array) -> Array:
    return jnp.where(sign * weight >= 0, weight, 0)


def _sign_tangent(change: Array, weight: Array, sign: Array) -> Array:
    # At 0, where `_keep_sign` would clip it, a weight does not move outwards.
    return jnp.where((sign * weight <= 0) & (sign * change < 0), 0, change)


class Constraint(NamedTuple):
    """What is kept of an array of weights: how it is read off at the start, restored, and projected along."""

    reference: Callable[[Array], Array]
    restore: Callable[[Array, Array], Array]
    project: Callable[[Array, Array, Array], Array]


_KEPT = {"norm": Constraint(tree.norm, _keep_norm, _norm_tangent), "sign": Constraint(jnp.sign, _keep_sign, _sign_tangent)}


class Constrained(Wrapped):
    """A rule on constrained weights; see `constrained`."""

    rule: Rule
    keep: str = eqx.field(static=True)

    def keeps(self, symmetry: Symmetry) -> bool:
        """What the inner rule keeps, under fixed norms; signs of single weights keep nothing."""
        return self.keep == "norm" and self.rule.keeps(symmetry)

    def start(self, moment: Moment, key: Array) -> Weights:
        """What each array of weights is held to."""
        del key
        return jax.tree.map(_KEPT[self.keep].reference, moment.weights)

    def restore(self, weights: Weights, own: Weights) -> Weights:
        """The weights with each array's constraint restored."""
        return jax.tree.map(_KEPT[self.keep].restore, weights, own)

    def along(self, change: Weights, weights: Weights, own: Weights) -> Weights:
        """The change without the part that the constraint takes away."""
        return jax.tree.map(_KEPT[self.keep].project, change, weights, own)


def constrained(rule: Rule, keep: str = "norm") -> Constrained:
    """A rule on weights of which each array keeps its initial norm, or each weight its initial sign.

    After every step the weights are brought back onto the constraint (``norm``: ``W <- W |W_0| / |W|``, Frobenius norm of
    each array; ``sign``: ``w <- 0`` where ``w w_0 < 0``); in a flow whose solver has an order above 1 the velocity is
    projected onto its tangent too. The constraint is on the weights: it holds whatever else moves them, fluctuations
    added outside included.

    Args:
        rule: the rule to constrain.
        keep: ``norm`` or ``sign``.

    Raises:
        ValueError: on any other ``keep``.

    Source: Ninou, Kadmon and Cayco-Gajic (2025) rescale each matrix to its initial Frobenius norm.

    >>> from plastodyn import rules
    >>> constrained(rules.gradient(0.1), keep="norm").keep
    'norm'
    """
    checks.instance("rule", rule, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    checks.one_of("keep", keep, _KEPT)
    return Constrained(rule, keep)
