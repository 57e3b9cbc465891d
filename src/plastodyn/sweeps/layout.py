"""How the points of a sweep are cut: chunks that are stored together, in batches that are computed together."""

import itertools
import math
from typing import NamedTuple

TARGET_SECONDS = 30.0
"""What a chunk is to take: long against the cost of storing it, short against what an interruption may lose."""
TARGET_BYTES = 64 * 2**20
"""What a chunk's result is to take at most, in memory and in one file."""
CHUNKS_PER_WORKER = 4
"""At least so many chunks for each worker, so that none idles long at the end."""

Index = tuple[int, ...]
Box = tuple[slice, ...]


class Layout(NamedTuple):
    """Points along each axis, in all (`sizes`), handed to the experiment at once (`batch`), and stored at once (`chunk`)."""

    sizes: Index
    batch: Index
    chunk: Index

    @property
    def grid(self) -> Index:
        """Chunks along each axis."""
        return tuple(math.ceil(size / chunk) for size, chunk in zip(self.sizes, self.chunk, strict=True))

    @property
    def batches_of_a_chunk(self) -> int:
        """How many a whole chunk has."""
        return math.prod(math.ceil(chunk / batch) for chunk, batch in zip(self.chunk, self.batch, strict=True))

    def box(self, index: Index) -> Box:
        """The points of a chunk.

        >>> Layout((5,), (1,), (2,)).box((2,))
        (slice(4, 5, None),)
        """
        starts = [place * chunk for place, chunk in zip(index, self.chunk, strict=True)]
        return tuple(slice(a, min(a + c, n)) for a, c, n in zip(starts, self.chunk, self.sizes, strict=True))

    def batches(self, box: Box) -> list[Box]:
        """The batches of a chunk, in C order.

        >>> Layout((6,), (2,), (4,)).batches((slice(4, 6),))
        [(slice(4, 6, None),)]
        """
        pieces = [
            [slice(start, min(start + step, side.stop)) for start in range(side.start, side.stop, step)]
            for side, step in zip(box, self.batch, strict=True)
        ]
        return list(itertools.product(*pieces))


def one_batch_each(sizes: Index, batch: Index) -> Layout:
    """The finest layout: every batch is a chunk.

    >>> one_batch_each((5,), (2,)).grid
    (3,)
    """
    return Layout(sizes, batch, batch)


def fit(sizes: Index, batch: Index, growing: tuple[bool, ...], seconds: float, size: float, workers: int) -> Layout:
    """Chunks near the target time, within the bound on bytes, and enough of them for all workers.

    The numbers of the sweep do not depend on the choice: it only says how many batches are stored together.

    Args:
        sizes: points along each axis.
        batch: points handed to the experiment at once.
        growing: which axes may have several batches in one chunk.
        seconds: for one batch.
        size: bytes of the result of one batch.
        workers: to be kept busy.

    >>> fit((100, 40), (1, 1), (True, True), seconds=0.5, size=1e3, workers=2).chunk
    (1, 40)
    """
    counts = [math.ceil(n / b) for n, b in zip(sizes, batch, strict=True)]
    most = min(
        TARGET_SECONDS / max(seconds, 1e-9), TARGET_BYTES / max(size, 1.0), math.prod(counts) / (CHUNKS_PER_WORKER * workers)
    )
    left = max(1, int(most))
    chunk = list(batch)
    for place in reversed(range(len(sizes))):
        if not growing[place]:
            continue
        pieces = math.ceil(counts[place] / min(left, counts[place]))
        # Pieces of nearly equal length, rather than full ones and a short rest.
        length = math.ceil(counts[place] / pieces)
        chunk[place] = min(length * batch[place], sizes[place])
        left = max(1, left // length)
    return Layout(sizes, batch, tuple(chunk))
