"""Constraints on the weights that hold whatever moved them: fixed norms, fixed signs."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks
from plastodyn.protocol import Moment, Rule
from plastodyn.tree import Weights


def _keep_norm(weight: Array, start: Array) -> Array:
    length = jnp.linalg.norm(weight)
    return weight * (jnp.linalg.norm(start) / jnp.where(length > 0, length, 1))


def _norm_tangent(change: Array, weight: Array) -> Array:
    return change - weight * (jnp.sum(change * weight) / jnp.maximum(jnp.sum(weight**2), jnp.finfo(weight.dtype).tiny))


def _keep_sign(weight: Array, start: Array) -> Array:
    return jnp.where(jnp.sign(start) * weight >= 0, weight, 0)


def _sign_tangent(change: Array, weight: Array) -> Array:
    del weight
    return change


_KEPT: dict[str, tuple[Callable[[Array, Array], Array], Callable[[Array, Array], Array]]] = {
    "norm": (_keep_norm, _norm_tangent),
    "sign": (_keep_sign, _sign_tangent),
}


class Constrained(Rule):
    """A rule on constrained weights; see `constrained`."""

    rule: Rule
    keep: str = eqx.field(static=True)

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rule inside."""
        return (self.rule,)

    def init(self, moment: Moment, key: Array) -> Any:
        """The inner rule's state, and the weights at the start."""
        return self.rule.init(moment, key), moment.weights

    def velocity(self, moment: Moment, state: Any) -> Weights | None:
        """The inner velocity, projected onto the constraint's tangent."""
        change = self.rule.velocity(moment, state[0])
        tangent = _KEPT[self.keep][1]
        return None if change is None else jax.tree.map(tangent, change, moment.weights)

    def draw(self, weights: Weights, key: Array) -> Any:
        """The inner rule's random numbers."""
        return self.rule.draw(weights, key)

    def increment(self, moment: Moment, state: Any, dt: Array, noise: Any) -> tuple[Weights | None, Any]:
        """The inner increment."""
        change, inner = self.rule.increment(moment, state[0], dt, noise)
        return change, (inner, state[1])

    def settle(self, weights: Weights, state: Any) -> Weights:
        """The weights with each array's constraint restored."""
        retract = _KEPT[self.keep][0]
        return jax.tree.map(retract, self.rule.settle(weights, state[0]), state[1])


def constrained(rule: Rule, keep: str = "norm") -> Constrained:
    """A rule on weights of which each array keeps its initial norm, or each weight its initial sign.

    The velocity is projected onto the tangent of the constraint; after every step the weights are brought back onto it
    (``norm``: ``W <- W |W_0| / |W|``, Frobenius norm of each array; ``sign``: ``w <- 0`` where ``w w_0 < 0``). The
    constraint is on the weights: it holds whatever else moves them, fluctuations added outside included.

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
    checks.one_of("keep", keep, _KEPT)
    return Constrained(rule, keep)
