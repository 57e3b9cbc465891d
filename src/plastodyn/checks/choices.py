"""Checks of what is one of a few, or of a kind: words, truth values, keys, objects of a class."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np

from plastodyn.checks.saying import refuse


def one_of(name: str, value: object, allowed: Iterable[object]) -> None:
    """Refuse a value that is not among those allowed.

    >>> one_of("keep", "shape", ["norm", "sign"])
    Traceback (most recent call last):
    ...
    ValueError: keep must be one of norm, sign; got 'shape'
    """
    choices = list(allowed)
    # One by one: `in` would compare the entries of an array. True is not to pass for 1.
    if not any(_is(value, choice) for choice in choices):
        refuse(name, value, "one of " + ", ".join(map(str, choices)))


def flag(name: str, value: object) -> None:
    """Refuse anything that is neither True nor False: the text "no" would count as true.

    >>> flag("largest", "no")
    Traceback (most recent call last):
    ...
    ValueError: largest must be True or False; got 'no'
    """
    if not isinstance(value, bool | np.bool_):
        refuse(name, value, "True or False")


def key(name: str, value: object) -> None:
    """Refuse anything that is not one JAX random key.

    >>> key("key", 3)
    Traceback (most recent call last):
    ...
    ValueError: key must be one JAX random key, such as jax.random.key(0); got 3
    """
    one = isinstance(value, jax.Array) and value.shape == () and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    if not one:
        refuse(name, value, "one JAX random key, such as jax.random.key(0)")


def precision(name: str, value: object) -> None:
    """Refuse anything that is not the type, or its name, of floating-point numbers of single or double precision.

    >>> precision("dtype", "int32")
    Traceback (most recent call last):
    ...
    ValueError: dtype must be float32 or float64; got 'int32'
    """
    try:
        found = np.dtype(value) if isinstance(value, str | type | np.dtype) else None
    except Exception:  # What is no type may fail in any way.
        found = None
    if found is None or found.name not in ("float32", "float64"):
        refuse(name, value, "float32 or float64")


def instance(name: str, value: object, kind: type | tuple[type, ...], what: str) -> None:
    """Refuse anything that is not of a class; ``what`` says what is asked for.

    >>> instance("rule", 3, dict, "a plastodyn rule")
    Traceback (most recent call last):
    ...
    ValueError: rule must be a plastodyn rule; got 3
    """
    if not isinstance(value, kind):
        refuse(name, value, what)


def _is(value: object, choice: object) -> bool:
    return isinstance(value, type(choice)) and isinstance(value, bool) == isinstance(choice, bool) and value == choice
