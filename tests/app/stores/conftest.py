"""Real stores to look at, made once; tests that change one get a copy."""

import contextlib
import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from plastodyn.sweeps import LocalWorkers, sweep

RATIOS = [0.5, 1.0, 1.5, 2.0]
SWEEPS = {
    "curves": (
        "losses",
        {"ratio": RATIOS, "precision": [1.0, 20.0], "seed": [0, 1, 2]},
        {"broken": [1.0], "diverging": [2.0]},
        # Of each chunk, half fails.
        {"ratio": 2, "precision": 2, "seed": 3},
    ),
    "maps": (
        "losses",
        {"alpha": np.geomspace(0.01, 10, 8).tolist(), "fraction": np.linspace(0, 1, 7).tolist()},
        {},
        {"alpha": 8, "fraction": 7},
    ),
    "words": ("losses", {"layer": ["hidden", "readout"], "alpha": [0.1, 1.0, 10.0]}, {}, {"layer": 2, "alpha": 3}),
    "six": ("losses", {name: [1.0, 2.0] for name in "abcdef"}, {"steps": 1}, dict.fromkeys("abcdef", 2)),
    "bare": ("bare", {"x": [1.0]}, {}, {}),
    "many": ("many", {"x": [1.0, 2.0, 3.0, 4.0]}, {"rows": 250_000}, {"x": 2}),
}


@pytest.fixture(scope="session")
def experiments():
    """The module as workers import it."""
    sys.path.append(str(Path(__file__).parent))
    return importlib.import_module("store_experiments")


@pytest.fixture(scope="session")
def hands():
    with LocalWorkers(2) as workers:
        yield workers


@pytest.fixture(scope="session")
def made(experiments, hands, tmp_path_factory):
    """A store by its name in `SWEEPS`; not to be changed."""
    place, found = tmp_path_factory.mktemp("stores"), {}

    def make(name):
        if name not in found:
            experiment, axes, parameters, chunk = SWEEPS[name]
            function, store = getattr(experiments, experiment), place / f"{name}.zarr"
            # Members that fail are what some of these are for.
            with contextlib.suppress(RuntimeError):
                sweep(function, axes, store=store, seed=7, parameters=parameters, chunk=chunk, executor=hands)
            found[name] = store
        return found[name]

    return make


@pytest.fixture
def copied(made, tmp_path):
    """A copy of a store, to be changed."""
    return lambda name: Path(shutil.copytree(made(name), tmp_path / f"{name}.zarr"))
