"""The rule that knows the answer: a straight line to the teacher's weights."""

from typing import ClassVar

import jax

from plastodyn import checks, tree
from plastodyn.protocol import INPUT_ROTATION, Moment, Rule, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class Beeline(Rule):
    """Straight to the teacher; see `beeline`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"teacher"})

    def keeps(self, symmetry: Symmetry) -> bool:
        """Rotations of the inputs, which turn the teacher too."""
        return symmetry == INPUT_ROTATION

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``rate (w_teacher - w)``."""
        del state
        towards = jax.tree.map(lambda goal, weight: goal - weight, moment.signal("teacher"), moment.weights)
        return tree.scale(self.rate, towards)


def beeline(rate: Number = 1.0) -> Beeline:
    """Straight to the teacher's weights: ``dw/dt = rate (w_teacher - w)``.

    In a linear circuit with quadratic loss this is the Newton direction. For steps of exact magnitude wrap it in
    `exact_norm`.

    Args:
        rate: fraction of the distance covered per unit time, at least 0.

    Raises:
        ValueError: if ``rate`` is negative.

    Source: Raman and O'Leary (2021), figure 4d.

    >>> beeline(0.5).rate
    0.5
    """
    checks.parameter("rate", rate, at_least=0)
    return Beeline(rate)
