"""Checks at the door: every public function validates here once, and the kernels trust what they get."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def _refuse(name: str, value: Any, allowed: str) -> None:
    shown = repr(value)
    if hasattr(value, "values") or hasattr(value, "shape"):
        shown = np.array2string(np.asarray(value), threshold=6, precision=4)
    raise ValueError(f"{name} must be {allowed}; got {shown}")


def number(
    name: str,
    value: Any,
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
    bounds = [f"{sign} {bound:g}" for sign, bound in ((">", above), (">=", at_least), ("<=", at_most)) if np.isfinite(bound)]
    allowed = " ".join(["a number", " and ".join(bounds)]).strip()
    try:
        values = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        _refuse(name, value, allowed)
        return
    if values.size == 0:
        _refuse(name, value, "non-empty")
    if np.isnan(values).any() or (not infinite and np.isinf(values).any()):
        _refuse(name, value, allowed if infinite else f"finite: {allowed}")
    if (values <= above).any() or (values < at_least).any() or (values > at_most).any():
        _refuse(name, value, allowed)


def count(name: str, value: Any, *, at_least: int = 0) -> None:
    """Refuse anything that is not a whole number of at least ``at_least``.

    >>> count("steps", 2.5)
    Traceback (most recent call last):
    ...
    ValueError: steps must be a whole number >= 0; got 2.5
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        _refuse(name, value, f"a whole number >= {at_least}")


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> None:
    """Refuse a value that is not among those allowed.

    >>> one_of("keep", "shape", ["norm", "sign"])
    Traceback (most recent call last):
    ...
    ValueError: keep must be one of norm, sign; got 'shape'
    """
    choices = list(allowed)
    if value not in choices:
        _refuse(name, value, "one of " + ", ".join(map(str, choices)))


def key(name: str, value: Any) -> None:
    """Refuse anything that is not one JAX random key.

    >>> key("key", 3)
    Traceback (most recent call last):
    ...
    ValueError: key must be one JAX random key, such as jax.random.key(0); got 3
    """
    is_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    if not is_key or value.shape != ():
        raise ValueError(f"{name} must be one JAX random key, such as jax.random.key(0); got {value!r}")


def weights(name: str, value: Any) -> None:
    """Refuse a pytree that is empty, or that holds anything but finite floating-point arrays.

    >>> weights("weights", {"a": jnp.array([1, 2])})
    Traceback (most recent call last):
    ...
    ValueError: weights['a'] must be a floating-point array; got int32[2]
    """
    leaves = jax.tree_util.tree_leaves_with_path(value)
    if not leaves:
        _refuse(name, value, "a pytree with at least one array")
    for path, leaf in leaves:
        place = name + jax.tree_util.keystr(path)
        if not isinstance(leaf, jax.Array | np.ndarray):
            raise ValueError(f"{place} must be a floating-point array; got {leaf!r}")
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(f"{place} must be a floating-point array; got {leaf.dtype}{list(leaf.shape)}")
        if not isinstance(leaf, Tracer) and not bool(jnp.isfinite(leaf).all()):
            raise ValueError(f"{place} must be finite; got NaN or infinity among its {leaf.size} entries")
