"""How alike members of a group are: the intraclass correlation, freed of measurement error where there are two measures."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from plastodyn import checks
from plastodyn.synapses.resampling import Measured, measured, resampled
from plastodyn.types import Floats, Key

_FEWEST = 3
"""Groups; of two, half of all bootstrap draws would hold one group twice."""

Labels = Sequence[int] | np.ndarray


class MeanSquares(NamedTuple):
    """One-way analysis of variance: mean squares between and within groups, and what they are computed from.

    ``typical`` is the size of a group as it enters the correlation, ``(N - sum n_g^2 / N) / (k - 1)``.
    """

    between: float
    within: float
    groups: int
    members: int
    typical: float


class Correlation(NamedTuple):
    """An intraclass correlation with its bootstrap error and interval, its draws, and the mean squares behind it."""

    r: Measured
    draws: Floats
    squares: MeanSquares


def mean_squares(values: Sequence[float] | Floats, group: Labels) -> MeanSquares:
    """Mean squares between and within groups, which may differ in size.

    ``between = sum_g n_g (m_g - m)^2 / (k - 1)``, ``within = sum_g sum_i (x_gi - m_g)^2 / (N - k)``.

    Args:
        values: x, in any unit, shape (N,).
        group: which group each value is in, shape (N,), at least 3 groups of at least 2.

    Returns:
        `MeanSquares`, in the square of the unit of ``values``.

    Raises:
        ValueError: if ``values`` are not finite numbers that differ, or ``group`` does not fit them.

    Source: standard; Fisher (1925).

    >>> found = mean_squares([1.0, 2.0, 5.0, 6.0, 9.0, 10.0], [0, 0, 1, 1, 2, 2])
    >>> found.between, found.within, found.typical
    (32.0, 0.5, 2.0)
    """
    sums = _sums(*_checked(values, group))
    totals = sums.sum(0, keepdims=True)
    between, within, typical = (float(each[0]) for each in _squares(totals, len(sums)))
    return MeanSquares(between, within, len(sums), int(totals[0, 0]), typical)


def intraclass(
    values: Sequence[float] | Floats, group: Labels, *, key: Key, draws: int = 4000, progress: bool = False
) -> Correlation:
    """The share of the variance of values that members of a group have in common.

    One-way random effects, ``x_gi = m + a_g + e_gi``: ``r = var(a) / (var(a) + var(e))``, estimated without bias in both
    variances by ``(between - within) / (between + (n0 - 1) within)``, n0 the typical size of a group. It does not depend on
    the order of members. The bootstrap draws whole groups; its interval of 95 % holds the truth in 94.7 % of simulated tables
    of 160 pairs and in 93.6 % of those of 72.

    Args:
        values: x, in any unit, shape (N,).
        group: which group each value is in, shape (N,), at least 3 groups of at least 2.
        key: random key of the bootstrap.
        draws: of the bootstrap.
        progress: whether to show a bar where this takes longer than two seconds.

    Returns:
        `Correlation`; r is at most 1, and below 0 where members differ more than strangers.

    Raises:
        ValueError: if ``values`` are not finite numbers that differ, or ``group`` does not fit them.

    Source: Fisher (1925); ICC(1) of Shrout and Fleiss (1979).

    >>> import jax
    >>> found = intraclass([1.0, 2.0, 5.0, 6.0, 9.0, 10.0], [0, 0, 1, 1, 2, 2], key=jax.random.key(0))
    >>> round(found.r.value, 4)  # (32 - 0.5) / (32 + 0.5)
    0.9692
    """
    _check_draws(key, draws, progress)
    checked, labels = _checked(values, group)
    squares = mean_squares(checked, labels)
    sums = _sums(checked, labels)
    drawn = resampled(lambda totals: _correlation(totals, len(sums)), sums, key, draws, progress)
    value = float(_correlation(sums.sum(0, keepdims=True), len(sums))[0])
    return Correlation(measured(value, drawn), drawn, squares)


def disattenuated(
    values: Sequence[float] | Floats,
    second: Sequence[float] | Floats,
    group: Labels,
    *,
    key: Key,
    draws: int = 4000,
    progress: bool = False,
) -> Measured:
    """The share that members of a group have in common of what two measures have in common.

    Where each measure is the true value, in its own unit, plus an error independent of the other's, the covariance of one
    measure of a member with the other measure of *another* member holds no error, nor does that with the other measure of
    the *same* member: ``r = cov(x_gi, y_gj) / cov(x_gi, y_gi)``, i and j different members of a group, moments about the
    means of all. What both measures get wrong alike counts as true.

    Args:
        values: x, in any unit, shape (N,).
        second: y, in any unit, shape (N,).
        group: which group each value is in, shape (N,), at least 3 groups of at least 2.
        key: random key of the bootstrap.
        draws: of the bootstrap.
        progress: whether to show a bar where this takes longer than two seconds.

    Returns:
        `Measured`.

    Raises:
        ValueError: if ``values`` or ``second`` are not finite numbers that differ, or ``group`` does not fit them.

    Source: Spearman (1904), for the correlation within groups.

    >>> import jax
    >>> x = [1.0, 2.0, 5.0, 6.0, 9.0, 10.0]
    >>> found = disattenuated(x, [-10 * v for v in x], [0, 0, 1, 1, 2, 2], key=jax.random.key(0))
    >>> round(found.value, 4)  # 125 / 6 x 2 / (131 / 3) without the corrections for degrees of freedom
    0.9542
    """
    _check_draws(key, draws, progress)
    x, labels = _checked(values, group)
    checks.number("second", second)
    if np.shape(second) != x.shape:
        checks.refuse("second", second, f"a number for each of the {len(x)} values")
    y, _ = _checked(second, group, "second")
    sums = _cross_sums(x, y, labels)
    drawn = resampled(_cross, sums, key, draws, progress)
    return measured(float(_cross(sums.sum(0, keepdims=True))[0]), drawn)


def _check_draws(key: object, draws: object, progress: object) -> None:
    checks.key("key", key)
    checks.count("draws", draws, at_least=100, at_most=1_000_000)
    checks.flag("progress", progress)


def _checked(values: object, group: object, name: str = "values") -> tuple[Floats, np.ndarray]:
    """Values about their mean, and the number of each one's group."""
    checks.number(name, values)
    found = np.asarray(values, float)
    if found.ndim != 1 or np.ptp(found) == 0:
        checks.refuse(name, values, "a list of numbers that are not all the same")
    try:
        labels = np.asarray(group)
    except Exception:  # Objects of other libraries fail in any way when they are read as arrays.
        labels = np.zeros(0)
    if labels.dtype.kind not in "iu" or labels.shape != found.shape:
        checks.refuse("group", group, f"a whole number for each of the {len(found)} values")
    codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    if len(sizes) < _FEWEST or sizes.min() < 2:
        raise ValueError(
            f"group must name at least {_FEWEST} groups of at least 2; got {len(sizes)}, the smallest of {sizes.min()}"
        )
    # About the mean, so that differences of large sums keep their digits.
    return found - found.mean(), codes


def _sums(x: Floats, group: np.ndarray) -> Floats:
    """What each group adds: members, their square, x, x^2, and the square of the sum over members."""
    count, total = np.bincount(group).astype(float), np.bincount(group, x)
    return np.stack([count, count**2, total, np.bincount(group, x * x), total**2 / count], axis=1)


def _squares(totals: Floats, groups: int) -> tuple[Floats, Floats, Floats]:
    members, squared, total, products, between = totals.T
    return (
        (between - total**2 / members) / (groups - 1),
        (products - between) / (members - groups),
        (members - squared / members) / (groups - 1),
    )


def _correlation(totals: Floats, groups: int) -> Floats:
    between, within, typical = _squares(totals, groups)
    return (between - within) / (between + (typical - 1) * within)


def _cross_sums(x: Floats, y: Floats, group: np.ndarray) -> Floats:
    """What each group adds: members, their square, x, y, xy, and the products of sums."""
    count, in_x, in_y = np.bincount(group).astype(float), np.bincount(group, x), np.bincount(group, y)
    columns = [count, count**2, in_x, in_y, np.bincount(group, x * y), in_x * in_y, count * in_x, count * in_y]
    return np.stack(columns, axis=1)


def _cross(totals: Floats) -> Floats:
    members, squared, in_x, in_y, products, of_sums, x_sums, y_sums = totals.T
    mean_x, mean_y = in_x / members, in_y / members
    same = products - members * mean_x * mean_y
    all_pairs = of_sums - mean_y * x_sums - mean_x * y_sums + squared * mean_x * mean_y
    return (all_pairs - same) / (squared - members) / (same / members)
