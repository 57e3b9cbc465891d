"""Periodic switching that makes a linear inclusion grow: found in floats, proved with balls or exact rationals."""

from itertools import combinations, product

import numpy as np
from flint import arb_mat, ctx, fmpq, fmpq_mat
from scipy.linalg import expm
from scipy.optimize import minimize

from plastodyn.certify import rational
from plastodyn.certify.rational import Matrix
from plastodyn.types import Json

_LONGEST_WORD = 8
_MOST_WORDS = 5000
_DURATIONS = np.geomspace(0.05, 100, 14)
_REFINED = 3
_DIGITS = 6
_BITS = 200


def growing(matrices: list[Matrix], time: str) -> Json | None:
    """A periodic switching that does not decay, as a witness; None if none was found.

    Discrete time: all words of up to 8 vertices (fewer where there are many). Continuous time: two vertices in turn, the
    durations sought from several starts.
    """
    floats = [rational.floats(m) for m in matrices]
    return _growing_word(matrices, floats) if time == "discrete" else _growing_pair(matrices, floats)


def grows(matrices: list[Matrix], witness: Json, time: str) -> bool:
    """Whether a witness of switching is one: exactly in discrete time, by balls of 200 bits in continuous time."""
    word = [int(i) for i in witness["vertices"]]
    if not word or min(word) < 0 or max(word) >= len(matrices):
        return False
    if time == "discrete":
        return not rational.is_schur(_product([matrices[i] for i in word]))
    durations = [rational.exact(x) for x in witness["durations"]]
    if len(durations) != len(word) or any(x < 0 for x in durations):
        return False
    with ctx.workprec(_BITS):
        size = len(matrices[0])
        one = arb_mat(fmpq_mat(size, size, [int(i == j) for i in range(size) for j in range(size)]))
        turn = one
        for i, duration in zip(word, durations, strict=True):
            scaled = fmpq_mat(size, size, [duration * x for row in matrices[i] for x in row])
            turn = arb_mat(scaled).exp() * turn
        # The characteristic polynomial ends positive: a negative value at 1, or its mirror at -1, leaves a root beyond.
        beyond = (one - turn).det() < 0
        return bool(beyond or (one + turn).det() < 0)


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
    witness = _witness(list(best[1]), None, np.linalg.multi_dot([floats[i] for i in reversed(best[1])]))
    return witness if grows(matrices, witness, "discrete") else None


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
            turn = expm(floats[j] * float(np.exp(found.x[1]))) @ expm(floats[i] * float(np.exp(found.x[0])))
            witness = _witness([i, j], durations, turn)
            if grows(matrices, witness, "continuous"):
                return witness
    return None


def _witness(word: list[int], durations: list[fmpq] | None, turn: np.ndarray) -> Json:
    values, vectors = np.linalg.eig(turn)
    state = np.real(vectors[:, np.argmax(np.abs(values))])
    found = {"kind": "switching", "vertices": word, "state": state.tolist(), "growth_per_period": float(np.abs(values).max())}
    if durations is not None:
        found["durations"] = [str(x) for x in durations]
    return found


def _product(word: list[Matrix]) -> Matrix:
    turn = word[0]
    for matrix in word[1:]:
        turn = rational.times(matrix, turn)
    return turn
