"""Sweeps that end before their end: killed, interrupted, and gone on with."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sweep_readings import AXES, CHUNK, alive, log_of, results

from plastodyn.sweeps import sweep
from plastodyn.sweeps.store import DONE, MISSING

HERE = Path(__file__).parent


def _start(store, log):
    log.touch()
    arguments = {"store": str(store), "seed": 7, "chunk": CHUNK, "workers": 2, "parameters": _parameters(log)}
    # Without a guard for `__main__`: workers do not import the script.
    script = f"""
        import sys
        sys.path.insert(0, {str(HERE)!r})
        import sweep_experiments
        from plastodyn.sweeps import sweep
        sweep(sweep_experiments.draws, {AXES!r}, **{arguments!r})
    """
    file = log.with_suffix(".py")
    file.write_text(textwrap.dedent(script))
    return subprocess.Popen([sys.executable, file], start_new_session=True, stderr=subprocess.PIPE, text=True)


def _parameters(log):
    return {"log": str(log), "gate": str(log.with_suffix(".open"))}


def _wait_for_chunks(store, count, process):
    while not (store / "zarr.json").exists() or (xr.open_zarr(store, chunks=None).chunk_status == DONE).sum() < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


@pytest.mark.parametrize("victims", ["all", pytest.param("parent", marks=pytest.mark.slow)])
def test_sigkill_loses_only_the_chunks_in_flight(victims, reference, experiments, hands, tmp_path):
    store, log = tmp_path / "s.zarr", tmp_path / "log"
    process = _start(store, log)
    _wait_for_chunks(store, 3, process)
    (os.killpg if victims == "all" else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()
    workers = {int(line.split()[0]) for line in log.read_text().splitlines()}
    while any(map(alive, workers)):  # No orphan goes on; if one did, this would not end.
        time.sleep(0.01)
    partial = xr.open_zarr(store, chunks=None).load()
    done = partial.chunk_status == DONE
    assert 3 <= done.sum() < 8
    assert set(np.unique(partial.chunk_status)) == {MISSING, DONE}
    kept = np.repeat(done.values, [2, 1], axis=0)
    np.testing.assert_array_equal(partial.noise.values[kept], reference.noise.values[kept])

    before = len(log_of(log))
    Path(_parameters(log)["gate"]).touch()
    options = {"seed": 7, "chunk": CHUNK, "parameters": _parameters(log), "executor": hands}
    found = sweep(experiments.draws, AXES, store=store, **options).load()
    assert len(log_of(log)) - before == 8 - done.sum()
    np.testing.assert_array_equal(found.chunk_seconds.where(done), partial.chunk_seconds.where(done))
    assert results(found).identical(results(reference))


@pytest.mark.slow  # Starts a program that starts two workers.
def test_ctrl_c_stops_the_workers_and_says_how_to_go_on(experiments, tmp_path):
    del experiments
    store, log = tmp_path / "s.zarr", tmp_path / "log"
    process = _start(store, log)
    _wait_for_chunks(store, 1, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert "KeyboardInterrupt: sweep interrupted; " in errors
    assert "the same call goes on from there" in errors
    assert errors.count("Traceback") == 1
    assert not any(alive(int(line.split()[0])) for line in log.read_text().splitlines())
