"""One round: how many tasks, submitted with the job that follows them, or why there is none."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from plastodyn.sweeps.slurm.controller import Controller
from plastodyn.sweeps.slurm.request import Request
from plastodyn.sweeps.slurm.script import Before, scripts


class Standing(Protocol):
    """Where a store stands: numbers of chunks, and the seconds that the longest took (nan if none is done)."""

    @property
    def chunks(self) -> int: ...  # noqa: D102
    @property
    def done(self) -> int: ...  # noqa: D102
    @property
    def failed(self) -> int: ...  # noqa: D102
    @property
    def missing(self) -> int: ...  # noqa: D102
    @property
    def longest_seconds(self) -> float: ...  # noqa: D102


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


def tasks_for(request: Request, standing: Standing) -> int:
    """How many tasks have something to do.

    Args:
        request: what is asked for.
        standing: where the store stands; something is left.

    Raises:
        ValueError: if no task could ever end a chunk.

    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> standing = SimpleNamespace(chunks=9, done=2, failed=0, missing=7, longest_seconds=100.0)
    >>> tasks_for(Request(Path("bowl.zarr"), tasks=5, time="60", cpus=2), standing)
    4
    >>> tasks_for(Request(Path("bowl.zarr"), tasks=5, time="2:30"), standing)
    Traceback (most recent call last):
    ...
    ValueError: time must be above 160 seconds: the longest chunk so far took 100, and the margin is 60; got '2:30'
    """
    # False where no chunk is done yet, and the longest is nan.
    if standing.longest_seconds + request.margin >= request.seconds:
        raise ValueError(
            f"time must be above {standing.longest_seconds + request.margin:.0f} seconds: the longest chunk so far took "
            f"{standing.longest_seconds:.0f}, and the margin is {request.margin}; got {request.time!r}"
        )
    return min(request.tasks, math.ceil((standing.chunks - standing.done) / request.cpus))


def submit(request: Request, standing: Standing, controller: Controller, say: Callable[[str], None]) -> Submitted:
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
    >>> standing = SimpleNamespace(chunks=9, done=2, failed=0, missing=7, longest_seconds=100.0)
    >>> submit(Request(Path("bowl.zarr"), tasks=5, time="2:30"), standing, None, print)
    Traceback (most recent call last):
    ...
    ValueError: time must be above 160 seconds: the longest chunk so far took 100, and the margin is 60; got '2:30'
    """
    tasks, before = tasks_for(request, standing), Before(standing.done, standing.missing)
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


def stuck(before: Before, standing: Standing) -> bool:
    """Whether a round did nothing: the next one would do no more.

    Args:
        before: where the store stood when the round was submitted.
        standing: where it stands now.

    >>> from types import SimpleNamespace
    >>> stuck(Before(done=2, missing=7), SimpleNamespace(done=2, missing=7))
    True
    """
    return standing.done <= before.done and standing.missing >= before.missing


def _make(output: Path) -> None:
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise ValueError(f"store must be where a directory for what jobs print can be made; got {output}: {error}") from None
