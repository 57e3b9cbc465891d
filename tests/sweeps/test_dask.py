"""Dask as an executor: a real scheduler and real workers on this machine, and what becomes of a sweep when they die."""

import re
import signal
import sys
from pathlib import Path

import pytest
from fault_tools import SIZES, Bench, errors_of, finish, hurt, lines_of_errors, members_of, report, wait_for

from plastodyn import sweeps

pytest.importorskip("distributed")
QUICKLY = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "5s",
}


class Cluster(Bench):
    """A scheduler and workers, beside the clients of a bench."""

    def begin(self, workers=2, nanny=True, **environment):
        self.scheduler = self.run(
            [sys.executable, "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        )
        wait_for(lambda: self._address() is not None, self.scheduler)
        self.address = self._address()
        self.workers = [self.worker(nanny, **environment) for _ in range(workers)]
        return self

    def worker(self, nanny, **environment):
        options = ["--nthreads", "1", "--no-dashboard", "--nanny" if nanny else "--no-nanny", "--death-timeout", "20"]
        return self.run([sys.executable, "-m", "dask", "worker", self.address, *options], environment)

    def _address(self):
        found = re.search(r"Scheduler at:\s*(tcp://\S+)", errors_of(self.scheduler))
        return found and found.group(1)

    def client(self, *words, **options):
        return self.start(f"dask={self.address}", *words, **options)

    def check(self, fingerprint):
        for process in (*self.workers, self.scheduler):
            for pid in members_of(process.pid):
                hurt(pid, signal.SIGKILL)
        super().check(fingerprint)


@pytest.fixture
def cluster(tmp_path):
    made = []

    def make(count):
        made.append(Cluster(tmp_path, count, **QUICKLY))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.end()


@pytest.mark.parametrize("kind", ["client", pytest.param("executor", marks=pytest.mark.slow)])
def test_a_client_computes(kind, cluster, whole, record_property, capsys):
    """The client itself, or the executor that it gives."""
    place = cluster(60).begin()
    process = place.client(f"kind={kind}")
    assert finish(process) == 0, errors_of(process)
    place.check(whole(60))
    twice = place.twice()
    report(record_property, capsys, f"dask {kind}, 60", faults=0, lost=0, twice=twice)
    assert twice == 0


@pytest.mark.slow  # Several programs start.
@pytest.mark.parametrize("nanny", [True, False], ids=["nanny", "no nanny"])
@pytest.mark.parametrize("count", SIZES)
def test_a_worker_is_killed(count, nanny, cluster, whole, record_property, capsys):
    place = cluster(count).begin(nanny=nanny)
    process = place.client()
    faults = 0
    for part in (0.2, 0.5):
        wait_for(lambda part=part: place.done() >= part * count, process)
        victims = [int(pid) for pid, _ in place.lines()[-20:] if int(pid) in _running(place)]
        faults += hurt(victims[-1], signal.SIGKILL)
        if not nanny:
            place.workers.append(place.worker(nanny))
    assert finish(process) == 0, errors_of(process)
    place.check(whole(count))
    twice = place.twice()
    report(
        record_property,
        capsys,
        f"dask worker killed, {'' if nanny else 'no '}nanny, {count}",
        faults=faults,
        lost=0,
        twice=twice,
    )
    assert faults == 2
    assert twice <= faults


def _running(place):
    return {pid for process in place.workers for pid in members_of(process.pid)}


@pytest.mark.slow
@pytest.mark.parametrize("count", SIZES)
def test_the_scheduler_is_killed(count, cluster, whole, record_property, capsys):
    """An error in one line; a new scheduler and the same call end it."""
    place = cluster(count).begin()
    process = place.client()
    wait_for(lambda: place.done() >= count // 3, process)
    assert hurt(place.scheduler.pid, signal.SIGKILL)
    assert finish(process) == 1, errors_of(process)
    (line,) = lines_of_errors(process)
    # What Dask itself logs besides is not ours.
    assert "the executor broke: its tasks were cancelled, as when its scheduler ends" in line
    old = place.workers
    place.begin()
    place.workers += old
    process = place.client()
    assert finish(process) == 0, errors_of(process)
    place.check(whole(count))
    twice = place.twice()
    report(record_property, capsys, f"dask scheduler killed, {count}", faults=1, lost=0, twice=twice)
    assert twice <= 2


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
@pytest.mark.parametrize("count", SIZES)
def test_the_client_is_stopped(count, how, cluster, whole, record_property, capsys):
    """Its workers live on, and are not in the way of the next one."""
    place = cluster(count).begin()
    process = place.client()
    wait_for(lambda: place.done() >= count // 3, process)
    assert hurt(process.pid, signal.Signals[how])
    assert finish(process) == (130 if how == "SIGINT" else -signal.SIGKILL), errors_of(process)
    if how == "SIGINT":
        assert "the same call goes on from there" in errors_of(process)
    process = place.client()
    assert finish(process) == 0, errors_of(process)
    place.check(whole(count))
    twice = place.twice()
    report(record_property, capsys, f"dask client {how}, {count}", faults=1, lost=0, twice=twice)
    assert twice <= 2


@pytest.mark.slow
def test_a_worker_with_other_code_is_refused(cluster, tmp_path):
    """Its module of experiments is another text than that of the client."""
    other = tmp_path / "other"
    other.mkdir()
    text = (Path(__file__).parent / "fault_experiments.py").read_text()
    assert text.count('2 * point["a"]') == 1
    (other / "fault_experiments.py").write_text(text.replace('2 * point["a"]', '3 * point["a"]'))
    place = cluster(60)
    place.begin(workers=1, PYTHONPATH=f"{other}:{place.environment['PYTHONPATH']}")
    process = place.client()
    assert finish(process) == 1, errors_of(process)
    (line,) = lines_of_errors(process)
    assert "the source text of the experiment" in line
    assert sweeps.status(place.store).done <= 1 if place.store.exists() else True
