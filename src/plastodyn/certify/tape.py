"""A JAX function written out as a list of elementary operations on numbers, which any arithmetic can carry out."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import Literal

from plastodyn.types import Json

_UNARY = {"neg", "exp", "log", "tanh", "sin", "cos", "sqrt", "logistic"}
_BINARY = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "add_any": "add"}
_NESTED = {"pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint"}
# What only moves entries about is carried out by JAX itself, on the entries' numbers in the list.
_MOVES = {
    *("reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "rev", "copy", "stop_gradient"),
    *("slice", "dynamic_slice", "gather", "scatter", "select_n", "concatenate", "stack", "split"),
}

Operation = tuple[str, tuple[Any, ...]]
"""A name, and the places of entries before it; or a power, or a constant in hexadecimal digits."""
Number = TypeVar("Number")
"""What an arithmetic computes with: balls, dual numbers of balls, floats."""


class Tape:
    """A function from numbers to numbers: operations in order, each on entries before it.

    An operation is ``(name, arguments)``: ``input`` with its place, ``constant`` with a float in hexadecimal digits,
    ``power`` with an entry and a whole number, or the name of a unary or binary operation with its entries.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.outputs: list[int] = []
        self._known: dict[Operation, int] = {}

    def to_lists(self) -> Json:
        """The tape as lists, for JSON."""
        return {"operations": [[name, *arguments] for name, arguments in self.operations], "outputs": list(self.outputs)}

    @classmethod
    def from_lists(cls, lists: Json) -> "Tape":
        """The tape from lists.

        Raises:
            ValueError: if an operation is unknown or refers to an entry that is not before it.
        """
        tape = cls()
        for name, *arguments in lists["operations"]:
            if name in _UNARY | {"power"} | set(_BINARY.values()):
                operands = arguments[:1] if name == "power" else arguments
                if not all(isinstance(i, int) and 0 <= i < len(tape.operations) for i in operands):
                    raise ValueError(f"operations must refer to entries before them; got {[name, *arguments]}")
            elif name not in ("input", "constant"):
                raise ValueError(f"operations must be known; got {name!r}")
            tape.operations.append((name, tuple(arguments)))
        tape.outputs = [int(i) for i in lists["outputs"]]
        return tape

    def entry(self, name: str, *arguments: Any) -> int:
        """The entry that holds an operation; products with 0 and 1 and sums with 0, which are exact, are left out."""
        neutral = {"mul": self._one(), "add": self._zero()}.get(name)
        if name == "mul" and self._zero() in arguments:
            return self._zero()
        if neutral in arguments:
            return int(arguments[1] if arguments[0] == neutral else arguments[0])
        if name == "sub" and arguments[1] == self._zero():
            return int(arguments[0])
        return self._append((name, arguments))

    def constant(self, value: float) -> int:
        """The entry of a constant."""
        if not np.isfinite(value):
            raise ValueError(f"field must have finite constants; got {value}")
        # Of 0 there is one: -0.0 is the same number.
        return self._append(("constant", ((float(value) + 0.0).hex(),)))

    def _append(self, operation: Operation) -> int:
        if operation not in self._known:
            self._known[operation] = len(self.operations)
            self.operations.append(operation)
        return self._known[operation]

    def _zero(self) -> int:
        return self._append(("constant", ((0.0).hex(),)))

    def _one(self) -> int:
        return self._append(("constant", ((1.0).hex(),)))

    def run(self, inputs: Sequence[Number], arithmetic: dict[str, Callable[..., Number]]) -> list[Number]:
        """The outputs at some inputs, in an arithmetic that knows every operation and how to read a constant."""
        values: list[Number] = []
        for name, arguments in self.operations:
            if name == "input":
                values.append(inputs[arguments[0]])
            elif name == "constant":
                values.append(arithmetic["constant"](float.fromhex(arguments[0])))
            elif name == "power":
                values.append(arithmetic["power"](values[arguments[0]], arguments[1]))
            else:
                values.append(arithmetic[name](*(values[i] for i in arguments)))
        return [values[i] for i in self.outputs]


def transcribe(function: Callable[[Array], Array], dimension: int) -> Tape:
    """Write out a function of a vector as JAX traces it, in double precision.

    Args:
        function: from a vector of length ``dimension`` to any array; its outputs are raveled.
        dimension: length of its argument.

    Returns:
        A `Tape`.

    Raises:
        ValueError: if the function uses an operation that the list has no word for, such as a loop or a random number.

    Source: this project.

    >>> tape = transcribe(lambda z: jnp.stack([z[1], -jnp.sin(z[0])]), 2)
    >>> [name for name, _ in tape.operations if name not in ("input", "constant")]
    ['sin', 'neg']
    """
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(lambda z: jnp.ravel(jnp.asarray(function(z), "float64")))(jnp.zeros(dimension, "float64"))
        tape = Tape()
        writer = _Writer(tape)
        start = np.array([tape.entry("input", i) for i in range(dimension)])
        (found,) = writer.evaluate(closed.jaxpr, closed.consts, [_Entries(start)])
        tape.outputs = [int(i) for i in np.ravel(writer.entries(found))]
    return tape


class _Entries:
    """An array whose numbers are entries of a tape; any other array that the writer meets is concrete."""

    def __init__(self, index: np.ndarray) -> None:
        self.index = np.asarray(index)


class _Writer:
    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def entries(self, value: Any) -> np.ndarray:
        """The entries of an array; those of its constants where it is concrete."""
        if isinstance(value, _Entries):
            return value.index
        return _elementwise(self.tape.constant, np.asarray(value, float))

    def evaluate(self, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """Write out one traced function, equation by equation."""
        known: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))
        for equation in jaxpr.eqns:
            operands = [v.val if isinstance(v, Literal) else known[v] for v in equation.invars]
            known.update(zip(equation.outvars, self._apply(equation, operands), strict=True))
        return [v.val if isinstance(v, Literal) else known[v] for v in jaxpr.outvars]

    def _apply(self, equation: Any, operands: list[Any]) -> list[Any]:
        name, parameters = equation.primitive.name, equation.params
        if name in _NESTED:
            inner = parameters.get("jaxpr") or parameters.get("call_jaxpr") or parameters.get("fun_jaxpr")
            return self.evaluate(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), operands)
        if not any(isinstance(operand, _Entries) for operand in operands):
            found = equation.primitive.bind(*operands, **parameters)
            return list(found) if equation.primitive.multiple_results else [found]
        if name in _MOVES:
            return self._move(equation, operands)
        return [_Entries(self._arithmetic(name, parameters, operands))]

    def _move(self, equation: Any, operands: list[Any]) -> list[Any]:
        """Let JAX move the entries' numbers; places, which are concrete integers, stay as they are."""
        moved = []
        for operand in operands:
            concrete = not isinstance(operand, _Entries)
            place = concrete and np.asarray(operand).dtype.kind in "iub"
            moved.append(operand if place else jnp.asarray(self.entries(operand)))
        parameters = dict(equation.params)
        if "fill_value" in parameters:
            parameters["fill_value"] = None
        found = equation.primitive.bind(*moved, **parameters)
        return [_Entries(np.asarray(x)) for x in (found if equation.primitive.multiple_results else [found])]

    def _arithmetic(self, name: str, parameters: dict[str, Any], operands: list[Any]) -> np.ndarray:
        entry = self.tape.entry
        if name in ("convert_element_type", "reduce_precision"):
            if np.dtype(parameters.get("new_dtype", "float64")) != np.dtype("float64"):
                raise ValueError("field must compute in double precision; got a conversion to " + str(parameters["new_dtype"]))
            return self.entries(operands[0])
        arrays = [self.entries(operand) for operand in operands]
        makers: dict[str, Callable[..., int]] = {
            **{known: partial(entry, word) for known, word in _BINARY.items()},
            **{known: partial(entry, known) for known in _UNARY},
            "integer_pow": lambda a: entry("power", a, int(parameters["y"])),
            "square": lambda a: entry("power", a, 2),
            "rsqrt": lambda a: entry("div", self.tape.constant(1.0), entry("sqrt", a)),
        }
        if name in makers:
            return _elementwise(makers[name], *np.broadcast_arrays(*arrays))
        if name == "reduce_sum":
            return self._summed(arrays[0], parameters["axes"])
        if name == "dot_general":
            return self._product(arrays[0], arrays[1], parameters["dimension_numbers"])
        raise ValueError(f"field must be made of elementary operations; got {name!r}, which has no ball arithmetic here")

    def _summed(self, array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        kept = [axis for axis in range(array.ndim) if axis not in axes]
        rows = np.transpose(array, [*kept, *axes]).reshape(*(array.shape[axis] for axis in kept), -1)
        return np.apply_along_axis(self._sum, -1, rows)

    def _sum(self, entries: Iterable[int]) -> int:
        total = self.tape.constant(0.0)
        for each in entries:
            total = self.tape.entry("add", total, int(each))
        return total

    def _product(self, a: np.ndarray, b: np.ndarray, numbers: Any) -> np.ndarray:
        (over_a, over_b), (batch_a, batch_b) = numbers
        free_a = [axis for axis in range(a.ndim) if axis not in (*over_a, *batch_a)]
        free_b = [axis for axis in range(b.ndim) if axis not in (*over_b, *batch_b)]
        a, b = np.transpose(a, [*batch_a, *free_a, *over_a]), np.transpose(b, [*batch_b, *free_b, *over_b])
        batch, count = a.shape[: len(batch_a)], len(over_a)
        left, right = a.shape[len(batch) : a.ndim - count], b.shape[len(batch) : b.ndim - count]
        size = int(np.prod(a.shape[a.ndim - count :]))
        rows, columns = a.reshape(-1, int(np.prod(left)), size), b.reshape(-1, int(np.prod(right)), size)
        found = np.empty((len(rows), rows.shape[1], columns.shape[1]), int)
        for k, i, j in np.ndindex(*found.shape):
            pairs = zip(rows[k, i], columns[k, j], strict=True)
            found[k, i, j] = self._sum([self.tape.entry("mul", int(x), int(y)) for x, y in pairs])
        return found.reshape(*batch, *left, *right)


def _elementwise(function: Callable[..., int], *arrays: np.ndarray) -> np.ndarray:
    found = np.empty(arrays[0].shape, int)
    for place in np.ndindex(*found.shape):
        found[place] = function(*(int(a[place]) if a.dtype.kind in "iu" else float(a[place]) for a in arrays))
    return found
