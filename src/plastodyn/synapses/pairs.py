"""Which synapses share what: axon and dendrite, or, as controls, only one of them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from plastodyn import checks
from plastodyn.synapses.tables import Synapses


class Groups(NamedTuple):
    """Some of the synapses, and which group each of them is in: groups are counted from 0 and hold at least two."""

    members: Int[np.ndarray, " n"]
    group: Int[np.ndarray, " n"]


def exact_pairs(synapses: Synapses) -> Groups:
    """Connections (same axon, same dendrite) of exactly two synapses.

    Args:
        synapses: as `read` gives them.

    Returns:
        `Groups`, one for each such connection.

    Raises:
        ValueError: if ``synapses`` are none.

    Source: Kasthuri et al. (2015), who call such synapses redundant.

    >>> from plastodyn.synapses.tables import from_arrays
    >>> exact_pairs(from_arrays([1, 2, 1, 3, 3, 3], [7, 7, 7, 8, 8, 8], [1.0] * 6)).members.tolist()
    [0, 2]
    """
    connection = _connection(synapses)
    return _grouped(connection, np.flatnonzero(np.bincount(connection)[connection] == 2))


def connections(synapses: Synapses) -> Groups:
    """Connections (same axon, same dendrite) of two synapses and more.

    Args:
        synapses: as `read` gives them.

    Returns:
        `Groups`, one for each such connection.

    Raises:
        ValueError: if ``synapses`` are none.

    Source: as `exact_pairs`.

    >>> from plastodyn.synapses.tables import from_arrays
    >>> connections(from_arrays([1, 2, 1, 3, 3, 3], [7, 7, 7, 8, 8, 8], [1.0] * 6)).group.tolist()
    [0, 0, 1, 1, 1]
    """
    connection = _connection(synapses)
    return _grouped(connection, np.arange(len(connection)))


def same_dendrite(synapses: Synapses) -> Groups:
    """A control: synapses of one dendrite, of different axons: the first of each connection, in the order of the table.

    Args:
        synapses: as `read` gives them.

    Returns:
        `Groups`, one for each dendrite that two axons and more reach.

    Raises:
        ValueError: if ``synapses`` are none.

    Source: this project.

    >>> from plastodyn.synapses.tables import from_arrays
    >>> same_dendrite(from_arrays([1, 2, 1, 3, 3], [7, 7, 7, 8, 9], [1.0] * 5)).members.tolist()
    [0, 1]
    """
    first = _first(synapses)
    return _grouped(_codes(synapses.dendrite), first)


def same_axon(synapses: Synapses) -> Groups:
    """A control: synapses of one axon, on different dendrites: the first of each connection, in the order of the table.

    Args:
        synapses: as `read` gives them.

    Returns:
        `Groups`, one for each axon that reaches two dendrites and more.

    Raises:
        ValueError: if ``synapses`` are none.

    Source: this project.

    >>> from plastodyn.synapses.tables import from_arrays
    >>> same_axon(from_arrays([1, 2, 1, 3, 3], [7, 7, 7, 8, 9], [1.0] * 5)).members.tolist()
    [3, 4]
    """
    first = _first(synapses)
    return _grouped(_codes(synapses.axon), first)


def _codes(ids: np.ndarray) -> Int[np.ndarray, " n"]:
    return np.unique(ids, return_inverse=True)[1]


def _connection(synapses: Synapses) -> Int[np.ndarray, " n"]:
    """The number of each synapse's connection."""
    checks.instance("synapses", synapses, Synapses, "synapses, as plastodyn.synapses.read gives them")
    axon, dendrite = _codes(synapses.axon), _codes(synapses.dendrite)
    return _codes(axon * (int(dendrite.max()) + 1) + dendrite)


def _first(synapses: Synapses) -> Int[np.ndarray, " n"]:
    """The first synapse of each connection."""
    return np.sort(np.unique(_connection(synapses), return_index=True)[1])


def _grouped(label: Int[np.ndarray, " n"], members: Int[np.ndarray, " m"]) -> Groups:
    """Those of the members that share their label with another, in groups counted from 0."""
    label = label[members]
    shared = np.bincount(label, minlength=1)[label] >= 2
    return Groups(members[shared], _codes(label[shared]))
