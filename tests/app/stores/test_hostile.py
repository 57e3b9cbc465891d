"""Stores that are none, empty, damaged, old, being written, or whose code would do harm: an answer, or one line."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import xarray as xr
import zarr

from plastodyn.app.stores.example import example

COMMANDS = (["status"], ["show"], ["show", "--provenance"], ["export", "--out", "out.csv"], ["export", "--out", "out.nc"])


def _all(run_here, store, cwd):
    return [run_here(command[0], store, *command[1:], cwd=cwd) for command in COMMANDS]


def _empty(place):
    place.mkdir()


def _file(place):
    place.write_text("text")


def _folder(place):
    place.mkdir()
    (place / "a.txt").write_text("text")


def _other(place):
    xr.Dataset({"x": ("y", [1.0])}).to_zarr(place, consolidated=True)


def _garbage(place):
    place.mkdir()
    (place / "zarr.json").write_bytes(bytes(range(256)))


def _no_specification(place):
    data = example().data
    data.attrs.pop("specification")
    data.to_zarr(place, consolidated=True)


def _specification_of_text(place):
    data = example().data
    data.attrs["specification"] = "[[["
    data.to_zarr(place, consolidated=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "does not exist"),
        (_file, "is a file"),
        (_empty, "is empty so far"),
        (_folder, "has no zarr.json"),
        (_other, "holds other data"),
        (_garbage, "is damaged; plastodyn verify"),
        (_no_specification, "is damaged; plastodyn verify"),
        (_specification_of_text, "is damaged; plastodyn verify"),
    ],
)
def test_what_is_no_store_is_refused_in_one_line(run_here, tmp_path, make, said):
    place = tmp_path / "a [red] b.zarr"
    make(place)
    for ran in _all(run_here, place, tmp_path):
        assert ran.returncode == 2
        assert said in ran.stderr
        assert len(ran.stderr.splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def _truncated(store):
    file = store / "loss" / "c" / "0" / "0" / "0" / "0" / "0"
    file.write_bytes(file.read_bytes()[:-9])


def _flipped(store):
    file = store / "loss" / "c" / "0" / "0" / "0" / "0" / "0"
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 1
    file.write_bytes(text)


@pytest.mark.parametrize("damage", [_truncated, _flipped])
def test_damage_is_said_with_what_to_do(copied, run_here, tmp_path, damage):
    store = copied("curves")
    damage(store)
    _, shown, _, table, netcdf = _all(run_here, store, tmp_path)
    for ran in (shown, table, netcdf):
        assert ran.returncode == 2
        assert f"STORE '{store}' is damaged; plastodyn verify {store} says where" in ran.stderr
        assert len(ran.stderr.splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out.nc").exists()


@pytest.mark.parametrize("name", ["member_status", "chunk_status", "chunk_origin", "ratio"])
def test_damage_to_bookkeeping_ends_in_an_answer_or_one_line(copied, run_here, tmp_path, name):
    store = copied("curves")
    for file in (store / name / "c").rglob("*"):
        if file.is_file():
            file.write_bytes(b"no chunk")
    for ran in _all(run_here, store, tmp_path):
        assert ran.returncode in (0, 1, 2)
        assert ran.returncode != 2 or len(ran.stderr.splitlines()) == 1
        assert "Traceback" not in ran.stderr


def test_a_store_of_an_earlier_version_is_shown_and_exported(run_here, tmp_path):
    """It has no members: those of a failed chunk count as failed."""
    place = tmp_path / "old.zarr"
    example().data.drop_vars(["member_status", "member_error"]).to_zarr(place, consolidated=True)
    shown = json.loads(run_here("show", place, "--json", cwd=tmp_path).stdout)
    assert [row["loss"] for row in shown["rows"]] == [1.0, 2.0, 1.5, None]
    assert shown["left_out"] == "left out of 4 members: 1 failed"
    out = tmp_path / "a.csv"
    assert run_here("export", place, "--out", out, "--variables", "steady", "--members", "all", cwd=tmp_path).returncode == 0
    assert out.read_text().splitlines()[-1] == "0.2,1.0,nan,2"
    origin = run_here("show", place, "--provenance", cwd=tmp_path)
    assert (origin.returncode, "no fingerprint" in origin.stderr) == (0, True)
    assert "wall_hours" in origin.stdout
    status = run_here("status", place, cwd=tmp_path)
    assert status.returncode == 2
    assert len(status.stderr.splitlines()) == 1


def test_nothing_is_written_into_a_store(copied, run_here, tmp_path):
    store = copied("curves")
    for path in [store, *store.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in [store, *store.rglob("*")]}
    assert [ran.returncode for ran in _all(run_here, store, tmp_path)] == [1, 0, 0, 0, 0]
    assert {path: path.stat().st_mtime_ns for path in [store, *store.rglob("*")]} == before


def test_a_store_of_which_nothing_is_done_yet(copied, run_here, tmp_path):
    store = copied("curves")
    for name in zarr.open_group(store, mode="r").array_keys():
        if name not in ("ratio", "precision", "seed", "replica", "step"):
            shutil.rmtree(store / name / "c", ignore_errors=True)
    status, shown, origin, table, _ = _all(run_here, store, tmp_path)
    assert "24 not computed" in shown.stdout
    assert "time left" in status.stdout
    assert (status.returncode, origin.returncode, table.returncode) == (0, 0, 0)
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1
    drawn = run_here("show", store, "--out", "a.png", cwd=tmp_path)
    assert (drawn.returncode, "nothing to draw" in drawn.stderr) == (2, True)


MARKED = """
from pathlib import Path
import os
import numpy as np, xarray as xr
Path(os.environ["MARKER"]).touch()
def value(point, key):
    return xr.Dataset({"value": ("x", np.asarray(point["x"]))})
"""
LOOK = """
import sys
from plastodyn.app.cli import main
for command in {commands}:
    sys.argv = ["plastodyn", *command]
    try:
        main()
    except SystemExit as end:
        assert end.code == 0, command
"""


def test_reading_a_store_runs_nothing_of_the_user(tmp_path):
    (tmp_path / "marked.py").write_text(MARKED)
    marker, store = tmp_path / "marker", tmp_path / "a.zarr"
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "MARKER": str(marker)}

    def run(program):
        return subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True, capture_output=True)

    run(f"import plastodyn as pd, marked\npd.sweep(marked.value, {{'x': [1.0]}}, store={str(store)!r}, seed=0, workers=1)")
    assert marker.exists()
    marker.unlink()
    arguments = [[command[0], str(store), *command[1:]] for command in COMMANDS]
    run(LOOK.format(commands=[*arguments, ["show", str(store), "--json"], ["status", str(store), "--json"]]))
    assert not marker.exists()
