"""What is truly valid for an argument: one rule for each kind, apart from the checks that are put to the test."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from plastodyn.protocol import AbstractCircuit, Rule

Kind = Callable[[object], bool]


def _array(value):
    """Real numbers as an array of floats, or None."""
    if isinstance(value, bool | str | bytes | dict | set):
        return None
    if isinstance(value, int):
        return np.asarray(float(value)) if abs(value) < 2**1000 else None
    try:
        found = np.asarray(value)
    except Exception:
        return None
    if found.dtype.kind in "iuf" or found.dtype == jnp.bfloat16:
        return found.astype(float)
    return None


def _within(values, above, at_least, at_most, infinite):
    if values is None or values.size == 0 or np.isnan(values).any():
        return False
    if not infinite and np.isinf(values).any():
        return False
    return bool(((values > above) & (values >= at_least) & (values <= at_most)).all())


def numbers(*, above=-math.inf, at_least=-math.inf, at_most=math.inf, infinite=False, shape=None) -> Kind:
    """Real numbers in an array of any shape, or of one that ``shape`` accepts."""

    def valid(value):
        found = _array(value)
        fits = shape is None or (found is not None and shape(found.shape))
        return fits and _within(found, above, at_least, at_most, infinite)

    return valid


def one_number(**bounds) -> Kind:
    """One real number; an array without dimensions is one too."""
    return numbers(**bounds, shape=lambda shape: shape == ())


def parameter(**bounds) -> Kind:
    """One real number, or an axis."""
    one, many = one_number(**bounds), numbers(**bounds)
    return lambda value: one(value) or (isinstance(value, xr.DataArray) and bool(value.coords) and many(value))


def count(at_least=0, at_most=2**31 - 1) -> Kind:
    """A whole number."""

    def valid(value):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return whole and at_least <= value <= at_most

    return valid


seed = count(0, 2**32 - 1)


def one_of(*allowed) -> Kind:
    """One of a few words."""
    return lambda value: type(value) in {type(each) for each in allowed} and value in allowed


def flag(value):
    """A truth value."""
    return isinstance(value, bool)


def key(value):
    """One random key."""
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key) and value.shape == ()


def rule(value):
    """A rule."""
    return isinstance(value, Rule)


def circuit(value):
    """A circuit."""
    return isinstance(value, AbstractCircuit)


def nothing(value):
    """None of the bad values, whatever they are."""
    return False


def like(*shapes) -> Kind:
    """One array of finite floats of a given shape, single or double precision."""
    return lambda value: (
        isinstance(value, np.ndarray | jax.Array)
        and value.dtype in ("float32", "float64")
        and value.shape in shapes
        and bool(np.isfinite(np.asarray(value)).all())
    )


def floats(value):
    """One array of finite floats of any shape."""
    return like(np.shape(value))(value) and np.size(value) > 0


def function(value):
    """Anything that can be called, classes included; whether it fails is only seen when it is called."""
    from bad_values import needs_three

    return callable(value) and value is not needs_three


def optional(kind: Kind) -> Kind:
    """None, or what the kind accepts."""
    return lambda value: value is None or kind(value)


def either(*kinds: Kind) -> Kind:
    """What one of several kinds accepts."""
    return lambda value: any(kind(value) for kind in kinds)
