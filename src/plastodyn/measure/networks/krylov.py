"""Lanczos iteration on two vectors: no basis is kept, nothing is made orthogonal again, and memory stays that of a few vectors.

In finite precision eigenvalues that have converged then appear again, as copies, and other values wander between them. The
quadrature stays right (its weights are those of clusters); who reads eigenvalues takes copies for one and leaves out what has
no weight.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from plastodyn.measure.networks.memo import Memo, State
from plastodyn.measure.networks.network import Batch, Linearized, Network, Vector, examples
from plastodyn.runtime.progress import Bar
from plastodyn.types import Floats

_ROOM = 2**28
"""Bytes of linearised minibatches that are held, 256 MB; others are worked out again for each product."""
_ENDED = 10
"""Roundings of the matrix below which a remainder is none."""
_COPIES = 100
"""Roundings of the largest eigenvalue within which two values of one iteration are one."""
_FAINT = 0.01
"""Weight, relative to its neighbour's, of what may be a copy on its way there."""
_NO_WEIGHT = 1e-13


class Ritz(NamedTuple):
    """What one iteration finds, in descending order."""

    values: Floats
    weights: Floats
    """Shares of the starting vector; their sum is 1."""
    residuals: Floats
    """``|A y - theta y|`` of each: an eigenvalue lies no farther away."""


class Sample:
    """The mean Hessian over a few minibatches, their linearised losses held as far as there is room."""

    def __init__(self, network: Network, batches: Sequence[Batch]) -> None:
        self.network, self.batches = network, batches
        self._held: dict[int, Linearized] = {}
        self._room = _ROOM

    def added(self, total: Vector, vector: Vector, places: Sequence[int]) -> Vector:
        """``total + H v`` over the minibatches at some places."""
        sizes = np.array([examples(self.batches[place]) for place in places], float)
        for place, share in zip(places, sizes / sizes.sum(), strict=True):
            total = self.network.added(total, self._at(place).product, vector, float(share))
        return total

    def _at(self, place: int) -> Linearized:
        if place in self._held:
            return self._held[place]
        batch = self.batches[place]
        found = self.network.without_gradient(self.network.linearized(batch))
        size = self.network.held_bytes(found, batch) if self._room > 0 else self._room + 1
        if size <= self._room:
            self._held[place], self._room = found, self._room - size
        else:
            # No more is tried: minibatches are of one size.
            self._room = 0
        return found


class _Now(NamedTuple):
    """Two vectors, and the tridiagonal matrix so far."""

    before: Vector
    vector: Vector
    diagonal: list[float]
    beside: list[float]


def iterated(
    sample: Sample, places: Sequence[int], start: Callable[[], Vector], depth: int, part: str, memo: Memo, bar: Bar
) -> Ritz:
    """Lanczos iteration for the mean Hessian over some minibatches.

    Args:
        sample: the minibatches.
        places: which of them.
        start: draws the starting vector.
        depth: steps; fewer where the Krylov space ends.
        part: under which the memo keeps it.
        memo: what is known already; it keeps what is found.
        bar: is advanced by the products made.

    Source: Lanczos (1950); Paige (1980) for what it does in finite precision.
    """
    network = sample.network
    now = _begun(network, start, memo.of(part))
    bar.advance(len(now.diagonal) * len(places))
    while len(now.diagonal) < depth and not _ended(now, network.rounding):
        with memo.step():
            now = _step(sample, places, now)
            memo.keep(part, lambda now=now: _state(network, now))
        bar.advance(len(places))
    bar.advance((depth - len(now.diagonal)) * len(places))
    # The vectors are needed no more, and the memo must not hold them.
    done = {"diagonal": np.array(now.diagonal), "beside": np.array(now.beside), "done": np.ones(1)}
    memo.keep(part, lambda: done)
    return ritz(now.diagonal, now.beside, network.rounding)


def _begun(network: Network, start: Callable[[], Vector], known: State) -> _Now:
    if known:
        places = range(len(network.sizes))
        pair = ("before", "vector")
        before, vector = (None if "done" in known else network.read([known[f"{w}/{i}"] for i in places]) for w in pair)
        return _Now(before, vector, known["diagonal"].tolist(), known["beside"].tolist())
    drawn = start()
    vector = network.scaled(drawn, 1 / network.norm(drawn))
    return _Now(network.scaled(network.copied(vector), 0.0), vector, [], [])


def _step(sample: Sample, places: Sequence[int], now: _Now) -> _Now:
    """``A q_j - beta_j-1 q_j-1``, less what lies along q_j, is the next vector; it is made in the place of q_j-1."""
    network = sample.network
    last = now.beside[-1] if now.beside else 0.0
    total = sample.added(network.scaled(now.before, -last), now.vector, places)
    alpha = network.dot(total, now.vector)
    total = network.combined(total, 1.0, now.vector, -alpha)
    beta = network.norm(total)
    diagonal, beside = [*now.diagonal, alpha], [*now.beside, beta]
    return _Now(now.vector, network.scaled(total, 1 / beta if beta > 0 else 0.0), diagonal, beside)


def _ended(now: _Now, rounding: float) -> bool:
    if now.vector is None:
        return True
    if not now.beside:
        return False
    largest = max(*map(abs, now.diagonal), *now.beside)
    return now.beside[-1] <= _ENDED * rounding * largest


def _state(network: Network, now: _Now) -> State:
    vectors = {"before": now.before, "vector": now.vector}
    arrays = {f"{w}/{i}": a for w, vector in vectors.items() for i, a in enumerate(network.written(vector))}
    return {"diagonal": np.array(now.diagonal), "beside": np.array(now.beside), **arrays}


def ritz(diagonal: Sequence[float], beside: Sequence[float], rounding: float) -> Ritz:
    """Eigenvalues of the tridiagonal matrix: copies as one, with the weight of all, and without those of no weight.

    Args:
        diagonal: of the tridiagonal matrix.
        beside: what stands beside it, one number more than fits in: the length of the last remainder.
        rounding: relative precision of the vectors.

    Source: Cullum and Willoughby (1981) for which values are spurious.

    >>> found = ritz([1.0, 3.0], [0.0, 0.0], 1e-7)
    >>> found.values.tolist(), found.weights.tolist()
    ([1.0], [1.0])
    """
    inner = np.asarray(beside, float)[: len(diagonal) - 1]
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(inner, 1) + np.diag(inner, -1))
    weights, residuals = vectors[0] ** 2, np.abs(beside[len(diagonal) - 1] * vectors[-1])
    found: list[list[float]] = []
    for value, weight, residual in zip(values[::-1], weights[::-1], residuals[::-1], strict=True):
        if weight < _NO_WEIGHT:
            continue
        if found and _is_copy(found[-1], [value, weight, residual], _COPIES * rounding * np.abs(values).max()):
            whole = found[-1][1] + weight
            mean = (found[-1][0] * found[-1][1] + value * weight) / whole
            found[-1] = [mean, whole, min(found[-1][2], residual)]
        else:
            found.append([value, weight, residual])
    table = np.array(found)
    return Ritz(table[:, 0], table[:, 1] / table[:, 1].sum(), table[:, 2])


def _is_copy(first: list[float], second: list[float], rounding: float) -> bool:
    """Whether two neighbours are one eigenvalue: alike to rounding, or one faint and as near as its residual."""
    apart, (weaker, stronger) = first[0] - second[0], sorted((first[1], second[1]))
    faint = weaker < _FAINT * stronger
    return apart < rounding or (faint and apart <= max(first[2], second[2]))
