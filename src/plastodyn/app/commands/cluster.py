"""Sweeps on a cluster."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plastodyn.app.console import app, note, output
from plastodyn.app.ending import in_one_line

if TYPE_CHECKING:
    from plastodyn.sweeps import slurm

_LARGEST = 2**31 - 1
_TOLD = "Chunks at the last round, as the job after it says."


@app.command(
    epilog="Examples:\n\nplastodyn submit sweep.zarr --tasks 200 --time 2:00:00\n\n"
    "plastodyn submit sweep.zarr --tasks 200 --time 2:00:00 --dry-run"
)
def submit(
    store: Annotated[Path, typer.Argument(help="Of a sweep: prepared, or interrupted; where all nodes see it.")],
    tasks: Annotated[int, typer.Option("--tasks", min=1, max=_LARGEST, help="Of the job array, at most.")],
    time: Annotated[str, typer.Option("--time", help="Limit of a task: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM.")],
    partition: Annotated[str | None, typer.Option("--partition", help="Of the cluster; its default unless given.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="To charge; your default unless given.")] = None,
    cpus: Annotated[int, typer.Option("--cpus", min=1, max=_LARGEST, help="Of a task, each with one worker.")] = 1,
    memory: Annotated[str | None, typer.Option("--memory", help="Of a task, such as 4G.")] = None,
    margin: Annotated[int, typer.Option("--margin", min=0, max=_LARGEST, help="Seconds to be done before the limit.")] = 60,
    setup: Annotated[
        list[str] | None, typer.Option("--setup", help='For the shell of a job, "module load gcc"; again for more.')
    ] = None,
    sbatch: Annotated[
        list[str] | None, typer.Option("--sbatch", help='Option of sbatch, "--qos=long"; again for more.')
    ] = None,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, max=1000, help="Arrays in all, one after another, while chunks are left.")
    ] = 10,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the scripts and submit nothing.")] = False,
    done_before: Annotated[int | None, typer.Option("--done-before", hidden=True, min=0, max=_LARGEST, help=_TOLD)] = None,
    missing_before: Annotated[
        int | None, typer.Option("--missing-before", hidden=True, min=0, max=_LARGEST, help=_TOLD)
    ] = None,
) -> None:
    """Submit a sweep to SLURM: a job array of workers, and a job that submits what they leave.

    Workers end before their time limit, and nothing is lost where they are killed.

    Exit code 0: submitted, or nothing is left; 1: chunks are left that another round would not compute.
    """
    from plastodyn import sweeps
    from plastodyn.sweeps import slurm

    request = slurm.Request(
        store, tasks, time, partition, account, cpus, memory, margin, tuple(setup or ()), tuple(sbatch or ()), rounds
    )
    with in_one_line():
        standing = sweeps.status(store)
        left = standing.chunks - standing.done
        if not left:
            note(f"all {standing.chunks} chunks of {store} are done; nothing is submitted")
            return
        before = None if done_before is None or missing_before is None else slurm.Before(done_before, missing_before)
        if dry_run:
            now = slurm.before_of(standing)
            for script in slurm.scripts(request, slurm.tasks_for(request, standing), now):
                typer.echo(script or "", nl=False)
            return
        controller = slurm.Controller(1 if before is None else slurm.PATIENT, note)
        others = controller.jobs(request.name)
        if before is None and others:
            note(f"jobs {', '.join(others)} of this store wait or run already; these are added")
        elif before is not None and others:
            note(f"jobs {', '.join(others)} of this store wait or run and go on; nothing is submitted")
            return
        elif before is not None and slurm.stuck(before, slurm.before_of(standing)):
            raise RuntimeError(
                f"{left} chunks are left, {standing.failed} of them failed, and the last round did none; nothing is submitted: "
                f"see what its tasks say in {request.output}, and plastodyn status {shlex.quote(str(store))}"
            )
        _show(request, slurm.submit(request, standing, controller, note), left, standing.chunks)


def _show(request: "slurm.Request", found: "slurm.Submitted", left: int, chunks: int) -> None:
    """What was submitted, where it says what it does, and how to watch and to stop it."""
    jobs = [found.array] if found.follow_up is None else [found.array, found.follow_up]
    place = shlex.quote(str(request.place))
    lines = [f"array {found.array}: {found.tasks} tasks, {left} of {chunks} chunks left"]
    if found.follow_up is not None:
        lines.append(f"job {found.follow_up}, after it, submits what is left; up to {request.rounds - 1} more times")
    lines += [
        f"output: {shlex.quote(str(request.output))}/{found.array}_*.out",
        f"watch:  plastodyn status {place}; squeue -j {','.join(jobs)}",
        # In the order in which nothing new begins.
        f"stop:   scancel {' '.join(reversed(jobs))}; in any round: scancel --name={request.name}",
    ]
    for line in lines:
        output.print(line, soft_wrap=True, highlight=False)
