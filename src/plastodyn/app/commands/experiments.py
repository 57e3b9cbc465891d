"""Experiments as files: written, run, gone on with on any machine, and computed again to be sure."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plastodyn.app.console import SeedOption, app, note, output, show_rows
from plastodyn.app.ending import in_one_line

if TYPE_CHECKING:
    from plastodyn.experiments import Document
    from plastodyn.sweeps import Cost

_LATE = 3
SpecArgument = Annotated[Path, typer.Argument(help="A TOML file; see plastodyn new, and plastodyn schema.", metavar="SPEC")]
StoreOption = Annotated[
    Path, typer.Option("--out", help="Store to write: a directory that is new, or of this very experiment.")
]
StoreArgument = Annotated[Path, typer.Argument(help="Store of a sweep.", metavar="STORE")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, max=1024, help="Processes; one a core unless given.")]


@app.command(epilog="Examples:\n\nplastodyn run my.toml --out my.zarr\n\nplastodyn run my.toml --out my.zarr --dry-run")
def run(
    spec: SpecArgument,
    out: StoreOption,
    workers: WorkersOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Time up to three batches, say what all would cost, write nothing.")
    ] = False,
) -> None:
    """Run an experiment that a file describes, on all cores, into one store; or go on where it stopped.

    What is stored is not computed again; after Ctrl-C, a crash or a kill the same command goes on.

    Runs the code of yours that the file names as file.py:name or module:name.

    Exit code 0: all is done; 1: members failed, which the next call tries again; 2: the file or the store is not right.
    """
    from plastodyn import experiments

    document = experiments.read(spec)
    _try_own_code(document, spec)
    with in_one_line():
        if dry_run:
            _show_cost(experiments.cost(document, workers=workers, directory=spec.parent), workers)
            return
        experiments.run(document, out, workers=workers, attributes=_command(), directory=spec.parent)
    _say_what_is_there(out)


@app.command(epilog="Example: plastodyn prepare my.toml --out my.zarr && plastodyn submit my.zarr --tasks 200 --time 2:00:00")
def prepare(
    spec: SpecArgument,
    out: StoreOption,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=10**6, help="That will work at it: there are several chunks for each.")
    ] = None,
) -> None:
    """Make the store of an experiment and compute its first batch only, for plastodyn work and plastodyn submit.

    Runs the code of yours that the file names as file.py:name or module:name.

    Exit code 0: the store is there; 1: the members that were tried failed; 2: the file or the store is not right.
    """
    from plastodyn import experiments, sweeps

    document = experiments.read(spec)
    _try_own_code(document, spec)
    with in_one_line():
        experiments.begin(document, out, workers=workers, attributes=_command(), directory=spec.parent)
    found = sweeps.status(out)
    note(f"{out} has {found.chunks} chunks, {found.chunks - found.missing} of them done; plastodyn work {out} goes on")


@app.command(epilog="Example: plastodyn work my.zarr --workers 4 --time 2:00:00")
def work(
    store: StoreArgument,
    workers: WorkersOption = None,
    time: Annotated[
        str | None, typer.Option("--time", help="As SLURM writes it: minutes, MM:SS, HH:MM:SS, D-HH; no end unless given.")
    ] = None,
    margin: Annotated[float, typer.Option("--margin", min=0, max=1e9, help="Seconds to be done before that.")] = 60.0,
) -> None:
    """Go on with a store until nothing is left, or the time is over; any number of workers, on any machines, share it.

    Runs the code of yours that the store names as file.py:name or module:name.

    Exit code 0: nothing is left; 1: members failed; 2: the store is not right; 3: the time was over before the end.
    """
    from plastodyn import experiments, sweeps
    from plastodyn.sweeps.slurm import seconds as seconds_of

    seconds = None if time is None else seconds_of(time) - margin
    if seconds is not None and seconds <= 0:
        raise ValueError(f"--time must be longer than --margin, {margin:g} seconds; got {time}")
    found = experiments.find_code(store)
    _say_names(found.names, found.directory)
    with in_one_line():
        done = sweeps.work(store, workers=workers, seconds=seconds)
    if done.failed:
        first = f"; the first at {done.first_failure}" if done.first_failure else f"; plastodyn status {store} says why"
        note(f"{done.failed} members failed{first}")
    note(f"computed {done.computed} chunks of {done.chunks}; {done.left} are left in {store}")
    raise typer.Exit(_LATE if done.left else 1 if done.failed else 0)


@app.command(epilog="Examples:\n\nplastodyn verify my.zarr\n\nplastodyn verify my.zarr --members 0")
def verify(
    store: StoreArgument,
    members: Annotated[int, typer.Option("--members", min=0, max=10**7, help="To compute again; 0: check files only.")] = 10,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
) -> None:
    """Is a store what was written, and what is computed again? Checks all checksums; computes a random sample of members again.

    Runs the code of yours that the store names, unless --members 0.

    Exit code 0: sound; 1: damaged, or other bits; then plastodyn run, with the same file, computes damaged chunks again.
    """
    from plastodyn import experiments, sweeps

    if not store.is_dir():
        raise ValueError(f"STORE must be the directory of a sweep; {str(store)!r} is none")
    damages = sweeps.verify(store)
    for damage in damages:
        note(f"damaged{'' if damage.place is None else f' at chunk {damage.place}'}: {damage.what}")
    if damages:
        note(f"{len(damages)} found; the command that plastodyn show {store} --provenance names computes it again")
        raise typer.Exit(1)
    if not members:
        output.print(f"all checksums agree; results {sweeps.fingerprint(store)}", soft_wrap=True, highlight=False)
        return
    found = experiments.find_code(store)
    _say_names(found.names, found.directory)
    with in_one_line():
        again = sweeps.recompute(store, members=members, seed=seed, workers=workers)
    for where, names in again.differences:
        note(f"other bits at {', '.join(f'{name} = {value}' for name, value in where.items())}: {', '.join(names)}")
    if again.differences:
        note("the same processor and versions as in plastodyn show --provenance give the same bits; other ones need not")
        raise typer.Exit(1)
    told = f"all checksums agree; {again.members} members computed again, the same bits; results {sweeps.fingerprint(store)}"
    output.print(told, soft_wrap=True, highlight=False)


@app.command(epilog="Example: plastodyn new raman2021 fig5 > my.toml")
def new(
    paper: Annotated[str, typer.Argument(help="Such as raman2021; see plastodyn list.")],
    figure: Annotated[str, typer.Argument(help="Such as fig5.")],
    size: Annotated[str, typer.Option("--size", help="smoke, standard or full (the published size).")] = "standard",
    sweep: Annotated[
        str | None, typer.Option("--sweep", help="Which one, of a figure with several; the first unless given.")
    ] = None,
    seed: SeedOption = 2021,
) -> None:
    """Write the file of a paper's experiment, to start from.

    The sweeps that a figure is made of; or, of a figure that is made otherwise, the figure and its claims over seeds.
    """
    from plastodyn.papers import select
    from plastodyn.papers.files import file_of

    (item,) = select(paper, figure, size)
    typer.echo(file_of(paper, item, size, seed, sweep), nl=False)


@app.command(epilog="Example: plastodyn schema > plastodyn.schema.json")
def schema() -> None:
    """Print the JSON Schema of an experiment's file, for an editor that completes and checks as you type."""
    from plastodyn import experiments

    typer.echo(json.dumps(experiments.schema(), indent=2))


def _try_own_code(document: "Document", spec: Path) -> None:
    """Say what of the user's is run, and run it at the first point, where it can be told which line of the file is wrong."""
    from plastodyn import experiments

    names = experiments.code_of(document)
    _say_names(names, str(spec.parent.resolve()))
    if names:
        experiments.try_out(spec, document)


def _say_names(names: list[str], directory: str) -> None:
    if names:
        besides = "" if Path(directory).resolve() == Path.cwd() else ", then in this directory"
        note(f"runs code of {', '.join(names)}, sought in {directory}{besides}")


def _command() -> dict[str, str]:
    """What was typed, to be kept with a store."""
    import shlex

    return {"command": shlex.join(["plastodyn", *sys.argv[1:]])}


def _show_cost(found: "Cost", workers: int | None) -> None:
    from math import prod

    from plastodyn.runtime.memory import readable
    from plastodyn.sweeps import cores

    layout, count = found.layout, workers or cores()
    at_once, ends = min(count, found.batches), found.processor_seconds(count)
    rows = [
        ("members", f"{prod(layout.sizes)}, in {found.batches} batches of {prod(layout.batch)}, in {prod(layout.grid)} chunks"),
        ("one batch", f"{found.seconds:.3g} s"),
        ("compiling", f"{found.starting:.2g} s for each worker, {found.compiling:.2g} s for a batch of another program"),
        ("processor time", _span(*ends)),
        (f"time, with {count} workers", _span(*(each / at_once for each in ends))),
        ("memory of a worker", readable(found.memory) if found.memory else "not known"),
        ("results, uncompressed", readable(found.batches * found.bytes)),
    ]
    show_rows(rows, "what it would cost, by batches that were tried")


def _span(least: float, most: float) -> str:
    """A time, or where batches may compile each for itself, from which to which.

    >>> _span(60.0, 61.0), _span(60.0, 125.0)
    ('0:01:00', '0:01:00 to 0:02:05')
    """
    from datetime import timedelta

    texts = [str(timedelta(seconds=round(each))) for each in (least, most)]
    return " to ".join(texts) if most > 1.1 * least and texts[0] != texts[1] else texts[0]


def _say_what_is_there(out: Path) -> None:
    from plastodyn import sweeps

    found = sweeps.status(out)
    diverged = f", {found.members_diverged} of them diverged" if found.members_diverged else ""
    note(f"{found.members_done} members are done{diverged}; plastodyn show {out} --out picture.png draws them")
