"""What all commands share: the application, its two consoles, common options, and how an answer is shown."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Theory and simulation of learning dynamics in neural circuits whose plasticity is imperfect.",
    epilog="Start with [bold]plastodyn demo[/bold]; then [bold]plastodyn list[/bold].",
)
# What is shown may hold anybody's text: brackets in it are no markup, and colons no pictures.
output = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)

_LARGEST_SEED = 2**32 - 1
"""As `checks.LARGEST_SEED`, whose module imports JAX."""

OutOption = Annotated[Path, typer.Option("--out", help="Directory for results; made if it does not exist.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=_LARGEST_SEED, help="Same seed, same result.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def show_answer(found: dict[str, str | float | None], as_json: bool, title: str) -> None:
    """What a question came to: JSON, or a table and the sentence ``answer`` below it."""
    if as_json:
        typer.echo(json.dumps(found, indent=2, allow_nan=False))
        return
    table = Table("quantity", "value", title=title)
    for name, value in found.items():
        if name != "answer":
            table.add_row(
                name.replace("_", " "), "-" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)
            )
    output.print(table)
    output.print(found["answer"], soft_wrap=True, highlight=False)


def show_rows(rows: list[tuple[str, str]], title: str) -> None:
    """Names and values as a table."""
    table = Table("quantity", "value", title=title)
    for name, value in rows:
        table.add_row(name, value)
    output.print(table)


def note(text: str) -> None:
    """A line for whoever looks, beside the answer."""
    errors.print(f"plastodyn: {text}", highlight=False, soft_wrap=True)


def make_directory(out: Path) -> None:
    """Make the output directory now, so that a long run does not end in a refusal."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".plastodyn-writable"
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:
        raise ValueError(f"--out must be a directory that can be written to; got {str(out)!r}: {error}") from None
