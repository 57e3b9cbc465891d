"""Questions about a model of the user's own."""

from pathlib import Path
from typing import Annotated

import typer

from plastodyn.app.console import JsonOption, SeedOption, app, note, show_answer

LeaveOutOption = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out", help="Arrays that are no weights, such as '*running*': by name, * for any letters; may be repeated."
    ),
]


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
        circuit = load(Asked(model, loss, weights, checkpoint, tuple(leave_out or ())), note)
        found = report(circuit, key=key(seed), fluctuation=fluctuation, precision=precision, samples=samples)
    show_answer(found, as_json, "Plasticity against fluctuations (Raman and O'Leary 2021, equation 9)")


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
        circuit, chosen = load_with_signs(asked, Flips(signs, flip, layer, side, layout), note)
        found = sign_stability(circuit, chosen, rate=rate, key=key(seed), steps=steps, keep=keep)
        report = stability_report(found, who_flips(chosen, circuit.weights))
    show_answer(report, as_json, "Plasticity of the opposite sign (rates per step, angle in radians)")
