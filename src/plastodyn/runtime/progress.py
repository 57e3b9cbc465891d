"""A progress bar that appears only for work that lasts longer than two seconds, where somebody can see it move.

That is a terminal or a notebook; anywhere else (a pipe, a file, a worker of a sweep) nothing is shown.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0
"""Seconds before the bar shows."""
_SECONDS_BETWEEN = 0.2
"""Between two changes of what is shown."""
_WIDTH = 30
"""Characters of a bar in a notebook."""


class Display(Protocol):
    """What shows a bar, and takes it away at the end."""

    def show(self, done: int, text: str) -> None:
        """So much is done; the text stands behind it."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


def time_left(elapsed: float, finished: int, missing: int) -> str:
    """The rest at the mean pace until now, as hours, minutes and seconds.

    >>> time_left(10.0, 2, 6)
    '0:00:30'
    """
    return str(timedelta(seconds=round(elapsed * missing / finished))) if finished else "-:--:--"


class Bar:
    """Counts work done; shows a bar once the work has lasted more than two seconds.

    What was done ``before`` fills the bar from the start, and does not count in the pace. Where the total is not known it
    is None, and what is done is counted without an end.
    """

    def __init__(self, title: str, total: int | None, shown: bool = True, before: int = 0) -> None:
        self._title, self._total, self._shown, self._before = title, total, shown, before
        self._started = time.monotonic()
        self._done = 0
        self._display: Display | None = None
        self._due = PATIENCE

    def __enter__(self) -> Bar:
        return self

    def advance(self, amount: int, text: str = "") -> None:
        """Add to the work done, and say ``text`` behind the time left."""
        self._done += amount
        elapsed = time.monotonic() - self._started
        if not self._shown or elapsed < self._due:
            return
        self._due = elapsed + _SECONDS_BETWEEN
        if self._display is None:
            self._display = _display(self._title, self._total)
            self._shown = self._display is not None
        if self._display is not None:
            done = self._before + self._done
            left = None if self._total is None else f"{time_left(elapsed, self._done, self._total - done)} left"
            self._display.show(done, ", ".join(filter(None, [left, text])))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._display is not None:
            self._display.close()


def _display(title: str, total: int | None) -> Display | None:
    """A bar for where this process is looked at."""
    if _in_notebook():
        return _Notebook(title, total)
    # A terminal that calls itself dumb cannot repaint a line; workers of a sweep, which share one, call theirs so.
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return _Terminal(title, total)
    return None


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this process."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


class _Terminal:
    """A bar on standard error."""

    def __init__(self, title: str, total: int | None) -> None:
        from rich.console import Console  # noqa: PLC0415 - what short runs, and `import plastodyn`, do without
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - as above

        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        self._progress: Progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def show(self, done: int, text: str) -> None:
        self._progress.update(self._task, completed=done, description=text)

    def close(self) -> None:
        self._progress.stop()


class _Notebook:
    """A line of text in the output of the cell, which is written over; bars of widgets need a package besides."""

    def __init__(self, title: str, total: int | None) -> None:
        from IPython.display import DisplayHandle  # noqa: PLC0415 - a notebook has it

        self._title, self._total = title, total
        self._handle = DisplayHandle()
        self._handle.display({"text/plain": title}, raw=True)

    def show(self, done: int, text: str) -> None:
        filled = 0 if not self._total else round(_WIDTH * done / self._total)
        bar = "" if self._total is None else f" [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{self._total}"
        self._handle.update({"text/plain": f"{self._title}{bar or f' {done}'} {text}"}, raw=True)

    def close(self) -> None:
        # An empty piece of HTML takes no room in the cell.
        self._handle.update({"text/plain": "", "text/html": ""}, raw=True)
