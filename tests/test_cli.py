"""The command line as a user meets it: real processes, exit codes, one-line errors."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr
from safetensors.numpy import save_file


def run(*arguments, cwd, timeout=240):
    command = [sys.executable, "-c", "from plastodyn.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


MODEL = """
import jax.numpy as jnp
weights = {"a": jnp.ones((4, 3)), "b": jnp.full(5, 0.5)}
scales = jnp.linspace(1.0, 4.0, 17)

def loss(w):
    flat = jnp.concatenate([w["a"].ravel(), w["b"]])
    return 0.5 * jnp.sum(scales * flat**2)

def broken(w):
    return jnp.ones(3) @ w["a"]
"""


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def test_help_has_examples(tmp_path):
    for command in ("list", "demo", "reproduce", "measure", "doctor"):
        found = run(command, "--help", cwd=tmp_path)
        assert found.returncode == 0
        assert "Example" in found.stdout


def test_list_as_json_names_papers_figures_and_sizes(tmp_path):
    found = json.loads(run("list", "--json", cwd=tmp_path).stdout)
    assert [paper["paper"] for paper in found] == ["raman2021"]
    assert [f["figure"] for f in found[0]["figures"]] == ["fig1", "fig5", "fig5s1", "table2"]
    assert set(found[0]["figures"][0]["seconds"]) == {"smoke", "standard", "full"}


def test_doctor_passes_its_self_check(tmp_path):
    found = run("doctor", "--json", cwd=tmp_path)
    assert found.returncode == 0
    assert json.loads(found.stdout)["self_check"] == "passed"


def test_measure_a_file_and_checkpoints(model, tmp_path):
    found = json.loads(run("measure", model, "--fluctuation", 0.1, "--json", cwd=tmp_path).stdout)
    assert found["weights"] == 17
    assert found["state"] == "highly trained"
    # The closed-form answer for the known spectrum; Lanczos with as many steps as weights is exact but for its probes.
    assert found["curvature_of_fluctuations"] == pytest.approx(2.5, abs=5 * found["curvature_of_fluctuations_error"])
    assert found["best_plasticity"] == pytest.approx(0.1 * found["stationary_ratio"])
    arrays = {"a": np.ones((4, 3), np.float32), "b": np.full(5, 0.5, np.float32)}
    np.savez(tmp_path / "w.npz", **arrays)
    save_file(arrays, tmp_path / "w.safetensors")
    for name in ("w.npz", "w.safetensors"):
        again = run("measure", model, "--checkpoint", name, "--fluctuation", 0.1, "--json", cwd=tmp_path)
        assert json.loads(again.stdout) == found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["measure", "nothing.py"], "existing .py file"),
        (["measure", "no.such.module"], "importable module"),
        (["measure", "model.py", "--loss", "error"], "--loss must name a function"),
        (["measure", "model.py", "--loss", "broken"], "'broken' failed on these weights"),
        (["measure", "model.py", "--weights", "w"], "--weights must name"),
        (["measure", "model.py", "--checkpoint", "none.npz"], "existing file"),
        (["measure", "model.py", "--checkpoint", "half.npz"], "could not be read"),
        (["measure", "model.py", "--fluctuation", "-1"], "--fluctuation must be a number >= 0"),
        (["measure", "model.py", "--precision", "0"], "precision must be a number > 0"),
        (["reproduce", "raman2020"], "PAPER must be one of raman2021"),
        (["reproduce", "raman2021", "fig9"], "FIGURE must be one of fig1"),
        (["reproduce", "raman2021", "--size", "huge"], "--size must be one of smoke, standard, full"),
        (["reproduce", "raman2021", "--out", "model.py/x"], "model.py"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, model, tmp_path):
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04 half a file")
    found = run(*arguments, cwd=model.parent)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_unknown_options_are_bad_usage(tmp_path):
    assert run("demo", "--speed", "9", cwd=tmp_path).returncode == 2


def test_reproduce_writes_what_the_contract_says(tmp_path):
    found = run("reproduce", "raman2021", "fig1", "--size", "smoke", "--out", "results", cwd=tmp_path)
    claims = json.loads((tmp_path / "results" / "claims.json").read_text())
    assert found.returncode == (0 if all(claim["holds"] for claim in claims) else 1)
    assert set(claims[0]) == {"paper", "figure", "name", "source", "expected", "tolerance", "measured", "holds"}
    for ending in ("png", "svg"):
        assert (tmp_path / "results" / f"raman2021-fig1.{ending}").stat().st_size > 10_000
    stored = xr.open_zarr(tmp_path / "results" / "raman2021-fig1.zarr")
    assert stored.attrs["size"] == "smoke"
    assert np.isfinite(stored.loss).all()


def test_ctrl_c_writes_the_partial_run_and_exits_130(tmp_path):
    command = [sys.executable, "-c", "from plastodyn.cli import main; main()"]
    arguments = ["reproduce", "raman2021", "fig5", "--size", "full", "--out", "out"]
    process = subprocess.Popen([*command, *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    time.sleep(40)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    stored = xr.open_zarr(tmp_path / "out" / "raman2021-fig5-partial.zarr")
    assert set(np.unique(stored.status)) <= {0, 1, 2}
    assert 0 < int((stored.status == 0).sum()) < stored.status.size
