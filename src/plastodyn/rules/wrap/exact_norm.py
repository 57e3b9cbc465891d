"""A direction followed at a prescribed speed, however steep or flat the landscape is."""

from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule, Symmetry, Wrapped
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter


class ExactNorm(Wrapped):
    """A rule rescaled to a fixed magnitude; see `exact_norm`."""

    rule: Rule
    magnitude: Parameter

    def keeps(self, symmetry: Symmetry) -> bool:
        """What the inner rule keeps: rotations leave the norm as it is."""
        return self.rule.keeps(symmetry)

    def transform(self, change: Weights, moment: Moment, own: None, dt: Array | float) -> Weights:
        """``magnitude dt v / |v|``."""
        del moment, own
        return tree.scale(self.magnitude * dt, tree.unit(change))


def exact_norm(rule: Rule, magnitude: Number) -> ExactNorm:
    """The direction of a rule at exact magnitude: ``dw = magnitude * v / |v|``; 0 where v vanishes.

    The norm is taken over all weights jointly. A rule with both a velocity and random increments has each part
    brought to the magnitude on its own.

    Args:
        rule: the rule whose direction is kept.
        magnitude: norm of the change per unit time, at least 0.

    Raises:
        ValueError: if ``magnitude`` is negative or not finite.

    Source: Raman and O'Leary (2021), equation 5: rates of plasticity are magnitudes per time step.

    >>> from plastodyn import rules
    >>> exact_norm(rules.gradient(), 0.3).magnitude
    0.3
    """
    checks.instance("rule", rule, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    checks.parameter("magnitude", magnitude, at_least=0)
    return ExactNorm(rule, magnitude)
