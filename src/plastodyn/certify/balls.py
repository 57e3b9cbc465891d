"""Arithmetic that cannot err: real balls, and dual numbers of balls for derivatives."""

from collections.abc import Callable, Sequence

from flint import arb

Vector = list[arb]


def _logistic(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def _power(x: arb, n: int) -> arb:
    """``x^n`` from the ends of the ball: tight, and a number where the ball is centred at 0."""
    if n < 0:
        return 1 / _power(x, -n)
    low, high = _repeated(x.lower(), n), _repeated(x.upper(), n)
    if n % 2 == 0 and x.contains(0):
        return arb(0).union(low).union(high)
    return low.union(high)


def _repeated(x: arb, n: int) -> arb:
    """``x^n`` by squaring."""
    found = arb(1)
    while n:
        found = found * x if n % 2 else found
        x, n = x * x, n // 2
    return found


BALLS: dict[str, Callable[..., arb]] = {
    "constant": arb,
    "power": _power,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "tanh": lambda x: x.tanh(),
    "sin": lambda x: x.sin(),
    "cos": lambda x: x.cos(),
    "sqrt": lambda x: x.sqrt(),
    "logistic": _logistic,
}
"""The arithmetic of real balls: the result encloses the true value for every number in the arguments' balls."""


class Dual:
    """A ball and its derivatives with respect to every input: automatic differentiation that JAX has no part in."""

    def __init__(self, value: arb, slope: Vector) -> None:
        self.value, self.slope = value, slope

    def scaled(self, value: arb, factor: arb) -> "Dual":
        """A function of this number: its value, and its derivative times the slope."""
        return Dual(value, [factor * s for s in self.slope])


def _binary(x: Dual, y: Dual, value: arb, by_x: arb | int, by_y: arb | int) -> Dual:
    return Dual(value, [by_x * a + by_y * b for a, b in zip(x.slope, y.slope, strict=True)])


def _divided(x: Dual, y: Dual) -> Dual:
    ratio = x.value / y.value
    return _binary(x, y, ratio, 1 / y.value, -ratio / y.value)


def _powered(x: Dual, n: int) -> Dual:
    return x.scaled(BALLS["power"](x.value, n), n * BALLS["power"](x.value, n - 1) if n else arb(0))


def _elementary(name: str, slope: Callable[[arb, arb], arb]) -> Callable[[Dual], Dual]:
    def applied(x: Dual) -> Dual:
        """The function and its slope by the chain rule."""
        value = BALLS[name](x.value)
        return x.scaled(value, slope(x.value, value))

    return applied


def duals(dimension: int) -> dict[str, Callable[..., Dual]]:
    """The arithmetic of dual numbers with ``dimension`` derivatives."""
    return {
        "constant": lambda value: Dual(arb(value), [arb(0)] * dimension),
        "power": _powered,
        "add": lambda x, y: _binary(x, y, x.value + y.value, 1, 1),
        "sub": lambda x, y: _binary(x, y, x.value - y.value, 1, -1),
        "mul": lambda x, y: _binary(x, y, x.value * y.value, y.value, x.value),
        "div": _divided,
        "neg": lambda x: x.scaled(-x.value, arb(-1)),
        "exp": _elementary("exp", lambda _, value: value),
        "log": _elementary("log", lambda x, _: 1 / x),
        "tanh": _elementary("tanh", lambda _, value: 1 - value**2),
        "sin": _elementary("sin", lambda x, _: x.cos()),
        "cos": _elementary("cos", lambda x, _: -x.sin()),
        "sqrt": _elementary("sqrt", lambda _, value: 1 / (2 * value)),
        "logistic": _elementary("logistic", lambda _, value: value * (1 - value)),
    }


def variables(point: Sequence[arb]) -> list[Dual]:
    """The inputs as dual numbers."""
    return [Dual(x, [arb(int(i == j)) for j in range(len(point))]) for i, x in enumerate(point)]
