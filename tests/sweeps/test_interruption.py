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

from plastodyn.sweeps import fingerprint, one_core, sweep, verify
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


@pytest.mark.slow  # Two starts of workers.
def test_a_kill_in_the_middle_of_a_long_chunk_costs_one_batch(experiments, tmp_path, monkeypatch):
    """What there is of a chunk is stored on the way; what goes on from there computes the rest alone."""
    log, gate, store = tmp_path / "log", tmp_path / "open", tmp_path / "s.zarr"
    log.touch()
    axes = {"a": [float(number) for number in range(6)], "b": [0.1]}
    parameters = {"log": str(log), "gate": str(gate)}
    script = f"""
        import sys
        sys.path.insert(0, {str(HERE)!r})
        import sweep_experiments
        from plastodyn.sweeps import block, chunk, claims, one_core, pilot, store
        from plastodyn.sweeps.run import begin
        from plastodyn.sweeps.layout import Layout
        from plastodyn.sweeps.specification import specify
        from pathlib import Path
        place = Path({str(store)!r})
        specification = specify(sweep_experiments.draws, {axes!r}, {parameters!r}, 7, None, None)
        whole = Layout((6, 1), (1, 1), (6, 1))
        first = block.run_batch(specification, whole.batches(whole.box((0, 0)))[0])
        from plastodyn.sweeps.making import ensure
        ensure(place, specification, whole, first, {{}})
        block.TARGET_SECONDS = 0.0
        chunk.compute(chunk.Task(place, (0, 0)))
    """
    file = tmp_path / "kill.py"
    file.write_text(textwrap.dedent(script))
    process = subprocess.Popen([sys.executable, file], env={**os.environ, **one_core()}, stderr=subprocess.PIPE, text=True)
    try:
        # The first batch, to make the store; then two more are let through before the gate.
        while len(log_of(log)) < 3 or not (store / "zarr.json").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        while int((xr.open_zarr(store, chunks=None).member_status == 1).sum()) < 2:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()
    assert verify(store) == []
    partial = xr.open_zarr(store, chunks=None).load()
    assert partial.chunk_status.item() == MISSING
    assert partial.member_status.values.ravel().tolist() == [1, 1, 0, 0, 0, 0]
    before = len(log_of(log))
    gate.touch()
    found = sweep(experiments.draws, axes, store=store, seed=7, workers=1, parameters=parameters).load()
    assert [a for a, _ in log_of(log)[before:]] == [2.0, 3.0, 4.0, 5.0]
    other = tmp_path / "other.zarr"
    sweep(experiments.draws, axes, store=other, seed=7, workers=1, parameters=parameters)
    assert fingerprint(store) == fingerprint(other)
    assert (
        results(found)
        .drop_vars("chunk_status")
        .identical(results(xr.open_zarr(other, chunks=None).load()).drop_vars("chunk_status"))
    )
