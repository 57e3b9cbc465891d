"""A chunk into its store, and its status last. No two chunks share a file."""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plastodyn.sweeps import members
from plastodyn.sweeps.block import Block
from plastodyn.sweeps.claims import Claim
from plastodyn.sweeps.integrity import CHECKSUM, RECORDED, SHARED, digest, of_chunk
from plastodyn.sweeps.layout import Box, Index
from plastodyn.sweeps.specification import Specification
from plastodyn.sweeps.store import DONE, FAILED, Opened, array, group, plain


class Record(NamedTuple):
    """What is kept about a chunk: time it took, processor time, and where it comes from."""

    seconds: float
    cpu_seconds: float
    origin: str


def commit(
    place: Path, specification: Specification, box: Box, index: Index, block: Block, record: Record, claim: Claim
) -> None:
    """Write a chunk, or what there is of it: its status stays that of one not done while members are missing.

    Args:
        place: of the store.
        specification: of the sweep.
        box: the points of the chunk.
        index: of the chunk along each axis.
        block: its results, with the status of its members.
        record: what is kept about it.
        claim: on the chunk.

    Raises:
        OSError: if it cannot be written, or something else is read back.
    """
    axes = tuple(specification.axes)
    opened = group(place, "r+")
    _write_shared_again(opened, axes, block)
    for name, variable in block.items():
        if variable.spans(axes):
            array(opened, name)[box] = variable.values
    for name, value in zip(RECORDED, record, strict=True):
        array(opened, name)[index] = value
    checksum = _read_back(opened, specification, box, index, block)
    array(opened, CHECKSUM)[index] = checksum
    # Where another process took the chunk over in the meantime, both write what is kept about it: the last one looks again.
    while not claim.is_held() and checksum != (checksum := _read_back(opened, specification, box, index, block)):
        array(opened, CHECKSUM)[index] = checksum
    status = block[members.STATUS].values
    if (status != members.MISSING).all():
        array(opened, "chunk_status")[index] = DONE if np.isin(status, members.FINAL).all() else FAILED


def _read_back(opened: Opened, specification: Specification, box: Box, index: Index, block: Block) -> str:
    """The checksum of a chunk as it is read, since that is what has to agree."""
    axes = tuple(specification.axes)
    kept = {name: np.asarray(array(opened, name)[box]) for name, variable in block.items() if variable.spans(axes)}
    for name, values in kept.items():
        # A file that somebody takes away right now would be read as if nothing had been there.
        if not np.array_equal(plain(values), plain(block[name].values), equal_nan=values.dtype.kind in "fc"):
            raise OSError(f"{name} at {index} is not read back as it was written")
    about = {name: np.asarray(array(opened, name)[index]) for name in RECORDED}
    return of_chunk(specification, index, {**kept, **about})


def _write_shared_again(opened: Opened, axes: tuple[str, ...], block: Block) -> None:
    """What is the same for all points and is not what was written, from a block whose values are."""
    stored = json.loads(str(opened.attrs.get(SHARED, "{}")))
    for name, variable in block.items():
        if name not in stored or variable.spans(axes) or digest(plain(variable.values)) != stored[name]:
            continue
        each, sound = array(opened, name), False
        with suppress(Exception):  # A damaged file raises whatever its codec does.
            sound = digest(np.asarray(each[...])) == stored[name]
        if not sound:
            each[...] = plain(variable.values)
