"""Checks of pytrees of arrays: types, sizes, finite numbers, and agreement with another."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plastodyn.checks.saying import refuse, shown


def floating(name: str, value: object) -> None:
    """Refuse a pytree that is empty, or that holds anything but non-empty arrays of single or double precision.

    >>> floating("weights", {"a": jnp.array([1, 2])})
    Traceback (most recent call last):
    ...
    ValueError: weights['a'] must be a floating-point array; got int32[2]
    """
    leaves = _leaves(name, value)
    if not leaves:
        refuse(name, value, "a pytree with at least one array")
    for path, leaf in leaves:
        place = name + jax.tree_util.keystr(path)
        if not isinstance(leaf, jax.Array | np.ndarray):
            refuse(place, leaf, "a floating-point array")
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(f"{place} must be a floating-point array; got {leaf.dtype}{list(leaf.shape)}")
        if jnp.dtype(leaf.dtype).itemsize < 4:
            raise ValueError(f"{place} must be of single or double precision; got {leaf.dtype}")
        if leaf.size == 0:
            raise ValueError(f"{place} must not be empty; got an array of shape {leaf.shape}")


def weights(name: str, value: object) -> None:
    """Refuse what `floating` does, and anything that is not finite.

    >>> weights("weights", jnp.array([1.0, jnp.nan]))
    Traceback (most recent call last):
    ...
    ValueError: weights must be finite; got NaN or infinity among its 2 entries
    """
    floating(name, value)
    for path, leaf in _leaves(name, value):
        if not isinstance(leaf, Tracer) and not bool(jnp.isfinite(leaf).all()):
            place = name + jax.tree_util.keystr(path)
            raise ValueError(f"{place} must be finite; got NaN or infinity among its {leaf.size} entries")


def arrays(name: str, value: object) -> None:
    """Refuse a pytree that is empty, or holds anything but arrays of finite real numbers, whole ones and truth values too.

    >>> arrays("data", {"labels": ["cat", "dog"]})
    Traceback (most recent call last):
    ...
    ValueError: data['labels'][0] must be an array of numbers; got 'cat'
    """
    leaves = _leaves(name, value)
    if not leaves:
        refuse(name, value, "a pytree with at least one array")
    for path, leaf in leaves:
        place = name + jax.tree_util.keystr(path)
        kinds = (np.bool_, np.integer, np.floating)
        numeric = isinstance(leaf, jax.Array | np.ndarray) and any(jnp.issubdtype(leaf.dtype, kind) for kind in kinds)
        if not numeric:
            refuse(place, leaf, "an array of numbers")
        if not isinstance(leaf, Tracer) and not bool(np.isfinite(np.asarray(leaf, float)).all()):
            raise ValueError(f"{place} must be finite; got NaN or infinity among its {leaf.size} entries")


def entries(name: str, value: object, allowed: tuple[int, ...]) -> None:
    """Refuse a pytree that is empty, or whose arrays hold anything but a few numbers.

    >>> entries("signs", {"a": jnp.array([1.0, 0.5])}, (1, -1))
    Traceback (most recent call last):
    ...
    ValueError: signs['a'] must hold only 1 and -1; got [1. 0.5]
    """
    leaves = _leaves(name, value)
    only = " and ".join(map(str, allowed))
    if not leaves:
        refuse(name, value, f"a pytree of arrays that hold only {only}")
    for path, leaf in leaves:
        numeric = isinstance(leaf, jax.Array | np.ndarray | np.generic | float | int) and not isinstance(leaf, bool)
        values = np.asarray(leaf) if numeric and not _is_key(leaf) else np.zeros(0)
        # Truth values stand for 0 and 1 where both are allowed.
        plain = values.size > 0 and (values.dtype.kind != "b" or 0 in allowed)
        if not plain or not np.isin(values, allowed).all():
            raise ValueError(f"{name}{jax.tree_util.keystr(path)} must hold only {only}; got {shown(leaf)}")


def matrix(name: str, value: object) -> None:
    """Refuse anything that is not a floating-point array of two dimensions, one of JAX's tracers included.

    >>> matrix("error", jnp.ones(3))
    Traceback (most recent call last):
    ...
    ValueError: error must be a floating-point array of two dimensions; got [1. 1. 1.]
    """
    array = isinstance(value, jax.Array | np.ndarray)
    if not array or value.ndim != 2 or not value.size or not jnp.issubdtype(value.dtype, jnp.floating):
        refuse(name, value, "a floating-point array of two dimensions")


def pytree(name: str, value: object) -> None:
    """Refuse what JAX cannot take apart, such as a dict whose keys have no order.

    >>> pytree("signs", {"a": 1.0, 2: 1.0})
    Traceback (most recent call last):
    ...
    ValueError: signs must be a pytree of arrays; got {'a': 1.0, 2: 1.0}
    """
    _leaves(name, value)


def _is_key(leaf: object) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def are_alike(value: object, like: object) -> bool:
    """Whether two pytrees agree in structure and in the shapes of their arrays.

    >>> are_alike((jnp.ones(2),), (jnp.zeros(2),)), are_alike(jnp.ones(2), jnp.ones(3))
    (True, False)
    """
    try:
        return jax.tree.structure(value) == jax.tree.structure(like) and _shapes(value) == _shapes(like)
    except Exception:  # What is no pytree of arrays may fail in any way.
        return False


def alike(name: str, value: object, like: object, verb: str = "have", of: str = "weights") -> None:
    """Refuse a pytree that does not have (or ``verb``) the structure and shapes of another, which is called ``of``.

    >>> alike("direction", jnp.ones(2), jnp.ones(3))
    Traceback (most recent call last):
    ...
    ValueError: direction must have the structure and shapes of weights; got shapes [(2,)] for [(3,)]
    >>> alike("signs", (jnp.ones(2),), [jnp.ones(2)])
    Traceback (most recent call last):
    ...
    ValueError: signs must have the structure and shapes of weights; got PyTreeDef((*,)) for PyTreeDef([*])
    """
    found, expected = jax.tree.structure(value), jax.tree.structure(like)
    if found != expected:
        raise ValueError(f"{name} must {verb} the structure and shapes of {of}; got {found} for {expected}")
    if _shapes(value) != _shapes(like):
        raise ValueError(
            f"{name} must {verb} the structure and shapes of {of}; got shapes {_shapes(value)} for {_shapes(like)}"
        )


def _leaves(name: str, value: object) -> list[tuple[Any, Any]]:
    """The leaves of a pytree with their places; one whose keys cannot be told apart is none."""
    try:
        return jax.tree_util.tree_leaves_with_path(value)
    except Exception:
        refuse(name, value, "a pytree of arrays")


def _shapes(value: object) -> list[tuple[int, ...]]:
    return [jnp.shape(leaf) for leaf in jax.tree.leaves(value)]
