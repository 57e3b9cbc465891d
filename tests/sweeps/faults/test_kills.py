"""SIGKILL, again and again, of workers and of the client: no member is lost, few are computed twice."""

import random
import signal
import time

import pytest
from fault_tools import SIZES, bench, errors_of, finish, hurt, members_of, report, wait_for, workers_of

WORKERS = 2


def _rage(place, source, worker_every, client_every):
    """Kill every few seconds, start the client again, until it ends by itself; how often each was killed.

    The seconds of a client count from the first chunk that it stores: a busy machine would never get anywhere otherwise.
    """
    workers = clients = 0
    process, before, next_client = place.start(), 0, None
    next_worker = time.monotonic() + worker_every
    while process.poll() is None:
        time.sleep(0.1)
        now = time.monotonic()
        if next_client is None and place.done() > before:
            next_client = now + client_every
        if next_client is not None and now > next_worker:
            running = workers_of(process)
            workers += bool(running) and hurt(source.choice(running), signal.SIGKILL)
            next_worker = now + worker_every
        if next_client is not None and now > next_client:
            clients += process.poll() is None and hurt(process.pid, signal.SIGKILL)
            process.wait()
            wait_for(lambda process=process: not members_of(process.pid))
            process, before, next_client = place.start(), place.done(), None
    return process, workers, clients


@pytest.mark.slow  # Kills every few seconds, and each time Python and JAX start again.
def test_workers_and_clients_are_killed_every_few_seconds(whole, record_property, capsys, tmp_path):
    with bench(tmp_path, 1000) as place:
        process, workers, clients = _rage(place, random.Random(1), 2.0, 5.0)
        assert finish(process) == 0, errors_of(process)
        place.check(whole(1000))
        twice = place.twice()
    report(record_property, capsys, "killed every few seconds", workers=workers, clients=clients, lost=0, twice=twice)
    assert workers + clients >= 5
    # A kill costs at most what was under way.
    assert twice <= workers + WORKERS * clients


@pytest.mark.parametrize("count", SIZES)
def test_each_is_killed_where_it_hurts(count, whole, record_property, capsys, tmp_path):
    """By what is done, not by the clock: a worker a few times, then the client."""
    with bench(tmp_path, count) as place:
        process = place.start()
        faults = 0
        for part in (0.2, 0.4):
            wait_for(lambda part=part: place.done() >= part * count, process)
            faults += hurt(workers_of(process)[0], signal.SIGKILL)
        wait_for(lambda: place.done() >= 0.6 * count, process)
        faults += WORKERS * hurt(process.pid, signal.SIGKILL)
        process.wait()
        process = place.start()
        assert finish(process) == 0, errors_of(process)
        place.check(whole(count))
        twice = place.twice()
    report(record_property, capsys, f"killed, {count} chunks", faults=faults, lost=0, twice=twice)
    assert faults == 2 + WORKERS
    assert twice <= faults
