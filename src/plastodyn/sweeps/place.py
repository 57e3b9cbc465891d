"""Where a store is: a directory, or a place where one can be made."""

import os
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plastodyn import checks


def place_of(store: Any) -> Path:
    """The place of a store; refuses what is no path of a directory."""
    if not isinstance(store, str | os.PathLike) or not str(store):
        raise ValueError(f"store must be the path of a directory; got {checks.shown(store)}")
    place = Path(os.path.abspath(os.fspath(store)))
    if Path.cwd().is_relative_to(place):
        raise ValueError(f"store must be another directory than the current one and those above it; got {str(store)!r}")
    if place.exists() and not place.is_dir():
        raise ValueError(f"store must be a directory or not exist yet; {store} is a file")
    return place


def is_empty(place: Path) -> bool:
    """Whether there is nothing yet."""
    return not place.exists() or not any(place.iterdir())


def prepare(place: Path) -> None:
    """Make the parent directory of a store; refuses places that cannot be written to."""
    probe = beside(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
        if place.exists():
            inside = place / probe.name
            inside.touch()
            inside.unlink()
    except OSError as error:
        raise ValueError(f"store must be in a directory that can be written to; got {place}: {error}") from None


def beside(place: Path) -> Path:
    """A new name next to a store, for what is renamed to it when it is whole."""
    return place.with_name(f".{place.name}-{uuid.uuid4().hex}")


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warning that consolidated metadata, which make a store quick to open, are passed over by some readers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        yield
