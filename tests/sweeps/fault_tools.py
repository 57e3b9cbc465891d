"""How the tests of faults start processes, wait for what happens, hurt them, and count."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from plastodyn import sweeps
from plastodyn.sweeps import store as stores

HERE = Path(__file__).parent
CLIENT = HERE / "fault_client.py"
SIZES = [60, pytest.param(1000, marks=pytest.mark.slow)]
"""Chunks of a sweep: a small one by default, the whole proof among the slow tests."""
SLOW_SIZES = [pytest.param(60, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.slow)]
"""Of faults that a cheaper test stands for by default."""


class Bench:
    """A store and a log in a directory of their own, and all processes that work at them, ended when the test ends."""

    def __init__(self, directory, count, **environment):
        self.count, self.directory = count, directory
        self.store, self.log = directory / "s.zarr", directory / "log"
        self.log.touch()
        self.environment = {
            **os.environ,
            **sweeps.one_core(),
            "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "FAULTS_LOG": str(self.log),
            **environment,
        }
        self.processes = []

    def start(self, *words, environment=None, program=(), store=None):
        """A client in a session of its own."""
        place = self.store if store is None else store
        return self.run([*program, sys.executable, CLIENT, place, str(self.count), *words], environment)

    def run(self, command, environment=None):
        errors = (self.directory / f"errors-{len(self.processes)}").open("w+")
        process = subprocess.Popen(
            list(map(str, command)),
            env={**self.environment, **(environment or {})},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        process.errors = errors
        self.processes.append(process)
        return process

    def end(self):
        for process in self.processes:
            for each in [*members_of(process.pid), process.pid]:
                hurt(each, signal.SIGKILL)
            process.wait()
            process.errors.close()

    def done(self):
        """Chunks that are done; 0 where there is no store yet."""
        if not (self.store / "zarr.json").exists():
            return 0
        # Files, and not values, for speed: a status is written once, at the end of a chunk.
        return sum(1 for name in _names(self.store / "chunk_status" / "c") if not name.endswith(".partial"))

    def lines(self):
        return [line.split() for line in self.log.read_text().splitlines()]

    def twice(self):
        """Members that were computed more than once, and how many computations that makes in excess."""
        places = [place for _, place in self.lines()]
        return len(places) - len(set(places))

    def check(self, fingerprint):
        """The store is whole, sound, the same bits; no process and no claim is left."""
        found = sweeps.status(self.store)
        assert (found.chunks, found.done, found.members_done) == (self.count,) * 3
        assert found.members_failed == 0
        assert found.claimed == {}
        assert sweeps.verify(self.store) == []
        assert sweeps.fingerprint(self.store) == fingerprint
        assert not (self.store / ".claims").exists(), list((self.store / ".claims").iterdir())
        wait_for(lambda: not any(members_of(process.pid) for process in self.processes))


def _names(path):
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []


@contextmanager
def bench(directory, count, **environment):
    found = Bench(directory, count, **environment)
    try:
        yield found
    finally:
        found.end()


def errors_of(process):
    """What a process wrote to standard error, warnings apart."""
    process.errors.flush()
    return Path(process.errors.name).read_text()


def members_of(session):
    """Processes of a session, the zombies left out."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(entry))
    return sorted(found)


def workers_of(process):
    """The worker processes of a client."""
    return [each for each in members_of(process.pid) if each != process.pid and _is_worker(each)]


def _is_worker(pid):
    try:
        return b"serve()" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def hurt(pid, number):
    """Send a signal; whether it reached a process."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, process=None, most=600.0):
    """Until something is so. The bound is there for a test that would hang, and decides nothing else."""
    end = time.monotonic() + most
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            raise AssertionError(f"ended with {process.returncode}: {errors_of(process)}")
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.02)


def finish(process, most=600.0):
    """Wait for a client; its exit code."""
    return process.wait(timeout=most)


def lines_of_errors(process):
    """What a client said at its end; JAX and Python may warn."""
    return [line for line in errors_of(process).splitlines() if line.startswith(("RuntimeError", "ValueError", "interrupted"))]


def report(record_property, capsys, name, **counts):
    """Counts, printed and recorded."""
    for key, value in counts.items():
        record_property(key, value)
    with capsys.disabled():
        print(f"\n{name}: " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts.items()))


def missing(store):
    """Places that are not done."""
    return [int(index[0]) for index in np.argwhere(stores.statuses(store) != stores.DONE)]
