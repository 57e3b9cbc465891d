"""Experiments, workers and one uninterrupted run for the tests of sweeps."""

import pytest
import sweep_experiments
from fault_tools import bench, errors_of, finish
from sweep_readings import AXES, CHUNK

from plastodyn.sweeps import LocalWorkers, fingerprint, sweep


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


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The fingerprint of a sweep of so many chunks that nothing disturbs; computed once."""
    known = {}

    def of(count):
        if count not in known:
            with bench(tmp_path_factory.mktemp("whole"), count, FAULTS_SECONDS="0") as quiet:
                process = quiet.start()
                assert finish(process) == 0, errors_of(process)
                assert quiet.twice() == 0
                known[count] = fingerprint(quiet.store)
        return known[count]

    return of
