"""Checks of functions: that they can be called as they will be, and return what is needed."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from plastodyn.checks.saying import refuse, shown


def function(name: str, value: object, *, takes: int | None = None, of: str = "") -> None:
    """Refuse anything that cannot be called, or not with as many arguments as it ``takes``; ``of`` says which.

    >>> function("field", 3)
    Traceback (most recent call last):
    ...
    ValueError: field must be a function; got 3
    >>> function("field", lambda w, z: w, takes=1, of=" of the weights")
    Traceback (most recent call last):
    ...
    ValueError: field must be a function of the weights; got one that takes (w, z)
    """
    if not callable(value):
        refuse(name, value, f"a function{of}")
    if takes is not None and not _takes(value, takes):
        raise ValueError(f"{name} must be a function{of}; got one that takes {inspect.signature(value)}")


def loss(name: str, value: object) -> None:
    """Refuse anything that is not a function of the weights; a circuit's ``loss`` is one of the moment.

    >>> loss("loss", 3)
    Traceback (most recent call last):
    ...
    ValueError: loss must be a function of the weights; got 3
    """
    if not callable(value) or not _takes(value, 1):
        refuse(name, value, "a function of the weights")
    if hasattr(getattr(value, "__self__", None), "loss_at") and getattr(value, "__name__", None) == "loss":
        raise ValueError(f"{name} must be a function of the weights, such as circuit.loss_at; circuit.loss takes a moment")


def scalar_loss(name: str, value: Callable[..., Any], *arguments: object, on: str = "") -> None:
    """Refuse a function that fails when JAX traces it, or does not return one real, floating-point number.

    >>> scalar_loss("loss", lambda w: w, jnp.ones(2))
    Traceback (most recent call last):
    ...
    ValueError: loss must return a scalar; got an output of shape (2,)
    """
    found = traced(name, value, *arguments, on=on)
    shape = getattr(found, "shape", None)
    if shape != ():
        got = f"an output of shape {shape}" if shape is not None else shown(found)
        raise ValueError(f"{name} must return a scalar; got {got}")
    if not jnp.issubdtype(found.dtype, jnp.floating):
        raise ValueError(f"{name} must return a floating-point number; got one of type {found.dtype}")


def traced(name: str, value: Callable[..., Any], *arguments: object, on: str = "") -> Any:
    """The shapes and types that a function returns; whatever goes wrong in it is said in one line, ``on`` what it was tried.

    >>> traced("field", lambda w: w.reshape(3), jnp.ones(2))
    Traceback (most recent call last):
    ...
    ValueError: field failed when JAX traced it: TypeError: cannot reshape array of shape (2,) (size 2) into shape 3 (size 3)
    """
    try:
        return jax.eval_shape(value, *arguments)
    except (Exception, SystemExit) as error:
        first = (str(error).strip() or "no message").splitlines()[0]
        raise ValueError(f"{name} failed{on or ' when JAX traced it'}: {type(error).__name__}: {first}") from error


def _takes(value: Callable[..., Any], arguments: int) -> bool:
    """Whether a function can be called with so many arguments, as far as it tells."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True
