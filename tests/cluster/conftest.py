"""A cluster for all tests that want one, and a sweep for each of them."""

import os
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import cluster_experiments
import numpy as np
import pytest
from slurm_cluster import Cluster

from plastodyn import sweeps

POINTS = 12
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    found = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def cluster(running):
    """The cluster, without jobs before and after."""
    try:
        yield running
    finally:
        running.mend()
        running.cancel_all()


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """The values of one uninterrupted run of so many points; computed once."""

    @cache
    def of(points):
        store = tmp_path_factory.mktemp("reference") / "s.zarr"
        found = sweeps.sweep(cluster_experiments.slow, _axes(points), store=store, seed=7, chunk={"a": 1}, progress=False)
        return found[["noise", "place"]].load()

    return of


@pytest.fixture
def sweep(tmp_path, reference):
    def of(name="s.zarr", points=POINTS, **parameters):
        return Sweep(tmp_path / "a sweep" / name, reference(points), points, parameters)

    return of


def _axes(points):
    return {"a": list(range(points))}


class Sweep:
    """A store that was begun, the files for which its points wait, and the command that submits it."""

    def __init__(self, store, reference, points, parameters):
        self.store, self.reference = store, reference
        self.gates = store.parent / "gates"
        self.gates.mkdir(parents=True)
        parameters = {**parameters, "gates": str(self.gates)} if "free" in parameters else parameters
        arguments = {"seed": 7, "chunk": {"a": 1}, "parameters": parameters}
        sweeps.begin(cluster_experiments.slow, _axes(points), store=store, **arguments)

    def status(self):
        return sweeps.status(self.store)

    def output(self):
        """The directory of what jobs print."""
        return self.store.with_name(f"{self.store.name}-slurm")

    def begin_submit(self, cluster, *options):
        command = [sys.executable, "-P", "-m", "plastodyn", "submit", str(self.store), *options]
        path = os.pathsep.join([str(HERE), str(HERE.parents[1] / "src")])
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=cluster.environment(PYTHONPATH=path), cwd=self.store.parent, **pipes)

    def submit(self, cluster, *options, code=0):
        """What the command says on both streams, and the ids of the jobs that it names: the array, and the one after it."""
        process = self.begin_submit(cluster, *options)
        said, errors = process.communicate()
        assert process.returncode == code, said + errors
        stop = [line for line in said.splitlines() if line.startswith("stop:")]
        jobs = list(reversed(shlex.split(stop[0].split(";")[0])[2:])) if stop else []
        return said, errors, jobs

    def begun(self):
        """The points that wait at their gates, or did, each with its job."""
        return {tuple(file.name.split("-")[1:]) for file in self.gates.glob("begun-*")}

    def open(self, gate="all"):
        (self.gates / str(gate)).touch()

    def said(self, job):
        """What a job has printed."""
        return "".join(file.read_text() for file in self.output().glob(f"{job}.out"))

    def assert_whole(self, cluster):
        """Once all jobs are over: the same bits as those of an uninterrupted run, nothing left, and nobody."""
        cluster.wait(lambda: not cluster.jobs())
        status = self.status()
        said = {file.name: file.read_text() for file in self.output().iterdir()}
        assert (status.done, status.missing, status.failed, status.claimed) == (status.chunks, 0, 0, {}), said
        cluster.wait(lambda: not cluster.processes())
        found = sweeps.run.stores.dataset(self.store)
        for name in self.reference:
            np.testing.assert_array_equal(found[name].values, self.reference[name].values)
        assert sweeps.verify(self.store) == []
