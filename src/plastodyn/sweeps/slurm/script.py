"""The two scripts of a round: an array of workers, and the job after it that submits what they leave."""

import os
import shlex
import sys
from typing import NamedTuple

from plastodyn.sweeps.slurm.request import Request
from plastodyn.sweeps.workers import one_core

FOLLOW_UP_TIME = "15"
"""Minutes, for a job that looks at a store and calls sbatch."""


class Before(NamedTuple):
    """Members that were done, and that nobody had computed yet, when a round was submitted."""

    done: int
    missing: int


def scripts(request: Request, tasks: int, before: Before, array: str = "ARRAY") -> tuple[str, str | None]:
    """The script of the array, and that of the job that follows it, if a round is left for that.

    They are the same whoever submits them but for the interpreter, the working directory, and ``PYTHONPATH`` and
    ``XLA_FLAGS``, which are kept: nodes compute with what computes here.

    Args:
        request: what is asked for.
        tasks: of the array.
        before: where the store stands now.
        array: the id of the array, where the follow-up is to wait for it.

    Returns:
        Texts for sbatch.

    Source: this project.

    >>> from pathlib import Path
    >>> first, after = scripts(Request(Path("/data/bowl.zarr"), tasks=8, time="2:00:00"), 5, Before(0, 20), "17")
    >>> [line for line in first.splitlines() if "array" in line or "time" in line][:2]
    ['#SBATCH --array=0-4', '#SBATCH --time=2:00:00']
    >>> "#SBATCH --dependency=afterany:17" in after, "--rounds 9" in after
    (True, True)
    """
    # What set-up takes is taken off: SLURM counts from the job's start, a worker from its own.
    work = [*_plastodyn("work", request), "--workers", str(request.cpus), "--time", request.time]
    own = {"array": f"0-{tasks - 1}", "time": request.time, "output": _output(request, "%A_%a.out")}
    first = _script(request, own, f'{shlex.join(work)} --margin "$(({request.margin} + SECONDS))"', request.cpus)
    if request.rounds == 1:
        return first, None
    own = {"dependency": f"afterany:{array}", "time": FOLLOW_UP_TIME, "output": _output(request, "%j.out")}
    return first, _script(request, own, shlex.join(_again(request, before)), 1)


def _script(request: Request, own: dict[str, str], command: str, cpus: int) -> str:
    options = {
        "job-name": request.name,
        **own,
        # A task that is put back into the queue goes on below what it has said.
        "open-mode": "append",
        "requeue": "",
        "nodes": "1",
        "ntasks": "1",
        "cpus-per-task": str(cpus),
        "mem": request.memory,
        "partition": request.partition,
        "account": request.account,
        "chdir": os.getcwd(),
    }
    flags = [f"--{name}={_quoted(value)}" if value else f"--{name}" for name, value in options.items() if value is not None]
    flags += [_as_word(option) for option in request.sbatch]
    kept = [f"export {name}={shlex.quote(value)}" for name, value in _environment(cpus).items()]
    head = ["#!/bin/bash", *(f"#SBATCH {flag}" for flag in flags), 'echo "job $SLURM_JOB_ID on $(hostname), $(date)"']
    # In the place of the shell: a signal to the job reaches the program at once.
    return "\n".join([*head, *request.setup, *kept, f"exec {command}", ""])


def _plastodyn(command: str, request: Request) -> list[str]:
    return [sys.executable, "-P", "-m", "plastodyn", command, str(request.place)]


def _again(request: Request, before: Before) -> list[str]:
    """The command that submits the next round."""
    named = {
        "tasks": request.tasks,
        "time": request.time,
        "partition": request.partition,
        "account": request.account,
        "cpus": request.cpus,
        "memory": request.memory,
        "margin": request.margin,
        "rounds": request.rounds - 1,
        "done-before": before.done,
        "missing-before": before.missing,
    }
    given = [word for name, value in named.items() if value is not None for word in (f"--{name}", str(value))]
    given += [f"--setup={line}" for line in request.setup]
    given += [f"--sbatch={option}" for option in request.sbatch]
    return [*_plastodyn("submit", request), *given]


def _environment(cpus: int) -> dict[str, str]:
    """What decides which code runs and how it rounds, for sites where a job does not get the environment of who submits it."""
    path = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    flags = os.environ.get("XLA_FLAGS", "")
    kept = ({"PYTHONPATH": os.pathsep.join(path)} if path else {}) | ({"XLA_FLAGS": flags} if flags else {})
    return kept | (one_core() if cpus == 1 else {})


def _output(request: Request, name: str) -> str:
    # In this one option, sbatch puts something else for what follows a percent sign.
    return f"{str(request.output).replace('%', '%%')}/{name}"


def _as_word(option: str) -> str:
    name, equals, value = option.partition("=")
    return f"{name}{equals}{_quoted(value)}"


def _quoted(value: str) -> str:
    """As sbatch reads it, which is not quite as a shell does."""
    if all(sign.isalnum() or sign in "._-/:,%+@=" for sign in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
