"""What this machine has."""

import json

import typer
from rich.table import Table

from plastodyn.app.console import JsonOption, app, output


@app.command(epilog="Example: plastodyn doctor --json")
def doctor(as_json: JsonOption = False) -> None:
    """Versions, devices and a self-check: a simulation against a closed form."""
    from plastodyn.app.doctor import diagnose

    found = diagnose()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        table = Table("what", "found", title="plastodyn doctor")
        for name, value in found.items():
            table.add_row(name.replace("_", " "), str(value))
        output.print(table)
    raise typer.Exit(0 if found["self_check"] == "passed" else 1)
