"""Fingerprints and second computations tell a store whose values were changed, checksums and all."""

import random
import shutil

import numpy as np
import pytest
import zarr
from sweep_readings import AXES, CHUNK, log_of, results

from plastodyn import sweeps
from plastodyn.sweeps import block, checking, chunk, claims, members
from plastodyn.sweeps.chunk import Busy, Task, compute
from plastodyn.sweeps.integrity import CHECKSUM, RECORDED, of_chunk
from plastodyn.sweeps.store import DONE, MISSING, array, group, outcome_names, specification_of, statuses, sweep_of


@pytest.fixture
def store(hands, experiments, tmp_path):
    place = tmp_path / "s.zarr"
    sweeps.sweep(experiments.draws, AXES, store=place, seed=7, chunk=CHUNK, executor=hands)
    return place


def _forge(place, index, box, name):
    """Another value in a chunk, with a checksum that agrees."""
    specification = specification_of(place)
    opened = zarr.open_group(place, mode="r+")
    values = np.asarray(opened[name][box])
    opened[name][box] = values + 1
    names = [each for each in outcome_names(group(place), tuple(AXES)) if array(group(place), each).ndim >= 2]
    kept = {each: np.asarray(opened[each][box]) for each in names}
    about = {each: np.asarray(opened[each][index]) for each in RECORDED}
    opened[CHECKSUM][index] = of_chunk(specification, index, {**kept, **about})


@pytest.mark.parametrize("index", [pytest.param((0, 0), marks=pytest.mark.slow), (1, 3)])
def test_a_forged_value_is_seen_by_fingerprint_and_by_computing_again(index, store):
    kept = shutil.copytree(store, store.with_name("kept.zarr"))
    before = sweeps.fingerprint(store)
    assert sweeps.fingerprint(kept) == before
    box = (slice(2 * index[0], 2 * index[0] + 2), slice(index[1], index[1] + 1))
    _forge(store, index, box, "count")
    assert sweeps.verify(store) == []
    assert sweeps.fingerprint(store) != before
    found = sweeps.recompute(store, members=12, workers=1, progress=False)
    assert found.members == 12
    first = {name: points[side.start] for (name, points), side in zip(AXES.items(), box, strict=True)}
    assert found.differences == [(first, ["count"])]
    assert sweeps.recompute(kept, members=12, workers=1, progress=False).differences == []


class _Clock:
    now = 0.0

    def monotonic(self):
        return self.now


def test_a_claim_is_stale_only_when_nobody_touches_it(tmp_path, monkeypatch):
    """One of another machine: free once it was not touched for a while, on the clock of the one that waits."""
    clock = _Clock()
    (tmp_path / claims.FOLDER).mkdir()
    claim = claims.take(tmp_path, (0,))
    try:
        assert claims.take(tmp_path, (0,)) is None
        monkeypatch.setattr(claims, "_machine", lambda: "elsewhere")
        monkeypatch.setattr(claims.time, "monotonic", clock.monotonic)
        watch, path = claims.Watch(patience=30.0), tmp_path / claims.FOLDER / "0"
        for touched in (1, 2, 3):
            assert not watch.is_stale(tmp_path, (0,))
            clock.now += 40
            claims.os.utime(path, ns=(touched, touched))
        assert not watch.is_stale(tmp_path, (0,))
        clock.now += 29
        assert not watch.is_stale(tmp_path, (0,))
        clock.now += 2
        assert watch.is_stale(tmp_path, (0,))
    finally:
        claim.drop()
    assert watch.is_stale(tmp_path, (0,))


def test_a_worker_touches_its_claim(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "HEARTBEAT", 0.01)
    claim = claims.take(tmp_path, (3, 1))
    path = tmp_path / claims.FOLDER / "3.1"
    try:
        claims.os.utime(path, ns=(1, 1))
        while path.stat().st_mtime_ns == 1:  # Without a heartbeat this does not end.
            claims.time.sleep(0.01)
        assert claims.holders(tmp_path)[3, 1].pid == claims.os.getpid()
    finally:
        claim.drop()
    assert claims.holders(tmp_path) == {}


def test_a_number_of_a_process_that_came_again_is_not_the_holder(tmp_path):
    holder = claims.Holder("here", claims._machine(), claims.os.getpid(), "another time")
    assert holder.is_gone()
    assert not holder._replace(machine="elsewhere").is_gone()
    assert not holder._replace(began=claims._began(claims.os.getpid())).is_gone()


def test_a_chunk_that_was_taken_over_is_not_written(experiments, hands, tmp_path):
    place = tmp_path / "s.zarr"
    sweeps.begin(
        experiments.loses_its_claim, {"a": [0, 1]}, store=place, seed=0, parameters={"store": str(place)}, chunk={"a": 1}
    )
    assert isinstance(hands.submit(compute, Task(place, (1,))).result(), Busy)
    assert statuses(place).tolist() == [DONE, MISSING]


def test_nothing_of_a_chunk_is_stored_on_the_way_once_it_was_taken_over(experiments, monkeypatch, tmp_path):
    place, stored = tmp_path / "s.zarr", []
    own = {"store": str(place)}
    sweeps.begin(experiments.loses_its_claim, {"a": list(range(40))}, store=place, seed=0, parameters=own, workers=1)
    assert sweep_of(place)[1].batches_of_a_chunk > 2
    monkeypatch.setattr(chunk, "_check_devices", lambda: None)
    monkeypatch.setattr(chunk, "commit", lambda *arguments: stored.append(arguments))
    # What there is is stored before each batch.
    monkeypatch.setattr(block, "TARGET_SECONDS", -1.0)
    assert isinstance(compute(Task(place, (0,))), Busy)
    assert len(stored) == 1


def test_what_there_is_of_a_chunk_is_used_only_where_it_is_sound(reference, experiments, hands, tmp_path):
    place, log = tmp_path / "s.zarr", tmp_path / "log"
    asked = {"store": place, "seed": 7, "parameters": {"log": str(log)}, "chunk": CHUNK, "executor": hands, "progress": False}
    sweeps.sweep(experiments.draws, AXES, **asked)
    opened, before = zarr.open_group(place, mode="r+"), len(log_of(log))
    opened["chunk_status"][0, 0] = opened["chunk_status"][1, 1] = MISSING
    opened["noise"][0, 0] = np.asarray(opened["noise"][0, 0]) + 1
    sweeps.work(place, executor=hands, progress=False)
    assert log_of(log)[before:] == [(1.0, 0.1)]
    assert results(sweeps.sweep(experiments.draws, AXES, **asked).load()).identical(results(reference))


def test_a_batch_is_given_up_when_it_killed_four_workers(tmp_path):
    claim = claims.take(tmp_path, (0,))
    try:
        claim.deaths = (2, None, 2, 1, 2)
        assert not claim.is_killer(2, 3)
        claim.deaths += (2,)
        assert claim.is_killer(2, 3)
        assert not claim.is_killer(1, 3)
        # Alone in its chunk it was it each time, whether it could say so or not.
        claim.deaths = (None, 0, None)
        assert not claim.is_killer(0, 1)
        claim.deaths += (None,)
        assert claim.is_killer(0, 1)
    finally:
        claim.drop()


def test_files_half_written_by_the_dead_are_taken_away_once_all_is_done(store, experiments, hands):
    (half,) = [path.with_name("0.0123.partial") for path in (store / "noise" / "c" / "0").iterdir() if path.name == "0"]
    half.write_bytes(b"")
    again = {"store": store, "seed": 7, "chunk": CHUNK, "executor": hands, "progress": False}
    other = claims.take(store, (5, 5))
    try:
        sweeps.sweep(experiments.draws, AXES, **again)
        assert half.exists()
    finally:
        other.drop()
    sweeps.sweep(experiments.draws, AXES, **again)
    assert not half.exists()


def test_members_that_failed_are_not_counted_as_computed_again(hands, experiments, tmp_path):
    place, failing = tmp_path / "s.zarr", {"parameters": {"fail": [1.0]}, "chunk": {"a": 1, "b": 1}}
    with pytest.raises(RuntimeError, match="4 members failed"):
        sweeps.sweep(experiments.draws, AXES, store=place, seed=7, executor=hands, progress=False, **failing)
    found = sweeps.recompute(place, members=12, workers=1, progress=False)
    assert (found.members, found.differences) == (8, [])


def test_a_sample_may_be_of_any_chunk(store):
    layout = sweep_of(store)[1]
    seen = {tuple(side.start for side in checking._sample(store, layout, 1, random.Random(seed))[0][0]) for seed in range(40)}
    assert len(seen) > statuses(store).size / 2


def test_nothing_behind_a_link_to_elsewhere_is_taken_away(store, experiments, hands, tmp_path):
    elsewhere = tmp_path / "precious"
    elsewhere.mkdir()
    names = {"my-thesis.tex", "0.0", "2024", "0.0-" + "a" * 32}
    for name in names:
        (elsewhere / name).touch()
    (store / claims.FOLDER).symlink_to(elsewhere)
    zarr.open_group(store, mode="r+")["chunk_status"][0, 0] = MISSING
    with pytest.raises(ValueError, match="a link to elsewhere"):
        sweeps.work(store, executor=hands, progress=False)
    with pytest.raises(RuntimeError, match="is a link to elsewhere"):
        sweeps.sweep(experiments.draws, AXES, store=store, seed=7, chunk=CHUNK, executor=hands, progress=False)
    sweeps.session.tidy(store)
    assert {path.name for path in elsewhere.iterdir()} == names


@pytest.mark.parametrize("linked", ["noise", "noise/c"])
def test_nothing_is_written_behind_a_link(linked, store, hands, tmp_path):
    shutil.move(store / linked, tmp_path / "elsewhere")
    (store / linked).symlink_to(tmp_path / "elsewhere")
    zarr.open_group(store, mode="r+")["chunk_status"][0, 0] = MISSING
    with pytest.raises(ValueError, match=r"noise is, or holds, a link to elsewhere"):
        sweeps.work(store, executor=hands, progress=False)


def test_only_claims_are_taken_away(store):
    (store / claims.FOLDER).mkdir()
    for name in ("0.0", "my-notes", "0.1-" + "b" * 32):
        (store / claims.FOLDER / name).touch()
    sweeps.session.tidy(store)
    assert [path.name for path in (store / claims.FOLDER).iterdir()] == ["my-notes"]


@pytest.mark.parametrize("pid", ['{"a": 1}', "true", '"x"'])
def test_a_claim_that_no_worker_wrote_names_nobody(pid, tmp_path):
    (tmp_path / claims.FOLDER).mkdir()
    text = f'{{"holder": ["h", "m", {pid}, "b"], "batch": null, "deaths": []}}'
    (tmp_path / claims.FOLDER / "0").write_text(text)
    assert claims.holders(tmp_path) == {}
    (tmp_path / claims.FOLDER / "0").write_text(text.replace(pid, "1").replace('"h"', '"\\u001b[2J"'))
    assert claims.holders(tmp_path) == {}


class _SpeechlessError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def test_any_error_is_a_line_that_can_be_stored_and_shown():
    assert members.line_of(_SpeechlessError()) == "_SpeechlessError: no message"
    assert members.line_of(OSError("caf\udce9 \x1b[2J")) == "OSError: caf\\udce9 \\x1b[2J"


def test_a_chunk_that_goes_on_keeps_the_time_that_it_took(store, experiments, hands):
    opened = zarr.open_group(store, mode="r+")
    specification, layout = sweep_of(store)
    opened["chunk_status"][0, 0] = MISSING
    begun, before = chunk._begun(Task(store, (0, 0)), specification, layout.box((0, 0)))
    assert before == (float(opened["chunk_seconds"][0, 0]), float(opened["chunk_cpu_seconds"][0, 0]))
    assert before[0] > 0
    assert begun["total"].values.shape == (2, 1)
