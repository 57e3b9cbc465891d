"""plastodyn export: what is read back is what the store has, and the old file stays until the new one is whole."""

import csv
import itertools
import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from pyarrow import parquet

from plastodyn.app.stores import reading, rows


def _export(run_here, store, out, *arguments):
    ran = run_here("export", store, "--out", out, *arguments, cwd=out.parent)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def _expected(store):
    """Value of the loss by its place, of members that are done."""
    data = xr.open_zarr(store, chunks=None)
    where = itertools.product(*(range(size) for size in data.loss.shape))
    loss, status = data.loss.values, data.member_status.values
    names = [data[dim].values for dim in data.loss.dims]
    return {
        tuple(name[i].item() for name, i in zip(names, index, strict=True)): loss[index]
        for index in where
        if status[index[:3]] == 1
    }


def test_csv_read_back_is_equal_bit_for_bit(made, run_here, tmp_path):
    out = tmp_path / "a.csv"
    said = _export(run_here, made("curves"), out)
    with out.open(newline="") as file:
        table = list(csv.DictReader(file))
    expected = _expected(made("curves"))
    assert list(table[0])[:5] == ["ratio", "precision", "seed", "replica", "step"]
    found = {
        (float(row["ratio"]), float(row["precision"]), int(row["seed"]), int(row["replica"]), int(row["step"])): np.float32(
            row["loss"]
        )
        for row in table
    }
    assert len(table) == len(expected) == 12 * 3 * 6
    assert found == expected
    data = xr.open_zarr(made("curves"), chunks=None)
    for row in table[::50]:
        at = {"ratio": float(row["ratio"]), "precision": float(row["precision"]), "seed": int(row["seed"])}
        assert float(row["steady"]) == float(data.steady.sel(at))
        assert row["word"] == str(data.word.sel(at).item())
        assert row["sharp"] == str(bool(data.sharp.sel(at)))
        assert row["nothing"] == "nan"
    assert "216 rows of" in said
    assert "12 members that are not done are left out" in said
    assert "to be named by --variables: eigenvalue" in said


def test_all_members_come_with_their_status_and_error(made, run_here, tmp_path):
    out = tmp_path / "a.csv"
    _export(run_here, made("curves"), out, "--members", "all", "--variables", "steady,word")
    with out.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 24
    assert {(row["ratio"], row["member_status"]) for row in table} == {("0.5", "1"), ("1.0", "2"), ("1.5", "1"), ("2.0", "3")}
    assert {row["member_error"] for row in table if row["ratio"] == "1.0"} == {"ValueError: [/] no value over lines"}


def test_complex_numbers_are_two_columns(made, run_here, tmp_path):
    out = tmp_path / "a.csv"
    _export(run_here, made("words"), out, "--variables", "eigenvalue")
    with out.open(newline="") as file:
        table = list(csv.DictReader(file))
    data = xr.open_zarr(made("words"), chunks=None).eigenvalue.transpose("layer", "alpha", "mode").values.ravel()
    assert [complex(float(row["eigenvalue_real"]), float(row["eigenvalue_imag"])) for row in table] == data.tolist()
    assert list(table[0]) == ["layer", "alpha", "mode", "eigenvalue_real", "eigenvalue_imag"]


def test_parquet_read_back_is_equal_with_types_and_attributes(made, run_here, tmp_path):
    out = tmp_path / "a.parquet"
    _export(run_here, made("curves"), out)
    table = parquet.read_table(out)
    frame = table.to_pandas()
    assert frame.loss.dtype == np.float32
    assert frame.sharp.dtype == bool
    assert frame["count"].dtype == np.int32
    keys = zip(*(frame[name].tolist() for name in ("ratio", "precision", "seed", "replica", "step")), strict=True)
    assert dict(zip(keys, frame.loss.to_numpy(), strict=True)) == _expected(made("curves"))
    assert table.schema.field("loss").metadata == {b"long_name": b"task error F", b"units": b"mV^2"}
    assert json.loads(table.schema.metadata[b"specification"])["seed"] == 7


@pytest.mark.parametrize("members", ["all", "done"])
def test_netcdf_read_back_is_the_store(made, run_here, tmp_path, members):
    out = tmp_path / "a.nc"
    _export(run_here, made("curves"), out, "--members", members)
    store = xr.open_zarr(made("curves"), chunks=None).load()
    with xr.open_dataset(out, engine="netcdf4") as found:
        done = store.member_status == 1
        kept = done if members == "done" else xr.ones_like(done)
        for name in ("loss", "steady", "nothing"):
            assert found[name].dtype == store[name].dtype
            assert np.array_equal(found[name].values, store[name].where(kept).transpose(*found[name].dims), equal_nan=True)
            assert found[name].attrs == store[name].attrs
        assert np.array_equal(found["count"], store["count"].where(kept, 0))
        assert found.sharp.dtype == bool
        assert np.array_equal(found.sharp, store.sharp.where(kept, False))
        assert found.word.values.tolist() == store.word.astype(object).where(kept, "").values.tolist()
        both = found.eigenvalue_real + 1j * found.eigenvalue_imag
        assert np.array_equal(both, store.eigenvalue.where(kept), equal_nan=True)
        assert found.member_error.values.tolist() == store.member_error.astype(object).values.tolist()
        assert np.array_equal(found.chunk_seconds, store.chunk_seconds)
        assert found.step.attrs["long_name"] == "step"
        assert found.attrs["specification"] == store.attrs["specification"]


def test_a_million_rows_go_through_piece_by_piece(made, run_here, tmp_path):
    store, out = made("many"), tmp_path / "a.parquet"
    contents = reading.opened(store)
    pieces = rows.pieces(contents, rows.table_of(contents, None), "done")
    assert max(len(piece["value"]) for piece in pieces) == 100_000
    assert "1000000 rows of value" in _export(run_here, store, out)
    found = parquet.read_table(out).to_pandas()
    data = xr.open_zarr(store, chunks=None).value
    assert np.array_equal(found.value, data.values.ravel())
    assert np.array_equal(found["sample"], np.tile(np.arange(250_000), 4))


@pytest.mark.slow
def test_a_million_rows_of_csv_are_equal(made, run_here, tmp_path):
    out = tmp_path / "a.csv"
    _export(run_here, made("many"), out)
    found = np.loadtxt(out, delimiter=",", skiprows=1, usecols=2)
    assert np.array_equal(found.astype(np.float32), xr.open_zarr(made("many"), chunks=None).value.values.ravel())


_KILLED = """
import os, signal, sys
from plastodyn.app.stores import rows
whole = rows._columns
calls = []
def part(*arguments):
    calls.append(1)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments)
rows._columns = part
from plastodyn.app.cli import run
run()
"""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_killed_export_leaves_the_old_file_or_none(made, tmp_path, ending):
    for before in (None, b"old"):
        out = tmp_path / f"a.{ending}"
        if before is not None:
            out.write_bytes(before)
        command = [sys.executable, "-c", _KILLED, "export", made("many"), "--out", out, "--force"]
        ran = subprocess.run(command, capture_output=True, check=False)
        assert ran.returncode == -signal.SIGKILL
        assert (out.read_bytes() if out.exists() else None) == before


def test_a_file_that_is_there_is_replaced_by_force_only(made, run_here, tmp_path):
    out = tmp_path / "a.csv"
    out.write_text("old")
    refused = run_here("export", made("words"), "--out", out, cwd=tmp_path)
    assert (refused.returncode, out.read_text()) == (2, "old")
    assert "--force replaces it" in refused.stderr
    _export(run_here, made("words"), out, "--force")
    assert out.read_text().startswith("layer,alpha,")
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(("ending", "module"), [("parquet", "pyarrow"), ("nc", "netCDF4")])
def test_a_missing_extra_is_said(made, run_here, tmp_path, monkeypatch, ending, module):
    monkeypatch.setitem(sys.modules, module, None)
    ran = run_here("export", made("words"), "--out", tmp_path / f"a.{ending}", cwd=tmp_path)
    assert ran.returncode == 2
    assert f"needs {module}: pip install 'plastodyn[export]'" in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "a.txt"], "--out must be a file ending in .csv, .nc or .parquet"),
        (["--out", "none/a.csv"], "--out must be in a directory that exists"),
        (["--out", "a.csv", "--variables", "none"], "--variables must be one of"),
        (["--out", "a.csv", "--variables", "loss,eigenvalue"], "--variables must fit into one table; got loss over"),
        (["--out", "a.csv", "--members", "some"], "--members must be one of all, done"),
        ([], "--out"),
    ],
)
def test_it_refuses_in_one_line(made, run_here, tmp_path, arguments, said):
    ran = run_here("export", made("curves"), *arguments, cwd=tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
