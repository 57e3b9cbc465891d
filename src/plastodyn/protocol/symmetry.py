"""Symmetries: what a circuit in cut or rotated coordinates asks of every rule, and a rule may promise in ``keeps``."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Symmetry:
    """A change of coordinates that learning must not see for a circuit to be exact.

    Args:
        name: of the symmetry.
        asks: what a rule must do, for the complaint about one that does not promise to.
        signs: of the hidden units, where only rotations that do not mix units of different sign are asked for.
    """

    name: str
    asks: str
    signs: tuple[int, ...] = ()

    def commutes_with(self, signs: np.ndarray) -> bool:
        """Whether signs by hidden unit, shape (M,), are the same for all units that the symmetry rotates into each other."""
        units = np.asarray(self.signs)
        known = units.size > 0 and signs.shape == units.shape
        return known and all(len(np.unique(signs[units == one])) <= 1 for one in (-1, 1))


HIDDEN_SPAN = Symmetry(
    "hidden_span", "leave weights in the span of hidden directions that gradients reach, and treat hidden units alike"
)
INPUT_ROTATION = Symmetry("input_rotation", "treat all directions of the inputs alike")


def hidden_span_by_sign(signs: np.ndarray) -> Symmetry:
    """Rotations of the hidden units of each sign among themselves, within the directions that gradients reach.

    Args:
        signs: +1 or -1 for each hidden unit, shape (M,).

    >>> hidden_span_by_sign(np.array([-1, 1])).commutes_with(np.array([1, 1]))
    True
    """
    asks = "leave weights in the span of hidden directions that gradients reach, and give hidden units the circuit's own signs"
    return Symmetry("hidden_span_by_sign", asks, tuple(int(sign) for sign in signs))
