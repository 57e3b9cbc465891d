"""How far a store is, in words and as plain values."""

import math
import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from plastodyn.sweeps import Failure, Status

FIRST = 10
"""Failures that are shown unless all are asked for."""


def as_values(store: Path, status: Status, failures: Sequence[Failure], most: int | None = FIRST) -> dict[str, Any]:
    """A status as JSON can write it.

    Args:
        store: its directory.
        status: of `sweeps.status`.
        failures: of `sweeps.failures`.
        most: failures that are listed; None for all.

    >>> from plastodyn.sweeps import Status
    >>> found = as_values(Path("a.zarr"), Status(2, 1, 0, 1, 4, 2, 0, 0, float("nan"), 3.0, 3.0, {}), [])
    >>> found["seconds_left"], found["next"]
    (None, 'plastodyn work a.zarr')
    """
    counts = {name: value for name, value in status._asdict().items() if name != "claimed"}
    defined = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in counts.items()}
    workers = [{"host": who.host, "pid": who.pid, "chunk": list(place)} for place, who in status.claimed.items()]
    listed = [{"coordinates": each.coordinates, "kind": each.kind, "reason": each.reason} for each in failures[:most]]
    return {"store": str(store), **defined, "workers": workers, "failures": listed, "next": what_next(store, status)}


def with_columns(failures: Sequence[Failure], columns: Mapping[str, tuple[str, list[Any]]]) -> list[Failure]:
    """Failures whose coordinates tell the columns of zipped axes besides their count.

    Args:
        failures: of `sweeps.failures`.
        columns: for each its axis and values, as `reading.columns_of` gives them.

    >>> with_columns([Failure({"case": 1}, "failed", "no root")], {"units": ("case", [5, 10])})[0].coordinates
    {'case': 1, 'units': 10}
    """
    rows = [(each, {name: values[each.coordinates[axis]] for name, (axis, values) in columns.items()}) for each in failures]
    return [each._replace(coordinates={**each.coordinates, **row}) for each, row in rows]


def what_next(store: Path, status: Status) -> str:
    """The command to give now.

    >>> from plastodyn.sweeps import Status
    >>> what_next(Path("a b.zarr"), Status(1, 1, 0, 0, 1, 1, 0, 0, 0.0, 1.0, 1.0, {}))
    "plastodyn show 'a b.zarr'"
    """
    at_work = bool(status.claimed)
    verb = "status --watch" if at_work else "work" if status.missing or status.members_failed else "show"
    return f"plastodyn {verb} {shlex.quote(str(store))}"


def rows(status: Status) -> list[tuple[str, str]]:
    """What is counted, one row each.

    >>> from plastodyn.sweeps import Status
    >>> rows(Status(2, 1, 0, 1, 4, 2, 0, 1, 60.0, 3.0, 3.0, {}))[-1]
    ('time left', '0:01:00 with one worker')
    """
    chunks = f"{status.done} of {status.chunks} done, {status.failed} with failures, {status.missing} left"
    left = status.members - status.members_done - status.members_failed
    members = f"{status.members_done} of {status.members} done, {status.members_failed} failed, {left} left"
    diverged = [("of these diverged", str(status.members_diverged))] if status.members_diverged else []
    longest = [("longest chunk", _time(status.longest_seconds))] if math.isfinite(status.longest_seconds) else []
    count = len(status.claimed)
    workers = f"with the {count} workers seen" if count > 1 else "with one worker"
    time_left = "none" if not status.missing else f"{_time(status.seconds_left)} {workers}"
    return [("chunks", chunks), ("members", members), *diverged, *longest, ("time left", time_left)]


def workers(status: Status) -> list[tuple[str, str, str]]:
    """Host, process and chunk of those who are at work.

    >>> from plastodyn.sweeps import Status
    >>> workers(Status(2, 1, 0, 1, 4, 2, 0, 1, 60.0, 3.0, 3.0, {}))
    []
    """
    return [(who.host, str(who.pid), ", ".join(map(str, place))) for place, who in status.claimed.items()]


def point(coordinates: dict[str, Any]) -> str:
    """A point of the axes in words.

    >>> point({"rate": 0.1, "layer": "hidden"})
    'rate = 0.1, layer = hidden'
    """
    return ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in coordinates.items()
    )


def _time(seconds: float) -> str:
    """Hours, minutes and seconds; short times in seconds with a decimal."""
    if not math.isfinite(seconds):
        return "unknown"
    return f"{seconds:.2g} s" if seconds < 10 else str(timedelta(seconds=round(seconds)))
