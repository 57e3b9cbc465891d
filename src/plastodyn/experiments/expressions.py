"""Expressions: texts that begin with "=", arithmetic on the names of axes and constants, read by a whitelist and never run."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from plastodyn import checks

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "abs": np.abs,
}
"""What may be called, with one argument."""
CONSTANTS = {"pi": math.pi, "inf": math.inf}
"""Names that every expression knows; infinity has to be asked for by its name."""
_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_LONGEST, _DEEPEST = 1000, 100
_LARGEST_WHOLE = 2**53
_ALLOWED = "+ - * / ** ( ), numbers, names and " + ", ".join(FUNCTIONS)


def is_expression(value: object) -> bool:
    """Whether a value of a document is an expression.

    >>> is_expression("= 2 * rate"), is_expression("sigmoid")
    (True, False)
    """
    return isinstance(value, str) and value.lstrip().startswith("=")


def names_in(text: str) -> list[str]:
    """The names that an expression reads, each once, in order.

    Args:
        text: with its "=" in front.

    Raises:
        ValueError: if it is no expression, saying what is allowed.

    Source: this project.

    >>> names_in("= ratio * sqrt(size) + ratio")
    ['ratio', 'size']
    """
    found: dict[str, None] = {}
    waiting: list[ast.expr] = [_parsed(text)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Name):
            found[node.id] = None
        waiting[:0] = _parts(node)
    return [name for name in found if name not in CONSTANTS]


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of an expression.

    Numbers are computed as floats; the result is a whole number where all that goes in and the result itself are whole. A name
    alone may stand for a text.

    Args:
        text: with its "=" in front.
        names: to numbers, axes of them (`plastodyn.axis`) or texts.

    Returns:
        A number; where an axis goes in, an axis; or a text.

    Raises:
        ValueError: if it is no expression, a name is not known, or the result is not finite, unless it names ``inf``.

    Source: this project.

    >>> evaluate("= 2 * (width + 1)", {"width": 5}), evaluate("= width / 2", {"width": 5}), evaluate("= law", {"law": "tanh"})
    (12, 2.5, 'tanh')
    >>> evaluate("= 2**99999**99", {})
    Traceback (most recent call last):
    ...
    ValueError: must have a finite value; got '= 2**99999**99'
    """
    tree = _parsed(text)
    if isinstance(tree, ast.Name) and isinstance(names.get(tree.id), str):
        return names[tree.id]
    try:
        with np.errstate(all="ignore"):
            found = _value(tree, names)
    except (OverflowError, ZeroDivisionError):
        found = math.nan
    plain = not hasattr(found, "dims")
    if isinstance(found, complex) or np.isnan(found).any() or (np.isinf(found).any() and not _asks_for_infinity(tree)):
        raise ValueError(f"must have a finite value; got {checks.shown(text)}")
    if not plain:
        return found
    found = float(found)
    whole = found.is_integer() and abs(found) <= _LARGEST_WHOLE and all(map(_is_whole, _leaves(tree, names)))
    return int(found) if whole else found


def _parsed(text: str) -> ast.expr:
    body = text.lstrip()[1:].strip()
    if len(body) > _LONGEST:
        raise ValueError(f"must be an expression of at most {_LONGEST} signs; got {len(body)}")
    try:
        tree = ast.parse(body, mode="eval").body
        _check(tree, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        what = str(error) if isinstance(error, _NotAllowed) else f"an expression of {_ALLOWED}"
        raise ValueError(f"must be {what}; got {checks.shown(text)}") from None
    return tree


class _NotAllowed(ValueError):  # noqa: N818 - a complaint, not an error of the program
    """What stands in an expression and may not."""


def _check(node: ast.AST, depth: int) -> None:
    """Refuse everything that is not on the list."""
    if depth > _DEEPEST:
        raise _NotAllowed(f"an expression nested at most {_DEEPEST} deep")
    if isinstance(node, ast.Constant):
        if type(node.value) not in (int, float):
            raise _NotAllowed(f"an expression of {_ALLOWED}")
        return
    if isinstance(node, ast.Name):
        return
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or len(node.args) != 1 or node.keywords:
            raise _NotAllowed(f"an expression that calls only {', '.join(FUNCTIONS)}, of one number")
    elif not isinstance(node, ast.BinOp | ast.UnaryOp) or type(node.op) not in _OPERATORS:
        raise _NotAllowed(f"an expression of {_ALLOWED}")
    for part in _parts(node):
        _check(part, depth + 1)


def _parts(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    return list(node.args) if isinstance(node, ast.Call) else []


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int | float)
        return float(node.value)
    if isinstance(node, ast.Name):
        return _named(node.id, names)
    parts = [_value(part, names) for part in _parts(node)]
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return FUNCTIONS[node.func.id](*parts)
    assert isinstance(node, ast.BinOp | ast.UnaryOp)
    return _OPERATORS[type(node.op)](*parts)


def _named(name: str, names: Mapping[str, Any]) -> Any:
    if name not in names and name not in CONSTANTS:
        raise ValueError(f"must read names among {', '.join([*names, *CONSTANTS])}; got {name!r}")
    value = names.get(name, CONSTANTS.get(name))
    if isinstance(value, str):
        raise ValueError(f"must not compute with the text {value!r}; got it as {name}")
    return value if hasattr(value, "dims") else float(value)  # pyright: ignore[reportArgumentType]


def _leaves(node: ast.expr, names: Mapping[str, Any]) -> list[Any]:
    """The numbers that go into an expression; what is called makes none whole."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.Name):
        return [names.get(node.id, CONSTANTS.get(node.id))]
    own = [0.5] if isinstance(node, ast.Call) else []
    return own + [leaf for part in _parts(node) for leaf in _leaves(part, names)]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _asks_for_infinity(tree: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "inf" for node in ast.walk(tree))
