"""Where an error curve is lowest, and what equation 9 says of it: estimates with jackknife errors."""

from collections.abc import Callable

import numpy as np


def parabola_minimum(ratios: np.ndarray, losses: np.ndarray) -> float:
    """Abscissa of the minimum of the parabola through the lowest interior point and its two neighbours.

    >>> round(parabola_minimum(np.array([0.1, 0.4, 0.7, 1.0]), np.array([4.0, 1.0, 1.0, 4.0])), 3)
    0.55
    """
    lowest = int(np.clip(np.argmin(losses), 1, len(ratios) - 2))
    around = slice(lowest - 1, lowest + 2)
    square, linear, _ = np.polyfit(ratios[around], losses[around], 2)
    if square <= 0:
        return float(ratios[np.argmin(losses)])
    return float(np.clip(-linear / (2 * square), ratios[lowest - 1], ratios[lowest + 1]))


def jackknife(statistic: Callable[..., float], *samples: np.ndarray) -> tuple[float, float]:
    """A statistic of means over repetitions (the first axis), and its jackknife standard error.

    The error of a plain mean is the usual one:

    >>> value, error = jackknife(lambda m: float(m), np.array([1.0, 2.0, 3.0]))
    >>> value, round(error, 6)  # 1 / sqrt(3)
    (2.0, 0.57735)
    """
    whole = statistic(*(sample.mean(axis=0) for sample in samples))
    count = len(samples[0])
    if count < 2:
        return whole, np.nan
    left_out = [statistic(*(np.delete(sample, i, axis=0).mean(axis=0) for sample in samples)) for i in range(count)]
    return whole, float(np.sqrt((count - 1) / count * np.sum((np.array(left_out) - np.mean(left_out)) ** 2)))


def greedy_fixed_point(ratios: np.ndarray, q_fluctuation: np.ndarray, q_plasticity: np.ndarray) -> float:
    """The ratio at which the prediction ``sqrt(Q[de] / Q[dc])``, measured along a sweep, equals the ratio itself.

    Interpolated linearly in ``log(prediction / ratio)``, which falls along the sweep; NaN if it never crosses 0.

    >>> round(greedy_fixed_point(np.array([0.4, 0.7, 1.0]), np.full(3, 0.25), np.ones(3)), 3)
    0.52
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.log(np.sqrt(q_fluctuation / q_plasticity) / ratios)
    crossing = np.flatnonzero((excess[:-1] >= 0) & (excess[1:] < 0))
    if not crossing.size:
        return np.nan
    i = int(crossing[0])
    share = excess[i] / (excess[i] - excess[i + 1])
    return float(ratios[i] + share * (ratios[i + 1] - ratios[i]))
