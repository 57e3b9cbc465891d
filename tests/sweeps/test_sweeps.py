"""Sweeps: the same bits however they are run, nothing done twice, nothing lost but what was in flight."""

import importlib
import json
import math
import multiprocessing
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import jax
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st
from sweep_readings import AXES, BOOKKEEPING, CHUNK, log_of, results

from plastodyn.sweeps import failures, fingerprint, one_core, sweep
from plastodyn.sweeps.chunk import compute
from plastodyn.sweeps.example import noisy_bowl
from plastodyn.sweeps.integrity import CHECKSUM
from plastodyn.sweeps.layout import CHUNKS_PER_WORKER, TARGET_BYTES, TARGET_SECONDS, Layout, fit
from plastodyn.sweeps.members import KILLED
from plastodyn.sweeps.source import source_of
from plastodyn.sweeps.store import DONE, FAILED, MISSING, array, group


class Shuffled(Executor):
    """Holds back tasks until there are `count`, then hands them on in another order."""

    def __init__(self, hands, count, seed):
        self.hands, self.count, self.generator, self.held = hands, count, np.random.default_rng(seed), []

    def submit(self, fn, /, *args, **kwargs):
        if fn is not compute:
            return self.hands.submit(fn, *args, **kwargs)
        outer = Future()
        self.held.append((outer, fn, args, kwargs))
        if len(self.held) == self.count:
            for place in self.generator.permutation(self.count):
                future, task, positional, named = self.held[place]
                inner = self.hands.submit(task, *positional, **named)
                inner.add_done_callback(lambda done, future=future: future.set_result(done.result()))
        return outer


class AfterAnother(Executor):
    """Lets another process do all of the work between the moment that a sweep looks what is missing and its first task."""

    def __init__(self, hands, other):
        self.hands, self.other = hands, other

    def submit(self, fn, /, *args, **kwargs):
        if self.other is not None and fn is compute:
            self.other()
            self.other = None
        return self.hands.submit(fn, *args, **kwargs)


def test_the_store_is_labelled_and_complete(reference, experiments):
    assert reference.noise.dims == ("a", "b", "sample")
    assert reference.a.values.tolist() == AXES["a"]
    # Sums of the same two float64 numbers.
    np.testing.assert_array_equal(reference.total, np.add.outer(AXES["a"], AXES["b"]))
    np.testing.assert_array_equal(reference["count"], np.rint(10 * reference.total))
    np.testing.assert_array_equal(reference.positive, reference.total > 1)
    np.testing.assert_array_equal(reference.label, np.where(reference.positive, *reversed(experiments.LABELS)))
    assert reference.noise.attrs["units"] == "1"
    assert set(reference.coords) == {"a", "b", "sample", "weight_of"}
    assert reference.chunk_status.dims == ("a_chunk", "b_chunk")
    assert (reference.chunk_status == DONE).all()
    assert (reference.chunk_seconds > 0).all()
    assert json.loads(str(reference.chunk_origin[0, 0].item()))["commit"]
    assert {"specification", "hash", "seed", "parameters", "commit", "versions", "machine", "created"} <= set(reference.attrs)


def test_the_key_of_a_batch_follows_from_seed_and_place(reference):
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(7), 2), 3)
    np.testing.assert_array_equal(reference.noise[2:, 3:], jax.random.normal(key, (1, 1, 3)))


def test_any_order_gives_the_same_bits(reference, experiments, hands, tmp_path):
    shuffled = Shuffled(hands, count=7, seed=1)  # The first chunk is there already.
    found = sweep(experiments.draws, AXES, store=tmp_path / "s.zarr", seed=7, chunk=CHUNK, executor=shuffled)
    assert results(found.load()).identical(results(reference))


def test_the_number_of_workers_does_not_change_a_bit_of_a_simulation(hands, tmp_path):
    axes = {"rate": [0.05, 0.1, 0.2, 0.4, 0.5, 0.7], "noise": [0.0, 0.1]}
    arguments = {"seed": 3, "parameters": {"steps": 30}, "chunk": {"rate": 2, "noise": 2}}
    one = sweep(noisy_bowl, axes, store=tmp_path / "one", workers=1, **arguments)
    two = sweep(noisy_bowl, axes, store=tmp_path / "two", executor=hands, **arguments)
    assert results(one.load()).identical(results(two.load()))
    # Gradient descent on |w|^2 / 2 from (1, 1, 1); two roundings a step in single precision, squared.
    exact = 1.5 * (1 - one.rate) ** (2 * one.step)
    found = one.loss.sel(noise=0).isel(replica=0).transpose("rate", "step")
    np.testing.assert_allclose(found, exact, rtol=4 * 30 * 2**-24)


@pytest.mark.slow
def test_the_automatic_choice_of_chunks_does_not_change_a_bit(experiments, hands, tmp_path):
    found = [sweep(experiments.draws, AXES, store=tmp_path / "automatic", seed=1, executor=hands)]
    found.append(sweep(experiments.draws, AXES, store=tmp_path / "coarse", seed=1, workers=1))
    found.append(sweep(experiments.draws, AXES, store=tmp_path / "points", seed=1, chunk={"a": 1, "b": 1}, executor=hands))
    assert found[1].chunk_status.size < found[2].chunk_status.size == 12
    values = [each.load().drop_vars([*BOOKKEEPING, "chunk_status"]).drop_attrs() for each in found]
    assert values[0].identical(values[2])
    assert values[0].identical(values[1])
    assert len({each.attrs["hash"] for each in found}) == 1
    # The first two have the same specification; of the third, single points are the batches in name too.
    assert len({fingerprint(tmp_path / name) for name in ("automatic", "coarse", "points")}) == 1


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    seconds=st.floats(1e-4, 1e3),
    size=st.floats(1, 1e9),
    workers=st.integers(1, 64),
    data=st.data(),
)
def test_chunks_cover_every_point_once_within_bounds(sizes, seconds, size, workers, data):
    batch = tuple(data.draw(st.integers(1, n)) for n in sizes)
    growing = tuple(data.draw(st.booleans()) for _ in sizes)
    layout = fit(tuple(sizes), batch, growing, seconds, size, workers)
    seen = np.zeros(sizes, int)
    for index in np.ndindex(*layout.grid):
        box = layout.box(index)
        batches = layout.batches(box)
        for each in batches:
            seen[each] += 1
        if len(batches) > 1:
            assert len(batches) * seconds <= TARGET_SECONDS
            assert len(batches) * size <= TARGET_BYTES
            assert len(batches) * CHUNKS_PER_WORKER * workers <= math.prod(
                -(-n // b) for n, b in zip(sizes, batch, strict=True)
            )
    assert (seen == 1).all()
    assert all(c == b for c, b, grows in zip(layout.chunk, batch, growing, strict=True) if not grows)


def test_what_is_done_is_not_done_again(experiments, hands, tmp_path):
    log, store = tmp_path / "log", tmp_path / "s.zarr"
    arguments = {"store": store, "seed": 7, "chunk": CHUNK, "executor": hands, "parameters": {"log": str(log)}}
    first = sweep(experiments.draws, AXES, **arguments).load()
    assert sweep(experiments.draws, AXES, **arguments).load().identical(first)
    assert len(log_of(log)) == 8
    for place in ((1, 2), (0, 0)):
        # As if they had never been there; where the values are sound, a lost status alone costs nothing.
        array(group(store, "r+"), "chunk_status")[place] = MISSING
        if place == (1, 2):
            array(group(store, "r+"), CHECKSUM)[place] = ""
    again = sweep(experiments.draws, AXES, **arguments)
    assert results(again.load()).identical(results(first))
    assert (again.chunk_status == DONE).all()
    assert log_of(log)[8:] == [(0.5, 0.7)]


def test_what_another_process_has_done_meanwhile_is_not_done_again(reference, experiments, hands, tmp_path):
    log = tmp_path / "log"
    arguments = {"store": tmp_path / "s.zarr", "seed": 7, "chunk": CHUNK, "parameters": {"log": str(log)}}
    late = AfterAnother(hands, lambda: sweep(experiments.draws, AXES, executor=hands, **arguments))
    found = sweep(experiments.draws, AXES, executor=late, **arguments)
    assert late.other is None
    assert len(log_of(log)) == len(set(log_of(log))) == reference.chunk_status.size
    xr.testing.assert_identical(results(found), results(reference))


def test_an_error_of_the_experiment_fails_its_chunk_only_and_is_tried_again(experiments, hands, tmp_path):
    log, store = tmp_path / "log", tmp_path / "s.zarr"
    parameters = {"log": str(log), "fail": [0.5]}
    arguments = {"store": store, "seed": 7, "chunk": CHUNK, "executor": hands, "parameters": parameters}
    with pytest.raises(
        RuntimeError, match=r"^4 members failed, the first at a = 0\.5, b = 0\.1: ArithmeticError: no value at 0\.5; "
    ) as caught:
        sweep(experiments.draws, AXES, **arguments)
    assert "\n" not in str(caught.value)
    assert "second line" in caught.value.__notes__[0]
    partial = xr.open_zarr(store, chunks=None)
    assert partial.chunk_status.values.tolist() == [[DONE] * 4, [FAILED] * 4]
    assert np.isnan(partial.noise[2]).all()
    (tmp_path / "log.mended").touch()
    assert (sweep(experiments.draws, AXES, **arguments).chunk_status == DONE).all()
    assert len(log_of(log)) == 8


def test_a_dead_worker_is_replaced(reference, experiments, hands, tmp_path):
    found = sweep(
        experiments.draws,
        AXES,
        store=tmp_path / "s.zarr",
        seed=7,
        chunk=CHUNK,
        executor=hands,
        parameters={"die": str(tmp_path / "died")},
    )
    assert (tmp_path / "died").exists()
    assert results(found.load()).identical(results(reference))


@pytest.mark.slow  # Eight deaths, eight starts of a worker.
def test_a_member_that_kills_every_worker_costs_itself(experiments, tmp_path):
    """Neither the other members of its chunk, nor, where it comes first, the sweep."""
    axes, store = {"a": [1, 2, 3]}, tmp_path / "s.zarr"
    for mode in ("first", "again"):
        with pytest.raises(RuntimeError, match=r"^1 member failed, the first at a = 1: WorkerKilledError: .*; the same call"):
            sweep(experiments.kills_at_one, axes, store=store, seed=0, workers=1)
        found = xr.open_zarr(store, chunks=None).load()
        assert found.member_status.values.tolist() == [KILLED, 1, 1], mode
        assert "killed each time" in str(found.member_error[0].item())
        np.testing.assert_array_equal(found.double, [np.nan, 4.0, 6.0])
    with pytest.raises(RuntimeError, match="nothing was written: every worker that tried a first member was killed"):
        sweep(experiments.dies, axes, store=tmp_path / "none", seed=0, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["s.zarr"]


def test_a_member_says_why_it_failed_and_one_that_diverged_is_not_tried_again(experiments, hands, tmp_path):
    log = tmp_path / "log"
    arguments = {"store": tmp_path / "s.zarr", "seed": 0, "executor": hands, "parameters": {"log": str(log)}}
    with pytest.raises(RuntimeError, match=r"^1 member failed, the first at a = 3: no root; the same call"):
        sweep(experiments.says_why, {"a": [1, 2, 3, 4]}, **arguments)
    found = xr.open_zarr(arguments["store"], chunks=None).load()
    assert found.member_status.values.tolist() == [1, 3, 2, 1]
    assert found.member_error.values.tolist() == ["", "diverged: at once", "no root", ""]
    before = len(log.read_text().splitlines())
    with pytest.raises(RuntimeError, match="no root"):
        sweep(experiments.says_why, {"a": [1, 2, 3, 4]}, **arguments)
    assert log.read_text().splitlines()[before:] == ["3"]
    assert [(each.coordinates, each.kind, each.reason) for each in failures(arguments["store"])] == [
        ({"a": 2}, "diverged", "diverged: at once"),
        ({"a": 3}, "failed", "no root"),
    ]


@pytest.mark.slow  # The standard pool's workers import this test's program.
def test_the_executor_is_replaceable(reference, experiments, tmp_path, monkeypatch):
    for name, value in one_core().items():
        monkeypatch.setenv(name, value)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = sweep(experiments.draws, AXES, store=tmp_path / "s", seed=7, chunk=CHUNK, executor=pool)
    assert results(found.load()).identical(results(reference))


def test_a_broken_executor_ends_the_sweep(experiments, tmp_path):
    class Broken(Executor):
        def submit(self, *task, **named):
            raise BrokenExecutor(f"its workers are gone, not one for {len(task) + len(named)} things")

    for chunk in (CHUNK, None):
        with pytest.raises(RuntimeError, match=r"the executor broke: its workers are gone, .*; nothing was computed"):
            sweep(experiments.draws, AXES, store=tmp_path / "s", seed=0, chunk=chunk, executor=Broken())


def test_double_precision_of_the_caller_holds_in_the_workers(experiments, hands, tmp_path):
    arguments = {"seed": 0, "chunk": {"a": 4}, "executor": hands}
    single = sweep(experiments.reads_precision, {"a": [1, 2, 3, 4]}, store=tmp_path / "single", **arguments)
    with jax.enable_x64(True):
        double = sweep(experiments.reads_precision, {"a": [1, 2, 3, 4]}, store=tmp_path / "double", **arguments)
    assert (single.bits.dtype, double.bits.dtype) == (np.float32, np.float64)
    assert single.attrs["hash"] != double.attrs["hash"]


def test_an_axis_may_be_of_texts(experiments, hands, tmp_path):
    found = sweep(experiments.texts, {"word": ["on", "off"]}, store=tmp_path / "s", seed=0, chunk={"word": 2}, executor=hands)
    assert found.length.sel(word="off") == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_dataset", r"must return an xarray\.Dataset; got ndarray"),
        ("lacks_an_axis", r"over all axes \('a', 'b'\); x has dimensions \('a',\)"),
        ("too_few_points", r"as many points as it got, {'a': 2, 'b': 1}; x has shape \(1, 1\)"),
        ("other_shape_each_time", r"must return x alike at all points"),
        ("moving_coordinate", r"must return where, which lacks the axes, with the same values"),
    ],
)
def test_what_an_experiment_may_not_return(name, message, experiments, hands, tmp_path):
    with pytest.raises(RuntimeError, match=message):
        sweep(getattr(experiments, name), AXES, store=tmp_path / "s", seed=0, chunk=CHUNK, executor=hands)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"axes": {"a": []}}, r"axes\['a'\] must be a non-empty sequence"),
        ({"axes": {}}, "axes must be a mapping of at least one name"),
        ({"axes": {"a": [1.0, float("nan")], "b": [1]}}, r"axes\['a'\] must be finite"),
        ({"axes": {"a": [1.0, 2.0, 1.0]}}, r"axes\['a'\] must be distinct; got 1\.0 more than once"),
        ({"axes": {"a": [[1.0]]}}, r"axes\['a'\] must be a non-empty sequence"),
        ({"axes": {"chunk_a": [1.0]}}, "without chunk_ before"),
        ({"chunk": {"c": 1}}, "chunk must name axes among a, b; got 'c'"),
        ({"batch": {"c": 1}}, "batch must name axes among a, b; got 'c'"),
        ({"batch": {"a": 2}, "chunk": {"a": 2}}, "batch and chunk must name different axes; got 'a' in both"),
        ({"batch": [2]}, r"batch must be a mapping of axis names to numbers of points, or None; got \[2\]"),
        ({"chunk": {"a": 0}}, r"chunk\['a'\] must be a whole number >= 1; got 0"),
        ({"seed": -1}, "seed must be a whole number >= 0; got -1"),
        ({"workers": 0}, "workers must be a whole number >= 1; got 0"),
        ({"executor": "dask"}, "executor must be a dask.distributed.Client or a concurrent"),
        ({"parameters": {"gate": {1, 2}}}, r"parameters\['gate'\] must be a JSON value"),
        ({"parameters": {"gate": float("nan")}}, r"parameters\['gate'\] must be a JSON value"),
        ({"parameters": {"speed": 1}}, r"parameters must be what experiment.* takes; got \['speed'\]"),
        ({"experiment": lambda **_: None}, "experiment must be a function defined at the top level"),
        ({"experiment": 3}, "experiment must be a function defined at the top level"),
        ({"store": 3}, "store must be the path of a directory; got 3"),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(changed, message, experiments, tmp_path):
    arguments = {"experiment": experiments.draws, "axes": AXES, "store": tmp_path / "s", "seed": 0} | changed
    with pytest.raises(ValueError, match=message) as caught:
        sweep(arguments.pop("experiment"), arguments.pop("axes"), **arguments)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_store_of_another_sweep_is_refused_by_what_differs(experiments, hands, tmp_path):
    arguments = {"store": tmp_path / "s", "seed": 7, "chunk": CHUNK, "executor": hands}
    sweep(experiments.draws, AXES, **arguments)
    for changed, message in (
        ({"seed": 8}, "differs in seed 7 there, 8 here$"),
        ({"parameters": {"scale": 2.0}}, r"differs in parameters: scale absent there, 2\.0 here$"),
        ({"chunk": {"a": 3, "b": 1}}, "differs in batch: a 2 there, 3 here$"),
        ({"axes": {**AXES, "a": [1.0, 2.0]}}, r"differs in axes: a \[1\.0, 2\.0, 0\.5\] there, \[1\.0, 2\.0\] here$"),
        ({"axes": dict(reversed(AXES.items()))}, "differs in the order of axes, a, b there$"),
        ({"experiment": experiments.lacks_an_axis}, "differs in experiment .*:draws there, .*; the source text"),
    ):
        asked = {"experiment": experiments.draws, "axes": AXES} | arguments | changed
        with pytest.raises(ValueError, match=message):
            sweep(asked.pop("experiment"), asked.pop("axes"), **asked)


def test_foreign_damaged_and_impossible_places_are_refused(experiments, hands, tmp_path):
    file, foreign, group, damaged = (tmp_path / name for name in ("file", "foreign", "group", "damaged"))
    file.write_text("text")
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("text")
    zarr.create_group(group)
    sweep(experiments.draws, AXES, store=damaged, seed=0, chunk=CHUNK, executor=hands)
    (damaged / "zarr.json").write_text("{")
    for place, message in (
        (file, "is a file"),
        (foreign, "is neither, or damaged"),
        (group, "it has other content"),
        (damaged, "is neither, or damaged"),
        (file / "below", "must be in a directory that can be written to"),
        ("/proc/s.zarr", "must be in a directory that can be written to"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            sweep(experiments.draws, AXES, store=place, seed=0, chunk=CHUNK, executor=hands)
        assert "\n" not in str(caught.value)
    assert (foreign / "thesis.tex").read_text() == "text"


@pytest.mark.skipif(len(jax.local_devices()) < 2, reason="needs two devices in this process")
def test_workers_with_several_devices_are_refused(experiments, tmp_path):
    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="workers in which JAX has one device"):
        sweep(experiments.draws, AXES, store=tmp_path / "s", seed=0, chunk=CHUNK, executor=threads)


def test_one_core_keeps_other_flags(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=8 --xla_cpu_prefer_vector_width=512")
    assert one_core()["XLA_FLAGS"].split() == ["--xla_cpu_prefer_vector_width=512", "--xla_cpu_multi_thread_eigen=false"]


def test_a_worker_that_cannot_start_ends_the_sweep_at_once(experiments, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("plastodyn.sweeps.workers._BEGIN", "import no_such_module")
    with pytest.raises(RuntimeError, match="a worker process could not start and ended with exit code 1"):
        sweep(experiments.draws, AXES, store=tmp_path / "s", seed=0, workers=1)
    assert "no_such_module" in capfd.readouterr().err


def test_layouts_name_their_grid():
    assert Layout((5, 4), (1, 2), (2, 4)).grid == (3, 1)


def test_what_an_experiment_uses_of_its_module_belongs_to_its_sweep(tmp_path, monkeypatch):
    """A constant that a helper reads is changed between two calls: the store is another sweep's, and says so."""
    (tmp_path / "scaled.py").write_text(
        "SCALE = 1.0\ndef helper(x):\n    return SCALE * x\ndef experiment(point, key):\n    return {'y': helper(point['a'])}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    scaled = importlib.import_module("scaled")
    here = source_of(scaled.experiment)
    assert here == source_of(scaled.experiment)
    monkeypatch.setattr(scaled, "SCALE", 5.0)
    assert source_of(scaled.experiment) != here
