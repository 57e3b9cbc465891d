"""A progress bar that appears only for work that lasts longer than two seconds."""

from __future__ import annotations

import time
from datetime import timedelta
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0
"""Seconds before the bar shows."""


def time_left(elapsed: float, finished: int, missing: int) -> str:
    """The rest at the mean pace until now, as hours, minutes and seconds.

    >>> time_left(10.0, 2, 6)
    '0:00:30'
    """
    return str(timedelta(seconds=round(elapsed * missing / finished))) if finished else "-:--:--"


class Bar:
    """Counts work done; shows a bar on standard error once the work has lasted more than two seconds.

    What was done ``before`` fills the bar from the start, and does not count in the pace.
    """

    def __init__(self, title: str, total: int, shown: bool = True, before: int = 0) -> None:
        self._title, self._total, self._shown, self._before = title, total, shown, before
        self._started = time.monotonic()
        self._done = 0
        self._progress: Progress | None = None

    def __enter__(self) -> Bar:
        return self

    def advance(self, amount: int, text: str = "") -> None:
        """Add to the work done, and say ``text`` behind the time left."""
        self._done += amount
        elapsed = time.monotonic() - self._started
        if not self._shown or elapsed < PATIENCE:
            return
        if self._progress is None:
            self._progress = _started(self._title, self._total)
        done = self._before + self._done
        left = time_left(elapsed, self._done, self._total - done)
        said = f"{left} left{text and ', '}{text}"
        self._progress.update(self._progress.task_ids[0], completed=done, description=said)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()


def _started(title: str, total: int) -> Progress:
    from rich.console import Console  # noqa: PLC0415 - what short runs, and `import plastodyn`, do without
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - as above

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    # In a pipe a bar leaves blank lines, and in a notebook without ipywidgets a warning at each update.
    drawable = console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
    progress = Progress(*columns, console=console, transient=True, disable=not drawable)
    progress.add_task("", total=total)
    progress.start()
    return progress
