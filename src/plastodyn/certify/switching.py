"""Periodic switching that makes a linear inclusion grow: found in floats, decided by the checker."""

from contextlib import suppress
from itertools import combinations, product

import numpy as np
from flint import fmpq
from scipy.linalg import expm
from scipy.optimize import minimize

from plastodyn.certify import rational
from plastodyn.certify.checker import switching_that_grows
from plastodyn.certify.premises import Unproved
from plastodyn.certify.rational import Matrix
from plastodyn.types import Json

_LONGEST_WORD = 8
_MOST_WORDS = 5000
_DURATIONS = np.geomspace(0.05, 100, 14)
_REFINED = 3
_DIGITS = 6


def growing(matrices: list[Matrix], time: str) -> Json | None:
    """A periodic switching that does not decay, as a witness; None if none was found.

    Discrete time: all words of up to 8 vertices (fewer where there are many). Continuous time: two vertices in turn, the
    durations sought from several starts.
    """
    floats = [rational.floats(m) for m in matrices]
    return _growing_word(matrices, floats) if time == "discrete" else _growing_pair(matrices, floats)


def _proved(matrices: list[Matrix], time: str, word: list[int], durations: list[fmpq] | None = None) -> Json | None:
    """The switching as a witness, if the checker finds that it does not decay."""
    witness = {"vertices": word, "durations": None if durations is None else [str(x) for x in durations]}
    with suppress(Unproved):
        return switching_that_grows(matrices, witness, time)
    return None


def _growing_word(matrices: list[Matrix], floats: list[np.ndarray]) -> Json | None:
    best: tuple[float, tuple[int, ...]] = (0.0, ())
    for length in range(2, _LONGEST_WORD + 1):
        if len(floats) ** length > _MOST_WORDS:
            break
        for word in product(range(len(floats)), repeat=length):
            turn = np.linalg.multi_dot([floats[i] for i in reversed(word)])
            best = max(best, (np.abs(np.linalg.eigvals(turn)).max() ** (1 / length), word))
    if best[0] < 1 - 1e-12:
        return None
    return _proved(matrices, "discrete", list(best[1]))


def _growing_pair(matrices: list[Matrix], floats: list[np.ndarray]) -> Json | None:
    for i, j in combinations(range(len(floats)), 2):

        def rate(logs: np.ndarray, pair: tuple[int, int] = (i, j)) -> float:
            """Minus the growth rate of switching to and fro, at the logarithms of both durations."""
            first, second = np.exp(np.clip(logs, -8, 6))
            turn = expm(floats[pair[1]] * second) @ expm(floats[pair[0]] * first)
            radius = np.abs(np.linalg.eigvals(turn)).max()
            return -np.log(max(radius, 1e-300)) / (first + second)

        scale = max(np.abs(m).max() for m in floats) or 1.0
        starts = sorted((np.log(np.array(start) / scale) for start in product(_DURATIONS, repeat=2)), key=rate)[:_REFINED]
        found = min((minimize(rate, start, method="Nelder-Mead") for start in starts), key=lambda result: result.fun)
        if found.fun < 0:
            durations = [rational.rounded(float(t), _DIGITS) for t in np.exp(np.clip(found.x, -8, 6))]
            witness = _proved(matrices, "continuous", [i, j], durations)
            if witness is not None:
                return witness
    return None
