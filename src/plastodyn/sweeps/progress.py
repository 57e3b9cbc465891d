"""A bar of chunks done, with the time left, for work that lasts longer than two seconds."""

import time
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from plastodyn.runtime.progress import PATIENCE


def time_left(elapsed: float, finished: int, missing: int) -> str:
    """The rest at the mean pace of this session, as hours, minutes and seconds.

    >>> time_left(10.0, 2, 6)
    '0:00:30'
    """
    return str(timedelta(seconds=round(elapsed * missing / finished))) if finished else "-:--:--"


class ChunkBar:
    """Shows chunks done of all, those of earlier sessions included; the pace counts this session only."""

    def __init__(self, total: int, before: int, shown: bool) -> None:
        self._total, self._before, self._shown = total, before, shown
        self._started = time.monotonic()
        self._progress: Progress | None = None

    def __enter__(self) -> "ChunkBar":
        return self

    def update(self, finished: int, failed: int) -> None:
        """Show what this session has finished until now."""
        elapsed = time.monotonic() - self._started
        if not self._shown or elapsed < PATIENCE:
            return
        if self._progress is None:
            columns = (TextColumn("sweep"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.add_task("", total=self._total)
            self._progress.start()
        left = time_left(elapsed, finished, self._total - self._before - finished)
        text = f"{left} left" + (f", {failed} failed" if failed else "")
        self._progress.update(self._progress.task_ids[0], completed=self._before + finished, description=text)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()
