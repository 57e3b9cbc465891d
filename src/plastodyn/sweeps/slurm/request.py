"""What is asked of a cluster, checked before anything is submitted."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from plastodyn import checks
from plastodyn.sweeps.slurm.duration import seconds

START_UP = 60
"""Seconds that a task may take until it computes: modules, Python, JAX, the first compilation."""
_LARGEST_ROUNDS = 1000
_NAME = re.compile(r"\w[\w.,@+:-]*")
_MEMORY = re.compile(r"[0-9]{1,12}[KMGT]?")
_OPTION = re.compile(r"--([a-z][a-z0-9-]*)(=[^\r\n\0]*)?")
_OURS = {
    "account": "--account",
    "array": "--tasks",
    "chdir": None,
    "cpus-per-task": "--cpus",
    "dependency": None,
    "error": None,
    "hold": None,
    "job-name": None,
    "mem": "--memory",
    "nodes": None,
    "ntasks": None,
    "open-mode": None,
    "output": None,
    "parsable": None,
    "partition": "--partition",
    "requeue": None,
    "test-only": None,
    "time": "--time",
    "wait": None,
    "wrap": None,
}
"""Options of sbatch that are set here, and what sets them."""


@dataclass(frozen=True)
class Request:
    """A job array of workers on a store, and how often what they leave is submitted again.

    Args:
        store: of a sweep, on a file system that all nodes see.
        tasks: of the array, at most.
        time: limit of each, as SLURM writes it.
        partition: of the cluster; its default unless given.
        account: that the time is charged to; the user's default unless given.
        cpus: of each task, each with one worker.
        memory: of each task, such as "4G"; the cluster's default unless given.
        margin: seconds before the time limit at which a task is to have ended.
        setup: lines of the shell that a job runs first, such as "module load gcc".
        sbatch: further options of it, such as "--qos=long".
        rounds: arrays in all: this one, and those that follow while chunks are left.

    Raises:
        ValueError: if one of them is out of range.

    Source: this project.

    >>> Request(Path("/data/bowl.zarr"), tasks=200, time="2:00:00").output.name
    'bowl.zarr-slurm'
    >>> Request(Path("/data/bowl.zarr"), tasks=200, time="2")
    Traceback (most recent call last):
    ...
    ValueError: time must be at least 121 seconds: a margin of 60, 60 to start in, and one to compute in; got '2', 120 seconds
    """

    store: Path
    tasks: int
    time: str
    partition: str | None = None
    account: str | None = None
    cpus: int = 1
    memory: str | None = None
    margin: int = 60
    setup: tuple[str, ...] = ()
    sbatch: tuple[str, ...] = ()
    rounds: int = 10

    def __post_init__(self) -> None:
        for name, least, most in (
            ("tasks", 1, checks.LARGEST_COUNT),
            ("cpus", 1, checks.LARGEST_COUNT),
            ("margin", 0, checks.LARGEST_COUNT),
            ("rounds", 1, _LARGEST_ROUNDS),
        ):
            checks.count(name, getattr(self, name), at_least=least, at_most=most)
        for name in ("partition", "account"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and _NAME.fullmatch(value)):
                checks.refuse(name, value, "the name of one, or several with commas between them")
        if self.memory is not None and not (isinstance(self.memory, str) and _MEMORY.fullmatch(self.memory)):
            checks.refuse("memory", self.memory, "a whole number with K, M, G or T, such as 4G")
        for option in self.sbatch:
            _check_option(option)
        for line in self.setup:
            if not isinstance(line, str) or "\0" in line:
                checks.refuse("setup", line, "lines of the shell")
        _check_place(self.store)
        least = self.margin + START_UP + 1
        if self.seconds < least:
            raise ValueError(
                f"time must be at least {least} seconds: a margin of {self.margin}, {START_UP} to start in, and one to "
                f"compute in; got {self.time!r}, {self.seconds} seconds"
            )

    @property
    def seconds(self) -> int:
        """The time limit."""
        return seconds(self.time)

    @property
    def place(self) -> Path:
        """The store's absolute path: jobs start elsewhere."""
        return Path(os.path.abspath(self.store))

    @property
    def output(self) -> Path:
        """The directory of what jobs print: beside the store, which holds nothing but the sweep."""
        return self.place.with_name(f"{self.place.name}-slurm")

    @property
    def name(self) -> str:
        """The name of all jobs of this store, in all rounds; no other store has it."""
        words = re.sub(r"[^A-Za-z0-9._-]+", "_", self.place.name)[:40]
        return f"plastodyn-{words}-{hashlib.sha256(os.fsencode(self.place)).hexdigest()[:8]}"


def _check_option(option: object) -> None:
    found = _OPTION.fullmatch(option) if isinstance(option, str) else None
    if found is None:
        checks.refuse("sbatch", option, "options of sbatch, each in one line, such as --qos=long")
    # sbatch takes the beginning of an option for the whole.
    taken = next((name for name in _OURS if name.startswith(found[1])), None)
    if taken is not None:
        instead = _OURS[taken]
        checks.refuse("sbatch", option, f"options that are not set here, as --{taken} is{f' by {instead}' if instead else ''}")


def _check_place(store: object) -> None:
    if not isinstance(store, str | os.PathLike) or not str(store):
        checks.refuse("store", store, "the path of a directory")
    # sbatch reads its options line by line, and after a backslash puts no numbers of jobs into the names of files.
    if any(sign in os.path.abspath(store) for sign in "\n\r\\\0"):
        checks.refuse("store", str(store), "at a path without line breaks and backslashes, which sbatch cannot be told")
