"""What a report has worked out so far, kept in a file, so that it goes on where it was stopped."""

import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

_SECONDS_BETWEEN = 30.0
"""Between two writings, since a large network's vectors take a moment to write."""

State = dict[str, np.ndarray]
"""Arrays by name."""


class Memo:
    """Arrays by name, in a file if there is one: written now and then, and at the end of each part.

    Args:
        path: of a file ``.npz``, or None.
        question: what they belong to; a file of another question is refused.

    Raises:
        ValueError: if the file cannot be read, or belongs to another question.
    """

    def __init__(self, path: Path | None, question: str) -> None:
        self._path, self._question = path, question
        self._written = time.monotonic()
        self._known: State = self._read(path) if path is not None and path.exists() else {}
        self._parts: dict[str, Callable[[], State]] = {}

    def _read(self, path: Path) -> State:
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"checkpoint {str(path)!r} could not be read: {error}; remove it to start anew") from error
        if str(found.pop("question", "")) != self._question:
            raise ValueError(
                f"checkpoint {str(path)!r} belongs to another network, budget or key; remove it, or name another file"
            )
        return found

    def keep(self, part: str, state: Callable[[], State]) -> None:
        """What one part has come to, in the place of what it had; asked for when it is written, now and then and at the end.

        Args:
            part: whose arrays these are; they are known by names that begin with it.
            state: gives the arrays as they are now.
        """
        self._parts[part] = state
        if self._path is not None and time.monotonic() - self._written > _SECONDS_BETWEEN:
            self.write()

    def of(self, part: str) -> State:
        """What is known of a part from before: arrays by the rest of their names."""
        return {name.removeprefix(f"{part}/"): array for name, array in self._known.items() if name.startswith(f"{part}/")}

    def write(self) -> None:
        """Write all, in the place of what was there, never half of it."""
        found = {f"{part}/{name}": array for part, state in self._parts.items() for name, array in state().items()}
        later = {name: array for name, array in self._known.items() if name.split("/")[0] not in self._parts}
        if self._path is None or not (found or later):
            return
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                np.savez(file, question=np.array(self._question), **found, **later)  # pyright: ignore[reportArgumentType]
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)
        self._written = time.monotonic()
