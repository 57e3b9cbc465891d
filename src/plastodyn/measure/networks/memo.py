"""What a report has worked out so far, kept in a file, so that it goes on where it was stopped."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from plastodyn.runtime.interrupts import held

_SECONDS_BETWEEN = 30.0
"""Between two writings, since a large network's vectors take a moment to write."""

State = dict[str, np.ndarray]
"""Arrays by name."""


class Memo:
    """Arrays by name, in a file if there is one: written now and then after a step, and at the end.

    Args:
        path: of a file ``.npz``, or None.
        question: what they belong to; a file of another question is refused.

    Raises:
        ValueError: if the file cannot be read, or belongs to another question.
    """

    def __init__(self, path: Path | None, question: str) -> None:
        self._path, self._question, self._whole = path, question, True
        self._written = time.monotonic()
        if path is not None:
            self._try_to_write(path)
        self._known: State = self._read(path) if path is not None and path.exists() else {}
        self._parts: dict[str, Callable[[], State]] = {}

    def _read(self, path: Path) -> State:
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
            sound = str(found.pop("digest")) == _digest(found)
        except Exception as error:  # What a damaged file does is not known beforehand.
            raise ValueError(f"checkpoint {str(path)!r} could not be read; remove it to start anew") from error
        if not sound:
            raise ValueError(f"checkpoint {str(path)!r} is damaged; remove it to start anew")
        if str(found.pop("question", "")) != self._question:
            raise ValueError(
                f"checkpoint {str(path)!r} belongs to another network, loss, data, budget or key; remove it, or give another"
            )
        return found

    def _try_to_write(self, path: Path) -> None:
        """Find out now, and not after hours of work."""
        try:
            self._beside(path).touch()
            self._beside(path).unlink()
        except OSError as error:
            raise ValueError(f"checkpoint {str(path)!r} cannot be written: {error.strerror}") from error

    @staticmethod
    def _beside(path: Path) -> Path:
        return path.with_name(f".{path.name}.{os.getpid()}")

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step that is made whole or not at all: Ctrl-C waits for its end; if it breaks off, nothing more is written."""
        with held():
            self._whole = False
            yield
            self._whole = True
            if self._path is not None and time.monotonic() - self._written > _SECONDS_BETWEEN:
                self.write()

    def keep(self, part: str, state: Callable[[], State]) -> None:
        """What one part has come to, in the place of what it had; asked for when it is written, now and then and at the end.

        Args:
            part: whose arrays these are; they are known by names that begin with it.
            state: gives the arrays as they are now.
        """
        self._parts[part] = state

    def of(self, part: str) -> State:
        """What is known of a part from before: arrays by the rest of their names."""
        return {name.removeprefix(f"{part}/"): array for name, array in self._known.items() if name.startswith(f"{part}/")}

    def write(self) -> None:
        """Write all, in the place of what was there, never half of it; nothing if a step has broken off."""
        if not self._whole:
            return
        found = {f"{part}/{name}": array for part, state in self._parts.items() for name, array in state().items()}
        later = {name: array for name, array in self._known.items() if name.split("/")[0] not in self._parts}
        if self._path is None or not (found or later):
            return
        beside = self._beside(self._path)
        try:
            with beside.open("wb") as file:
                all_of_it = {"question": np.array(self._question), **found, **later}
                np.savez(file, digest=np.array(_digest(all_of_it)), **all_of_it)  # pyright: ignore[reportArgumentType]
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)
        self._written = time.monotonic()


def _digest(state: State) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(f"{name} {state[name].dtype} {state[name].shape}".encode())
        digest.update(np.ascontiguousarray(state[name]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
