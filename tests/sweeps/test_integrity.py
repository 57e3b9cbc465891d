"""Damage to a store is found, said and healed: bits flipped, files cut, deleted or put back, bookkeeping changed."""

import json
import os
import shutil
from concurrent.futures import Executor

import numpy as np
import pytest
import xarray as xr
import zarr
from sweep_readings import AXES, CHUNK, results

from plastodyn import sweeps
from plastodyn.sweeps import chunk, pilot


@pytest.fixture
def store(reference, hands, experiments, tmp_path):
    """A finished store that a test may damage."""
    del reference
    place = tmp_path / "s.zarr"
    _sweep(experiments, hands, place)
    return place


def _sweep(experiments, hands, place):
    return sweeps.sweep(experiments.draws, AXES, store=place, seed=7, chunk=CHUNK, executor=hands).load()


def _flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(content))


DAMAGES = {
    "a flipped bit": lambda path, rng: _flip(path, int(rng.integers(8 * path.stat().st_size))),
    "cut short": lambda path, _: path.write_bytes(path.read_bytes()[:-3]),
    "emptied": lambda path, _: path.write_bytes(b""),
    "deleted": lambda path, _: path.unlink(),
    "text": lambda path, _: path.write_text("nothing that was written"),
}


PARTS = ("noise", "total", "label", "chunk_status", "chunk_origin", "chunk_checksum", "sample", "a")
# One kind of damage for each part by default, all kinds for all parts among the slow tests.
QUICK = set(zip(PARTS, [*DAMAGES, *DAMAGES], strict=False))
CASES = [(p, d) if (p, d) in QUICK else pytest.param(p, d, marks=pytest.mark.slow) for p in PARTS for d in DAMAGES]


@pytest.mark.parametrize(("part", "how"), CASES)
def test_damage_is_found_and_healed(part, how, store, reference, experiments, hands):
    files = sorted(path for path in (store / part / "c").rglob("*") if path.is_file())
    rng = np.random.default_rng(len(part) + len(how))
    for path in rng.choice(files, min(2, len(files)), replace=False):
        DAMAGES[how](path, rng)
    if part != "chunk_status" or how != "deleted":
        # A chunk whose status is gone is one that is not done.
        found = sweeps.verify(store)
        assert found
        assert all(part in damage.what or "not those that were written" in damage.what for damage in found)
        with pytest.warns(UserWarning, match="is damaged in .* places, which are computed again; the first"):
            healed = _sweep(experiments, hands, store)
    else:
        healed = _sweep(experiments, hands, store)
    assert results(healed).identical(results(reference))
    assert sweeps.verify(store) == []


@pytest.mark.parametrize("times", [40, pytest.param(100, marks=pytest.mark.slow)])
def test_any_flipped_bit_is_found(times, store):
    """So many of them, each anywhere in a file of values or bookkeeping; no reader gets other values without an error."""
    files = sorted(path for path in store.rglob("c/**/*") if path.is_file())
    rng = np.random.default_rng(0)
    for _ in range(times):
        path = files[rng.integers(len(files))]
        sound = path.read_bytes()
        _flip(path, int(rng.integers(8 * len(sound))))
        assert sweeps.verify(store), path
        with pytest.raises(Exception, match=r".*"):
            xr.open_zarr(store, chunks=None)[path.relative_to(store).parts[0]].load()
        path.write_bytes(sound)
    assert sweeps.verify(store) == []


def test_a_chunk_of_another_place_is_found(store, reference, experiments, hands):
    """Its file is whole, and belongs elsewhere."""
    shutil.copy(store / "noise" / "c" / "0" / "0" / "0", store / "noise" / "c" / "1" / "0" / "0")
    (found,) = sweeps.verify(store)
    assert (found.place, "not those that were written" in found.what) == ((1, 0), True)
    with pytest.warns(UserWarning, match=r"damaged in 1 places.*at \(1, 0\)"):
        assert results(_sweep(experiments, hands, store)).identical(results(reference))


def _exchange(first, second):
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


def test_chunks_that_changed_places_are_found(store, reference, experiments, hands):
    """Every file of two whole chunks; and of one from the same sweep with another seed."""
    for first in store.glob("*/c/0/0"):
        _exchange(first, first.with_name("1"))
    assert {damage.place for damage in sweeps.verify(store)} == {(0, 0), (0, 1)}
    with pytest.warns(UserWarning, match="damaged in 2 places"):
        assert results(_sweep(experiments, hands, store)).identical(results(reference))
    other = store.with_name("other.zarr")
    sweeps.sweep(experiments.draws, AXES, store=other, seed=8, chunk=CHUNK, executor=hands)
    for place in store.glob("*/c/0/0"):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        (shutil.copytree if place.is_dir() else lambda a, b: shutil.copytree(a, b) if a.is_dir() else shutil.copy(a, b))(
            other / place.relative_to(store), place
        )
    assert [damage.place for damage in sweeps.verify(store)] == [(0, 0)]


def test_what_stands_in_the_place_of_a_file_is_taken_away(store, reference, experiments, hands, tmp_path):
    """A directory for a file, a file for a directory, a link to another store, which stays as it is."""
    kept = shutil.copytree(store, tmp_path / "kept.zarr")
    path = store / "noise" / "c" / "0" / "0" / "0"
    path.unlink()
    path.mkdir()
    shutil.rmtree(store / "total" / "c" / "1")
    (store / "total" / "c" / "1").write_text("a file")
    shutil.rmtree(store / "label" / "c")
    (store / "label" / "c").symlink_to(kept / "noise" / "c")
    with pytest.warns(UserWarning, match="is damaged"):
        assert results(_sweep(experiments, hands, store)).identical(results(reference))
    assert sweeps.verify(kept) == sweeps.verify(store) == []


@pytest.mark.parametrize("name", ["checksums", "coordinates", "seed", "parameters", "metadata_checksum"])
def test_attributes_that_were_changed_or_taken_out_are_refused(name, store):
    sound = (store / "zarr.json").read_text()
    for value in (None, "other"):
        metadata = json.loads(sound)
        metadata["attributes"].pop(name) if value is None else metadata["attributes"].update({name: value})
        (store / "zarr.json").write_text(json.dumps(metadata))
        with pytest.raises(ValueError, match=r"^store must be [^\n]*$"):
            sweeps.verify(store)


@pytest.mark.parametrize("name", ["hash", "batch", "chunk", "sizes", "specification", "format"])
def test_edited_bookkeeping_is_refused(name, store, experiments, hands):
    metadata = json.loads((store / "zarr.json").read_text())
    value = metadata["attributes"][name]
    changed = value.replace("1", "3") if name == "specification" else value[:-1] + "x"
    if name in ("batch", "chunk", "sizes"):
        changed = json.dumps({axis: length + 1 for axis, length in json.loads(value).items()})
    metadata["attributes"][name] = changed
    (store / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"^store must be"):
        _sweep(experiments, hands, store)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"attributes": 3}', "null"])
def test_broken_metadata_are_refused_in_one_line(content, store, experiments, hands):
    (store / "zarr.json").write_text(content)
    for use in (lambda: _sweep(experiments, hands, store), lambda: sweeps.verify(store)):
        with pytest.raises(ValueError, match=r"^store must be [^\n]*$"):
            use()


def test_a_store_of_the_first_format_is_refused(store, experiments, hands):
    """It has no checksums: what says that it is of that format would switch them off."""
    metadata = json.loads((store / "zarr.json").read_text())
    metadata["attributes"]["format"] = "plastodyn sweep 1"
    (store / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"^store must be a sweep or not exist yet"):
        _sweep(experiments, hands, store)


@pytest.mark.parametrize("status", [0, 2, 77])
def test_a_lost_status_is_found(status, store, reference, experiments, hands):
    zarr.open_group(store, mode="r+")["chunk_status"][1, 2] = status
    (found,) = sweeps.verify(store)
    assert (found.place, found.what) == ((1, 2), f"chunk_status: it is {status}, of a chunk whose values are there")
    assert results(_sweep(experiments, hands, store)).identical(results(reference))
    assert sweeps.verify(store) == []


def test_nothing_behind_a_link_is_changed(store, reference, experiments, hands, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "zarr.json").write_text("precious")
    shutil.rmtree(store / "noise")
    (store / "noise").symlink_to(elsewhere)
    with pytest.warns(UserWarning, match="was damaged in what describes noise"):
        assert results(_sweep(experiments, hands, store)).identical(results(reference))
    assert (elsewhere / "zarr.json").read_text() == "precious"


def test_processes_that_would_cut_one_new_store_differently_agree(experiments, hands, tmp_path):
    """The one that comes later takes the layout of the one that made the store while it was choosing its own."""
    axes = {"z": list(range(16))}
    arguments = {"store": tmp_path / "s.zarr", "seed": 1, "parameters": {"log": str(tmp_path / "log")}}

    class Late(Executor):
        made = False

        def submit(self, fn, /, *args, **kwargs):
            if fn is pilot.begin and not Late.made:
                Late.made = True
                assert hands.submit(fn, args[0]._replace(workers=1), *args[1:]).result() is None
            return hands.submit(fn, *args, **kwargs)

    found = sweeps.sweep(experiments.counts, axes, executor=Late(), **arguments).load()
    assert Late.made
    assert found.number.values.tolist() == [1] * 16
    # One worker gets four chunks; two would have got eight.
    assert found.chunk_status.values.tolist() == [1, 1, 1, 1]
    assert sweeps.verify(tmp_path / "s.zarr") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_finished_store_is_opened_where_nothing_can_be_written(store, reference, experiments, hands):
    store.parent.chmod(0o555)
    try:
        assert results(_sweep(experiments, hands, store)).identical(results(reference))
    finally:
        store.parent.chmod(0o755)


@pytest.mark.parametrize("how", ["fill_value", "shape", "text", "deleted"])
def test_an_arrays_own_description_is_compared_and_written_again(how, store, reference, experiments, hands):
    """Readers of single arrays go by it; values stay, and nothing is computed again."""
    file = store / "noise" / "zarr.json"
    sound = json.loads(file.read_text())
    changed = {"fill_value": 7.0, "shape": [1, 1, 1]}
    if how == "deleted":
        file.unlink()
    else:
        file.write_text("no JSON" if how == "text" else json.dumps({**sound, how: changed[how]}))
    assert [damage.what for damage in sweeps.verify(store)] == ["noise: what describes it, zarr.json, is not what was written"]
    times = xr.open_zarr(store).chunk_seconds.values
    with pytest.warns(UserWarning, match="was damaged in what describes noise, which is written again"):
        healed = _sweep(experiments, hands, store)
    assert results(healed).identical(results(reference))
    np.testing.assert_array_equal(healed.chunk_seconds, times)
    assert json.loads(file.read_text()) == sound
    assert sweeps.verify(store) == []


def test_a_healing_that_fails_does_not_blame_the_experiment(store, experiments, hands, monkeypatch):
    (store / "noise" / "c" / "0" / "0" / "0").unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("plastodyn.sweeps.mending.forget", full)
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(ValueError, match=r"mending it failed: .* No space left"):
        _sweep(experiments, hands, store)


def test_a_chunk_that_cannot_be_stored_does_not_blame_the_experiment(experiments, monkeypatch, tmp_path):
    from plastodyn.sweeps.block import run_batch
    from plastodyn.sweeps.layout import one_batch_each
    from plastodyn.sweeps.making import ensure
    from plastodyn.sweeps.specification import specify

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("plastodyn.sweeps.chunk.commit", full)
    monkeypatch.setattr("plastodyn.sweeps.chunk._check_devices", lambda: None)
    specification = specify(experiments.draws, {"a": [1.0], "b": [0.1]}, None, 0, None, None)
    layout, place = one_batch_each((1, 1), (1, 1)), tmp_path / "s.zarr"
    ensure(place, specification, layout, run_batch(specification, layout.box((0, 0))), {})
    found = chunk.compute(chunk.Task(place, (0, 0)))
    assert found.line == "it could not be stored: OSError: [Errno 28] No space left on device"
    assert not list(place.glob(".claims/*"))


@pytest.mark.parametrize(
    ("axes", "chunk"),
    [
        ({"alone": [0, 1, 5]}, {"alone": 3}),
        ({"alone": ["x", "y"]}, {"alone": 1}),
        ({"z": [0.1, 0.2], "a": [0, 1], "m": [3.0]}, {"z": 1, "a": 2}),
        ({"z": [0.1, 0.2, 0.3], "a": [0, 1, 2]}, None),
    ],
    ids=["one axis", "one axis of texts", "axes not in the order of the alphabet", "chunks chosen"],
)
def test_what_was_written_is_sound_whatever_the_axes(axes, chunk, experiments, hands, tmp_path, recwarn):
    log, store = tmp_path / "log", tmp_path / "s.zarr"
    arguments = {"store": store, "seed": 1, "chunk": chunk, "executor": hands, "parameters": {"log": str(log)}}
    first = sweeps.sweep(experiments.counts, axes, **arguments).load()
    calls = log.read_text()
    assert sweeps.verify(store) == []
    again = sweeps.sweep(experiments.counts, axes, **arguments).load()
    xr.testing.assert_identical(again, first)
    assert {name: again[name].values.tolist() for name in axes} == axes
    assert log.read_text() == calls
    assert not recwarn.list
    # And damage to one of them is healed without harm to the axes.
    victim = next(path for path in sorted((store / "number" / "c").rglob("*")) if path.is_file())
    victim.unlink()
    with pytest.warns(UserWarning, match="is damaged in 1 places"):
        healed = sweeps.sweep(experiments.counts, axes, **arguments).load()
    xr.testing.assert_identical(results(healed), results(first))
    assert sweeps.verify(store) == []
