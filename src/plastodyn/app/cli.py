"""The ``plastodyn`` command: parse and display; the science is in the library."""

import json
import os
import sys
import time
import traceback
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Theory and simulation of learning dynamics in neural circuits whose plasticity is imperfect.",
    epilog="Start with [bold]plastodyn demo[/bold]; then [bold]plastodyn list[/bold].",
)
# What is shown may hold anybody's text: brackets in it are no markup, and colons no pictures.
_out = Console(markup=False, emoji=False)
_err = Console(stderr=True, markup=False, emoji=False)
_INTERRUPTED = 130
_VERDICT_CODES = {"certified": 0, "refuted": 1, "unknown": 3}

_LARGEST_SEED = 2**32 - 1
"""As `checks.LARGEST_SEED`, whose module imports JAX."""

OutOption = Annotated[Path, typer.Option("--out", help="Directory for results; made if it does not exist.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=_LARGEST_SEED, help="Same seed, same result.")]
LeaveOutOption = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out", help="Arrays that are no weights, such as '*running*': by name, * for any letters; may be repeated."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def run() -> None:
    """What the shell calls: after Ctrl-C it ends at once, for threads may still compute while Python takes itself apart."""
    try:
        main()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_INTERRUPTED)
        raise


def main() -> None:
    """Run the command line; a failure is one line on standard error and exit code 2, with ``--debug`` its traceback too."""
    try:
        # The exit code, of Ctrl-C too, is returned; whatever else ends the program from within is somebody else's.
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except SystemExit as end:
        # Typer ends so where a pipe is closed, and once it has told a shell how to complete commands.
        asked = "_PLASTODYN_COMPLETE" in os.environ or any(
            word in sys.argv for word in ("--show-completion", "--install-completion")
        )
        code = (
            end.code
            if asked or isinstance(end.__context__, BrokenPipeError)
            else _failed("sys.exit was called where no model is loaded")
        )
    except Exception as error:
        code = _failed(_said(error))
    except BaseException as error:  # A model may raise what is no Exception: 1 would mean "refuted".
        code = _failed(f"{type(error).__name__}: {error}")
    if code == _INTERRUPTED:
        _err.print("plastodyn: interrupted", style="red")
    sys.exit(code)


def _failed(complaint: str) -> int:
    if "--debug" in sys.argv:
        traceback.print_exc()
    _err.print(f"plastodyn: {' '.join(complaint.split())}", style="red", highlight=False, soft_wrap=True)
    return 2


def _said(error: Exception) -> str:
    """What is wrong, in words: with usage, with input, or, of any other fault, its name."""
    if isinstance(error, typer.BadParameter) or hasattr(error, "format_message"):
        where = getattr(getattr(error, "ctx", None), "command_path", None) or "plastodyn"
        return f"{error.format_message().rstrip('.')}; see {where} --help"  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(error, ValueError | OSError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {_first_line(error)}; --debug says where"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"plastodyn {version('plastodyn')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure, before the command.")] = False,
) -> None:
    """Theory and simulation of learning dynamics in neural circuits whose plasticity is imperfect."""


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
    _out.print(table)


@app.command(epilog="Example: plastodyn demo --out results/")
def demo(out: OutOption = Path("out"), seed: SeedOption = 2021) -> None:
    """Reproduce the main result of Raman and O'Leary (2021) in about a minute: how much plasticity is right."""
    from jax.random import key

    from plastodyn.app.reproduce import keep_partial, save
    from plastodyn.papers.raman2021.demo import CAPTION
    from plastodyn.papers.raman2021.demo import demo as run_demo

    _make(out)
    started = time.monotonic()
    _err.print("Plasticity against fluctuations: 12-10 and 12-20-10 circuits, three precisions each.")
    with keep_partial(out / "demo", lambda text: _err.print(text, highlight=False)):
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
    _out.print(table)
    _out.print("A precise rule should change synapses less than fluctuations do; a crude one about as much.")
    _out.print(f"Figure: {picture}   ({time.monotonic() - started:.0f} s)", soft_wrap=True)
    _out.print(
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

    _make(out)
    claims = run(paper, figures, size, out, seed, say=lambda text: _err.print(text, highlight=False), workers=workers)
    columns = ("figure", "claim", "expected", "measured", "holds")
    caption = "open: not decided at this size" if any(claim.holds is None for claim in claims) else None
    table = Table(*columns, title=f"Claims of {paper}", caption=caption, box=None, padding=(0, 2, 0, 0))
    for claim in claims:
        expected = claim.expected if isinstance(claim.expected, str) else claim.shown(claim.expected)
        mark = {True: Text("yes", "green"), False: Text("no", "red"), None: Text("open")}[claim.holds]
        within = f"±{claim.tolerance:.2g}" if claim.tolerance else ""
        table.add_row(claim.figure, claim.name, expected + within, claim.shown(claim.measured), mark)
    _out.print(table)
    _out.print(f"Results: {out}", soft_wrap=True)
    failed = [f"{claim.figure}, {claim.name}" for claim in claims if claim.holds is False]
    for name in failed:
        _err.print(f"plastodyn: a claim of {paper} fails at size {size}, seed {seed}: {name}", soft_wrap=True)
    raise typer.Exit(1 if failed else 0)


@app.command(
    epilog="Examples:\n\nplastodyn measure model.py --loss loss --weights weights --fluctuation 0.1\n\n"
    "plastodyn measure my_package.model --checkpoint weights.safetensors --leave-out '*running*' --json"
)
def measure(
    model: Annotated[str, typer.Argument(help="Python file, or importable module, that defines the loss.")],
    loss: Annotated[str, typer.Option("--loss", help="Name of the function from weights to a scalar.")] = "loss",
    weights: Annotated[str, typer.Option("--weights", help="Name of the weights: a pytree of arrays.")] = "weights",
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help=".npz or .safetensors: a dict of arrays to use as weights.")
    ] = None,
    leave_out: LeaveOutOption = None,
    fluctuation: Annotated[float | None, typer.Option("--fluctuation", help="|de| per step, to answer with |dc|.")] = None,
    precision: Annotated[float, typer.Option("--precision", help="gamma1 / gamma2 of the rule; inf: exact gradient.")] = float(
        "inf"
    ),
    samples: Annotated[int, typer.Option("--samples", min=2, max=1_000_000, help="Draws of each change.")] = 64,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """How much plasticity should counteract fluctuations in your own model? Answers for its loss and weights."""
    from jax.random import key

    from plastodyn.app.answers import report
    from plastodyn.app.modules import prints_aside
    from plastodyn.app.user_model import Asked, load

    with prints_aside(as_json):
        circuit = load(Asked(model, loss, weights, checkpoint, tuple(leave_out or ())), _note)
        found = report(circuit, key=key(seed), fluctuation=fluctuation, precision=precision, samples=samples)
    _answer(found, as_json, "Plasticity against fluctuations (Raman and O'Leary 2021, equation 9)")


@app.command(
    epilog="Examples:\n\nplastodyn stability model.py --flip 0.2 --layer 1 --rate 0.05 --keep norm\n\n"
    "plastodyn stability my_package.model --checkpoint weights.npz --signs signs --rate 0.1 --json"
)
def stability(
    model: Annotated[str, typer.Argument(help="Python file, or importable module, that defines the loss.")],
    rate: Annotated[float, typer.Option("--rate", help="Learning rate: weights change by rate x sign x -gradient.")],
    loss: Annotated[str, typer.Option("--loss", help="Name of the function from weights to a scalar.")] = "loss",
    weights: Annotated[str, typer.Option("--weights", help="Name of the trained weights: a pytree of arrays.")] = "weights",
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help=".npz or .safetensors: a dict of arrays to use as weights.")
    ] = None,
    leave_out: LeaveOutOption = None,
    signs: Annotated[
        str | None, typer.Option("--signs", help="Name of the signs: a pytree of +1 and -1 that fits the weights.")
    ] = None,
    flip: Annotated[
        float | None, typer.Option("--flip", help="Instead of --signs: the fraction of neurons, the first ones, to flip.")
    ] = None,
    layer: Annotated[
        int,
        typer.Option(
            "--layer", min=0, help="Whose neurons: the matrix, from 0; those of a dict in the order of its sorted keys."
        ),
    ] = 0,
    side: Annotated[
        str,
        typer.Option("--side", help="presynaptic: all synapses that leave a flipped neuron; postsynaptic: that end on it."),
    ] = "presynaptic",
    layout: Annotated[
        str, typer.Option("--layout", help="Shape of your matrices: outputs-inputs (y = W x) or inputs-outputs (y = x W).")
    ] = "outputs-inputs",
    keep: Annotated[
        str | None, typer.Option("--keep", help="norm: each array keeps its norm; sign: each weight its sign.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Length of the runs, a multiple of 100; 0: none. 10000, or 0 where they take minutes."),
    ] = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Is your solution stable if some neurons learn with the opposite sign, and if not, is the motion chaotic?"""
    from jax.random import key

    from plastodyn.app.answers import stability_report, who_flips
    from plastodyn.app.modules import prints_aside
    from plastodyn.app.user_model import Asked, Flips, load_with_signs
    from plastodyn.measure import sign_stability

    asked = Asked(model, loss, weights, checkpoint, tuple(leave_out or ()))
    with prints_aside(as_json):
        circuit, chosen = load_with_signs(asked, Flips(signs, flip, layer, side, layout), _note)
        found = sign_stability(circuit, chosen, rate=rate, key=key(seed), steps=steps, keep=keep)
        report = stability_report(found, who_flips(chosen, circuit.weights))
    _answer(report, as_json, "Plasticity of the opposite sign (rates per step, angle in radians)")


def _answer(found: dict[str, str | float | None], as_json: bool, title: str) -> None:
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
    _out.print(table)
    _out.print(found["answer"], soft_wrap=True, highlight=False)


def _note(text: str) -> None:
    _err.print(f"plastodyn: {text}", highlight=False, soft_wrap=True)


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
        _make(out.resolve().parent)
    try:
        from plastodyn.app.questions import certify_file, read_certificate
    except ImportError as error:
        raise ValueError(str(error)) from None

    # Where nobody watches, the line would end as a blank one.
    waiting = _err.status("Looking for a proof, and checking it ...") if _err.is_terminal else nullcontext()
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
        _out.print(table)
    if not holds:
        raise ValueError("recheck failed: the certificate does not prove its verdict")
    raise typer.Exit(_VERDICT_CODES[found.verdict])


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
        _out.print(table)
    raise typer.Exit(0 if found["self_check"] == "passed" else 1)


def _make(out: Path) -> None:
    """Make the output directory now, so that a long run does not end in a refusal."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".plastodyn-writable"
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:
        raise ValueError(f"--out must be a directory that can be written to; got {str(out)!r}: {error}") from None
