"""The second pass: curvatures along random signs, the gradient and a direction of the user's, on minibatches of their own."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from plastodyn.measure.networks.memo import Memo
from plastodyn.measure.networks.network import Batch, Network, Vector, examples
from plastodyn.runtime.progress import Bar
from plastodyn.types import Floats, Key


class Probes(NamedTuple):
    """Arrays over probes, each on its own minibatch b; n unit vectors, v random signs."""

    sizes: Floats
    slopes: Floats
    """``g_b . n`` along the mean gradient."""
    squares: Floats
    """``|g_b|^2``."""
    own: Floats
    """``g_b' H_b g_b``."""
    along: Floats
    """``n' H_b n`` along the mean gradient."""
    update: Floats
    """``n' H_b n`` along the direction that was given; NaN without one."""
    traces: Floats
    """``v' H_b v``, shape (probes, arrays): the share of each array of weights."""


class Pairs(NamedTuple):
    """Arrays over pairs of minibatches a and b; v a vector, of each pair its own or of all the same."""

    first: Floats
    """``v' H_a v``."""
    second: Floats
    """``v' H_b v``."""
    square: Floats
    """``(H_a v) . (H_b v)``, whose mean is ``|H v|^2`` of what the minibatches are drawn from."""
    square_of_one: Floats
    """``|H_a v|^2``, which holds the noise of a minibatch as well."""
    sizes: Floats
    """Examples in a."""
    other_sizes: Floats
    """Examples in b."""


def probed(network: Network, direction: Vector, update: Vector | None, *, key: Key, count: int, memo: Memo, bar: Bar) -> Probes:
    """Quadratic forms on ``count`` minibatches, with one linearisation each.

    Args:
        network: the model.
        direction: unit vector of the mean gradient.
        update: another unit vector, or None.
        key: random key; each probe has one of its own.
        count: probes.
        memo: what is known already; it keeps what is found.
        bar: is advanced by the products made.

    Source: Hutchinson (1990); the minibatch is drawn anew with each probe, so that the scatter holds the noise of both.
    """
    rows = memo.of("probes")["rows"].tolist() if memo.of("probes") else []
    products = 3 + (update is not None)
    bar.advance(products * len(rows))
    for place, batch in enumerate(network.minibatches(len(rows), count), start=len(rows)):
        with memo.step():
            row = _row(network, batch, direction, update, jax.random.fold_in(key, place))
            if not np.isfinite(np.delete(row, 5)).all():
                raise ValueError(
                    f"loss must have finite curvatures on every minibatch; got others on number {place} of the batches"
                )
            rows.append(row)
            memo.keep("probes", lambda: {"rows": np.array(rows)})
        bar.advance(products)
    table = np.array(rows)
    sizes, slopes, squares, own, along, pushed = table[:, :6].T
    return Probes(sizes, slopes, squares, own, along, pushed, table[:, 6:])


def _row(network: Network, batch: Batch, direction: Vector, update: Vector | None, key: Key) -> list[float]:
    here = network.linearized(batch)
    square = network.dot(here.gradient, here.gradient)
    slope = network.dot(here.gradient, direction)
    own = network.forms(here, here.gradient).sum()
    here = network.without_gradient(here)
    along = network.forms(here, direction).sum()
    pushed = np.nan if update is None else network.forms(here, update).sum()
    traces = network.forms(here, network.signs(key))
    return [float(examples(batch)), slope, square, float(own), float(along), float(pushed), *traces.tolist()]


def paired(
    network: Network, vector: Callable[[int], Vector], *, key: Key, count: int, part: str, memo: Memo, bar: Bar
) -> Pairs:
    """The same vector on two minibatches, ``count`` times: what they share is the vector's, what differs the minibatches'.

    Args:
        network: the model.
        vector: of each pair, by its number: random signs, for ``E |H v|^2 = tr H^2``, or one direction for all.
        key: random key of the pairs, where minibatches are a list; those of a loader are taken as they come.
        count: pairs.
        part: under which the memo keeps them.
        memo: what is known already; it keeps what is found.
        bar: is advanced by the products made.

    Source: this project; analysis of variance.
    """
    rows = memo.of(part)["rows"].tolist() if memo.of(part) else []
    bar.advance(2 * len(rows))
    batches = network.minibatches(2 * len(rows), 2 * count)
    for place in range(len(rows), count):
        two = network.pair(place, key) or (next(batches), next(batches))
        with memo.step():
            rows.append(_pair(network, two, vector(place)))
            memo.keep(part, lambda: {"rows": np.array(rows)})
        bar.advance(2)
    return Pairs(*np.array(rows).T)


def _pair(network: Network, batches: tuple[Batch, Batch], vector: Vector) -> list[float]:
    first = network.without_gradient(network.linearized(batches[0])).product(vector)
    second = network.without_gradient(network.linearized(batches[1])).product(vector)
    forms = network.dot(vector, first), network.dot(vector, second)
    sizes = (float(examples(batch)) for batch in batches)
    return [*forms, network.dot(first, second), network.dot(first, first), *sizes]
