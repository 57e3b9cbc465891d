"""Checks at the door: every public function validates here once, and the kernels trust what they get.

What is checked may be anything at all, so that values here are of type ``object``. A complaint is one line, which names the
argument, what is allowed and what was given.
"""

from plastodyn.checks.choices import flag, instance, key, one_of, precision
from plastodyn.checks.functions import function, loss, scalar_loss, traced
from plastodyn.checks.numbers import (
    LARGEST_COUNT,
    LARGEST_SEED,
    broadcast,
    count,
    number,
    one_number,
    parameter,
    real,
    seed,
    within_unit_ball,
)
from plastodyn.checks.saying import refuse, shown
from plastodyn.checks.trees import alike, are_alike, arrays, entries, floating, matrix, pytree, weights

__all__ = [
    "LARGEST_COUNT",
    "LARGEST_SEED",
    "alike",
    "are_alike",
    "arrays",
    "broadcast",
    "count",
    "entries",
    "flag",
    "floating",
    "function",
    "instance",
    "key",
    "loss",
    "matrix",
    "number",
    "one_number",
    "one_of",
    "parameter",
    "precision",
    "pytree",
    "real",
    "refuse",
    "scalar_loss",
    "seed",
    "shown",
    "traced",
    "weights",
    "within_unit_ball",
]
