"""The experiments of papers as files, to start one's own from."""

import jax

from plastodyn import experiments
from plastodyn.experiments import Document
from plastodyn.papers.registry import papers, place_of
from plastodyn.papers.types import PaperFigure

_SEEDS = 5


def file_of(paper: str, figure: PaperFigure, size: str, seed: int, sweep: str | None) -> str:
    """The file of one of the sweeps that a figure is made of; of another figure, its claims over seeds.

    Args:
        paper: its short name.
        figure: one of its figures.
        size: one of `papers.SIZES`.
        seed: as ``plastodyn reproduce`` takes it: the numbers are the same.
        sweep: which, by its label; the first unless given.

    Returns:
        TOML that ``plastodyn run`` takes.

    Raises:
        ValueError: if the figure has no sweep of that name.

    Source: this project.

    >>> print(file_of("ninou2025", papers()["ninou2025"].figures["fig2"], "smoke", 2021, None).splitlines()[0])
    # Figure fig2 of ninou2025, phase diagrams, theory, and its claims over seeds.
    """
    key = jax.random.fold_in(jax.random.key(seed), place_of(paper, figure))
    documents = figure.documents(size, key)
    if sweep is not None and sweep not in documents:
        allowed = ", ".join(documents) or f"nothing, since {figure.name} is not made of sweeps"
        raise ValueError(f"--sweep must be one of {allowed}; got {sweep!r}")
    head = [papers()[paper].citation]
    if not documents:
        document, head = _over_seeds(paper, figure, size, seed), [_said(paper, figure) + ", and its claims over seeds.", *head]
    else:
        label = sweep or next(iter(documents))
        document, others = documents[label], [name for name in documents if name != label]
        head = [f"{_said(paper, figure)}: the sweep {label}.", *head]
        head += [f"Others of this figure: plastodyn new {paper} {figure.name} --sweep {name}" for name in others]
    head += ["", f"plastodyn run THIS.toml --out {paper}-{figure.name}.zarr"]
    return experiments.dump(document, {"": "\n".join(head)})


def _said(paper: str, figure: PaperFigure) -> str:
    return f"Figure {figure.name} of {paper}, {figure.title}"


def _over_seeds(paper: str, figure: PaperFigure, size: str, seed: int) -> Document:
    function = "plastodyn.papers.repeats:claims"
    axes = {"seed": list(range(seed, seed + _SEEDS))}
    asked = {"function": function, "paper": paper, "figure": figure.name, "size": size}
    return experiments.from_json({"axes": axes, "experiment": asked})
