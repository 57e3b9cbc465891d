"""Reproduce a paper's figures: compute, write picture, data and claims as each figure is done."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import jax

from plastodyn import checks
from plastodyn.papers import SIZES, Claim, papers


def reproduce(
    paper: str, figure: str | None, size: str, out: Path, seed: int, say: Callable[[str], None]
) -> tuple[list[Claim], bool]:
    """Compute the figures of a paper and write ``PAPER-FIGURE.png``, ``.svg``, ``.zarr`` and ``claims.json`` to ``out``.

    Args:
        paper: its name.
        figure: one figure, or ``None`` for all.
        size: ``smoke``, ``standard`` or ``full``.
        out: existing directory.
        seed: of the random key; each figure folds in its own place, so that one figure alone gives the same result.
        say: receives a line for each figure begun and done.

    Returns:
        The claims, and whether the user interrupted; what was computed until then has been written.

    Raises:
        ValueError: on an unknown paper, figure or size.
    """
    known = papers()
    checks.one_of("PAPER", paper, known)
    figures = known[paper].figures
    if figure is not None:
        checks.one_of("FIGURE", figure, figures)
    checks.one_of("--size", size, SIZES)
    claims: list[Claim] = []
    for place, (name, item) in enumerate(figures.items()):
        if figure not in (None, name):
            continue
        say(f"{paper} {name}: {item.title} ({size}, about {item.seconds[size]} s on two cores)")
        started = time.monotonic()
        result = item.make(size, jax.random.fold_in(jax.random.key(seed), place))
        stem = out / f"{paper}-{name}"
        result.figure.savefig(stem.with_suffix(".png"))
        result.figure.savefig(stem.with_suffix(".svg"))
        result.data.assign_attrs(figure=name, size=size).to_zarr(stem.with_suffix(".zarr"), mode="w")
        interrupted = bool(result.data.attrs.get("interrupted"))
        # An interrupted figure keeps its data and picture; its claims would be about half a run.
        claims += () if interrupted else result.claims
        (out / "claims.json").write_text(json.dumps([claim.as_json() for claim in claims], indent=2) + "\n")
        say(f"  {time.monotonic() - started:.0f} s, {stem.with_suffix('.png')}")
        if interrupted:
            return claims, True
    return claims, False
