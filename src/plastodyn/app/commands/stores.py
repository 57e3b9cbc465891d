"""Looking at the store of a sweep: how far it is, what is in it, and other formats of it."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table

from plastodyn.app.console import JsonOption, app, make_directory, note, output

if TYPE_CHECKING:
    from plastodyn.app.stores.means import View
    from plastodyn.app.stores.reading import Contents

_SECONDS_BETWEEN = 1.0
"""Between two looks at a store that is watched."""

StoreArgument = Annotated[Path, typer.Argument(help="Directory of a sweep.", metavar="STORE")]


@app.command(epilog="Examples:\n\nplastodyn status results.zarr\n\nplastodyn status results.zarr --watch")
def status(
    store: StoreArgument,
    all_failures: Annotated[bool, typer.Option("--all", help="List all members that failed, not only the first 10.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="In a terminal, repaint until nothing is left.")] = False,
    as_json: JsonOption = False,
) -> None:
    """How far is a sweep: done, failed and why, left, who is at work, and what to do next.

    Exit code 0: no member failed; 1: some did.
    """
    from plastodyn import sweeps
    from plastodyn.app.stores import progress, reading

    # What is no store at all is told apart from one that is damaged, or empty so far.
    contents = reading.opened(store)
    found = sweeps.status(store)
    if watch and output.is_terminal and not as_json:
        with Live(_progress(store, found), console=output, auto_refresh=False, transient=True) as live:
            while found.missing:
                time.sleep(_SECONDS_BETWEEN)
                found = sweeps.status(store)
                live.update(_progress(store, found), refresh=True)
    failures = progress.with_columns(sweeps.failures(store), reading.columns_of(contents))
    most = None if all_failures else progress.FIRST
    if as_json:
        typer.echo(json.dumps(progress.as_values(store, found, failures, most), indent=2, allow_nan=False))
    else:
        output.print(_progress(store, found))
        if failures:
            output.print(_failures(failures, most))
        output.print(f"Next: {progress.what_next(store, found)}", soft_wrap=True, highlight=False)
    raise typer.Exit(1 if found.members_failed else 0)


@app.command(
    epilog="Examples:\n\nplastodyn show results.zarr\n\n"
    "plastodyn show results.zarr loss --over ratio,precision --out loss.png\n\n"
    "plastodyn show results.zarr loss --over step --at ratio=0.5 --log y --out curve.svg\n\n"
    "plastodyn show results.zarr --provenance > origin.toml\n\n"
    "A picture has a line for each point of a second axis; where both axes have more than 6 points, maps of colours."
)
def show(
    store: StoreArgument,
    variable: Annotated[str | None, typer.Argument(help="What to show; the first recorded variable unless given.")] = None,
    over: Annotated[str | None, typer.Option("--over", help="One or two dimensions, AXIS[,AXIS], steps too.")] = None,
    at: Annotated[list[str] | None, typer.Option("--at", help="AXIS=VALUE: that point alone; as often as needed.")] = None,
    mean: Annotated[
        str | None, typer.Option("--mean", help="Dimensions to average, DIM[,DIM]; steps are not unless named.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Draw a picture here: .png, .svg or .pdf.")] = None,
    log: Annotated[str | None, typer.Option("--log", help="Logarithmic axes of the picture, of x, y, color.")] = None,
    origin: Annotated[bool, typer.Option("--provenance", help="Where the store comes from, as TOML.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a store holds: a table, or curves and maps with theory beside simulation; or where it comes from."""
    from plastodyn import checks
    from plastodyn.app.stores import choice, columns, means, reading

    logs = _listed(log)
    for each in logs:
        checks.one_of("--log", each, ("x", "y", "color"))
    if logs and out is None:
        raise ValueError("--log is of a picture: give --out too")
    if out is not None and (origin or as_json):
        raise ValueError("--out draws a picture: give neither --provenance nor --json with it")
    contents = reading.opened(store)
    if origin:
        if any((variable, over, at, mean)):
            raise ValueError("--provenance is of the whole store: give no VARIABLE, --over, --at or --mean with it")
        _show_origin(contents, as_json)
        return
    if out is not None:
        _check_picture(out)
    counted = [each.partition("=")[0] for each in at or []]
    contents = columns.by_columns(contents, [*_listed(over), *_listed(mean), *counted], counted)
    chosen = choice.choose(contents, variable, _listed(over), at or [], _listed(mean))
    found = means.view(contents, chosen)
    if out is not None:
        _draw(contents, found, out, logs)
    else:
        _show_table(contents, found, as_json)


@app.command(
    epilog="Examples:\n\nplastodyn export results.zarr --out results.csv\n\n"
    "plastodyn export results.zarr --out loss.parquet --variables loss,theory --members all\n\n"
    "CSV and Parquet are one long table: a row for each point of the axes, and of what variables have besides, such as steps."
)
def export(
    store: StoreArgument,
    out: Annotated[Path, typer.Option("--out", help="The file to write: .csv, .nc or .parquet.")],
    variables: Annotated[str | None, typer.Option("--variables", help="Names, NAME[,NAME]; all that fit unless given.")] = None,
    members: Annotated[str, typer.Option("--members", help="done; or all, with the status and error of each.")] = "done",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a store as CSV, NetCDF or Parquet."""
    from plastodyn.app.stores import export as exports
    from plastodyn.app.stores import reading

    exports.check_export(out, force)
    contents = reading.opened(store)
    written = exports.export(contents, out, _listed(variables) or None, members)
    note(f"wrote {out}: {written}")


def _listed(text: str | None) -> list[str]:
    return [] if text is None else [part.strip() for part in text.split(",")]


def _progress(store: Path, found: Any) -> Group:
    from plastodyn.app.stores import progress

    table = Table("what", "how many", title=f"{store}")
    for name, value in progress.rows(found):
        table.add_row(name, value)
    workers = progress.workers(found)
    if not workers:
        return Group(table)
    at_work = Table("host", "process", "chunk", title="At work")
    for row in workers[:20]:
        at_work.add_row(*row)
    if len(workers) > 20:
        at_work.caption = f"and {len(workers) - 20} more"
    return Group(table, at_work)


def _failures(failures: list[Any], most: int | None) -> Table:
    from plastodyn.app.stores import progress

    left = len(failures) - len(failures[:most])
    caption = f"and {left} more: --all lists them" if left else None
    table = Table("member", "what", "reason", title=f"Failed or diverged: {len(failures)}", caption=caption)
    for each in failures[:most]:
        table.add_row(progress.point(each.coordinates), each.kind, " ".join(each.reason.split()))
    return table


def _show_origin(contents: "Contents", as_json: bool) -> None:
    from plastodyn import sweeps
    from plastodyn.app.stores import origin

    try:
        fingerprint = sweeps.fingerprint(contents.place)
    except ValueError as error:
        # All else that a store of an earlier version, or a damaged one, says of its origin is worth having.
        note(f"no fingerprint: {error}")
        fingerprint = None
    found = origin.provenance(contents, fingerprint)
    typer.echo(json.dumps(found, indent=2) if as_json else origin.as_toml(found))


def _show_table(contents: "Contents", found: "View", as_json: bool) -> None:
    from plastodyn.app.stores import tables

    if as_json:
        typer.echo(json.dumps(tables.as_values(contents, found), indent=2, allow_nan=False))
        return
    table = Table(*tables.headings(found), title=f"{_title(found)}")
    for row in tables.cells(found, tables.MOST_ROWS):
        table.add_row(*row)
    output.print(table)
    more = tables.count(found) - tables.MOST_ROWS
    others = [name for name in contents.variables if name not in {each.name for each in found.shown}]
    lines = [
        f"... and {more} rows more; --json has all" if more > 0 else "",
        _sentence(found),
        f"Also there: {', '.join(others)}" if others else "",
    ]
    for line in filter(None, lines):
        output.print(line, soft_wrap=True, highlight=False)


def _draw(contents: "Contents", found: "View", out: Path, logs: list[str]) -> None:
    from plastodyn import figures
    from plastodyn.app.stores import tables

    title = str((contents.document or {}).get("title") or contents.place.name)
    figures.grid_picture(tables.series(found), title, _sentence(found), logs).savefig(out)
    said = _sentence(found)
    note(f"wrote {out}{': ' if said else ''}{said}")


def _title(found: "View") -> str:
    from plastodyn.figures import label_of

    return label_of(found.shown[0].value).replace(r"\$", "$")


def _sentence(found: "View") -> str:
    """What was averaged and what was left out."""
    parts = [part for part in (found.averaged, found.left_out) if part]
    return ". ".join(f"{part[0].upper()}{part[1:]}" for part in parts)


def _check_picture(out: Path) -> None:
    if out.suffix.lower() not in (".png", ".svg", ".pdf") or out.is_dir():
        raise ValueError(f"--out must be a file ending in .png, .svg or .pdf; got {str(out)!r}")
    make_directory(out.resolve().parent)
