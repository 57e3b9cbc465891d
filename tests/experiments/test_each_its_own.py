"""Each replica, point and seed gets its own: what a mutation that hands one's answer to all would change."""

import tomllib

import numpy as np
import pytest
import zarr

import plastodyn as pd
from plastodyn import experiments
from plastodyn.app.stores import columns, origin, reading

OWN = """
import jax
def twice(value):
    return 2 * value
def last(run):
    return float(run.loss[-1])
def drawn(key):
    return float(jax.random.normal(key))
def rate_of(rule):
    return float(rule.rate)
def label(text):
    return text.upper()
"""
TEXT = """
[circuit]
name = "tracking"
[rule]
name = "early"
rate = "= rate"
[fluctuation]
name = "white"
rate = 0.3
[axes]
rate = [0.1, 0.5]
[run]
steps = 3
replicas = 2
[record]
loss = {}
[analysis]
"""


def _analysed(at_once, place, analyses):
    (place / "my.py").write_text(OWN)
    return at_once(TEXT + analyses)


def test_an_analysis_of_an_earlier_one_moves_with_it_along_a_carried_axis(at_once, place):
    found = _analysed(
        at_once,
        place,
        'a = { function = "my.py:twice", value = "= rate" }\nb = { function = "my.py:twice", value = "@a" }\n'
        'c = { function = "my.py:rate_of", rule = "@rule" }',
    )
    np.testing.assert_allclose(found.b.values, [0.4, 2.0])
    np.testing.assert_allclose(found.c.values, [0.1, 0.5], rtol=1e-6)


def test_each_replica_gets_its_own_earlier_answer_and_draw(at_once, place):
    found = _analysed(
        at_once,
        place,
        'end = { function = "my.py:last", run = "@run" }\ntwo = { function = "my.py:twice", value = "@end" }\n'
        'draw = { function = "my.py:drawn", key = "@key" }',
    )
    last = found.loss.isel(step=-1)
    assert (last.isel(replica=0) != last.isel(replica=1)).all()
    np.testing.assert_allclose(found.two, 2 * last, rtol=1e-6)
    assert len(np.unique(found.draw)) == found.draw.size == 4


def test_an_analysis_may_return_a_text(write, place):
    (place / "my.py").write_text(OWN)
    text = TEXT.replace("rate = [0.1, 0.5]", 'rate = [0.1, 0.5]\nbend = ["tanh", "sigmoid"]')
    path = write(text + 'named = { function = "my.py:label", text = "= bend" }')
    found = experiments.run(path, place / "s.zarr", workers=1, progress=False)
    assert found.named.isel(rate=0).values.tolist() == ["TANH", "SIGMOID"]


def test_every_axis_of_seeds_draws_anew():
    keys = [experiments.key_of(0, ("circuit",), seeds) for seeds in [(1, 2), (1, 3), (2, 2)]]
    assert len({tuple(np.asarray(pd.experiments.running.jax.random.key_data(key)).tolist()) for key in keys}) == 3


def test_columns_in_the_store_are_those_of_their_points(write, place):
    text = TEXT.replace("rate = [0.1, 0.5]", "row = { zip = { rate = [0.1, 0.5, 0.3], again = [7, 5, 6] } }")
    text = text.replace("steps = 3", "steps = 3\nbatch = { row = 1 }").replace('"= rate"', '"= rate * again / again"')
    path = write(text.replace("[analysis]", ""))
    experiments.run(path, place / "s.zarr", workers=1, progress=False)
    raw = pd.sweeps.store.dataset(place / "s.zarr")
    assert raw.rate.values.tolist() == [0.1, 0.5, 0.3]
    from plastodyn.app.stores import reading

    contents = reading.opened(place / "s.zarr")
    # By the first column of the file, not of the alphabet.
    assert columns.by_columns(contents, []).axes == ("rate",)


@pytest.mark.parametrize("how", ["import helper", "from helper import factor", "import package"])
def test_what_lies_beside_a_file_and_is_imported_belongs_to_the_experiment(how, write, place):
    (place / "helper.py").write_text("factor = 2.0")
    (place / "package").mkdir()
    (place / "package" / "__init__.py").write_text("from helper import factor")
    (place / "my.py").write_text(f"{how}\nimport json, numpy\ndef twice(value):\n    return 2 * value\n")
    path = write(TEXT + 'a = { function = "my.py:twice", value = "= rate" }')
    files = experiments.parameters(experiments.read(path), place)["files"]
    assert set(files) == {"my.py", "helper.py", *(["package/__init__.py"] if "package" in how else [])}
    experiments.begin(path, place / "s.zarr", workers=1)
    (place / "helper.py").write_text("factor = 3.0")
    with pytest.raises(ValueError, match=r"must be the file that the experiment began with.*helper.py.*has changed"):
        experiments.find_code(place / "s.zarr")


def test_no_directory_of_modules_is_added_where_nothing_is_sought(write, place):
    path = write(TEXT.replace("[analysis]", ""))
    experiments.begin(path, place / "s.zarr", workers=1)
    before = list(pd.experiments.files.sys.path)
    assert experiments.find_code(place / "s.zarr").names == []
    assert pd.experiments.files.sys.path == before


@pytest.mark.parametrize("directory", ["s.zarr", "{place}/s.zarr/inside"])
def test_code_within_a_store_is_not_run(directory, write, place):
    (place / "my.py").write_text(OWN)
    path = write(TEXT + 'a = { function = "my.py:twice", value = "= rate" }')
    experiments.begin(path, place / "s.zarr", workers=1)
    zarr.open_group(place / "s.zarr", mode="r+").attrs["directory"] = directory.format(place=place)
    with pytest.raises(ValueError, match="store must"):
        experiments.find_code(place / "s.zarr")


def test_code_of_the_library_that_may_run_anything_is_said():
    named = {"axes": {"n": [1]}, "experiment": {"function": "plastodyn.runtime.modules:user_module"}}
    assert experiments.code_of(experiments.from_json(named)) == ["plastodyn.runtime.modules"]
    own = {"axes": {"n": [1]}, "experiment": {"function": "plastodyn.papers.repeats:claims"}}
    assert experiments.code_of(experiments.from_json(own)) == []


def test_the_file_within_a_provenance_is_the_experiment(write, place):
    axes = "row = { zip = { rate = [0.1, 0.5], again = [7, 5] } }\nb = [1, 2]\na = { seeds = 2 }"
    text = TEXT.replace("rate = [0.1, 0.5]", axes).replace('"= rate"', '"= rate * again / again * b / b"')
    path = write(text.replace("[analysis]", ""))
    experiments.begin(path, place / "s.zarr", workers=1)
    found = tomllib.loads(origin.as_toml(origin.provenance(reading.opened(place / "s.zarr"))))
    again = experiments.read(write(found["document"], "again.toml"))
    assert experiments.parameters(again, place) == experiments.parameters(experiments.read(path), place)
    assert list(again.axes) == ["row", "b", "a"]
    assert list(again.columns()) == ["rate", "again"]
