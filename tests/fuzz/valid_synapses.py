"""Valid calls of what is asked of tables of synapses."""

import tempfile
from pathlib import Path

import jax
import numpy as np
from kinds import count, flag, nothing, numbers, one_number, optional
from things import KEY, Argument, a_key, left

from plastodyn import synapses

PLACE = Path(tempfile.mkdtemp())
TABLE, CHANGES = PLACE / "synapses.csv", PLACE / "changes.csv"
ROWS = "".join(f"{i},{i},{1 + i % 3}\n{i},{i},{2 + i % 5}\n" for i in range(6))
TABLE.write_text("axon,dendrite,size\n" + ROWS)
CHANGES.write_text("condition,change\non,1\nblocked,0.5\non,-1\nblocked,0\n")
FOUND = synapses.simulated(5, shared=0.5, key=jax.random.key(0))
VALUES, GROUP = FOUND.value, np.repeat(np.arange(5), 2)
IDS = [1, 2]

_bootstrap = {"key": a_key, "draws": Argument(100, count(100, 10**6)), "progress": left(flag)}
_grouped = {"values": Argument(VALUES, nothing), "group": Argument(GROUP, nothing)}
_one = {"synapses": Argument(FOUND, nothing)}
_two = numbers(above=0, shape=lambda shape: shape == (2,))
_several = numbers(shape=lambda shape: len(shape) == 1 and shape[0] >= 3)
_positive, _error = one_number(above=0), one_number(at_least=0)
_rates = {
    "on": Argument(2.0, _positive),
    "blocked": Argument(1.0, _positive),
    "on_error": left(_error),
    "blocked_error": left(_error),
}


def _spread(value):
    """Numbers that differ."""
    return _several(value) and np.ptp(np.asarray(value, float)) > 0


def _ids(value):
    """Two whole numbers, or two texts."""
    found = np.asarray(value)
    return isinstance(value, list | tuple | range | np.ndarray) and found.shape == (2,) and found.dtype.kind in "iuU"


def _counts(value):
    """A whole number above 0, or a list or tuple of some."""
    one = count(1, 10**6)
    return one(value) or (isinstance(value, list | tuple) and len(value) > 0 and all(map(one, value)))


_columns = dict.fromkeys(("source", "axon", "dendrite", "size", "second_size", "later_size"), left(optional(nothing)))

CALLS = {
    synapses.read: {"path": Argument(TABLE, nothing), **_columns},
    synapses.read_changes: {"path": Argument(CHANGES, nothing), "change": left(nothing), "condition": left(nothing)},
    synapses.from_arrays: {
        "axon": Argument(IDS, _ids),
        "dendrite": Argument(IDS, _ids),
        "size": Argument([1.0, 2.0], _two),
        "second_size": left(optional(_two)),
        "later_size": left(optional(_two)),
    },
    synapses.exact_pairs: _one,
    synapses.connections: _one,
    synapses.same_dendrite: _one,
    synapses.same_axon: _one,
    synapses.mean_squares: _grouped,
    synapses.intraclass: {**_grouped, **_bootstrap},
    synapses.disattenuated: {**_grouped, "second": Argument(VALUES[::-1].copy(), nothing), **_bootstrap},
    synapses.implied_ratio: {"shared": Argument(0.4, numbers(at_most=1))},
    synapses.estimate: {**_one, **_bootstrap},
    synapses.simulated: {
        "connections": Argument(3, count(1, 10**7)),
        "shared": Argument(0.4, one_number(at_least=0, at_most=1)),
        "key": a_key,
        "synapses_each": left(_counts),
        "error": left(optional(one_number(at_least=0, at_most=100))),
    },
    synapses.from_changes: {
        "on": Argument([1.0, 2.0, 4.0], _spread),
        "blocked": Argument([1.0, 2.0, 3.0], _spread),
        **_bootstrap,
    },
    synapses.from_rates: _rates,
    synapses.from_magnitudes: _rates,
    synapses.picture: {
        **_one,
        "found": Argument(synapses.estimate(FOUND, key=KEY, draws=100), nothing),
        "title": left(lambda value: isinstance(value, str)),
    },
}
