"""`verify`: is a store still what was written? `recompute`: does computing it again give the same?"""

import itertools
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from plastodyn import checks
from plastodyn.runtime.progress import Bar
from plastodyn.sweeps import block as blocks
from plastodyn.sweeps import mending
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.integrity import Damage, damages, digest, lost_statuses
from plastodyn.sweeps.layout import Box, Layout
from plastodyn.sweeps.members import FINAL
from plastodyn.sweeps.place import place_of
from plastodyn.sweeps.specification import Specification
from plastodyn.sweeps.staff import staff_of


def verify(store: str | PathLike[str]) -> list[Damage]:
    """What in a store is not what was written there; nothing, in a sound one.

    Every file is read: its own checksum is checked, and that of the values of each chunk. `sweep`, called again, computes
    damaged chunks again. Checksums tell accidents, not forgers: who changes values and checksums alike is found by `recompute`.

    Args:
        store: of a `sweep`.

    Returns:
        For each damage its place, the index of the chunk along each axis or None for what all chunks share, and what it is.

    Raises:
        ValueError: if there is no store of a sweep, or what describes it is damaged.

    Source: this project.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from plastodyn.sweeps import sweep
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     place, axes = Path(directory) / "bowl.zarr", {"rate": [0.1, 0.5], "noise": [0.0]}
    ...     _ = sweep(noisy_bowl, axes, store=place, seed=0, chunk={"rate": 1, "noise": 1}, workers=1)
    ...     (place / "loss" / "c" / "1" / "0" / "0" / "0").unlink()
    ...     print([damage.place for damage in verify(place)])
    [(1, 0)]
    """
    place = place_of(store)
    specification, layout = stores.sweep_of(place)
    return [*damages(place, specification, layout), *lost_statuses(place, layout)]


class Recomputed(NamedTuple):
    """What `recompute` found.

    Args:
        members: that were computed again.
        differences: of each batch that differs: the coordinates of its first member, and the variables whose bits differ.
    """

    members: int
    differences: list[tuple[dict[str, Any], list[str]]]


def recompute(
    store: str | PathLike[str], *, members: int = 10, seed: int = 0, workers: int | None = None, progress: bool = True
) -> Recomputed:
    """Compute a random sample of members again and compare bits with what is stored.

    On another kind of processor, or with other versions of JAX and NumPy, the last bits may differ without a fault.

    Args:
        store: of a `sweep`; its experiment is run.
        members: how many at least, if so many are done; whole batches are computed.
        seed: of the choice.
        workers: processes; as many as cores unless given.
        progress: show a bar on standard error when it lasts more than 2 seconds.

    Returns:
        How many were compared, and what differs.

    Raises:
        ValueError: if an argument is out of range, there is no store, or its experiment or plastodyn have changed.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.sweeps import sweep
    >>> from plastodyn.sweeps.example import noisy_bowl
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     axes = {"rate": [0.1, 0.5], "noise": [0.0]}
    ...     _ = sweep(noisy_bowl, axes, store=directory + "/bowl.zarr", seed=0, workers=1)
    ...     recompute(directory + "/bowl.zarr", members=2, workers=1)
    Recomputed(members=2, differences=[])
    """
    checks.count("members", members, at_least=1)
    checks.seed("seed", seed)
    checks.flag("progress", progress)
    place, staff = place_of(store), staff_of(workers, None)
    specification, layout = stores.sweep_to_run(place)
    chosen, count = _sample(place, layout, members, random.Random(seed))
    found: list[tuple[dict[str, Any], list[str]]] = []
    with staff.hands() as hands, Bar("verify", len(chosen), progress) as bar:
        futures = [hands.submit(_differing, place, specification, batch) for batch in chosen]
        for future, batch in zip(futures, chosen, strict=True):
            names = future.result()
            where = {name: points[side.start] for (name, points), side in zip(specification.axes.items(), batch, strict=True)}
            found += [(where, names)] if names else []
            bar.advance(1)
    return Recomputed(count, found)


def _sample(place: Path, layout: Layout, members: int, source: random.Random) -> tuple[list[Box], int]:
    """Batches that came to their end, in random order, until they have enough members; what failed may do so again or not."""
    final = np.isin(stores.member_statuses(place), FINAL)
    chunks = [tuple(map(int, index)) for index in np.argwhere(stores.statuses(place) != stores.MISSING)]
    source.shuffle(chunks)
    # From many chunks one batch each, rather than many of one chunk.
    ended = ((chunk, [box for box in layout.batches(layout.box(chunk)) if final[box].all()]) for chunk in chunks)
    batches = dict(itertools.islice(((chunk, boxes) for chunk, boxes in ended if boxes), members))
    chosen, count = [], 0
    while count < members and any(batches.values()):
        for left in filter(None, batches.values()):
            batch = left.pop(source.randrange(len(left)))
            chosen.append(batch)
            count += int(np.prod([side.stop - side.start for side in batch]))
            if count >= members:
                break
    return chosen, count


def _differing(place: Path, specification: Specification, batch: Box) -> list[str]:
    """The variables of a batch whose bits are others when it is computed again."""
    axes = tuple(specification.axes)
    kept = stores.stored(place, specification, batch)
    new = blocks.run_batch(specification, batch)
    same = {name: digest(each.values) == digest(new[name].values) for name, each in kept.items() if each.spans(axes)}
    return [name for name, equal in same.items() if not equal]


def mended(place: Path, specification: Specification, layout: Layout) -> list[Damage]:
    """Damages that have to be computed again; descriptions of arrays are written again without."""
    found = list(damages(place, specification, layout))
    if found:
        with _as_damage(place, found):
            names = mending.mend_descriptions(place)
        if names:
            warnings.warn(f"{place} was damaged in what describes {', '.join(names)}, which is written again", stacklevel=3)
            found = list(damages(place, specification, layout))
    return found


def forget(place: Path, specification: Specification, damaged: list[Damage]) -> None:
    """Take damaged chunks out of a store, and say so."""
    first = damaged[0]
    where = "" if first.place is None else f" at {first.place}"
    warnings.warn(
        f"{place} is damaged in {len(damaged)} places, which are computed again; the first{where}: {first.what}", stacklevel=3
    )
    with _as_damage(place, damaged):
        mending.forget(place, specification, damaged)


@contextmanager
def _as_damage(place: Path, damaged: list[Damage]) -> Iterator[None]:
    """Where damage cannot be mended, say that, and not that an experiment failed."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"store must be one that can be written to: {place} is damaged, {damaged[0].what}; mending it failed: {error}"
        ) from error
