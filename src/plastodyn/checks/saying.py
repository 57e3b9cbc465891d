"""How a complaint says what it got: in one short line, whatever it was."""

from typing import NoReturn

import jax
import numpy as np

_LONGEST_SHOWN = 120


def shown(value: object) -> str:
    """A value in one short line, whatever it is: for the end of a complaint.

    >>> shown([1.0, 2.0]), shown(np.zeros((2, 2)))
    ('[1.0, 2.0]', '[[0. 0.] [0. 0.]]')
    """
    try:
        array = isinstance(value, np.ndarray | jax.Array) or hasattr(value, "dims")
        plain = array and np.asarray(value).dtype.kind in "biufc"
        text = np.array2string(np.asarray(value), threshold=6, precision=4) if plain else repr(value)
    except Exception:  # What is no value at all may fail in any way when it is to be shown.
        text = f"one of type {type(value).__name__}"
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 20]} ... {line[-10:]}"


def refuse(name: str, value: object, allowed: str) -> NoReturn:
    """Complain about an argument.

    >>> refuse("steps", 2.5, "a whole number")
    Traceback (most recent call last):
    ...
    ValueError: steps must be a whole number; got 2.5
    """
    raise ValueError(f"{name} must be {allowed}; got {shown(value)}")
