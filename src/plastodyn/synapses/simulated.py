"""Simulated synapses whose shared part is known: what an estimate is tried on."""

from collections.abc import Sequence

import jax
import numpy as np

from plastodyn import checks
from plastodyn.synapses.tables import Synapses, from_arrays
from plastodyn.types import Floats, Key

_CENTRE, _SPREAD = -1.0, 0.4
"""Of log10 size: about those of spine volumes in um^3."""


def simulated(
    connections: int, *, shared: float, key: Key, synapses_each: int | Sequence[int] = 2, error: float | None = None
) -> Synapses:
    """Synapses of connections that each have an axon and a dendrite of their own, of which a given share is shared.

    ``log10 size = -1 + 0.4 (sqrt(r) a + sqrt(1 - r) e)``, a standard normal for each connection, e for each synapse. With
    an ``error`` there are two measures of each log size, of half the spread in the second, each with an independent error
    of so many times its spread.

    Args:
        connections: how many.
        shared: r, from 0 to 1.
        key: random key.
        synapses_each: of a connection; or several numbers, which connections take in turn.
        error: standard deviation of measurement errors over that of true log sizes, from 0 to 100; None for one exact measure.

    Returns:
        `Synapses`, in log10 of um^3.

    Raises:
        ValueError: if ``connections`` or ``synapses_each`` are below 1, ``shared`` is no share, or ``error`` is out of range.

    Source: this project.

    >>> synapses = simulated(3, shared=1.0, key=jax.random.key(0))
    >>> synapses.axon.tolist(), bool(np.isclose(synapses.value[0], synapses.value[1]))
    ([0, 0, 1, 1, 2, 2], True)
    """
    checks.count("connections", connections, at_least=1, at_most=10_000_000)
    checks.one_number("shared", shared, at_least=0, at_most=1)
    checks.key("key", key)
    if error is not None:
        checks.one_number("error", error, at_least=0, at_most=100)
    axon = np.repeat(np.arange(connections), np.resize(_each(synapses_each), connections))
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    common, own, first, second = (rng.normal(size=size) for size in (connections, *[len(axon)] * 3))
    true = np.sqrt(shared) * common[axon] + np.sqrt(1 - shared) * own
    if error is None:
        return from_arrays(axon, axon, _size(true))._replace(unit="µm³")
    return from_arrays(axon, axon, _size(true + error * first), second_size=_size((true + error * second) / 2))._replace(
        unit="µm³"
    )


def _each(synapses_each: int | Sequence[int]) -> list[int]:
    several = list(synapses_each) if isinstance(synapses_each, list | tuple) else [synapses_each]
    if not several:
        checks.refuse("synapses_each", synapses_each, "a whole number >= 1, or some of them")
    for each in several:
        checks.count("synapses_each", each, at_least=1, at_most=1_000_000)
    return [int(each) for each in several]  # pyright: ignore[reportArgumentType] - whole numbers, as was checked


def _size(standard: Floats) -> Floats:
    return 10 ** (_CENTRE + _SPREAD * standard)
