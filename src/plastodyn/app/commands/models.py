"""Questions about a model of the user's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from plastodyn.app.console import JsonOption, SeedOption, app, make_directory, note, output, show_answer, show_rows

if TYPE_CHECKING:
    from plastodyn.app.user_network import AskedNetwork

LossOption = Annotated[
    str | None, typer.Option("--loss", help="Name of the function from weights to a scalar: 'loss' unless given.")
]
DataOption = Annotated[
    str | None,
    typer.Option("--data", help="Minibatches: an .npz file, a name in the model, or MODULE:NAME; the loss gets each."),
]
TorchOption = Annotated[
    str | None, typer.Option("--torch", help="Instead of MODEL: MODULE:NAME of a torch.nn.Module; needs --data.")
]
BatchOption = Annotated[int, typer.Option("--batch", min=1, max=2**31 - 1, help="Examples in a minibatch of a file.")]
CheckpointOption = Annotated[
    Path | None, typer.Option("--checkpoint", help=".npz or .safetensors: a dict of arrays to use as weights.")
]

LeaveOutOption = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out", help="Arrays that are no weights, such as '*running*': by name, * for any letters; may be repeated."
    ),
]


@app.command(
    epilog="Examples:\n\nplastodyn measure model.py --loss loss --weights weights --fluctuation 0.1\n\n"
    "plastodyn measure my_package.model --checkpoint weights.safetensors --leave-out '*running*' --json\n\n"
    "plastodyn measure my_package.model:loss --weights weights.safetensors --data data.npz --batch 128 --out page.png\n\n"
    "plastodyn measure --torch my_package.model:network --loss cross_entropy --data my_package.model:loader"
)
def measure(
    model: Annotated[
        str | None, typer.Argument(help="Python file, or importable module, that defines the loss; MODEL:LOSS names it too.")
    ] = None,
    loss: LossOption = None,
    weights: Annotated[
        str, typer.Option("--weights", help="Name of the weights, a pytree of arrays; or a file, as --checkpoint.")
    ] = "weights",
    checkpoint: CheckpointOption = None,
    leave_out: LeaveOutOption = None,
    data: DataOption = None,
    torch: TorchOption = None,
    batch: BatchOption = 128,
    budget: Annotated[
        int, typer.Option("--budget", min=60, max=10**9, help="With --data: Hessian-vector products, each on one minibatch.")
    ] = 1000,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="With --data: an .npz file that keeps what is known, to go on from.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="With --data: a picture of the answer, .png, .svg or .pdf.")] = None,
    fluctuation: Annotated[float | None, typer.Option("--fluctuation", help="|de| per step, to answer with |dc|.")] = None,
    precision: Annotated[float, typer.Option("--precision", help="gamma1 / gamma2 of the rule; inf: exact gradient.")] = float(
        "inf"
    ),
    samples: Annotated[int, typer.Option("--samples", min=2, max=1_000_000, help="Without --data: draws of each change.")] = 64,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """How much plasticity should counteract fluctuations in your own model, and what else is its loss like?

    Answers for a JAX loss and its weights. With --data the loss is one of minibatches, of any size, in JAX or PyTorch: loss,
    gradient, curvatures and their density, trace by layer, best ratios and rates, each with its standard error.
    """
    from jax.random import key

    from plastodyn.app.modules import prints_aside
    from plastodyn.app.user_model import asked_of

    if (model is None) == (torch is None):
        raise ValueError("give one of MODEL and --torch MODULE:NAME")
    if data is not None or torch is not None:
        asked = AskedReport(model, torch, loss, weights, checkpoint, leave_out, data, batch)
        _report_on_network(asked, budget, resume, out, precision, seed, as_json)
        if fluctuation is not None:
            note("--fluctuation is read without --data only; the ratios hold for small ones of any size")
        return
    for name, value in (("--resume", resume), ("--out", out)):
        if value is not None:
            raise ValueError(f"{name} must be given with --data only; got {str(value)!r}")
    from plastodyn.app.answers import report
    from plastodyn.app.user_model import load

    assert model is not None
    with prints_aside(as_json):
        circuit = load(asked_of(model, loss, weights, checkpoint, leave_out), note)
        found = report(circuit, key=key(seed), fluctuation=fluctuation, precision=precision, samples=samples)
    show_answer(found, as_json, "Plasticity against fluctuations (Raman and O'Leary 2021, equation 9)")


class AskedReport(NamedTuple):
    """The options of `measure` that say which network."""

    model: str | None
    torch: str | None
    loss: str | None
    weights: str
    checkpoint: Path | None
    leave_out: list[str] | None
    data: str | None
    batch: int


def _asked_network(asked: AskedReport) -> "AskedNetwork":
    """Where the network is: a JAX loss, or a PyTorch module, whose weights may be a file of their own."""
    from plastodyn.app.user_model import asked_of
    from plastodyn.app.user_network import AskedNetwork

    if asked.data is None:
        raise ValueError("--data must be given with --torch: MODULE:NAME of a loader, or an .npz file; got none")
    if asked.torch is None:
        assert asked.model is not None
        jax_model = asked_of(asked.model, asked.loss, asked.weights, asked.checkpoint, asked.leave_out)
        return AskedNetwork(jax_model, None, "", None, asked.data, asked.batch)
    file = asked.checkpoint or (Path(asked.weights) if asked.weights != "weights" else None)
    return AskedNetwork(None, asked.torch, asked.loss or "cross_entropy", file, asked.data, asked.batch)


def _report_on_network(
    asked: AskedReport, budget: int, resume: Path | None, out: Path | None, precision: float, seed: int, as_json: bool
) -> None:
    """The answer of `measure.report`, as a table, JSON and a picture."""
    from jax.random import key

    from plastodyn.app.modules import check_files, prints_aside
    from plastodyn.app.user_network import load_network
    from plastodyn.measure import report, shown

    given = _asked_network(asked)
    check_files(None, out)
    if out is not None and out.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--out must end in .png, .svg or .pdf; got {str(out)!r}")
    if out is not None:
        make_directory(out.resolve().parent)
    with prints_aside(as_json):
        found = report(load_network(given, note), None, key=key(seed), precision=precision, budget=budget, checkpoint=resume)
    if out is not None:
        from plastodyn.figures import network_page

        network_page(found, f"{asked.model or asked.torch}: {found.weights:,} weights").savefig(out)
    if as_json:
        typer.echo(found.to_json())
        return
    show_rows(found.rows(), "A network's numbers (± standard error)")
    show_rows([(name, shown(trace)) for name, trace in found.layers().items()], "tr H by layer")
    output.print(found.answer, soft_wrap=True, highlight=False)


@app.command(
    epilog="Examples:\n\nplastodyn stability model.py --flip 0.2 --layer 1 --rate 0.05 --keep norm\n\n"
    "plastodyn stability my_package.model --checkpoint weights.npz --signs signs --rate 0.1 --json\n\n"
    "plastodyn stability --torch net.py:network --loss cross_entropy --data data.npz --flip 0.2 --rate 0.05"
)
def stability(
    rate: Annotated[float, typer.Option("--rate", help="Learning rate: weights change by rate x sign x -gradient.")],
    model: Annotated[
        str | None, typer.Argument(help="Python file, or importable module, that defines the loss; or MODEL:LOSS.")
    ] = None,
    loss: LossOption = None,
    weights: Annotated[
        str, typer.Option("--weights", help="Name of the trained weights: a pytree of arrays; or a file, as --checkpoint.")
    ] = "weights",
    checkpoint: CheckpointOption = None,
    leave_out: LeaveOutOption = None,
    data: DataOption = None,
    torch: TorchOption = None,
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
    """Is your solution stable if some neurons learn with the opposite sign, and if not, is the motion chaotic?

    For a JAX loss of the weights; with --data one of weights and data, over all of these; with --torch a PyTorch module.
    """
    from jax.random import key

    from plastodyn.app.answers import stability_report, who_flips
    from plastodyn.app.modules import prints_aside
    from plastodyn.app.user_model import Flips, asked_of, load_with_signs
    from plastodyn.app.user_network import load_with_signs_on_data
    from plastodyn.measure import sign_stability

    if (model is None) == (torch is None):
        raise ValueError("give one of MODEL and --torch MODULE:NAME")
    flips = Flips(signs, flip, layer, side, layout)
    with prints_aside(as_json):
        if data is None and model is not None:
            circuit, chosen = load_with_signs(asked_of(model, loss, weights, checkpoint, leave_out), flips, note)
        else:
            asked = AskedReport(model, torch, loss, weights, checkpoint, leave_out, data, 2**31 - 1)
            circuit, chosen = load_with_signs_on_data(_asked_network(asked), flips, note)
        found = sign_stability(circuit, chosen, rate=rate, key=key(seed), steps=steps, keep=keep)
        report = stability_report(found, who_flips(chosen, circuit.weights))
    show_answer(report, as_json, "Plasticity of the opposite sign (rates per step, angle in radians)")
