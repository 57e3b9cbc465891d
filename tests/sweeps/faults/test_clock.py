"""The time of day jumps by hours, forward and back: nothing is computed twice for it, and nothing waits for ever.

Processes get another time of day from libfaketime (Debian's ``faketime``), which reads it from a file that the test changes.
The monotonic clock stays as it is: a system's clock that is set does not move it either.
"""

import json
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from fault_tools import SLOW_SIZES, bench, errors_of, finish, report, wait_for

from plastodyn.sweeps import store as stores

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")) if shutil.which("faketime") else []


@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed: apt-get install faketime")
@pytest.mark.parametrize("count", SLOW_SIZES)
def test_the_clock_jumps(count, whole, record_property, capsys, tmp_path):
    """Two clients, as on two machines, each with a clock of its own that jumps in the middle."""
    clocks = [tmp_path / name for name in ("first", "second")]
    for clock, shift in zip(clocks, ("+0", "-5h"), strict=True):
        clock.write_text(shift + "\n")
    with bench(tmp_path, count, LD_PRELOAD="") as place:
        clients = [
            place.start("patience=20", environment=_shifted(clock), program=["env", f"LD_PRELOAD={LIBRARIES[0]}"])
            for clock in clocks
        ]
        jumps = 0
        for part, shifts in ((0.2, ("+7h", "+2h")), (0.4, ("-3h", "-40h")), (0.6, ("+90h", "+0"))):
            wait_for(lambda part=part: place.done() >= part * count, clients[0])
            for clock, shift in zip(clocks, shifts, strict=True):
                clock.write_text(shift + "\n")
                jumps += 1
        for client in clients:
            assert finish(client) == 0, errors_of(client)
        place.check(whole(count))
        twice, days = place.twice(), _days(place.store)
    report(record_property, capsys, f"clock jumps, {count}", faults=jumps, lost=0, twice=twice)
    # The jumps reached the workers: times that they wrote are days apart.
    assert days > 1
    # The first member only, if both began at once.
    assert twice <= 1


def _shifted(clock):
    return {
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        # Seconds between two looks at the file: at every call it costs more than the sweep.
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
        # As if on two machines: that the process is alive is not seen.
        "FAULTS_MACHINE": clock.name,
        "FAULTS_BEAT": "0.5",
    }


def _days(store):
    """Between the earliest and the latest time of day at which a chunk says it was computed."""
    origins = np.asarray(stores.dataset(store).chunk_origin).tolist()
    times = [datetime.fromisoformat(json.loads(origin)["created"]) for origin in origins]
    return (max(times) - min(times)).total_seconds() / 86400
