"""Ctrl-C that waits for a safe place."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def held() -> Iterator[None]:
    """Ctrl-C waits until the block has ended, so that what it hands over is not lost half-way; a second one does not wait.

    Elsewhere than in the main thread, or where a program has a handler of its own, nothing is changed.

    >>> with held():
    ...     signal.getsignal(signal.SIGINT) is signal.default_int_handler
    False
    """
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    asked: list[int] = []

    def note(number: int, frame: Any) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(number)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked:
        raise KeyboardInterrupt
