"""Two-stage consolidation whose late rate comes and goes with a rhythm: how fast it is, and what fluctuations sustain.

As in `theory.consolidation`, ``g' = -g - alpha w1`` and ``w1' = g``; for ``z = (h, w1)`` with the error of the late site alone,
``h = w* - w2 = g + w1``, that is ``z' = A z``, ``A = [[0, -alpha], [1, -1]]``. Here alpha and the size of the fluctuations of
the early site are functions of time with one period, given by their values at evenly spaced midpoints. Over each piece they
count as constant, which errs by the square of its length.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm

from plastodyn import checks
from plastodyn.types import Floats


def convergence_rate(alpha: ArrayLike, period: float) -> float:
    """How fast the memory is consolidated in the long run: minus the larger Floquet exponent, per unit of time.

    Over one period z is multiplied by ``M = exp(A_m h) ... exp(A_1 h)``; the rate is ``-ln(max |eigenvalue of M|) / T``. At a
    constant speed it is ``Re(1 - sqrt(1 - 4 alpha)) / 2``.

    Args:
        alpha: late over early learning rate over one period, at m midpoints, shape (m,), at least 0.
        period: T, above 0, in units of one over the early learning rate.

    Returns:
        The rate; below 0 where the memory grows without bound, which a rhythm near twice the natural frequency can do.

    Raises:
        ValueError: if an argument is out of range.

    Source: Floquet's theorem, for this project.

    >>> round(convergence_rate(np.full(8, 0.1), 5.0), 6), round((1 - 0.6**0.5) / 2, 6)
    (0.112702, 0.112702)
    >>> round(convergence_rate(np.where(np.arange(64) < 8, 16.0, 0.0), 3.0), 3)
    -0.355
    """
    steps, _, logarithms = _pieces(alpha, np.zeros(1), period)
    turned, logarithm = np.eye(2), float(logarithms.sum())
    for step in steps:
        turned = step @ turned
        size = float(np.abs(turned).max())
        turned, logarithm = turned / size, logarithm + float(np.log(size))
    return -(logarithm + float(np.log(np.abs(np.linalg.eigvals(turned)).max()))) / period


def stationary_error(alpha: ArrayLike, early: ArrayLike, period: float) -> tuple[float, float]:
    """Mean squared errors that fluctuations of the early site sustain: of the circuit, and of its late site alone.

    The covariance of z obeys ``P' = A P + P A^T + s^2 b b^T``, ``b = (0, 1)``, and has the period of alpha and s. At constant
    ones the answer is that of `consolidation.stationary_error`.

    Args:
        alpha: late over early learning rate over one period, at m midpoints, shape (m,), at least 0.
        early: s, size of the fluctuations, weight per square root of time, shape (m,) or one number, at least 0.
        period: T, above 0.

    Returns:
        Means over a period of ``g^2`` and of ``(w* - w2)^2``, in squared weight; infinite where the memory grows without bound,
        or the late site never learns.

    Raises:
        ValueError: if an argument is out of range.

    Source: the periodic Lyapunov equation, for this project.

    >>> [round(x, 4) for x in stationary_error(np.full(64, 0.5), 1.0, 1.0)]
    [0.75, 0.25]
    """
    if convergence_rate(alpha, period) <= 0:
        return np.inf, np.inf
    steps, added, logarithms = _pieces(alpha, early, period)
    doubles = np.einsum("mij,mkl->mikjl", steps, steps).reshape(-1, 4, 4) * np.exp(2 * logarithms)[:, None, None]
    multiply, shift = np.eye(4), np.zeros(4)
    for double, more in zip(doubles, added, strict=True):
        multiply, shift = double @ multiply, double @ shift + more.ravel()
    at, total = np.linalg.solve(np.eye(4) - multiply, shift), np.zeros(4)
    for double, more in zip(doubles, added, strict=True):
        after = double @ at + more.ravel()
        at, total = after, total + 0.5 * (at + after)
    late, across, _, first = total / len(doubles)
    return float(late - 2 * across + first), float(late)


def _pieces(alpha: ArrayLike, early: ArrayLike, period: float) -> tuple[Floats, Floats, Floats]:
    """What each piece of a period multiplies the state by, the covariance that it adds, and the logarithm of a factor left out.

    The factor keeps what decays over a long piece from being 0.
    """
    checks.number("alpha", alpha, at_least=0)
    checks.number("early", early, at_least=0)
    checks.one_number("period", period, above=0)
    speeds = np.asarray(alpha, float)
    if speeds.ndim != 1 or not speeds.size:
        raise ValueError(f"alpha must be one number for each piece of a period, shape (m,); got shape {speeds.shape}")
    sizes = np.ravel(np.asarray(early, float))
    if sizes.size not in (1, speeds.size):
        raise ValueError(f"early must be one number, or one for each of the {speeds.size} of alpha; got {sizes.size}")
    drift = np.zeros((len(speeds), 2, 2))
    drift[:, 0, 1], drift[:, 1] = -speeds, [1.0, -1.0]
    length, halvings = period / len(speeds), 0
    while length * (1 + speeds.max()) > 1:
        length, halvings = length / 2, halvings + 1
    # Van Loan (1978): over a short time one exponential gives both what is left and what is added.
    joint = np.zeros((len(speeds), 4, 4))
    joint[:, :2, :2], joint[:, 2:, 2:] = -drift, drift.swapaxes(1, 2)
    joint[:, 1, 3] = np.broadcast_to(sizes, speeds.shape) ** 2
    grown = expm(length * joint)
    steps, logarithms = grown[:, 2:, 2:].swapaxes(1, 2), np.zeros(len(speeds))
    added = steps @ grown[:, :2, 2:]
    for _ in range(halvings):
        left = steps * np.exp(logarithms)[:, None, None]
        added = added + left @ added @ left.swapaxes(1, 2)
        steps, logarithms = steps @ steps, 2 * logarithms
        largest = np.abs(steps).max((1, 2))
        steps, logarithms = steps / largest[:, None, None], logarithms + np.log(largest)
    return steps, added, logarithms
