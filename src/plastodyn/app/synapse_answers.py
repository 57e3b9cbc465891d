"""Answers about tables of synapses as plain values: numbers and sentences, what is not defined as None."""

import math

from plastodyn.app.answers import Answer
from plastodyn.synapses import BlockedShare, Correlation, Measured, SharedShare, Synapses

_MANY = 0.05
"""Share of rows that may be left out without a word in the answer."""
_FEWER = " But {} of {} rows have no size above 0 and were left out; if yours are logarithms, give the sizes themselves."


def shared_report(synapses: Synapses, found: SharedShare) -> Answer:
    """The answer of `synapses.estimate` as plain values.

    >>> import jax
    >>> from plastodyn.synapses import estimate, simulated
    >>> synapses = simulated(50, shared=0.4, key=jax.random.key(0))
    >>> report = shared_report(synapses, estimate(synapses, key=jax.random.key(1), draws=200))
    >>> report["pairs"], report["r_same_axon"]
    (50, None)
    """
    left_out = "; ".join(f"{reason}: {count}" for reason, count in synapses.left_out.items())
    values = {
        "source": synapses.source,
        "rows_read": synapses.rows_read,
        "rows_used": len(synapses.value),
        "left_out": left_out or None,
        "compared": f"log10 {synapses.of}",
        **_correlation("", "pairs", found.pairs),
        **_measured("independent", found.independent),
        **_measured("ratio", found.ratio),
        "bootstrap_share_above_1": found.above_one,
        "verdict": found.verdict,
        **_measured("r_disattenuated", found.disattenuated),
        **_correlation("_all", "connections", found.connections),
        **_correlation("_same_dendrite", "dendrites", found.same_dendrite),
        **_correlation("_same_axon", "axons", found.same_axon),
    }
    dropped = synapses.left_out.get("no size above 0", 0)
    warning = _FEWER.format(dropped, synapses.rows_read) if dropped > _MANY * synapses.rows_read else ""
    return _defined({**values, "caveats": " ".join(found.caveats), "answer": found.answer + warning})


def blocked_report(on: int, blocked: int, found: BlockedShare) -> Answer:
    """The answer of `synapses.from_changes` as plain values, with how many changes it comes from.

    >>> from plastodyn.synapses import from_rates
    >>> blocked_report(10, 10, from_rates(2.0, 1.0))["ratio"]
    1.0
    """
    values = {
        "changes_on": on,
        "changes_blocked": blocked,
        **_measured("independent", found.independent),
        **_measured("ratio", found.ratio),
        "verdict": found.verdict,
    }
    return _defined({**values, "caveats": " ".join(found.caveats), "answer": found.answer})


def _measured(name: str, found: Measured | None) -> dict[str, float | None]:
    value, error, low, high = found if found is not None else (None, None, None, None)
    return {name: value, f"{name}_standard_error": error, f"{name}_low": low, f"{name}_high": high}


def _correlation(suffix: str, groups: str, found: Correlation | None) -> dict[str, float | None]:
    squares = found.squares if found is not None else None
    return {
        **_measured(f"r{suffix}", None if found is None else found.r),
        groups: None if squares is None else squares.groups,
        f"mean_square_between{suffix}": None if squares is None else squares.between,
        f"mean_square_within{suffix}": None if squares is None else squares.within,
    }


def _defined(values: dict[str, str | float | None]) -> Answer:
    """None for what is NaN or infinite, which JSON does not know."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
