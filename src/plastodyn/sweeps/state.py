"""How far a store is: what is done, what failed and why, who is at work, and what its results are in one number."""

import hashlib
import math
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from plastodyn.sweeps import claims, members
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.layout import Index
from plastodyn.sweeps.place import place_of


class Status(NamedTuple):
    """How far a store is.

    Args:
        chunks: in all.
        done: chunks without a member that failed.
        failed: chunks with members that failed.
        missing: chunks that are not done.
        members: points of the axes, in all.
        members_done: those with results, the diverged included.
        members_failed: those that the next call tries again.
        members_diverged: those that diverged.
        seconds_left: at the mean pace of chunks until now, or by the first batch where none is done, by the workers now at
            work, or one.
        longest_seconds: of a chunk; nan where none is done.
        longest_batch: seconds of a batch of that chunk: what is done of a chunk is stored on the way; nan where none is done.
        claimed: who works at which chunk.
    """

    chunks: int
    done: int
    failed: int
    missing: int
    members: int
    members_done: int
    members_failed: int
    members_diverged: int
    seconds_left: float
    longest_seconds: float
    longest_batch: float
    claimed: dict[Index, claims.Holder]


class Failure(NamedTuple):
    """A member that failed: where it is, how (one of `members.KINDS`), and why."""

    coordinates: dict[str, Any]
    kind: str
    reason: str


def status(store: str | PathLike[str]) -> Status:
    """How far a store is; reads what is kept about chunks and members, not their values.

    Args:
        store: of a `sweep`, also one that is being filled.

    Returns:
        Numbers of chunks and members, time left, and who is at work.

    Raises:
        ValueError: if there is no store of a sweep, or what describes it is damaged.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.sweeps import sweep
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     axes = {"rate": [0.1, 0.5], "noise": [0.0]}
    ...     _ = sweep(noisy_bowl, axes, store=directory + "/bowl.zarr", seed=0, chunk={"rate": 1, "noise": 1}, workers=1)
    ...     found = status(directory + "/bowl.zarr")
    ...     print(found.done, found.missing, found.members_done, found.seconds_left)
    2 0 2 0.0
    """
    place = place_of(store)
    _, layout = stores.sweep_of(place)
    chunk = stores.statuses(place)
    known = stores.seconds_of_done(place)
    missing, claimed = int((chunk == stores.MISSING).sum()), claims.holders(place)
    pace = float(known.mean() if len(known) else stores.expected_seconds(place, layout)) / max(1, len(claimed))
    longest = float(known.max()) if len(known) else math.nan
    member = stores.member_statuses(place)
    return Status(
        chunk.size,
        int((chunk == stores.DONE).sum()),
        int((chunk == stores.FAILED).sum()),
        missing,
        member.size,
        int(np.isin(member, members.FINAL).sum()),
        int(np.isin(member, (members.FAILED, members.KILLED)).sum()),
        int((member == members.DIVERGED).sum()),
        missing * pace if missing else 0.0,
        longest,
        longest / layout.batches_of_a_chunk,
        claimed,
    )


def failures(store: str | PathLike[str]) -> list[Failure]:
    """The members that failed or diverged, and why.

    Args:
        store: of a `sweep`.

    Returns:
        In the order of the axes.

    Raises:
        ValueError: if there is no store of a sweep, or what describes it is damaged.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.sweeps import sweep
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     axes = {"rate": [0.1, 0.5], "noise": [0.0]}
    ...     _ = sweep(noisy_bowl, axes, store=directory + "/bowl.zarr", seed=0, workers=1)
    ...     failures(directory + "/bowl.zarr")
    []
    """
    place = place_of(store)
    specification, _ = stores.sweep_of(place)
    member, found = stores.member_statuses(place), []
    where = np.argwhere(np.isin(member, (members.FAILED, members.DIVERGED, members.KILLED)))
    reasons = stores.array(stores.group(place), members.ERROR)
    for index in map(tuple, where.tolist()):
        coordinates = {name: points[i] for (name, points), i in zip(specification.axes.items(), index, strict=True)}
        found.append(Failure(coordinates, members.KINDS[int(member[index])], str(np.asarray(reasons[index]).item())))
    return found


def fingerprint(store: str | PathLike[str]) -> str:
    """One number for all that a store holds: equal where specification and every bit of the results are equal.

    What is kept about chunks (time, machine, how many there are) does not enter, nor does it matter how the store is cut.

    Args:
        store: of a `sweep`.

    Returns:
        SHA-256, in hexadecimal.

    Raises:
        ValueError: if there is no store of a sweep, or it is damaged.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.sweeps import sweep
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     asked = {"axes": {"rate": [0.1, 0.5], "noise": [0.0]}, "seed": 0, "workers": 1}
    ...     for name in "ab":
    ...         _ = sweep(noisy_bowl, store=f"{directory}/{name}", **asked)
    ...     fingerprint(directory + "/a") == fingerprint(directory + "/b")
    True
    """
    place = place_of(store)
    specification, layout = stores.sweep_of(place)
    opened, axes = stores.group(place), tuple(specification.axes)
    total = hashlib.sha256(specification.digest().encode())
    for name in sorted(stores.outcome_names(opened, axes)):
        each = stores.array(opened, name)
        total.update(f"{name} {stores.dims(each)} {each.shape} {each.dtype.kind}".encode())
        slab = layout.chunk[0] if stores.dims(each)[: len(axes)] == axes else max(1, *each.shape, 1)
        for start in range(0, each.shape[0] if each.ndim else 1, slab):
            try:
                values = np.asarray(each[start : start + slab] if each.ndim else each[...])
            except Exception as error:  # A damaged file raises whatever its codec does.
                raise ValueError(f"store must be sound: {place} is damaged in {name}; plastodyn verify tells more") from error
            total.update(_bytes(values))
    return total.hexdigest()


def _bytes(values: np.ndarray) -> bytes:
    if values.dtype.kind in "OUT":
        # Ended, not parted, so that it does not matter where one piece ends and the next begins.
        return "".join(f"{text}\0" for text in values.ravel().tolist()).encode()
    return np.ascontiguousarray(values).tobytes()
