"""One round: how many tasks, submitted with the job that follows them, or why there is none."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from plastodyn.sweeps.slurm.controller import Controller
from plastodyn.sweeps.slurm.request import Request
from plastodyn.sweeps.slurm.script import Before, scripts
from plastodyn.sweeps.state import Status


class Submitted(NamedTuple):
    """The jobs of a round.

    Args:
        array: id of the job array.
        tasks: that it has.
        follow_up: id of the job that submits what is left; None if no round is left for it.
    """

    array: str
    tasks: int
    follow_up: str | None


def tasks_for(request: Request, standing: Status) -> int:
    """How many tasks have something to do.

    Args:
        request: what is asked for.
        standing: where the store stands; something is left.

    Raises:
        ValueError: if no task could ever end a batch.

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> standing = SimpleNamespace(chunks=9, done=2, longest_batch=100.0)
    >>> tasks_for(Request(Path("bowl.zarr"), tasks=5, time="60", cpus=2), standing)
    4
    >>> tasks_for(Request(Path("bowl.zarr"), tasks=5, time="2:30"), standing)
    Traceback (most recent call last):
    ...
    ValueError: time must be above 160 seconds: the longest batch so far took 100, and the margin is 60; got '2:30'
    """
    # False where no chunk is done yet, and the longest is nan.
    if standing.longest_batch + request.margin >= request.seconds:
        raise ValueError(
            f"time must be above {standing.longest_batch + request.margin:.0f} seconds: the longest batch so far took "
            f"{standing.longest_batch:.0f}, and the margin is {request.margin}; got {request.time!r}"
        )
    return min(request.tasks, math.ceil((standing.chunks - standing.done) / request.cpus))


def submit(request: Request, standing: Status, controller: Controller, say: Callable[[str], None]) -> Submitted:
    """Submit an array of workers, and the job that follows it.

    Args:
        request: what is asked for.
        standing: where the store stands; something is left.
        controller: of the cluster.
        say: what tells the user.

    Returns:
        The jobs.

    Raises:
        ValueError: if no task could ever end a chunk, or SLURM refuses the array.
        RuntimeError: if the array is submitted, and SLURM refuses the job that follows it.

    Source: this project.

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> standing = SimpleNamespace(chunks=9, done=2, longest_batch=100.0)
    >>> submit(Request(Path("bowl.zarr"), tasks=5, time="2:30"), standing, None, print)
    Traceback (most recent call last):
    ...
    ValueError: time must be above 160 seconds: the longest batch so far took 100, and the margin is 60; got '2:30'
    """
    tasks, before = tasks_for(request, standing), before_of(standing)
    most = controller.largest_array()
    if most is not None and tasks > most:
        if most == 0:
            raise ValueError(
                "this cluster must allow job arrays, and its MaxArraySize is 0; run plastodyn work in jobs of your own"
            )
        say(f"The cluster's MaxArraySize allows {most} tasks, not {tasks}: these work on until their time is over.")
        tasks = most
    _make(request.output)
    array = controller.submit(scripts(request, tasks, before)[0])
    after = scripts(request, tasks, before, array)[1]
    if after is None:
        return Submitted(array, tasks, None)
    try:
        return Submitted(array, tasks, controller.submit(after))
    except ValueError as error:
        raise RuntimeError(
            f"array {array} is submitted, but not the job that submits what it leaves ({error}); "
            "once the array has ended, the same call goes on"
        ) from None


def before_of(standing: Status) -> Before:
    """Where a store stands, in members: of a chunk that takes long, some may be done and stored.

    >>> from types import SimpleNamespace
    >>> before_of(SimpleNamespace(members=9, members_done=2, members_failed=1))
    Before(done=2, missing=6)
    """
    return Before(standing.members_done, standing.members - standing.members_done - standing.members_failed)


def stuck(before: Before, now: Before) -> bool:
    """Whether a round did nothing: the next one would do no more.

    Args:
        before: where the store stood when the round was submitted.
        now: where it stands now.

    >>> stuck(Before(done=2, missing=7), Before(done=2, missing=7))
    True
    """
    return now.done <= before.done and now.missing >= before.missing


def _make(output: Path) -> None:
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise ValueError(f"store must be where a directory for what jobs print can be made; got {output}: {error}") from None
