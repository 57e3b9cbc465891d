"""What an experiment is, as text: its own, and what it uses of the module in which it stands."""

import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None))


def source_of(experiment: Callable[..., Any]) -> str:
    """The text of a function, of the functions and classes of its module that it names, and the constants it reads there.

    What it takes from elsewhere is not looked at: other modules have versions of their own.

    Args:
        experiment: a function of an importable module.

    >>> source_of(source_of).startswith("def source_of") and "_PLAIN = " in source_of(source_of)
    True
    """
    found: dict[str, str] = {}
    _collect(inspect.unwrap(experiment), found)
    return "\n".join([inspect.getsource(experiment), *(f"{name} = {found[name]}" for name in sorted(found))])


def _collect(function: Any, found: dict[str, str]) -> None:
    """Add what a function names, each by its own name."""
    if not isinstance(function, FunctionType):
        return
    for name in sorted(set(_names(function.__code__))):
        value = function.__globals__.get(name, _collect)
        if name in found or value is _collect:
            continue
        # A tuple may hold what is written with its address, which is another one in each process.
        if isinstance(value, _PLAIN) and " at 0x" not in repr(value):
            found[name] = repr(value)
        elif isinstance(value, np.ndarray):
            found[name] = repr((value.dtype.str, value.shape, value.tobytes()))
        elif isinstance(value, FunctionType | type) and value.__module__ == function.__module__:
            found[name] = inspect.getsource(value)
            _collect(inspect.unwrap(value), found)


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function and those within it look up outside of themselves."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
