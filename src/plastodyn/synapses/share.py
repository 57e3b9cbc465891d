"""What synapses that share axon and dendrite have in common, and the ratio of plasticity to fluctuations that this implies."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from plastodyn import checks
from plastodyn.synapses.correlation import Correlation, disattenuated, intraclass
from plastodyn.synapses.pairs import Groups, connections, exact_pairs, same_axon, same_dendrite
from plastodyn.synapses.resampling import Measured, measured
from plastodyn.synapses.tables import Synapses
from plastodyn.types import Floats, Key, Number

_FEW = 20
"""Pairs; the interval of fewer is rough."""
_FEWEST = 3

_CAVEATS = {
    "sizes": "These are sizes, not changes: a size holds the whole history of a synapse, not one interval of plasticity.",
    "changes": "Changes are between two times: what came and went between them is not seen.",
}
_SHARED = "What both synapses of a pair share is not all plasticity: axon and dendrite also share their age, kind and place."
_UNSHARED = "What they do not share holds local plasticity and measurement error besides fluctuations."
_ERROR = " The disattenuated value takes measurement error out as far as the two measures err independently."
_AT_MOST = (
    "A ratio read off like this can be consistent with compensatory change at most as large as fluctuations; its interval "
    "says whether one above 1 is excluded."
)


class SharedShare(NamedTuple):
    """What `estimate` finds.

    ``pairs`` is the correlation over connections of exactly two synapses, from which ``independent`` (the share of what is
    not shared, 1 - r) and ``ratio`` follow; ``above_one`` the share of bootstrap draws in which the ratio is above 1.
    ``connections`` takes all connections of two synapses and more; ``same_dendrite`` and ``same_axon`` are controls, None
    where fewer than 3 groups share only that.
    """

    pairs: Correlation
    independent: Measured
    ratio: Measured
    above_one: float
    disattenuated: Measured | None
    connections: Correlation
    same_dendrite: Correlation | None
    same_axon: Correlation | None
    of: str
    caveats: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """How the ratio stands against 1, by its interval: ``below 1``, ``above 1`` or ``not told apart from 1``."""
        return against_one(self.ratio)

    @property
    def answer(self) -> str:
        """The finding as a sentence."""
        r, independent, ratio = self.pairs.r, self.independent, self.ratio
        return (
            f"{_percent(independent)} of the variance of log {self.of} is not shared by synapses of the same axon and dendrite "
            f"(r = {r.value:.3f} +- {r.standard_error:.3f}, {self.pairs.squares.groups} pairs). If what is shared were "
            f"compensatory plasticity and the rest fluctuations, their ratio |dc| / |de| would be {_between(ratio)}, "
            f"{self.verdict}."
        )


def implied_ratio(shared: Number) -> Floats:
    """The ratio |dc| / |de| at which plasticity makes up a given share of the variance of changes: ``sqrt(r / (1 - r))``.

    A change is ``dc + de``, plasticity and fluctuations, independent of one another: variances add, and of their sum
    ``r = |dc|^2 / (|dc|^2 + |de|^2)`` is plasticity's. At r = 1/2 the ratio is 1, which the theory's first-order optimum
    does not exceed (`theory.ratio`).

    Args:
        shared: r, at most 1, in an array of any shape; below 0, which only an estimate can be, the ratio is 0.

    Returns:
        The ratio, at least 0, of the shape of ``shared``; infinite at 1.

    Raises:
        ValueError: if ``shared`` is above 1.

    Source: this project, for table 1 of Raman and O'Leary (2021).

    >>> implied_ratio([0.0, 0.36, 0.5, 0.8]).round(6).tolist()
    [0.0, 0.75, 1.0, 2.0]
    """
    checks.number("shared", shared, at_most=1)
    return ratio_of(np.asarray(shared, float))


def estimate(synapses: Synapses, *, key: Key, draws: int = 4000, progress: bool = False) -> SharedShare:
    """The activity-independent share of what synapses are, or of how they change, from those that share axon and dendrite.

    Two synapses of the same axon and dendrite see the same activity. What they have in common, the intraclass correlation r
    of their log sizes or log changes, may be due to it; the rest, 1 - r, cannot be. The ratio is ``sqrt(r / (1 - r))``.
    The bootstrap draws whole pairs, connections, dendrites or axons.

    Args:
        synapses: as `read` and `from_arrays` give them, with at least 3 connections of exactly two synapses.
        key: random key of the bootstrap.
        draws: of the bootstrap.
        progress: whether to show a bar where this takes longer than two seconds.

    Returns:
        `SharedShare`; correlations and ratios have no unit, mean squares that of (log10 size)^2.

    Raises:
        ValueError: if ``synapses`` hold fewer than 3 such connections, or no two different values in them.

    Source: the approach of Dvorkin and Ziv (2016) and Kasthuri et al. (2015), in table 1 of Raman and O'Leary (2021).

    >>> from plastodyn.synapses.simulated import simulated
    >>> synapses = simulated(400, shared=0.2, key=jax.random.key(0))
    >>> found = estimate(synapses, key=jax.random.key(1))
    >>> abs(found.pairs.r.value - 0.2) < 3 * found.pairs.r.standard_error, found.verdict
    (True, 'below 1')
    """
    checks.instance("synapses", synapses, Synapses, "synapses, as plastodyn.synapses.read gives them")
    checks.key("key", key)
    checks.count("draws", draws, at_least=100, at_most=1_000_000)
    checks.flag("progress", progress)
    grouped = exact_pairs(synapses)
    _check_pairs(synapses, grouped)
    keys = jax.random.split(key, 5)

    def correlation(groups: Groups, key: Key) -> Correlation:
        return intraclass(synapses.value[groups.members], groups.group, key=key, draws=draws, progress=progress)

    pairs = correlation(grouped, keys[0])
    error_free = _disattenuated(synapses, grouped, keys[4], draws, progress)
    ratios = ratio_of(pairs.draws)
    return SharedShare(
        pairs,
        _flipped(pairs.r),
        measured(float(ratio_of(np.asarray(pairs.r.value))), ratios),
        float(np.nanmean(ratios > 1)),
        error_free,
        correlation(connections(synapses), keys[1]),
        _control(correlation, synapses, same_dendrite(synapses), keys[2]),
        _control(correlation, synapses, same_axon(synapses), keys[3]),
        synapses.of,
        _caveats(synapses.of, pairs, error_free),
    )


def ratio_of(shared: Floats) -> Floats:
    """As `implied_ratio`, of shares that may be above 1 by rounding.

    >>> ratio_of(np.array([0.5, 1.0])).tolist()
    [1.0, inf]
    """
    with np.errstate(divide="ignore"):
        return np.sqrt(np.maximum(shared, 0) / (1 - np.minimum(shared, 1)))


def against_one(ratio: Measured) -> str:
    """How a ratio stands against 1, by its interval.

    >>> against_one(Measured(0.9, 0.1, 0.7, 1.1))
    'not told apart from 1'
    """
    if ratio.high < 1:
        return "below 1"
    return "above 1" if ratio.low > 1 else "not told apart from 1"


def _check_pairs(synapses: Synapses, grouped: Groups) -> None:
    pairs = len(grouped.members) // 2
    if pairs < _FEWEST:
        raise ValueError(
            f"synapses must hold at least {_FEWEST} connections (same axon, same dendrite) of exactly two synapses; got {pairs}"
        )
    if np.ptp(synapses.value[grouped.members]) == 0:
        raise ValueError(f"synapses must differ in their {synapses.of}; got {pairs} pairs that are all the same")


def _disattenuated(synapses: Synapses, grouped: Groups, key: Key, draws: int, progress: bool) -> Measured | None:
    """From the pairs that have both measures; None where fewer than 3 do."""
    if synapses.second is None:
        return None
    missing = np.isnan(synapses.second[grouped.members]).astype(float)
    whole = np.bincount(grouped.group, missing)[grouped.group] == 0
    members, group = grouped.members[whole], grouped.group[whole]
    values, second = synapses.value[members], synapses.second[members]
    if len(members) < 2 * _FEWEST or np.ptp(values) == 0 or np.ptp(second) == 0:
        return None
    return disattenuated(values, second, group, key=key, draws=draws, progress=progress)


def _control(
    correlation: Callable[[Groups, Key], Correlation], synapses: Synapses, groups: Groups, key: Key
) -> Correlation | None:
    few = len(np.unique(groups.group)) < _FEWEST
    return None if few or np.ptp(synapses.value[groups.members]) == 0 else correlation(groups, key)


def _flipped(r: Measured) -> Measured:
    return Measured(1 - r.value, r.standard_error, 1 - r.high, 1 - r.low)


def _caveats(of: str, pairs: Correlation, error_free: Measured | None) -> tuple[str, ...]:
    few = f"With {pairs.squares.groups} pairs the interval is rough." if pairs.squares.groups < _FEW else ""
    none = "r is not above 0: no shared part is seen, and the ratio is 0." if pairs.r.value <= 0 else ""
    unshared = _UNSHARED + (_ERROR if error_free is not None else "")
    return tuple(each for each in (_CAVEATS[of], _SHARED, unshared, _AT_MOST, few, none) if each)


def _percent(share: Measured) -> str:
    return f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f} %)"


def _between(ratio: Measured) -> str:
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
