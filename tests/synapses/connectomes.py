"""Tables of synapses that tests make, and two published ones where they are at hand."""

import os
from pathlib import Path

import numpy as np
import pytest

from plastodyn import synapses

_HERE = Path(__file__).parents[2]


def published(name):
    """A published table; the test is left out where it is absent: the data are not the project's to hand on."""
    beside = [place / "shared" / "data" for place in (_HERE, *_HERE.parents)[:3]]
    places = [os.environ.get("PLASTODYN_CONNECTOMES"), *beside]
    found = next((Path(place) / name for place in places if place and (Path(place) / name).is_file()), None)
    return found or pytest.skip(f"{name} is not in $PLASTODYN_CONNECTOMES, nor in shared/data beside the repository")


def crossed(axons, dendrites, rng, *, axon=0.0, dendrite=0.0, pair=0.0, own=1.0):
    """Every axon twice on every dendrite, with standard deviations of log10 size that only these share."""
    rows = np.array([(a, d) for a in range(axons) for d in range(dendrites) for _ in range(2)])
    parts = [axon * rng.normal(size=axons)[rows[:, 0]], dendrite * rng.normal(size=dendrites)[rows[:, 1]]]
    parts += [np.repeat(pair * rng.normal(size=axons * dendrites), 2), own * rng.normal(size=len(rows))]
    return synapses.from_arrays(rows[:, 0], rows[:, 1], 10 ** np.sum(parts, axis=0))
