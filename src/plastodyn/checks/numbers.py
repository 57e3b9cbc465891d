"""Checks of numbers, whole or not, alone or in arrays and axes."""

import jax.numpy as jnp
import numpy as np

from plastodyn.checks.saying import refuse

LARGEST_COUNT = 2**31 - 1
"""No count is larger: steps, units and samples are counted in 32 bits."""
LARGEST_SEED = 2**32 - 1
"""Of a larger seed JAX drops the first digits without a word, so that two seeds would give the same numbers."""
_LARGEST = int(np.finfo(float).max)


def number(
    name: str,
    value: object,
    *,
    above: float = -np.inf,
    at_least: float = -np.inf,
    at_most: float = np.inf,
    infinite: bool = False,
) -> None:
    """Refuse anything that is not a real number (or an array or axis of them) within the given bounds.

    >>> number("learning_rate", -1.0, at_least=0.0)
    Traceback (most recent call last):
    ...
    ValueError: learning_rate must be a number >= 0; got -1.0
    """
    allowed, values = _bounds(above, at_least, at_most), _real(value)
    if values is None:
        refuse(name, value, allowed)
    if values.size == 0:
        refuse(name, value, "non-empty")
    if np.isnan(values).any() or (not infinite and np.isinf(values).any()):
        refuse(name, value, allowed if infinite else f"finite: {allowed}")
    if (values <= above).any() or (values < at_least).any() or (values > at_most).any():
        refuse(name, value, allowed)


def one_number(
    name: str,
    value: object,
    *,
    above: float = -np.inf,
    at_least: float = -np.inf,
    at_most: float = np.inf,
    infinite: bool = False,
) -> None:
    """Refuse anything that is not one real number within the given bounds; an axis is not one number either.

    >>> one_number("dt", [0.1, 0.2], above=0)
    Traceback (most recent call last):
    ...
    ValueError: dt must be one number > 0; got [0.1, 0.2]
    """
    values = _real(value)
    if values is None or values.ndim > 0:
        refuse(name, value, _bounds(above, at_least, at_most).replace("a number", "one number", 1))
    number(name, value, above=above, at_least=at_least, at_most=at_most, infinite=infinite)


def parameter(
    name: str,
    value: object,
    *,
    above: float = -np.inf,
    at_least: float = -np.inf,
    at_most: float = np.inf,
    infinite: bool = False,
) -> None:
    """Refuse anything that is not one real number within the given bounds, or an axis of them: what a rule takes.

    An array would be taken for one number for each weight, without a word.

    >>> parameter("rate", [0.1, 0.2], at_least=0.0)
    Traceback (most recent call last):
    ...
    ValueError: rate must be one number, or an axis of them, such as pd.axis("rate", [0.1, 0.2]); got [0.1, 0.2]
    """
    values = _real(value)
    if values is not None and values.ndim > 0 and values.size > 0:
        labelled = hasattr(value, "dims") and all(dim in value.coords for dim in value.dims)  # pyright: ignore[reportAttributeAccessIssue]
        if not labelled:
            refuse(name, value, f'one number, or an axis of them, such as pd.axis("{name}", [0.1, 0.2])')
    number(name, value, above=above, at_least=at_least, at_most=at_most, infinite=infinite)


def real(name: str, value: object) -> None:
    """Refuse anything that is not an array of real numbers; NaN and infinity among them are none of its business.

    >>> real("series", ["a", "b"])
    Traceback (most recent call last):
    ...
    ValueError: series must be an array of real numbers; got ['a', 'b']
    """
    if _real(value) is None:
        refuse(name, value, "an array of real numbers")


def broadcast(**values: object) -> None:
    """Refuse arrays of numbers whose shapes do not broadcast against one another.

    >>> broadcast(alpha=[1.0, 2.0], mu=[0.1, 0.2, 0.3])
    Traceback (most recent call last):
    ...
    ValueError: alpha and mu must broadcast against one another; got shapes (2,) and (3,)
    """
    shapes = [np.asarray(value).shape for value in values.values()]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        names, found = " and ".join(values), " and ".join(map(str, shapes))
        raise ValueError(f"{names} must broadcast against one another; got shapes {found}") from None


def count(name: str, value: object, *, at_least: int = 0, at_most: int = LARGEST_COUNT) -> None:
    """Refuse anything that is not a whole number from ``at_least`` to ``at_most``.

    >>> count("steps", 2.5)
    Traceback (most recent call last):
    ...
    ValueError: steps must be a whole number >= 0; got 2.5
    >>> count("steps", 2**70)
    Traceback (most recent call last):
    ...
    ValueError: steps must be a whole number >= 0 and <= 2147483647; got 1180591620717411303424
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        refuse(name, value, f"a whole number >= {at_least}")
    if value > at_most:
        refuse(name, value, f"a whole number >= {at_least} and <= {at_most}")


def seed(name: str, value: object) -> None:
    """Refuse anything that is not a whole number of 32 bits.

    >>> seed("seed", 2**40)
    Traceback (most recent call last):
    ...
    ValueError: seed must be a whole number >= 0 and <= 4294967295; got 1099511627776
    """
    count(name, value, at_most=LARGEST_SEED)


def _real(value: object) -> np.ndarray | None:
    """The value as real numbers; None if it is anything else, such as text, truth values or objects, none or all of them."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        # NumPy makes objects of whole numbers of more than 64 bits.
        return np.asarray(float(value)) if abs(value) < _LARGEST else None
    try:
        found = np.asarray(value)
        real = found.dtype.kind in "iuf" or bool(jnp.issubdtype(found.dtype, jnp.floating))
        return found.astype(float) if real or (found.size == 0 and found.dtype.kind != "O") else None
    except Exception:  # Objects of other libraries fail in any way when they are read as arrays.
        return None


def _bounds(above: float, at_least: float, at_most: float) -> str:
    bounds = [f"{sign} {bound:g}" for sign, bound in ((">", above), (">=", at_least), ("<=", at_most)) if np.isfinite(bound)]
    return " ".join(["a number", " and ".join(bounds)]).strip()


def within_unit_ball(name: str, points: np.ndarray) -> None:
    """Refuse points that do not lie in the open unit ball, by their own precision.

    >>> within_unit_ball("points", np.array([[0.6, 0.8]]))
    Traceback (most recent call last):
    ...
    ValueError: points must lie within the unit ball, at norms below 1; got one at 1
    """
    largest = float(np.sqrt((points**2).sum(-1).max()))
    if largest >= 1:
        raise ValueError(f"{name} must lie within the unit ball, at norms below 1; got one at {largest:.7g}")
