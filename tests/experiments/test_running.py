"""Files run by worker processes into a store: the same numbers, gone on with, refused where code has changed."""

import jax
import numpy as np
import pytest
from descriptions import TRACKING
from test_members import MODEL, USERS

import plastodyn as pd
from plastodyn import experiments
from plastodyn.experiments import batches, members

OWN = '''
import numpy as np
import xarray as xr
def point(point, key, *, layer, size):
    """Zipped columns are there beside their rows."""
    values = point["row"][:, None] * size + point["width"][:, None] + point["n"][None, :]
    return xr.Dataset({layer: (("row", "n"), values)}, {"row": point["row"], "n": point["n"]})
'''


def test_a_run_is_its_members_and_goes_on(write, place, monkeypatch):
    (place / "my_model.py").write_text(MODEL)
    np.savez(place / "b.npz", x=np.array([0.5], np.float32))
    path = write(USERS)
    # From another directory, which has a file of the same name.
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "my_model.py").write_text("raise RuntimeError('not this one')")
    monkeypatch.chdir(elsewhere)
    found = experiments.run(path, place / "my.zarr", workers=1, progress=False)
    document = experiments.read(path)
    for place_of, rate in enumerate([0.1, 0.2]):
        alone = experiments.member(
            {"rate": np.array([rate])},
            jax.random.fold_in(jax.random.key(0, impl="threefry2x32"), place_of),
            **experiments.parameters(document, place),
        )
        np.testing.assert_array_equal(found.loss.isel(rate=[place_of]), alone.loss)
        np.testing.assert_array_equal(found.half_norm.isel(rate=[place_of]), alone.half_norm)
    again = experiments.run(path, place / "my.zarr", workers=1, progress=False)
    np.testing.assert_array_equal(again.loss, found.loss)
    (place / "my_model.py").write_text(MODEL.replace("0.5 *", "0.25 *"))
    with pytest.raises(ValueError, match=r"files"):
        experiments.run(path, place / "my.zarr", workers=1, progress=False)
    with pytest.raises(ValueError, match=r"must be the file that the experiment began with; got .*, which has changed"):
        experiments.member(
            {"rate": np.array([0.1])},
            jax.random.key(0),
            **{**experiments.parameters(document, place), "files": {"my_model.py": "0"}},
        )


def test_an_experiment_of_ones_own(write, place):
    (place / "own.py").write_text(OWN)
    text = """
[constants]
scale = 3
[experiment]
function = "own.py:point"
layer = "hidden"
size = "= 2 * scale"
[axes]
row = { zip = { width = [10, 20] } }
n = [1, 2, 3]
[run]
batch = { n = 2 }
"""
    found = experiments.run(write(text), place / "own.zarr", workers=1, progress=False)
    assert found.hidden.values.tolist() == [[11, 12, 13], [27, 28, 29]]
    assert found.width.dims == ("row",)


def test_one_file_is_run_once(at_once, place):
    (place / "counted.py").write_text(MODEL + "\nwith open('count', 'a') as f:\n    f.write('x')\n")
    np.savez(place / "b.npz", x=np.array([0.5], np.float32))
    at_once(USERS.replace("my_model", "counted"))
    at_once(USERS.replace("my_model", "counted"))
    assert (place / "count").read_text() == "x"


@pytest.mark.parametrize(
    ("change", "batch"),
    [
        (("", ""), {"rate": 2, "n": 1}),
        (("replicas = 2", "replicas = 33"), {"rate": 1, "n": 1}),
        (("replicas = 2", "replicas = 2\nbatch = { n = 2 }"), {"rate": 2, "n": 2}),
        (("replicas = 2", "replicas = 2\nbatch = { rate = 1 }"), {"rate": 1, "n": 1}),
        (('rate = "= rate"', 'rate = 0.1\ntimes = "= rate"'), {"rate": 2, "n": 1}),
        (
            ('name = "early"', 'name = "exact_norm"\nmagnitude = 1\nrule = { name = "early", rate = "= rate" }\n#'),
            {"rate": 1, "n": 1},
        ),
        (('name = "early"', 'name = "my_model.py:factory"'), {"rate": 1, "n": 1}),
        (("[axes]\n", '[axes]\nword = ["x"]\n'), None),
    ],
)
def test_axes_are_carried_where_rules_take_them(write, place, change, batch):
    (place / "my_model.py").write_text(MODEL)
    axes = "rate = [0.1, 0.2]\nn = [-0.2, 0.3]"
    text = TRACKING.format(axes=axes, rate='"= rate"', rest="").replace("[0.3, -0.2]", '["= n", 0.1]').replace(*change, 1)
    if 'name = "exact_norm"' in text:
        text = text.replace('#\nrate = "= rate"\n', "")
    if batch is None:
        with pytest.raises(ValueError, match=r"axes\.word must be used"):
            experiments.read(write(text))
        return
    document = experiments.read(write(text))
    assert document.run.batch == batch
    assert batches.carried(document) == [name for name in ("rate",) if batch[name] > 1]
    assert experiments.check(document) == document


def test_whether_axes_are_carried_changes_nothing_that_is_not_random(at_once):
    text = TRACKING.format(axes="rate = [0.1, 0.2, 0.7]", rate='"= rate"', rest="")
    together, alone = at_once(text), at_once(text.replace("replicas = 2", "replicas = 2\nbatch = { rate = 1 }"))
    np.testing.assert_array_equal(together.loss, alone.loss)


def test_a_point_that_fails_leaves_the_others(at_once, place):
    text = TRACKING.format(axes="size = [0.1, 0.2]\nrate = [0.1, 0.5]", rate='"= rate"', rest="").replace(
        "[axes]", '[fluctuation]\nname = "white"\nrate = "= size"\n[axes]'
    )
    good = at_once(text)
    bad = at_once(text.replace("rate = [0.1, 0.5]", "rate = [0.1, -0.5]"))
    assert bad.member_error.values.tolist() == [["", "rule[0].rate must be a number >= 0; got -0.5"]] * 2
    assert bad.loss.isel(rate=0).shape == good.loss.isel(rate=0).shape
    assert np.isfinite(bad.loss.isel(rate=0)).all()
    circuit, size = pd.circuits.tracking([0.3, -0.2]), pd.axis("size", [0.1, 0.2])
    rule = pd.rules.early(pd.axis("rate", [0.1, 0.5])) + pd.fluctuations.white(size)
    run = pd.simulate(circuit, rule, steps=5, replicas=2, key=jax.random.key(0))
    np.testing.assert_array_equal(good.loss, run.loss.transpose(*good.loss.dims))


def test_points_of_a_batch_that_are_not_carried_have_keys_of_their_own(at_once):
    text = TRACKING.format(axes="size = [0.1, 0.2]\nn = [-0.2, 0.3]", rate="0.1", rest="").replace(
        "[axes]", '[fluctuation]\nname = "white"\nrate = "= size"\n[axes]'
    )
    text = text.replace("[0.3, -0.2]", '["= n", 0.1]').replace("steps = 5", "steps = 5\nbatch = { n = 2 }")
    found = at_once(text)
    for place, n in enumerate([-0.2, 0.3]):
        rule = pd.rules.early(0.1) + pd.fluctuations.white(pd.axis("size", [0.1, 0.2]))
        key = jax.random.fold_in(jax.random.key(0), place)
        run = pd.simulate(pd.circuits.tracking([n, 0.1]), rule, steps=5, replicas=2, key=key)
        np.testing.assert_array_equal(found.loss.isel(n=place), run.loss)


def test_a_run_that_fails_as_one_has_the_numbers_of_its_points(at_once, monkeypatch):
    """What failed together, such as for want of memory, is run point by point, with the same bits."""

    text = TRACKING.format(axes="size = [0.1, 0.2]\nrate = [0.1, 0.5]", rate='"= rate"', rest="").replace(
        "[axes]", '[fluctuation]\nname = "white"\nrate = "= size"\n[axes]'
    )
    together = at_once(text)
    simulate = pd.simulate

    def small(circuit, rule, **options):
        if any(hasattr(leaf, "dims") for leaf in jax.tree.leaves(rule, is_leaf=lambda x: hasattr(x, "dims"))):
            raise RuntimeError("too large")
        return simulate(circuit, rule, **options)

    monkeypatch.setattr(members, "simulate", small)
    alone = at_once(text)
    np.testing.assert_array_equal(together.loss, alone.loss)
    assert (alone.member_error == "").all()
