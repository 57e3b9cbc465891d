"""Questions about tables of real synapses."""

from pathlib import Path
from typing import Annotated

import typer

from plastodyn.app.console import JsonOption, SeedOption, app, make_directory, note, show_answer


@app.command(
    epilog="Examples:\n\nplastodyn estimate synapses.csv --out synapses.png\n\n"
    "plastodyn estimate spines.csv --axon pre --dendrite post --size volume --later-size volume_day_2 --json\n\n"
    "plastodyn estimate changes.csv --change dlog --condition drug\n\n"
    "A table of synapses has a row for each: axon, dendrite, size. One of changes has a row for each: condition "
    "(on or blocked), change. The tables of MICrONS layer 2/3 and Kasthuri et al. (2015) are recognised."
)
def estimate(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLS or XLSX with headings in its first row.")],
    source: Annotated[
        str | None,
        typer.Option("--source", help="Layout of the table: plain, microns or kasthuri; by default its headings say."),
    ] = None,
    axon: Annotated[str | None, typer.Option("--axon", help="Heading of the axon ids.")] = None,
    dendrite: Annotated[str | None, typer.Option("--dendrite", help="Heading of the dendrite ids.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="Heading of the sizes, in any unit.")] = None,
    second_size: Annotated[
        str | None, typer.Option("--second-size", help="Heading of a second measure of the same sizes: takes its error out.")
    ] = None,
    later_size: Annotated[
        str | None, typer.Option("--later-size", help="Heading of the sizes at a later time: changes are compared then.")
    ] = None,
    change: Annotated[str | None, typer.Option("--change", help="Heading of changes with plasticity on and blocked.")] = None,
    condition: Annotated[str | None, typer.Option("--condition", help="Heading of their condition: on or blocked.")] = None,
    draws: Annotated[int, typer.Option("--draws", min=100, max=1_000_000, help="Draws of the bootstrap.")] = 4000,
    out: Annotated[Path | None, typer.Option("--out", help="Draw pairs and ratio here: .png, .svg or .pdf.")] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """How much of synaptic change does activity not explain? From synapses that share axon and dendrite, or from blocking."""
    from jax.random import key

    from plastodyn import synapses
    from plastodyn.app import synapse_answers

    columns = {"axon": axon, "dendrite": dendrite, "size": size, "second_size": second_size, "later_size": later_size}
    named = {"source": source, **columns}
    if _holds_changes(file, change, condition, named):
        if out is not None:
            raise ValueError("--out draws pairs of synapses; a table of changes has none")
        on, blocked = synapses.read_changes(file, change=change or "change", condition=condition or "condition")
        found = synapses.from_changes(on, blocked, key=key(seed), draws=draws, progress=True)
        report = synapse_answers.blocked_report(len(on), len(blocked), found)
        title = "Synaptic change with plasticity on and blocked"
    else:
        if out is not None:
            _check_picture(out)
        table = synapses.read(file, **named)
        answer = synapses.estimate(table, key=key(seed), draws=draws, progress=True)
        report = synapse_answers.shared_report(table, answer)
        title = "Synapses of the same axon and dendrite"
        if out is not None:
            synapses.picture(table, answer).savefig(out)
            note(f"wrote {out}")
    show_answer(report, as_json, title)


def _holds_changes(file: Path, change: str | None, condition: str | None, named: dict[str, str | None]) -> bool:
    """Whether a table is one of changes: because its columns are named, or because its headings say so."""
    from plastodyn.synapses.tables import headings_of

    asked = change is not None or condition is not None
    if asked and any(name is not None for name in named.values()):
        raise ValueError("give either --change and --condition or columns of synapses, not both")
    if asked or any(name is not None for name in named.values()):
        return asked
    return {"change", "condition"} <= set(headings_of(file))


def _check_picture(out: Path) -> None:
    if out.suffix.lower() not in (".png", ".svg", ".pdf") or out.is_dir():
        raise ValueError(f"--out must be a file ending in .png, .svg or .pdf; got {str(out)!r}")
    make_directory(out.resolve().parent)
