"""An estimate with its standard error: what every estimator of this room gives, and how samples become one."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.types import Floats


class Estimate(NamedTuple):
    """A value, its standard error, and the number of independent samples they come from.

    Where the value is exact there are no samples: ``samples`` and the error are 0.
    """

    value: Float[Array, " *shape"]
    standard_error: Float[Array, " *shape"]
    samples: int


def exact(value: Float[Array, " *shape"]) -> Estimate:
    """A value that was computed, not sampled.

    >>> exact(jnp.float32(3.0)).samples
    0
    """
    return Estimate(value, jnp.zeros_like(value), 0)


def mean(samples: Float[Array, " n *shape"]) -> Estimate:
    """The mean of independent samples; standard error ``s / sqrt(n)``, s with divisor ``n - 1``.

    Args:
        samples: at least 2 along the first axis.

    Returns:
        `Estimate` of the shape of one sample, in its units.

    Source: standard.

    >>> estimate = mean(jnp.array([1.0, 3.0]))
    >>> float(estimate.value), float(estimate.standard_error), estimate.samples
    (2.0, 1.0, 2)
    """
    count = len(samples)
    return Estimate(jnp.mean(samples, 0), jnp.std(samples, 0, ddof=1) / math.sqrt(count), count)


def ratio_of_means(numerators: Float[Array, " n"], denominators: Float[Array, " n"]) -> Estimate:
    """The ratio of two means, ``q = mean(x) / mean(y)``, x and y drawn in pairs.

    Delta method: the standard error is that of the mean of ``(x - q y) / mean(y)``. The bias is of order ``1 / n``.

    Args:
        numerators: x, shape (n,), at least 2.
        denominators: y, shape (n,), of positive mean.

    Returns:
        `Estimate` of q, in units of x over y.

    Source: standard; see Cochran, Sampling techniques, chapter 6.

    >>> estimate = ratio_of_means(jnp.array([2.0, 4.0]), jnp.array([1.0, 2.0]))
    >>> float(estimate.value), float(estimate.standard_error)
    (2.0, 0.0)
    """
    centre = jnp.mean(denominators)
    ratio = jnp.mean(numerators) / centre
    residuals = (numerators - ratio * denominators) / centre
    return Estimate(ratio, mean(residuals).standard_error, len(numerators))


def jackknife(statistic: Callable[..., float], samples: Sequence[Floats]) -> tuple[float, float]:
    """A statistic of means over repetitions (the first axis), and its jackknife standard error.

    ``s^2 = (n - 1) / n sum_i (t_i - mean t)^2``, t_i the statistic without repetition i.

    Args:
        statistic: from one mean for each of the ``samples`` to a number.
        samples: one array of shape (n, ...) for each argument of ``statistic``, measured in the same n repetitions.

    Returns:
        The statistic of all repetitions, and its standard error: NaN for one repetition.

    Raises:
        ValueError: if ``samples`` holds no array, or arrays of different or no repetitions.

    Source: Tukey (1958); standard.

    >>> value, error = jackknife(float, [np.array([1.0, 2.0, 3.0])])
    >>> value, round(error, 6)  # that of a plain mean, 1 / sqrt(3)
    (2.0, 0.57735)
    """
    _check_samples(statistic, samples)
    whole = statistic(*(sample.mean(axis=0) for sample in samples))
    count = len(samples[0])
    if count < 2:
        return whole, math.nan
    without = [statistic(*(np.delete(sample, i, axis=0).mean(axis=0) for sample in samples)) for i in range(count)]
    return whole, left_out_error(without)


def left_out_error(without: Sequence[float] | Floats) -> float:
    """The jackknife's standard error from what a statistic is without each of n repetitions in turn.

    >>> round(left_out_error([2.5, 2.0, 1.5]), 6)  # the mean of 1, 2, 3 without each
    0.57735
    """
    count, found = len(without), np.asarray(without, float)
    return float(np.sqrt((count - 1) / count * np.sum((found - found.mean()) ** 2)))


def _check_samples(statistic: Callable[..., float], samples: Sequence[Floats]) -> None:
    if not isinstance(samples, list | tuple) or not samples:
        checks.refuse("samples", samples, "a list of arrays, one for each argument of statistic")
    for sample in samples:
        if not isinstance(sample, np.ndarray) or sample.dtype.kind not in "fiu" or sample.ndim == 0 or not sample.size:
            checks.refuse("samples", sample, "arrays of numbers, repetitions along the first axis")
    if len({len(sample) for sample in samples}) != 1:
        raise ValueError(f"samples must have the same repetitions; got {[len(sample) for sample in samples]}")
    checks.function("statistic", statistic, takes=len(samples), of="means")
