"""How many steps to take between two returns to the host: as many as fit into a moment, by the clock."""

import time

TARGET_SECONDS = 0.25
"""What one call is to take: Ctrl-C and the bar wait for its end."""
LONGEST_SECONDS = 1.0
"""What a call may take instead where steps are so long that few fit: each call moves the whole state in and out."""
_FEW = 8
_GROWTH = 8


class Pace:
    """Sizes calls by how long the last one took; on a busy machine they become shorter by themselves.

    >>> pace = Pace()
    >>> pace.steps
    1
    """

    def __init__(self) -> None:
        self.steps = 1
        self._started = 0.0
        self._compiled = False

    def start(self) -> None:
        """A call begins."""
        self._started = time.perf_counter()

    def finish(self, made: int) -> None:
        """A call has made so many steps."""
        seconds = time.perf_counter() - self._started
        if not self._compiled:
            # The first call compiles.
            self._compiled = True
            return
        each = max(seconds, 1e-9) / made
        fitting = max(TARGET_SECONDS / each, min(_FEW, LONGEST_SECONDS / each))
        self.steps = max(1, int(min(fitting, _GROWTH * max(made, self.steps))))
