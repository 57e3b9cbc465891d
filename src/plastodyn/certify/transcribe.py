"""A JAX function written out as a `Tape`: what JAX traces of it, operation by operation, and nothing else."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import Literal

from plastodyn.certify.tape import UNARY, Tape

_BINARY = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "add_any": "add"}
# A derivative that comes with a function (`custom_jvp`) is not read: slopes are those of the operations.
_ALLOWED: dict[str, dict[str, Any]] = {
    "dot_general": {"preferred_element_type": np.dtype("float64")},
    "convert_element_type": {"new_dtype": np.dtype("float64")},
}
"""What a parameter of an operation may ask for, beside None: anything else may change its numbers."""
_READ = {
    "integer_pow": {"y"},
    "reduce_sum": {"axes"},
    "dot_general": {"dimension_numbers"},
    "convert_element_type": {"weak_type"},
}
"""Parameters that say what an operation does, and are followed; the type alone is weak, not the numbers."""
_NESTED = {"pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint"}
# What only moves entries about is carried out by JAX itself, on the entries' numbers in the list.
_MOVES = {
    *("reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "rev", "copy", "stop_gradient"),
    *("slice", "dynamic_slice", "gather", "scatter", "select_n", "concatenate", "stack", "split"),
}


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
        try:
            closed = jax.make_jaxpr(lambda z: jnp.ravel(jnp.asarray(function(z), "float64")))(jnp.zeros(dimension, "float64"))
        except (Exception, SystemExit) as error:
            raise ValueError(f"field failed when JAX traced it on {dimension} numbers: {_first_line(error)}") from error
        tape = Tape()
        writer = _Writer(tape)
        start = np.array([tape.entry("input", i) for i in range(dimension)])
        (found,) = writer.evaluate(closed.jaxpr, closed.consts, [_Entries(start)])
        tape.outputs = [int(i) for i in np.ravel(writer.entries(found))]
    return tape


_NOWHERE = -1
"""Stands for what is no entry."""


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

    def _movable(self, value: Any) -> Array:
        """The entries of an array that is moved: constants that are no numbers may be left behind, see `_move`."""
        if isinstance(value, _Entries):
            return jnp.asarray(value.index)
        numbers = np.asarray(value, float)
        finite = np.isfinite(numbers)
        return jnp.asarray(np.where(finite, self.entries(np.where(finite, numbers, 0.0)), _NOWHERE))

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
        _check_precision(equation)
        if name in _MOVES:
            return self._move(equation, operands)
        _check_parameters(name, parameters)
        return [_Entries(self._arithmetic(name, parameters, operands))]

    def _move(self, equation: Any, operands: list[Any]) -> list[Any]:
        """Let JAX move the entries' numbers; places, which are concrete integers, stay as they are."""
        moved = []
        for operand in operands:
            concrete = not isinstance(operand, _Entries)
            place = concrete and np.asarray(operand).dtype.kind in "iub"
            moved.append(operand if place else self._movable(operand))
        parameters = dict(equation.params)
        if "fill_value" in parameters:
            parameters["fill_value"] = _NOWHERE
        found = equation.primitive.bind(*moved, **parameters)
        arrays = [np.asarray(x) for x in (found if equation.primitive.multiple_results else [found])]
        if any(array.size and not 0 <= array.min() <= array.max() < len(self.tape.operations) for array in arrays):
            raise ValueError(f"field must take numbers from within its arrays; got {equation.primitive.name!r} that does not")
        return [_Entries(array) for array in arrays]

    def _arithmetic(self, name: str, parameters: dict[str, Any], operands: list[Any]) -> np.ndarray:
        entry = self.tape.entry
        if name == "convert_element_type":
            return self.entries(operands[0])
        arrays = [self.entries(operand) for operand in operands]
        makers: dict[str, Callable[..., int]] = {
            **{known: partial(entry, word) for known, word in _BINARY.items()},
            **{known: partial(entry, known) for known in UNARY},
            "integer_pow": lambda a: entry("power", a, int(parameters["y"])) if parameters["y"] else self._one(a),
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

    def _one(self, entry: int) -> int:
        """``x^0``: 1, wherever x is a number."""
        return self.tape.entry("add", self.tape.entry("mul", self.tape.constant(0.0), entry), self.tape.constant(1.0))

    def _summed(self, array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        kept = [axis for axis in range(array.ndim) if axis not in axes]
        rows = np.transpose(array, [*kept, *axes]).reshape((*(array.shape[axis] for axis in kept), -1))
        return np.asarray(np.apply_along_axis(self._sum, -1, rows))

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
        return found.reshape((*batch, *left, *right))


def _check_precision(equation: Any) -> None:
    """Refuse what JAX would compute in any but double precision, whatever is asked for it."""
    for variable in equation.outvars:
        if variable.aval.dtype != np.dtype("float64"):
            found = f"{equation.primitive.name!r} in {variable.aval.dtype}"
            raise ValueError(f"field must compute in double precision; got {found}")


def _check_parameters(name: str, parameters: dict[str, Any]) -> None:
    """Refuse an operation that is asked for anything that is not followed here."""
    for key, value in parameters.items():
        allowed = _ALLOWED.get(name, {}).get(key)
        if key in _READ.get(name, ()) or value is None or (allowed is not None and np.dtype(value) == allowed):
            continue
        raise ValueError(f"field must be made of elementary operations as they stand; got {name!r} with {key}={value}")


def _elementwise(function: Callable[..., int], *arrays: np.ndarray) -> np.ndarray:
    found = np.empty(arrays[0].shape, int)
    for place in np.ndindex(*found.shape):
        found[place] = function(*(int(a[place]) if a.dtype.kind in "iu" else float(a[place]) for a in arrays))
    return found


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
