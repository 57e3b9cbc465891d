"""Modifiers of any rule: flipped signs, and a gate on the whole change."""

from collections.abc import Callable
from typing import Any, cast

import jax
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule, Scaled, Wrapped
from plastodyn.rules.neurons import NeuronSigns
from plastodyn.tree import Weights


class Flipped(Wrapped):
    """A rule multiplied weight by weight with signs; see `flipped`."""

    rule: Rule
    signs: Weights | NeuronSigns

    def transform(self, change: Weights, moment: Moment) -> Weights:
        """The change times the signs, leaf by leaf."""
        signs = self.signs.signs(moment.weights) if isinstance(self.signs, NeuronSigns) else self.signs
        return jax.tree.map(lambda leaf, sign: leaf * sign, change, signs)


class Gated(Wrapped):
    """A rule multiplied by a gate that depends on the moment; see `gated`."""

    rule: Rule
    gate: Callable[[Moment], Array]

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """The signals that the gate declares, where it declares any."""
        return frozenset(getattr(self.gate, "reads", ()))

    def transform(self, change: Weights, moment: Moment) -> Weights:
        """``gate(moment)`` times the change."""
        return tree.scale(self.gate(moment), change)


def flipped(rule: Rule, signs: Weights | NeuronSigns) -> Flipped:
    """A rule whose change has its sign flipped at some weights: ``dw_i -> s_i dw_i``.

    Args:
        rule: the rule to flip.
        signs: of whole neurons, `presynaptic` or `postsynaptic`; or a pytree in the structure of the weights, each
            leaf of which broadcasts against its weights and holds +1 or -1.

    Raises:
        ValueError: if a sign is neither +1 nor -1.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), curl descent.

    >>> from plastodyn import rules
    >>> import jax.numpy as jnp
    >>> flipped(rules.gradient(0.1), rules.presynaptic(0.2, layer=1)).signs.neurons
    0.2
    >>> flipped(rules.gradient(0.1), jnp.array([1.0, -1.0])).signs.tolist()
    [1.0, -1.0]
    """
    if isinstance(signs, NeuronSigns):
        return Flipped(rule, signs)
    for leaf in jax.tree.leaves(signs):
        if not np.isin(np.asarray(leaf), (-1, 1)).all():
            raise ValueError(f"signs must hold only +1 and -1; got {np.unique(np.asarray(leaf))}")
    return Flipped(rule, signs)


def gated(rule: Rule, gate: Callable[[Moment], Array] | Any) -> Wrapped:
    """A rule that acts only as far as a gate is open: ``dw -> g dw``.

    Args:
        rule: the rule to gate.
        gate: a number, an axis, or a function of the `Moment` that returns a scalar; the function may carry an
            attribute ``reads`` that names the signals it needs.

    Raises:
        ValueError: if a fixed gate is not finite.

    Source: the gate on plasticity of Hebbian-oscillatory co-learning (Hays 2026).

    >>> from plastodyn import rules
    >>> import jax.numpy as jnp
    >>> rule = gated(rules.gradient(0.1), lambda moment: jnp.cos(moment.time) ** 2)
    """
    if callable(gate):
        return Gated(rule, cast(Callable[[Moment], Array], gate))
    checks.number("gate", gate)
    return Scaled(rule, gate)
