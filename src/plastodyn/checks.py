"""Checks at the door: every public function validates here once, and the kernels trust what they get.

What is checked may be anything at all, so that values here are of type ``object``.
"""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def _refuse(name: str, value: object, allowed: str) -> None:
    shown = repr(value)
    if hasattr(value, "values") or hasattr(value, "shape"):
        shown = np.array2string(np.asarray(value), threshold=6, precision=4)
    raise ValueError(f"{name} must be {allowed}; got {shown}")


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
    bounds = [f"{sign} {bound:g}" for sign, bound in ((">", above), (">=", at_least), ("<=", at_most)) if np.isfinite(bound)]
    allowed = " ".join(["a number", " and ".join(bounds)]).strip()
    if isinstance(value, str | bytes | bool):
        _refuse(name, value, allowed)
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
    if np.ndim(value) > 0 and np.size(value) > 0 and not hasattr(value, "dims"):  # pyright: ignore[reportArgumentType]
        _refuse(name, value, f'one number, or an axis of them, such as pd.axis("{name}", [0.1, 0.2])')
    number(name, value, above=above, at_least=at_least, at_most=at_most, infinite=infinite)


def loss(name: str, value: object) -> None:
    """Refuse anything that is not a function of the weights; a circuit's ``loss`` is one of the moment.

    >>> loss("loss", 3)
    Traceback (most recent call last):
    ...
    ValueError: loss must be a function of the weights; got 3
    """
    if not callable(value):
        _refuse(name, value, "a function of the weights")
    if hasattr(getattr(value, "__self__", None), "loss_at") and getattr(value, "__name__", None) == "loss":
        raise ValueError(f"{name} must be a function of the weights, such as circuit.loss_at; circuit.loss takes a moment")


def count(name: str, value: object, *, at_least: int = 0) -> None:
    """Refuse anything that is not a whole number of at least ``at_least``.

    >>> count("steps", 2.5)
    Traceback (most recent call last):
    ...
    ValueError: steps must be a whole number >= 0; got 2.5
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        _refuse(name, value, f"a whole number >= {at_least}")


def one_of(name: str, value: object, allowed: Iterable[object]) -> None:
    """Refuse a value that is not among those allowed.

    >>> one_of("keep", "shape", ["norm", "sign"])
    Traceback (most recent call last):
    ...
    ValueError: keep must be one of norm, sign; got 'shape'
    """
    choices = list(allowed)
    if value not in choices:
        _refuse(name, value, "one of " + ", ".join(map(str, choices)))


def key(name: str, value: object) -> None:
    """Refuse anything that is not one JAX random key.

    >>> key("key", 3)
    Traceback (most recent call last):
    ...
    ValueError: key must be one JAX random key, such as jax.random.key(0); got 3
    """
    one = isinstance(value, jax.Array) and value.shape == () and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    if not one:
        raise ValueError(f"{name} must be one JAX random key, such as jax.random.key(0); got {value!r}")


def floating(name: str, value: object) -> None:
    """Refuse a pytree that is empty, or that holds anything but non-empty arrays of single or double precision.

    >>> floating("weights", {"a": jnp.array([1, 2])})
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
    for path, leaf in jax.tree_util.tree_leaves_with_path(value):
        if not isinstance(leaf, Tracer) and not bool(jnp.isfinite(leaf).all()):
            place = name + jax.tree_util.keystr(path)
            raise ValueError(f"{place} must be finite; got NaN or infinity among its {leaf.size} entries")


def function(name: str, value: object) -> None:
    """Refuse anything that cannot be called.

    >>> function("field", 3)
    Traceback (most recent call last):
    ...
    ValueError: field must be a function; got 3
    """
    if not callable(value):
        raise ValueError(f"{name} must be a function; got {value!r}")


def are_alike(value: object, like: object) -> bool:
    """Whether two pytrees agree in structure and in the shapes of their arrays.

    >>> are_alike((jnp.ones(2),), (jnp.zeros(2),)), are_alike(jnp.ones(2), jnp.ones(3))
    (True, False)
    """
    return jax.tree.structure(value) == jax.tree.structure(like) and _shapes(value) == _shapes(like)


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


def _shapes(value: object) -> list[tuple[int, ...]]:
    return [jnp.shape(leaf) for leaf in jax.tree.leaves(value)]
