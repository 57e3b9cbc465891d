"""How a long command ends before its end: what stopped it in one line, and an exit code that says which."""

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from plastodyn.app.console import errors, note

_TERMINATED = 143


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM, as a queue sends it before it kills."""


@contextmanager
def in_one_line() -> Iterator[None]:
    """What stops a sweep is said in one line; SIGTERM ends it as Ctrl-C does: what is done stays, what is not is let go."""

    def terminated(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise _TerminatedError

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    except _TerminatedError as stop:
        note(str(stop) or "terminated")
        raise typer.Exit(_TERMINATED) from None
    except KeyboardInterrupt as stop:
        if str(stop):
            note(str(stop))
        raise
    except RuntimeError as error:
        if "--debug" in sys.argv:
            errors.print("".join(traceback.format_exception(error)), highlight=False)
        note(str(error))
        raise typer.Exit(1) from None
    finally:
        signal.signal(signal.SIGTERM, before)
