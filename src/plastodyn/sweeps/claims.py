"""Who works at which chunk: a file for each, so that workers that share a store do not compute the same twice.

Claims save work; they guard nothing. A chunk computed twice is the same twice, and its status alone says that it is done. So a
claim may be lost or wrong without harm, and none has to be given back by a process that dies:

* on the same machine a claim is free once its process is gone;
* on another one, once its file has not been touched for `PATIENCE` seconds on the clock of the one that waits. Clocks of
  machines are never compared, nor is the time of day read: it may jump.

A claim also remembers which batch killed its worker, and how often, so that a batch that always does costs itself only.
"""

import json
import os
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from plastodyn.sweeps.layout import Index

FOLDER = ".claims"
HEARTBEAT = 5.0
"""Seconds between two touches of a claim."""
PATIENCE = 30.0
"""Seconds without a touch after which a claim of another machine is taken for one of a dead process."""
_ASIDE = re.compile(r"\d+(\.\d+)*-[0-9a-f]{32}")
"""The name of a claim that was put aside, or is about to take its place."""
MOST_DEATHS = 4
"""Workers that a batch may kill, once known to be the one, before it counts as failed."""


class Holder(NamedTuple):
    """A process: its machine by name and by what no other has, its number, and when it began, since numbers come again."""

    host: str
    machine: str
    pid: int
    began: str

    def is_gone(self) -> bool:
        """Whether it is known to have ended: False of a process on another machine."""
        return self.machine == _machine() and _began(self.pid) != self.began


class Content(NamedTuple):
    """What a claim says: who holds it (None: nobody any more), the batch that is being computed, and those that killed."""

    holder: Holder | None
    batch: int | None
    deaths: tuple[int | None, ...]

    def is_free(self) -> bool:
        """Whether it may be taken at once."""
        return self.holder is None or self.holder.is_gone()


class Claim:
    """A chunk that this process works at; touched in the background until it is dropped."""

    def __init__(self, path: Path, descriptor: int, deaths: tuple[int | None, ...]) -> None:
        self._path, self._descriptor, self.deaths = path, descriptor, deaths
        # Not asked of the descriptor again: a member may close what it did not open.
        self._file = os.fstat(descriptor).st_ino
        self._over = threading.Event()
        self._write(None)
        self._pulse = threading.Thread(target=self._beat, daemon=True)
        self._pulse.start()

    def mark(self, batch: int) -> None:
        """Say which batch is next, where a worker died before: a file written for each would cost small batches much."""
        if self.deaths:
            self._write(batch)

    def is_killer(self, batch: int, batches: int) -> bool:
        """Whether a batch has killed too many workers; one that is alone in its chunk was it each time."""
        return Counter(0 if batches == 1 else death for death in self.deaths)[batch] >= MOST_DEATHS

    def is_held(self) -> bool:
        """Whether nobody took it over."""
        try:
            return self._path.stat().st_ino == self._file
        except OSError:
            return False

    def drop(self) -> None:
        """The chunk is done, or this process does not go on with it."""
        self._over.set()
        self._pulse.join()
        with suppress(OSError):
            if self.is_held():
                self._path.unlink()
        with suppress(OSError):
            if self._is_open():
                os.close(self._descriptor)

    def _write(self, batch: int | None) -> None:
        with suppress(OSError):
            if self._is_open():
                os.pwrite(self._descriptor, _padded(Content(_self(), batch, self.deaths)), 0)

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT):
            with suppress(OSError):
                if self._is_open():
                    os.utime(self._descriptor)

    def _is_open(self) -> bool:
        """Whether the descriptor still is the claim's, and not closed, or another file's by now."""
        return os.fstat(self._descriptor).st_ino == self._file


def take(store: Path, place: Index) -> Claim | None:
    """Claim a chunk; None where somebody else works at it."""
    path, deaths = _path(store, place), ()
    _refuse_link(store)
    # The few rounds are lost to others that take or drop the same claim in between.
    for _ in range(4):
        try:
            return Claim(path, os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666), deaths)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
        except FileExistsError:
            found = read(store, place)
            if found is None or not found.is_free() or not seize(store, place, found):
                return None
            deaths = found.deaths
    return None


def read(store: Path, place: Index) -> Content | None:
    """What the claim on a chunk says; None if there is none, or one that is just being written."""
    try:
        found = json.loads(_path(store, place).read_bytes())
        holder = None if found["holder"] is None else _holder(*found["holder"])
        return Content(holder, found["batch"], tuple(found["deaths"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _holder(host: str, machine: str, pid: int, began: str) -> Holder:
    """Refuses what no worker writes: it would be shown on a terminal."""
    if type(pid) is not int or not all(isinstance(text, str) and text.isprintable() for text in (host, machine, began)):
        raise ValueError("a claim must name a process")
    return Holder(host, machine, pid, began)


def seize(store: Path, place: Index, expected: Content | None) -> bool:
    """Take a claim away, unless it is another one by now."""
    path = _path(store, place)
    aside = path.with_name(f"{path.name}-{uuid.uuid4().hex}")
    try:
        os.rename(path, aside)
    except OSError:
        return False
    same = expected is None or _same_holder(aside, expected)
    with suppress(OSError):
        if same:
            aside.unlink()
        else:
            os.rename(aside, path)
    return same


def let_go(store: Path, place: Index) -> None:
    """Free the claim of a worker of this machine that was ended in good order; the batch it had is not to blame."""
    found = read(store, place)
    if found is not None and found.is_free() and not found.deaths:
        seize(store, place, found)


def blame(store: Path, place: Index) -> None:
    """Write down that the worker at a chunk died, and which batch it had, if it said so."""
    found = read(store, place)
    if found is None:
        found = Content(None, None, ())
    elif not found.is_free():
        return
    path = _path(store, place)
    beside = path.with_name(f"{path.name}-{uuid.uuid4().hex}")
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        beside.write_bytes(_padded(Content(None, None, (*found.deaths, found.batch))))
        os.replace(beside, path)


class Watch:
    """Looks at claims of others, and tells those that nobody touches any more."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}

    def is_stale(self, store: Path, place: Index) -> bool:
        """Whether a chunk's claim is free, gone, or was not touched for long while this one looked."""
        path = _path(store, place)
        try:
            # Opened, and not only looked at: a network file system may answer from memory otherwise.
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
        except OSError:
            return True
        content = read(store, place)
        if content is not None and content.is_free():
            return True
        state, now = (found.st_ino, found.st_mtime_ns), time.monotonic()
        before, since = self._seen.get(path, (None, now))
        self._seen[path] = (state, since if before == state else now)
        return before == state and now - since > self._patience


def holders(store: Path) -> dict[Index, Holder]:
    """Who works at which chunk now; those known to have ended are left out."""
    try:
        names = sorted(entry.name for entry in (store / FOLDER).iterdir())
    except OSError:
        return {}
    places = [place for place in map(_place_of, names) if place is not None]
    found = {place: read(store, place) for place in places}
    return {place: each.holder for place, each in found.items() if each is not None and each.holder and not each.is_free()}


def tidy(store: Path, is_done: Callable[[Index], bool]) -> None:
    """Take away what processes that died left: claims on chunks that are done, those put aside; and the folder, if empty."""
    if (store / FOLDER).is_symlink():
        return
    with suppress(OSError):
        for path in list((store / FOLDER).iterdir()):
            place = _place_of(path.name)
            if _ASIDE.fullmatch(path.name) or (place is not None and is_done(place)):
                path.unlink(missing_ok=True)
        (store / FOLDER).rmdir()


def _refuse_link(store: Path) -> None:
    """Nothing is written, or taken away, behind a link to elsewhere."""
    if (store / FOLDER).is_symlink():
        raise ValueError(f"store must keep its claims itself; {store / FOLDER} is a link to elsewhere: take it away")


def _path(store: Path, place: Index) -> Path:
    return store / FOLDER / ".".join(map(str, place))


def _place_of(name: str) -> Index | None:
    """The place of a claim by the name of its file; None of one put aside, or no claim."""
    parts = name.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else None


def _padded(content: Content) -> bytes:
    """JSON, padded so that a shorter text written over a longer one leaves nothing of it."""
    return json.dumps(content._asdict()).ljust(512).encode()


def _same_holder(path: Path, expected: Content) -> bool:
    try:
        found = json.loads(path.read_bytes())["holder"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return found == (None if expected.holder is None else list(expected.holder))


@cache
def _machine() -> str:
    """What no other machine has, nor this one after it is started again, nor another container on it."""
    parts = [os.uname().nodename]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _self() -> Holder:
    return Holder(os.uname().nodename, _machine(), os.getpid(), _began(os.getpid()))


def _began(pid: int) -> str:
    """When a process of this machine began, in its own count; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _answers(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _answers(pid: int) -> str:
    """Where there is no /proc: a process that can be signalled."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return "there"
    return "there"
