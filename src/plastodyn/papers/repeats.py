"""A figure and its claims over seeds, as an experiment: do they hold whatever is drawn?"""

import jax
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.papers.registry import place_of, select


def claims(point: dict[str, np.ndarray], key: Array, *, paper: str, figure: str, size: str) -> xr.Dataset:
    """Make a figure with each seed, as ``plastodyn reproduce --seed`` does, and keep what it claims.

    Args:
        point: ``seed``, whole numbers.
        key: not used; a figure's key follows from its seed.
        paper: its short name.
        figure: its name.
        size: one of `papers.SIZES`.

    Returns:
        ``measured`` and ``holds`` (1, 0, or NaN where a run of this size cannot decide) over (seed, claim).

    Source: this project.

    >>> found = claims({"seed": np.array([1])}, jax.random.key(0), paper="ninou2025", figure="fig2", size="smoke")
    >>> bool((found.holds == 1).all())
    True
    """
    del key
    (item,) = select(paper, figure, size)
    rows = []
    for seed in point["seed"]:
        made = item.make(size, jax.random.fold_in(jax.random.key(int(seed)), place_of(paper, item)))
        made.figure.clear()
        rows.append(made.claims)
    holds = [[np.nan if claim.holds is None else float(claim.holds) for claim in row] for row in rows]
    measured = [[float(claim.measured) for claim in row] for row in rows]
    coords = {"seed": point["seed"], "claim": [claim.name for claim in rows[0]]}
    return xr.Dataset({"measured": (("seed", "claim"), measured), "holds": (("seed", "claim"), holds)}, coords)
