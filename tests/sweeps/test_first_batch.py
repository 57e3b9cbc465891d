"""The first batch: what it tells of the rest, and when it is kept."""

import numpy as np
import pytest
from sweep_readings import AXES, CHUNK, log_of, results

from plastodyn import sweeps
from plastodyn.sweeps import pilot
from plastodyn.sweeps.layout import TARGET_SECONDS
from plastodyn.sweeps.members import DONE as MEMBER_DONE
from plastodyn.sweeps.pilot import Plan
from plastodyn.sweeps.specification import specify
from plastodyn.sweeps.store import BATCH_SECONDS, MISSING, group, sweep_of


def test_a_first_batch_that_is_a_whole_chunk_is_kept(reference, experiments, hands, tmp_path):
    place, log = tmp_path / "s.zarr", tmp_path / "log"
    asked = {"store": place, "seed": 7, "parameters": {"log": str(log)}, "chunk": CHUNK}
    sweeps.begin(experiments.draws, AXES, **asked)
    found = sweeps.status(place)
    assert (found.done, found.members_done, len(log_of(log))) == (1, 2, 1)
    whole = sweeps.sweep(experiments.draws, AXES, **asked, executor=hands, progress=False).load()
    assert len(log_of(log)) == whole.chunk_status.size
    assert results(whole).identical(results(reference))


def test_a_first_batch_that_is_part_of_a_chunk_is_not_the_chunk(experiments, hands, tmp_path):
    place = tmp_path / "s.zarr"
    sweeps.begin(experiments.draws, AXES, store=place, seed=7, workers=1)
    assert sweep_of(place)[1].batches_of_a_chunk > 1
    assert sweeps.status(place).members_done == 0
    sweeps.work(place, executor=hands, progress=False)
    whole = sweeps.sweep(experiments.draws, AXES, store=place, seed=7, executor=hands, progress=False)
    assert (whole.member_status == MEMBER_DONE).all()
    assert (whole.chunk_status != MISSING).all()


def test_the_time_left_before_any_chunk_is_done_is_that_of_all_batches(experiments, tmp_path):
    place = tmp_path / "s.zarr"
    sweeps.begin(experiments.doubles, {"a": list(range(40))}, store=place, seed=0, workers=1)
    layout, each = sweep_of(place)[1], float(group(place).attrs[BATCH_SECONDS])
    assert layout.batches_of_a_chunk > 1
    found = sweeps.status(place)
    assert found.missing == found.chunks
    assert found.seconds_left == pytest.approx(found.missing * each * layout.batches_of_a_chunk)


def test_the_time_left_is_shared_by_those_at_work(experiments, tmp_path):
    place = tmp_path / "s.zarr"
    sweeps.begin(experiments.draws, AXES, store=place, seed=7, chunk=CHUNK)
    one = sweeps.status(place)
    assert one.seconds_left == pytest.approx(one.missing * one.longest_seconds)
    assert one.seconds_left > 0
    held = [sweeps.claims.take(place, index) for index in ((1, 0), (1, 1))]
    try:
        assert sweeps.status(place).seconds_left == pytest.approx(one.seconds_left / 2)
    finally:
        for claim in held:
            claim.drop()


@pytest.fixture
def timed(monkeypatch):
    """Seconds of batches, by the value of their first point: at first, and again."""
    taken, asked = {1.0: [9.0, 1.0], 2.0: [5.0, 2.0], 0.5: [6.0, 3.0]}, []

    def seconds(plan, batch):
        first = next(iter(plan.specification.axes.values()))[batch[0].start]
        asked.append(first)
        return taken[first][min(asked.count(first) - 1 + (first == 1.0), 1)]

    monkeypatch.setattr(pilot, "_seconds", seconds)
    return asked


def test_the_cost_is_by_the_first_batch_the_last_and_the_one_between(timed, experiments):
    plan = Plan(specify(experiments.doubles, {"a": [1.0, 2.0, 0.5]}, None, 0, None, None), (True,), 1)
    found = pilot.cost(plan, 0)
    assert timed == [1.0, 0.5, 0.5, 2.0, 2.0]
    assert (found.seconds, found.compiling, found.batches) == (2.0, 3.0, 3)
    assert found.processor_seconds(1) == (6.0 + found.starting, 6.0 + found.starting + 2 * 3.0)
    assert found.processor_seconds(2) == (6.0 + 2 * found.starting, 6.0 + 2 * found.starting + 3.0)
    assert found.processor_seconds(9) == (6.0 + 3 * found.starting,) * 2


def test_batches_that_last_long_are_not_all_tried(timed, experiments, monkeypatch):
    monkeypatch.setattr(pilot, "TARGET_SECONDS", 8.0)
    assert TARGET_SECONDS > 8
    plan = Plan(specify(experiments.doubles, {"a": [1.0, 2.0, 0.5]}, None, 0, None, None), (True,), 1)
    assert pilot.cost(plan, 0).compiling == 3.0
    assert timed == [1.0, 0.5, 0.5]


def test_the_memory_is_that_of_the_worker(experiments):
    held = np.ones(2**27)  # The test's own GB is none of it.
    found = sweeps.cost(experiments.doubles, {"a": [1.0, 2.0]}, seed=0)
    # JAX alone takes more than the lower bound.
    assert 5e7 < found.memory < held.nbytes
    assert found.bytes < 1000
    # JAX begins with the first batch.
    assert found.starting > 0
