"""Faults that the tests with real processes found, each in small."""

import json
import os
from concurrent.futures import Executor, Future

import numpy as np
import pytest

from plastodyn import sweeps
from plastodyn.sweeps import claims, commit
from plastodyn.sweeps import store as stores


class Here(Executor):
    """Computes at once, in this process."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _says_why(experiments, hands, tmp_path):
    """Sixteen members, two in a chunk; the third diverges, the fourth fails."""
    log = tmp_path / "log"
    options = {"store": tmp_path / "s.zarr", "seed": 1, "parameters": {"log": str(log)}, "executor": hands, "progress": False}
    with pytest.raises(RuntimeError, match="1 member failed, the first at a = 3: no root"):
        sweeps.sweep(experiments.says_why, {"a": list(range(16))}, **options)
    return tmp_path / "s.zarr", log


@pytest.fixture
def partly(experiments, hands, tmp_path, monkeypatch):
    monkeypatch.setattr("plastodyn.sweeps.staff.cores", lambda: 2)
    return _says_why(experiments, hands, tmp_path)[0]


def test_a_store_with_members_that_failed_is_sound(partly):
    assert sweeps.status(partly).failed == 1
    assert sweeps.verify(partly) == []


@pytest.mark.parametrize("how", ["deleted", "cut"])
@pytest.mark.filterwarnings("ignore:.*is damaged in:UserWarning")
def test_damage_to_a_chunk_with_members_that_failed_is_found_and_healed(how, partly, experiments, hands, tmp_path):
    path = partly / "double" / "c" / "1"
    path.unlink() if how == "deleted" else path.write_bytes(path.read_bytes()[:3])
    assert [damage.place for damage in sweeps.verify(partly)] == [(1,)]
    _says_why(experiments, hands, tmp_path)
    assert sweeps.verify(partly) == []
    found = sweeps.failures(partly)
    assert [each.kind for each in found] == ["diverged", "failed"]
    # What did not fail has its values.
    assert np.asarray(stores.dataset(partly).double).tolist() == [2.0 * a for a in range(16)]


def test_claims_that_dead_processes_left_are_taken_away(experiments, hands, tmp_path):
    log, store = tmp_path / "log", tmp_path / "s.zarr"
    options = {"store": store, "seed": 1, "parameters": {"log": str(log)}, "executor": hands, "progress": False}
    sweeps.sweep(experiments.counts, {"a": [1, 2]}, **options)
    (store / ".claims").mkdir()
    dead = claims.Holder(os.uname().nodename, "another machine", 1, "0")
    (store / ".claims" / "1").write_text(json.dumps({"holder": dead, "batch": None, "deaths": []}))
    (store / ".claims" / ("0-" + "a" * 32)).write_text("")
    sweeps.sweep(experiments.counts, {"a": [1, 2]}, **options)
    assert not (store / ".claims").exists()


def test_a_file_that_vanishes_while_its_chunk_is_stored_is_noticed(experiments, tmp_path, monkeypatch):
    """Read as if nothing had been there, it would have been sealed by the checksum of nothing."""
    monkeypatch.setattr("plastodyn.sweeps.chunk._check_devices", lambda: None)
    read_back = commit._read_back

    def without_a_file(opened, specification, box, index, block):
        if index == (1,):
            (store / "number" / "c" / "1").unlink()
        return read_back(opened, specification, box, index, block)

    monkeypatch.setattr(commit, "_read_back", without_a_file)
    store = tmp_path / "s.zarr"
    options = {"store": store, "seed": 1, "parameters": {"log": str(tmp_path / "log")}, "progress": False, "chunk": {"a": 1}}
    with pytest.raises(RuntimeError, match=r"it could not be stored: OSError: number at .* is not read back as it was written"):
        sweeps.sweep(experiments.counts, {"a": [1, 2]}, executor=Here(), **options)
    monkeypatch.setattr(commit, "_read_back", read_back)
    found = sweeps.sweep(experiments.counts, {"a": [1, 2]}, executor=Here(), **options)
    assert found.number.values.tolist() == [1, 1]
    assert sweeps.verify(store) == []


def test_a_claim_holds_when_its_file_was_closed_by_a_member(tmp_path):
    claim = claims.take(tmp_path, (3,))
    try:
        os.close(claim._descriptor)
        other = os.open(tmp_path / "other", os.O_CREAT | os.O_RDWR)
        assert other == claim._descriptor
        claim.deaths = (None,)
        claim.mark(7)
        assert claim.is_held()
    finally:
        claim.drop()
    # Nothing went into the file that has the number now, nor was it closed.
    assert (tmp_path / "other").read_bytes() == b""
    os.close(other)
    assert claims.read(tmp_path, (3,)) is None
