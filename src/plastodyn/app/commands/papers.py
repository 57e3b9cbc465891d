"""What is reproduced: the papers, the demonstration, and figures with their claims."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from plastodyn.app.console import JsonOption, OutOption, SeedOption, app, errors, make_directory, output


@app.command("list", epilog="Example: plastodyn list --json")
def list_papers(as_json: JsonOption = False) -> None:
    """List the papers, their figures, the sizes and what each costs."""
    from plastodyn.papers import SIZES, papers

    if as_json:
        found = [
            {
                "paper": paper.name,
                "citation": paper.citation,
                "figures": [{"figure": f.name, "title": f.title, "seconds": f.seconds} for f in paper.figures.values()],
            }
            for paper in papers().values()
        ]
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table("paper", "figure", "title", *(f"{size} (s)" for size in SIZES), title="seconds are for two cores")
    for paper in papers().values():
        for figure in paper.figures.values():
            table.add_row(paper.name, figure.name, figure.title, *(str(figure.seconds[size]) for size in SIZES))
    output.print(table)


@app.command(epilog="Example: plastodyn demo --out results/")
def demo(out: OutOption = Path("out"), seed: SeedOption = 2021) -> None:
    """Reproduce the main result of Raman and O'Leary (2021) in about a minute: how much plasticity is right."""
    from jax.random import key

    from plastodyn.app.reproduce import keep_partial, save
    from plastodyn.papers.raman2021.demo import CAPTION
    from plastodyn.papers.raman2021.demo import demo as run_demo

    make_directory(out)
    started = time.monotonic()
    errors.print("Plasticity against fluctuations: 12-10 and 12-20-10 circuits, three precisions each.")
    with keep_partial(out / "demo", lambda text: errors.print(text, highlight=False)):
        data, figure, rows = run_demo(key(seed))
    picture = out / "demo.png"
    figure.savefig(picture)
    figure.savefig(out / "demo.svg")
    save(data, out / "demo.zarr")
    columns = ("circuit", "precision", "lowest error", "theory", "equation 9", "vertex*", "published*")
    title = "Best ratio of plasticity to fluctuations, |dc| / |de|"
    table = Table(*columns, box=None, padding=(0, 2, 0, 0), title=title, caption=CAPTION)
    for row in rows:
        simulated = f"{row.simulated:.2f}±{row.simulated_error:.1g}"
        greedy = f"{row.greedy:.2f}±{row.greedy_error:.1g}"
        published = f"{row.published:.2f}" if row.published == row.published else "-"
        vertex = f"{row.vertex:.2f}±{row.vertex_error:.1g}"
        table.add_row(row.circuit, f"{row.precision:g}", simulated, f"{row.stationary:.2f}", greedy, vertex, published)
    output.print(table)
    output.print("A precise rule should change synapses less than fluctuations do; a crude one about as much.")
    output.print(f"Figure: {picture}   ({time.monotonic() - started:.0f} s)", soft_wrap=True)
    output.print(
        f"Data of both circuits: xarray.open_datatree('{out / 'demo.zarr'}', engine='zarr')", soft_wrap=True, highlight=False
    )


@app.command(epilog="Example: plastodyn reproduce raman2021 fig5 --size standard --out out/")
def reproduce(
    paper: Annotated[str, typer.Argument(help="Such as raman2021; see plastodyn list.")],
    figure: Annotated[str | None, typer.Argument(help="Such as fig5; all figures unless given.")] = None,
    size: Annotated[str, typer.Option("--size", help="smoke, standard or full (the published size).")] = "standard",
    out: OutOption = Path("out"),
    seed: SeedOption = 2021,
    workers: Annotated[int | None, typer.Option("--workers", min=1, max=1024, help="Cores to use; all unless given.")] = None,
) -> None:
    """Reproduce the figures of a paper and check its claims by number.

    Writes PAPER-FIGURE.png, .svg and .zarr for each figure, and adds its claims to claims.json.

    Exit code 0: no claim fails; 1: one does, and is named. What a small run cannot decide is said, and is no failure.
    """
    from plastodyn.papers import select
    from plastodyn.runtime import devices

    # Bad usage is told before JAX is imported, which takes seconds.
    figures = select(paper, figure, size)
    if workers is not None:
        devices.limit(workers)
    from plastodyn.app.reproduce import reproduce as run

    make_directory(out)
    claims = run(paper, figures, size, out, seed, say=lambda text: errors.print(text, highlight=False), workers=workers)
    columns = ("figure", "claim", "expected", "measured", "holds")
    caption = "open: not decided at this size" if any(claim.holds is None for claim in claims) else None
    table = Table(*columns, title=f"Claims of {paper}", caption=caption, box=None, padding=(0, 2, 0, 0))
    for claim in claims:
        expected = claim.expected if isinstance(claim.expected, str) else claim.shown(claim.expected)
        mark = {True: Text("yes", "green"), False: Text("no", "red"), None: Text("open")}[claim.holds]
        within = f"±{claim.tolerance:.2g}" if claim.tolerance else ""
        table.add_row(claim.figure, claim.name, expected + within, claim.shown(claim.measured), mark)
    output.print(table)
    output.print(f"Results: {out}", soft_wrap=True)
    failed = [f"{claim.figure}, {claim.name}" for claim in claims if claim.holds is False]
    for name in failed:
        errors.print(f"plastodyn: a claim of {paper} fails at size {size}, seed {seed}: {name}", soft_wrap=True)
    raise typer.Exit(1 if failed else 0)
