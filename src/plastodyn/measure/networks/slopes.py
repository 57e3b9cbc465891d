"""The first pass over the minibatches: the loss and the mean gradient."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from plastodyn.measure.networks.memo import Memo, State
from plastodyn.measure.networks.network import Network, Vector, examples
from plastodyn.measure.networks.plan import Plan
from plastodyn.runtime.progress import Bar
from plastodyn.types import Floats

_PART = "slopes"


class Slopes(NamedTuple):
    """What the first pass finds; arrays over minibatches."""

    sizes: Floats
    """Examples in each."""
    losses: Floats
    squares: Floats
    """``|g_b|^2``."""
    whole: float
    """``|sum w_b g_b|^2``, the noise of minibatches included."""
    direction: Vector
    """Unit vector of the mean gradient; zero where that vanishes."""
    square: float
    """``|E g|^2``, without bias where minibatches are a sample; below 0 where their noise hides it."""


def mean_slope(network: Network, plan: Plan, memo: Memo, bar: Bar) -> Slopes:
    """Loss and gradient of each minibatch, and the direction of the mean gradient.

    Where the minibatches are a sample, ``|E g|^2`` is estimated by ``(|sum w_b g_b|^2 - sum w_b^2 |g_b|^2) / (1 - sum w_b^2)``,
    w_b the share of the examples: the square of the mean alone would hold the noise of the minibatches as well.

    Args:
        network: the model.
        plan: how many to go through, and whether they are all.
        memo: what is known already; it keeps what is found.
        bar: is advanced by one for each.

    Source: standard; an unbiased estimate of a squared mean.
    """
    known = memo.of(_PART)
    rows = known["rows"].tolist() if known else []
    total = network.read([known[f"vector/{i}"] for i in range(len(network.sizes))]) if "vector/0" in known else None
    bar.advance(len(rows))
    for batch in network.minibatches(len(rows), plan.minibatches):
        with memo.step():
            total = _with(network, total, batch, rows)
            memo.keep(_PART, partial(_state, network, rows, total))
        bar.advance(1)
    sizes, losses, squares = np.array(rows).T
    if "square" in known:
        return Slopes(sizes, losses, squares, float(known["whole"]), total, float(known["square"]))
    with memo.step():
        mean = network.scaled(total, 1 / sizes.sum())
        whole, shares = network.dot(mean, mean), sizes / sizes.sum()
        square = whole if plan.complete else (whole - (shares**2 * squares).sum()) / (1 - (shares**2).sum())
        direction = network.scaled(mean, 1 / whole**0.5) if whole > 0 else mean
        memo.keep(_PART, partial(_state, network, rows, direction, (square, whole)))
    return Slopes(sizes, losses, squares, whole, direction, float(square))


def without_direction(slopes: Slopes, memo: Memo) -> Slopes:
    """The same when curvatures along the gradient are known: its memory is given back."""
    rows, square = np.stack([slopes.sizes, slopes.losses, slopes.squares], axis=1), np.array(slopes.square)
    whole = np.array(slopes.whole)
    memo.keep(_PART, lambda: {"rows": rows, "square": square, "whole": whole})
    return slopes._replace(direction=None)


def _with(network: Network, total: Vector | None, batch: object, rows: list[list[float]]) -> Vector:
    """The sum with one more minibatch's gradient, times its examples; its row is added."""
    value, gradient = network.slope(batch)
    size, square = float(examples(batch)), network.dot(gradient, gradient)
    if not math.isfinite(value) or not math.isfinite(square):
        raise ValueError(
            f"loss must be finite on every minibatch, and so its gradient; got {value:g} and a norm of {square**0.5:g} on "
            f"number {len(rows)} of the batches"
        )
    rows.append([size, value, square])
    return network.scaled(gradient, size) if total is None else network.combined(total, 1.0, gradient, size)


def _state(network: Network, rows: list[list[float]], vector: Vector, squares: tuple[float, float] | None = None) -> State:
    found = {"rows": np.array(rows), **{f"vector/{i}": array for i, array in enumerate(network.written(vector))}}
    return found if squares is None else {**found, "square": np.array(squares[0]), "whole": np.array(squares[1])}
