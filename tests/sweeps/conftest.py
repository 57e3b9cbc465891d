"""Experiments, workers and one uninterrupted run for the tests of sweeps."""

import pytest
import sweep_experiments
from sweep_readings import AXES, CHUNK

from plastodyn.sweeps import LocalWorkers, sweep


@pytest.fixture(scope="session")
def experiments():
    return sweep_experiments


@pytest.fixture(scope="session")
def hands():
    with LocalWorkers(2) as workers:
        yield workers


@pytest.fixture(scope="session")
def reference(hands, tmp_path_factory):
    """One uninterrupted run."""
    store = tmp_path_factory.mktemp("r") / "s.zarr"
    return sweep(sweep_experiments.draws, AXES, store=store, seed=7, chunk=CHUNK, executor=hands).load()
