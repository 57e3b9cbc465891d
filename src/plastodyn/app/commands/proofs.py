"""Certificates: found, written and checked again."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from plastodyn.app.console import JsonOption, app, errors, make_directory, output

_VERDICT_CODES = {"certified": 0, "refuted": 1, "unknown": 3}


@app.command(
    epilog="Examples:\n\nplastodyn certify memory.toml --out proof.json\n\nplastodyn certify --recheck proof.json\n\n"
    "A SPEC holds one table: \\[consolidation] alpha = 0.5, mu = 0.4; \\[linear] vertices = [[[-1, 0], [0, -1]]]; or "
    '\\[field] function = "model.py:field", box = [[-1, 1], [-1, 1]], largest = true.'
)
def certify(
    spec: Annotated[
        Path | None, typer.Argument(help="TOML file of one table: \\[consolidation], \\[colearning], \\[linear] or \\[field].")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the certificate here, as JSON.")] = None,
    recheck: Annotated[Path | None, typer.Option("--recheck", help="Check a certificate instead, from its JSON file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Is your model stable? A certificate that can be checked again; exit code 0 certified, 1 refuted, 3 unknown."""
    if (spec is None) == (recheck is None):
        raise ValueError("give either a SPEC.toml or --recheck CERTIFICATE.json, and not both")
    from plastodyn.app.modules import check_files, prints_aside

    check_files(spec or recheck, out)
    if out is not None:
        make_directory(out.resolve().parent)
    try:
        from plastodyn.app.questions import certify_file, read_certificate
    except ImportError as error:
        raise ValueError(str(error)) from None

    # Where nobody watches, the line would end as a blank one.
    waiting = errors.status("Looking for a proof, and checking it ...") if errors.is_terminal else nullcontext()
    with waiting, prints_aside(as_json):
        found = certify_file(spec) if spec is not None else read_certificate(recheck)
        holds = found.recheck()
    if out is not None:
        out.write_text(found.to_json())
    if as_json:
        typer.echo(json.dumps({**json.loads(found.to_json()), "recheck": holds}, indent=2))
    else:
        table = Table("what", "found", title="Stability certificate")
        for name, value in found.summary().items():
            table.add_row(name, value)
        table.add_row("recheck", Text("passed") if holds else Text("FAILED", "red"))
        output.print(table)
    if not holds:
        raise ValueError("recheck failed: the certificate does not prove its verdict")
    raise typer.Exit(_VERDICT_CODES[found.verdict])
