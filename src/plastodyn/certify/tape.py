"""A function written out as a list of elementary operations on numbers, which any arithmetic can carry out."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from plastodyn.types import Json

UNARY = {"neg", "exp", "log", "tanh", "sin", "cos", "sqrt", "logistic"}
BINARY = {"add", "sub", "mul", "div"}
_PARTIAL = {"log", "sqrt", "div", "power"}
"""Operations that are not defined for all numbers."""
_HIGHEST_POWER = 1000
_LONGEST_EXPONENT = 10_000
"""Bits of the degree of any entry as a polynomial: the exponents of its bounds are about as long."""

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
        self._total: list[bool] = []

    def to_lists(self) -> Json:
        """The tape as lists, for JSON."""
        return {"operations": [[name, *arguments] for name, arguments in self.operations], "outputs": list(self.outputs)}

    @classmethod
    def from_lists(cls, lists: Json) -> "Tape":
        """The tape from lists.

        Raises:
            ValueError: if an operation is unknown, has other arguments than it takes, or refers to an entry that is not
                before it.
        """
        tape = cls()
        for name, *arguments in lists["operations"]:
            _check_operation(name, arguments, len(tape.operations), len(lists["outputs"]))
            tape.operations.append((name, tuple(arguments)))
        if not lists["outputs"] or not all(_is_place(i, len(tape.operations)) for i in lists["outputs"]):
            raise ValueError(f"outputs must be entries of the list; got {lists['outputs']}")
        tape.outputs = list(lists["outputs"])
        if tape._bits_of_degree() > _LONGEST_EXPONENT:
            raise ValueError(f"operations must not be powers of powers beyond a degree of 2^{_LONGEST_EXPONENT}")
        return tape

    def _bits_of_degree(self) -> int:
        """Of the entry of the highest degree, where every function but sums counts as what it is at most next to infinity."""
        bits: list[int] = []
        for name, arguments in self.operations:
            operands = () if name in ("input", "constant") else arguments[:1] if name == "power" else arguments
            most = max((bits[i] for i in operands), default=0)
            bits.append(most + (arguments[1].bit_length() if name == "power" else name in ("mul", "div")))
        return max(bits, default=0)

    def entry(self, name: str, *arguments: Any) -> int:
        """The entry that holds an operation; sums with 0 and products with 1 are left out.

        So are products with 0, where the other factor is a number whatever the inputs: ``0 sqrt(z - 5)`` is none at z = 0.
        """
        zero, one = self.constant(0.0), self.constant(1.0)
        neutral = {"mul": one, "add": zero}.get(name)
        if name == "mul" and zero in arguments and all(self._total[i] for i in arguments):
            return zero
        if neutral in arguments:
            return int(arguments[1] if arguments[0] == neutral else arguments[0])
        if name == "sub" and arguments[1] == zero:
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
            name, arguments = operation
            operands = () if name in ("input", "constant") else arguments[:1] if name == "power" else arguments
            partial = name in _PARTIAL and not (name == "power" and arguments[1] > 0)
            self._total.append(not partial and all(self._total[i] for i in operands))
            self._known[operation] = len(self.operations)
            self.operations.append(operation)
        return self._known[operation]

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


def _is_place(value: object, below: int) -> bool:
    return type(value) is int and 0 <= value < below


def _check_operation(name: object, arguments: list[Any], before: int, inputs: int) -> None:
    """Refuse what `Tape.run` would misread: places are whole numbers, and True is none; a constant is spelled in one way."""
    if name == "constant":
        (digits,) = arguments
        good = isinstance(digits, str) and np.isfinite(value := float.fromhex(digits)) and (value + 0.0).hex() == digits
    elif name == "input":
        (place,) = arguments
        good = _is_place(place, inputs)
    elif name == "power":
        base, exponent = arguments
        good = _is_place(base, before) and type(exponent) is int and 1 <= abs(exponent) <= _HIGHEST_POWER
    else:
        known = (name in UNARY and len(arguments) == 1) or (name in BINARY and len(arguments) == 2)
        good = known and all(_is_place(place, before) for place in arguments)
    if not good:
        raise ValueError(f"operations must be known, and refer to entries before them; got {[name, *arguments]}")
