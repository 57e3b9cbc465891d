"""Ctrl-C and SIGTERM at random moments; each time the same call goes on."""

import os
import random
import signal

import pytest
from fault_tools import SLOW_SIZES, bench, errors_of, finish, members_of, report, wait_for

WORKERS = 2
STOPS = {
    "Ctrl-C, to all": (os.killpg, signal.SIGINT, 130),
    "SIGINT, to the client": (os.kill, signal.SIGINT, 130),
    "SIGTERM, to all": (os.killpg, signal.SIGTERM, -signal.SIGTERM),
    "SIGTERM, to the client": (os.kill, signal.SIGTERM, -signal.SIGTERM),
}


@pytest.mark.parametrize("count", SLOW_SIZES)
def test_each_kind_of_stop(count, whole, record_property, capsys, tmp_path):
    source = random.Random(3)
    with bench(tmp_path, count) as place:
        faults = 0
        for number, (how, signal_number, code) in enumerate(STOPS.values()):
            process = place.start()
            moment = int(count * (number + source.random()) / (len(STOPS) + 1))
            wait_for(lambda moment=moment: place.done() > moment, process)
            how(process.pid, signal_number)
            assert finish(process) == code, errors_of(process)
            faults += 1
            wait_for(lambda process=process: not members_of(process.pid))
            if signal_number == signal.SIGINT:
                assert "the same call goes on from there" in errors_of(process)
                assert "Traceback" not in errors_of(process)
        process = place.start()
        assert finish(process) == 0, errors_of(process)
        place.check(whole(count))
        twice = place.twice()
    report(record_property, capsys, f"stopped, {count}", faults=faults, lost=0, twice=twice)
    assert twice <= WORKERS * faults


@pytest.mark.parametrize("stop", [pytest.param(name, marks=pytest.mark.slow) for name in STOPS])
def test_stops_while_workers_start(stop, whole, tmp_path):
    """Before anything is stored: workers are importing, or learn the shapes of the first member."""
    how, signal_number, code = STOPS[stop]
    with bench(tmp_path, 60) as place:
        process = place.start()
        wait_for(lambda: len(members_of(process.pid)) > 1, process)
        how(process.pid, signal_number)
        assert finish(process) == code, errors_of(process)
        if signal_number == signal.SIGINT:
            assert "Traceback" not in errors_of(process)
        process = place.start()
        assert finish(process) == 0, errors_of(process)
        place.check(whole(60))
