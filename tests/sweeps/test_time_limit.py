"""A session with a limit of time begins a chunk while one of its batches would still end, by the longest chunk so far."""

from concurrent.futures import Executor, Future

import pytest

from plastodyn.sweeps import session, work
from plastodyn.sweeps.block import run_batch
from plastodyn.sweeps.chunk import Done
from plastodyn.sweeps.layout import Layout
from plastodyn.sweeps.making import ensure
from plastodyn.sweeps.session import Limit, Session
from plastodyn.sweeps.specification import specify

SECONDS = 10.0


class _Clock(Executor):
    """Says of each chunk that it took ten seconds, and lets as many pass."""

    now = 0.0

    def monotonic(self):
        return self.now

    def submit(self, fn, /, *args, **kwargs):
        self.now += SECONDS
        future = Future()
        future.set_result(Done(SECONDS))
        return future


@pytest.fixture
def store(experiments, tmp_path):
    """Four chunks of two batches each, none of them done."""
    axes = {"a": [float(number) for number in range(8)], "b": [0.1]}
    specification = specify(experiments.draws, axes, {}, 7, None, None)
    layout, place = Layout((8, 1), (1, 1), (2, 1)), tmp_path / "s.zarr"
    assert layout.batches_of_a_chunk == len(layout.batches(layout.box((0, 0)))) == 2
    ensure(place, specification, layout, run_batch(specification, layout.batches(layout.box((0, 0)))[0]), {})
    return place


# At 20 s a batch of 5 s would end before 28 s, where a chunk of 10 s would not; at 30 s neither would before 34 s.
@pytest.mark.parametrize(("end", "computed"), [(28.0, 3), (34.0, 3), (36.0, 4)])
def test_a_chunk_is_begun_while_a_batch_of_it_would_end(end, computed, store, monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(session.time, "monotonic", clock.monotonic)
    found = Session(clock, store, window=1, limit=Limit(end, 0.0, 2)).run(progress=False)
    assert (found.computed, found.is_late) == (computed, True)


def test_a_limit_is_for_workers_of_this_machine(store):
    with pytest.raises(ValueError, match="seconds must be given without executor, whose workers may have other clocks"):
        work(store, seconds=10.0, executor=_Clock())
