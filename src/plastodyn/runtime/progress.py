"""A progress bar that appears only for work that lasts longer than two seconds."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE = 2.0
"""Seconds before the bar shows."""


class Bar:
    """Counts work done; shows a bar on standard error once the work has lasted more than two seconds."""

    def __init__(self, title: str, total: int, shown: bool = True) -> None:
        self._title, self._total, self._shown = title, total, shown
        self._started = time.monotonic()
        self._done = 0
        self._progress: Progress | None = None

    def __enter__(self) -> "Bar":
        return self

    def advance(self, amount: int) -> None:
        """Add to the work done."""
        self._done += amount
        if not self._shown or time.monotonic() - self._started < PATIENCE:
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._progress.add_task(self._title, total=self._total)
            self._progress.start()
        self._progress.update(self._progress.task_ids[0], completed=self._done)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()
