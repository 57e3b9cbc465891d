"""plastodyn show: which numbers it shows, over what, and the picture."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from plastodyn.app.stores import choice, columns, means, origin, reading, rows, tables
from plastodyn.app.stores.example import example
from plastodyn.sweeps import fingerprint


def _shown(run_here, store, *arguments):
    ran = run_here("show", store, *arguments, "--json", cwd=store.parent)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def _loss(store):
    """The last loss of members that are done, as the store has it."""
    data = xr.open_zarr(store, chunks=None)
    return data.loss.isel(step=-1).astype(float).where(data.member_status == 1)


def test_the_mean_over_seeds_has_their_standard_error(made, run_here):
    store = made("curves")
    found = _shown(run_here, store)
    by_seed = _loss(store).mean("replica")
    expected, error = by_seed.mean("seed"), by_seed.std("seed", ddof=1) / np.sqrt(3)
    assert (found["variable"], found["over"], found["theory"]) == ("loss", ["ratio", "precision"], ["bound", "steady"])
    for row in found["rows"]:
        at = {"ratio": row["ratio"], "precision": row["precision"]}
        if row["ratio"] in (1.0, 2.0):
            assert (row["loss"], row["loss_standard_error"]) == (None, None)
            continue
        assert row["loss"] == pytest.approx(float(expected.sel(at)), rel=1e-12)
        assert row["loss_standard_error"] == pytest.approx(float(error.sel(at)), rel=1e-12)
    assert found["averaged"] == "mean and standard error over seed (3); mean over replica (3); at step = 5 (last)"
    assert found["left_out"] == "left out of 24 members: 6 failed, 6 diverged"
    assert len(found["rows"]) == 8


def test_at_one_seed_replicas_are_the_samples(made, run_here):
    store = made("curves")
    found = _shown(run_here, store, "loss", "--over", "ratio", "--at", "seed=1", "--at", "precision=20")
    taken = _loss(store).sel(seed=1, precision=20.0)
    error = taken.std("replica", ddof=1) / np.sqrt(3)
    assert [row["loss_standard_error"] for row in found["rows"][::2]] == pytest.approx(error.values[::2].tolist(), rel=1e-12)
    assert found["left_out"] == "left out of 4 members: 1 failed, 1 diverged"


def test_a_mean_over_an_axis_is_taken_draw_by_draw(made, run_here):
    """Its points share their networks, so their errors are not independent."""
    store = made("curves")
    found = _shown(run_here, store, "loss", "--over", "ratio")
    by_seed = _loss(store).mean("replica")
    assert found["rows"][0]["loss"] == pytest.approx(float(by_seed.mean(["seed", "precision"])[0]), rel=1e-12)
    expected = float(by_seed.mean("precision").std("seed", ddof=1)[0]) / np.sqrt(3)
    assert found["rows"][0]["loss_standard_error"] == pytest.approx(expected, rel=1e-12)


def test_errors_of_a_mean_are_those_of_the_mean_of_each_draw():
    """Where the draws spread unlike at two points, and go against one another, that is not the mean of the two errors."""
    at_noise = np.array([[1.0, 2.0, 3.0], [9.0, 5.0, 1.0]])
    data = example().data.drop_dims(["replica", "step"])
    loss = np.broadcast_to(at_noise[None], (2, 2, 3)).copy()
    data["loss"] = (("rate", "noise", "replica"), loss)
    data["member_status"] = (("rate", "noise"), np.ones((2, 2), np.int8))
    data["chunk_status"] = data.chunk_status.copy(data=np.ones((2, 2), np.int8))
    contents = reading.contents_of(Path("example.zarr"), data)
    (shown, *_) = means.view(contents, choice.choose(contents, "loss", ["rate"])).shown
    np.testing.assert_allclose(shown.value, [3.5, 3.5])
    np.testing.assert_allclose(shown.error, np.std(at_noise.mean(0), ddof=1) / np.sqrt(3))


def test_means_that_lack_points_of_an_axis_are_said():
    contents = example()
    found = means.view(contents, choice.choose(contents, "loss", ["rate"]))
    assert "1 of the means lack some points of noise" in found.left_out
    assert "lack" not in means.view(contents, choice.choose(contents, "loss", ["rate"], ["noise=0"])).left_out


def test_theory_stays_where_simulation_diverged_and_goes_where_it_failed(made, run_here):
    rows = _shown(run_here, made("curves"), "--over", "ratio")["rows"]
    assert [row["ratio"] for row in rows if row["steady"] is None] == [1.0]
    assert [row["ratio"] for row in rows if row["loss"] is None] == [1.0, 2.0]


def test_steps_are_an_axis_or_averaged(made, run_here):
    store = made("curves")
    curve = _shown(run_here, store, "--over", "step", "--at", "ratio=0.5", "--at", "precision=1")
    data = xr.open_zarr(store, chunks=None).loss.sel(ratio=0.5, precision=1.0).astype(float)
    assert [row["loss"] for row in curve["rows"]] == pytest.approx(data.mean(["seed", "replica"]).values.tolist(), rel=1e-12)
    assert [row["step"] for row in curve["rows"]] == list(range(6))
    flat = _shown(run_here, store, "--over", "ratio", "--mean", "step", "--at", "precision=1")
    assert flat["rows"][0]["loss"] == pytest.approx(float(data.mean()), rel=1e-12)


def test_errors_that_the_store_has_are_used_where_nothing_is_sampled(made, run_here):
    store = made("maps")
    row = _shown(run_here, store, "fitted")["rows"][3]
    assert row["fitted_standard_error"] == pytest.approx(row["fitted"] / 10, rel=1e-12)
    over = _shown(run_here, store, "fitted", "--over", "alpha")["rows"][0]
    errors = xr.open_zarr(store, chunks=None).fitted_error[0].values
    assert over["fitted_standard_error"] == pytest.approx(np.sqrt((errors**2).sum()) / 7, rel=1e-12)


def test_values_in_pieces_are_the_same(made, monkeypatch):
    contents = reading.opened(made("curves"))
    chosen = choice.choose(contents)
    whole = means.view(contents, chosen)
    monkeypatch.setattr(means, "_MOST_AT_ONCE", 1)
    for one, other in zip(whole.shown, means.view(contents, chosen).shown, strict=True):
        xr.testing.assert_identical(one.value, other.value)
        xr.testing.assert_identical(one.error, other.error)
    assert whole.left_out == means.view(contents, chosen).left_out


def test_values_that_are_equal_have_no_spread():
    value = 0.1
    # Their mean is another number.
    assert np.full(6, value).mean() != value
    data = example().data.drop_dims("replica").assign(loss=(("rate", "noise", "replica"), np.full((2, 2, 6), value)))
    contents = reading.contents_of(Path("example.zarr"), data)
    found = means.view(contents, choice.choose(contents, "loss", ["rate"], ["noise=0.0"]))
    assert found.shown[0].error.values.tolist() == [0.0, 0.0]
    assert tables.cells(found)[0][1] == "0.1"


def test_a_chunk_counts_once_its_status_is_written(copied, run_here):
    """As while it is being written: values and members' status are there."""
    store = copied("curves")
    before = _shown(run_here, store, "--over", "ratio")
    (store / "chunk_status" / "c" / "0" / "0" / "0").unlink()
    found = _shown(run_here, store, "--over", "ratio")
    assert before["rows"][0]["loss"] is not None
    assert found["rows"][0]["loss"] is None
    assert found["left_out"] == "left out of 24 members: 12 not computed, 6 diverged"


def test_many_axes_words_texts_complex_numbers_and_nothing(made, run_here):
    six = _shown(run_here, made("six"))
    assert (six["over"], len(six["rows"])) == (["a", "b"], 4)
    assert "mean over c (2), d (2), e (2), f (2)" in six["averaged"]
    assert _shown(run_here, made("words"))["over"] == ["alpha", "layer"]
    texts = _shown(run_here, made("words"), "word")
    assert {row["word"] for row in texts["rows"]} == {"low", 'high, "so"'}
    modulus = _shown(run_here, made("words"), "eigenvalue", "--over", "alpha", "--at", "layer=hidden", "--at", "mode=1")
    assert modulus["long_name"] == "modulus of eigenvalue"
    data = xr.open_zarr(made("words"), chunks=None).eigenvalue.sel(layer="hidden").isel(mode=1).values
    assert [row["eigenvalue"] for row in modulus["rows"]] == pytest.approx(abs(data).tolist(), rel=1e-12)
    nothing = _shown(run_here, made("words"), "nothing")
    assert {row["nothing"] for row in nothing["rows"]} == {None}
    assert nothing["left_out"] == "18 values that are not finite"
    assert _shown(run_here, made("bare"))["rows"] == [{"value": 0.0, "value_standard_error": None}]


def test_the_table_says_how_many_rows_more_there_are(made, run_here):
    ran = run_here("show", made("maps"), cwd=made("maps").parent)
    assert "and 16 rows more" in ran.stdout
    assert "task error F (mV^2)" in ran.stdout
    assert " ± " in ran.stdout
    assert "Also there: count, eigenvalue" in ran.stdout


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_pictures(made, run_here, tmp_path, ending):
    out = tmp_path / "new" / f"a.{ending}"
    ran = run_here("show", made("curves"), "--out", out, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "6 failed, 6 diverged" in ran.stderr
    assert out.read_bytes()[:4] == {"png": b"\x89PNG", "svg": b"<?xm", "pdf": b"%PDF"}[ending]


def test_provenance_is_toml_and_says_all(made, run_here):
    store = made("curves")
    ran = run_here("show", store, "--provenance", cwd=store.parent)
    found = tomllib.loads(ran.stdout)
    data = xr.open_zarr(store, chunks=None)
    assert found["fingerprint"] == fingerprint(store)
    assert found["specification"]["axes"] == {"ratio": [0.5, 1.0, 1.5, 2.0], "precision": [1.0, 20.0], "seed": [0, 1, 2]}
    assert found["specification"]["parameters"] == {"broken": [1.0], "diverging": [2.0]}
    assert found["total"]["chunks"] == 2
    assert found["total"]["wall_hours"] == pytest.approx(float(data.chunk_seconds.sum()) / 3600, rel=1e-12)
    assert sum(each["cpu_hours"] for each in found["machines"]) == pytest.approx(float(data.chunk_cpu_seconds.sum()) / 3600)
    assert {"host", "device", "commit", "versions", "first", "last"} <= set(found["machines"][0])
    assert "plastodyn.sweep" in found["command"]
    assert json.loads(run_here("show", store, "--provenance", "--json", cwd=store.parent).stdout) == found


DOCUMENT = {
    "title": "A title",
    "axes": {"rate": {"zip": {"units": [5, 10], "word": ["a", "b"]}}, "noise": {"seeds": 2}},
    "record": {"steady": {}, "loss": {}},
}


def _of_a_file():
    """The contents of a store that `plastodyn run` made."""
    data = example().data.copy()
    data["other"] = data.loss
    specification = json.loads(data.attrs["specification"])
    specification["parameters"] = {"document": DOCUMENT}
    data.attrs.update(specification=json.dumps(specification), provenance=json.dumps({"command": "plastodyn run my.toml"}))
    return reading.contents_of(example().place, data)


def test_the_file_that_was_run_tells_seeds_zipped_axes_and_what_is_recorded():
    contents = _of_a_file()
    chosen = choice.choose(contents)
    assert (chosen.name, chosen.over, chosen.samples, chosen.within) == ("loss", ("rate",), ("noise",), ("replica",))
    found = means.view(contents, chosen)
    assert tables.headings(found) == ["rate", "units", "word", "loss", "steady (theory)"]
    assert [row[:3] for row in tables.cells(found)] == [["0.1", "5", "a"], ["0.2", "10", "b"]]
    assert next(iter(rows.pieces(contents, rows.table_of(contents, ["steady"]), "all"))).keys() >= {"units", "word"}


def test_a_zipped_axis_goes_by_its_columns():
    counted, first, asked = (columns.by_columns(_of_a_file(), names) for names in (["rate"], [], ["word"]))
    assert choice.choose(counted).over == ("rate",)
    assert choice.choose(first).over == ("units",)
    assert choice.choose(asked, at=["word=b"]).at["word"] == 1
    of_word = means.view(asked, choice.choose(asked, over=["word"]))
    assert [row[0] for row in tables.cells(of_word)] == ["a", "b"]
    whole = means.view(counted, choice.choose(counted, over=["rate"]))
    for one, other in zip(of_word.shown, whole.shown, strict=True):
        np.testing.assert_array_equal(one.value, other.value)


def test_an_axis_that_no_column_tells_apart_is_in_words():
    contents = _of_a_file()
    same = contents._replace(data=contents.data.assign_coords(units=("rate", [5, 5]), word=("rate", ["a", "a"])))
    words = columns.by_columns(same, ["rate"])
    assert words.data.rate.values.tolist() == ["0: units 5, word a", "1: units 5, word a"]
    # A point that is named by its count keeps it.
    assert columns.by_columns(same, ["rate"], ["rate"]).data.rate.values.tolist() == [0.1, 0.2]
    assert choice.choose(words).over == ("rate",)


def test_columns_that_cannot_stand_for_their_axis_are_refused():
    contents = _of_a_file()
    with pytest.raises(ValueError, match="must name a zipped axis once; units, word are the same axis"):
        columns.by_columns(contents, ["units", "word"])
    with pytest.raises(ValueError, match="units, rate are the same axis"):
        columns.by_columns(contents, ["rate", "units"])
    same = contents._replace(data=contents.data.assign_coords(units=("rate", [5, 5])))
    assert columns.by_columns(same, []).axes == ("word", "noise")
    with pytest.raises(ValueError, match="units must differ at all points of rate"):
        columns.by_columns(same, ["units"])


def test_provenance_has_the_file_that_was_run():
    found = tomllib.loads(origin.as_toml(origin.provenance(_of_a_file(), "abc")))
    assert found["document"] == DOCUMENT
    assert "document" not in found["specification"]["parameters"]
    assert (found["command"], found["fingerprint"]) == ("plastodyn run my.toml", "abc")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none"], "VARIABLE must be one of"),
        (["--over", "none"], "--over must be one of ratio, precision, seed, replica, step; got 'none'"),
        (["--over", "ratio,precision,seed"], "--over must name at most two"),
        (["--over", "ratio,ratio"], "once"),
        (["--over", "ratio", "--at", "ratio=1"], "got ratio twice"),
        (["--at", "ratio"], "--at must be AXIS=VALUE; got 'ratio'"),
        (["--at", "ratio=0.7"], "--at ratio must be one of its points, 0.5, 1, 1.5, 2; got '0.7'"),
        (["--at", "ratio=x"], "got 'x'"),
        (["--mean", "none"], "--mean must be one of"),
        (["word"], "holds texts"),
        (["--log", "x"], "--out"),
        (["--log", "z", "--out", "a.png"], "--log must be one of x, y, color"),
        (["--out", "a.txt"], "--out must be a file ending in .png, .svg or .pdf"),
        (["--out", "a.png", "--json"], "neither"),
        (["nothing", "--out", "a.png"], "nothing to draw"),
        (["--provenance", "--over", "ratio"], "whole store"),
        (["loss", "--over", "ratio", "--at", "ratio=1", "--out", "a.png"], "twice"),
    ],
)
def test_it_refuses_in_one_line(made, run_here, tmp_path, arguments, said):
    ran = run_here("show", made("curves"), *arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
