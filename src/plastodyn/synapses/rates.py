"""The activity-independent share of change from how much synapses change with plasticity on, and with it blocked.

A change is ``dc + de``, plasticity and fluctuations, independent of one another, so that variances add. Blocked, ``de`` is
left: ``s = var(blocked) / var(on) = |de|^2 / (|dc|^2 + |de|^2)``, hence ``|dc| / |de| = sqrt((1 - s) / s)``, which is
`implied_ratio` of what is not left, 1 - s. It is a share of variance: of magnitudes, take the square first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from plastodyn import checks
from plastodyn.synapses.resampling import Measured, measured, resampled
from plastodyn.synapses.share import against_one, ratio_of
from plastodyn.types import Floats, Key

_QUANTILE = 1.959964
_CAVEATS = (
    "This takes plasticity and fluctuations to add up independently: blocking must leave fluctuations as they were.",
    "What is blocked may not be all plasticity, nor only compensatory plasticity.",
    "Measurement error counts as fluctuations, and changes of both conditions must be over the same interval.",
)
_MORE = "Synapses changed no less with plasticity blocked: no part of plasticity is seen, and the ratio is 0."


class BlockedShare(NamedTuple):
    """What remains of change when plasticity is blocked, as a share of variance, and the ratio |dc| / |de| that follows."""

    independent: Measured
    ratio: Measured
    caveats: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """How the ratio stands against 1, by its interval: ``below 1``, ``above 1`` or ``not told apart from 1``."""
        return against_one(self.ratio)

    @property
    def answer(self) -> str:
        """The finding as a sentence."""
        share, ratio = self.independent, self.ratio
        return (
            f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f} %) of the variance of changes remains "
            f"where plasticity is blocked: a ratio |dc| / |de| of {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f}), "
            f"{self.verdict}."
        )


def from_changes(
    on: Sequence[float] | Floats, blocked: Sequence[float] | Floats, *, key: Key, draws: int = 4000, progress: bool = False
) -> BlockedShare:
    """The share of the variance of changes that remains with plasticity blocked: ``s = var(blocked) / var(on)``.

    Independent contributions add up in variance whatever their means are, so that variances, with the mean change taken
    out, are compared. The bootstrap draws synapses, apart in each condition.

    Args:
        on: changes with plasticity on, one a synapse, in any unit (log sizes are best), shape (n,), at least 3.
        blocked: changes over the same interval with plasticity blocked, in the same unit, shape (m,), at least 3.
        key: random key of the bootstrap.
        draws: of the bootstrap.
        progress: whether to show a bar where this takes longer than two seconds.

    Returns:
        `BlockedShare`.

    Raises:
        ValueError: if ``on`` or ``blocked`` are not finite numbers that differ, or fewer than 3.

    Source: the approach of Yasumatsu et al. (2008) and others, in table 1 of Raman and O'Leary (2021).

    >>> rng = np.random.default_rng(0)
    >>> fluctuations, plasticity = rng.normal(size=(2, 1000)), rng.normal(size=1000)
    >>> found = from_changes(fluctuations[0] + 0.75 * plasticity, fluctuations[1], key=jax.random.key(0))
    >>> abs(found.ratio.value - 0.75) < 3 * found.ratio.standard_error
    True
    """
    checks.key("key", key)
    checks.count("draws", draws, at_least=100, at_most=1_000_000)
    checks.flag("progress", progress)
    keys = jax.random.split(key)
    spread, draws_of = [], []
    for each, name, values in zip(keys, ("on", "blocked"), (on, blocked), strict=True):
        sums = _sums(name, values)
        spread.append(float(_variance(sums.sum(0, keepdims=True))[0]))
        draws_of.append(resampled(_variance, sums, each, draws, progress))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = draws_of[1] / draws_of[0]
    share = spread[1] / spread[0]
    return _answer(measured(share, shares), measured(float(ratio_of(np.asarray(1 - share))), ratio_of(1 - shares)))


def from_rates(on: float, blocked: float, *, on_error: float = 0.0, blocked_error: float = 0.0) -> BlockedShare:
    """The share from two rates that add up, such as variances of changes per day, or synapses made and lost per day.

    ``s = blocked / on``; to first order ``(error of s / s)^2 = (error of on / on)^2 + (error of blocked / blocked)^2``, and
    the interval is that of a normal distribution of log s.

    Args:
        on: the rate with plasticity on, above 0, in any unit.
        blocked: the rate with plasticity blocked, above 0, in the same unit.
        on_error: standard error of ``on``, at least 0.
        blocked_error: standard error of ``blocked``, at least 0.

    Returns:
        `BlockedShare`.

    Raises:
        ValueError: if a rate is not above 0 or an error is negative.

    Source: this project.

    >>> from_rates(1.5625, 1.0).ratio.value
    0.75
    """
    _check_rates(on, blocked, on_error, blocked_error)
    return _propagated(blocked / on, float(np.hypot(on_error / on, blocked_error / blocked)))


def from_magnitudes(on: float, blocked: float, *, on_error: float = 0.0, blocked_error: float = 0.0) -> BlockedShare:
    """The share from two magnitudes, such as standard deviations or mean absolute changes: their squares add up.

    ``s = (blocked / on)^2``, of twice the relative error that `from_rates` has. For mean absolute changes this takes the
    distributions of both conditions to be of one shape.

    Args:
        on: the magnitude with plasticity on, above 0, in any unit.
        blocked: the magnitude with plasticity blocked, above 0, in the same unit.
        on_error: standard error of ``on``, at least 0.
        blocked_error: standard error of ``blocked``, at least 0.

    Returns:
        `BlockedShare`.

    Raises:
        ValueError: if a magnitude is not above 0 or an error is negative.

    Source: this project.

    >>> round(from_magnitudes(1.25, 1.0).ratio.value, 6)
    0.75
    """
    _check_rates(on, blocked, on_error, blocked_error)
    return _propagated((blocked / on) ** 2, 2 * float(np.hypot(on_error / on, blocked_error / blocked)))


def _check_rates(on: object, blocked: object, on_error: object, blocked_error: object) -> None:
    for name, rate in (("on", on), ("blocked", blocked)):
        checks.one_number(name, rate, above=0)
    for name, error in (("on_error", on_error), ("blocked_error", blocked_error)):
        checks.one_number(name, error, at_least=0)


def _sums(name: str, values: object) -> Floats:
    """What each synapse adds: 1, its change and the square of it, about the mean of all."""
    checks.number(name, values)
    found = np.asarray(values, float)
    if found.ndim != 1 or len(found) < 3 or np.ptp(found) == 0:
        checks.refuse(name, values, "a list of at least 3 numbers that are not all the same")
    found = found - found.mean()
    return np.stack([np.ones_like(found), found, found**2], axis=1)


def _variance(totals: Floats) -> Floats:
    count, total, squares = totals.T
    # Draws of one synapse alone have no variance, and rounding must not make it negative.
    return np.maximum(squares - total**2 / count, 0) / (count - 1)


def _propagated(share: float, relative: float) -> BlockedShare:
    low, high = share * np.exp(np.array([-1, 1]) * _QUANTILE * relative)
    ratio, (above, below) = float(ratio_of(np.asarray(1 - share))), ratio_of(1 - np.array([low, high]))
    # d ratio / d s = -1 / (2 s^2 ratio); where the ratio is 0 there is no such error.
    error = relative / (2 * share * ratio) if ratio > 0 else np.nan
    return _answer(
        Measured(share, share * relative, float(low), float(high)), Measured(ratio, error, float(below), float(above))
    )


def _answer(independent: Measured, ratio: Measured) -> BlockedShare:
    return BlockedShare(independent, ratio, (*_CAVEATS, _MORE) if independent.value >= 1 else _CAVEATS)
