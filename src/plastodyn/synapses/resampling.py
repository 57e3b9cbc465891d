"""The bootstrap over groups: totals of what is summed over groups, for groups drawn with replacement."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from plastodyn.runtime.progress import Bar
from plastodyn.types import Floats, Key

_AT_ONCE = 2_000_000
"""Groups drawn at once."""


class Measured(NamedTuple):
    """A value, its standard error, and the interval that holds it with a confidence of 95 %."""

    value: float
    standard_error: float
    low: float
    high: float


def measured(value: float, draws: Floats) -> Measured:
    """A value with the standard deviation and the 2.5 and 97.5 % quantiles of its bootstrap draws; NaN among them is left out.

    >>> measured(0.5, np.array([0.25, 0.5, 0.75])).standard_error.__round__(4)
    0.2041
    """
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        return Measured(value, np.nan, np.nan, np.nan)
    # A draw itself, not one between two: some may be infinite.
    low, high = np.quantile(draws, [0.025, 0.975], method="inverted_cdf")
    finite = bool(np.isfinite(draws).all())
    return Measured(value, float(draws.std()) if finite else np.inf, float(low), float(high))


def resampled(statistic: Callable[[Floats], Floats], sums: Floats, key: Key, draws: int, progress: bool) -> Floats:
    """A statistic of totals, for draws of as many groups as there are, with replacement.

    Args:
        statistic: from totals of shape (m, columns) to values of shape (m,).
        sums: what each group adds to the totals, shape (groups, columns).
        key: random key.
        draws: how many.
        progress: whether to show a bar where this takes longer than two seconds.

    >>> key = jax.random.key(0)
    >>> resampled(lambda totals: totals[:, 0], np.ones((5, 1)), key, 3, progress=False).tolist()
    [5.0, 5.0, 5.0]
    """
    found = []
    # Groups without any spread give 0 / 0, which is NaN and left out later.
    with Bar("Bootstrap", draws, shown=progress) as bar, np.errstate(divide="ignore", invalid="ignore"):
        for counts in _drawn(len(sums), key, draws):
            found.append(statistic(counts @ sums))
            bar.advance(len(counts))
    return np.concatenate(found)


def _drawn(groups: int, key: Key, draws: int) -> Iterator[Floats]:
    """How often each group is drawn, a few draws at a time: shape (some, groups)."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    at_once = max(_AT_ONCE // groups, 1)
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        places = rng.integers(0, groups, (size, groups)) + groups * np.arange(size)[:, None]
        yield np.bincount(places.ravel(), minlength=size * groups).reshape(size, groups).astype(float)
