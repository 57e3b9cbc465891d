"""The command line as a user meets it: real processes, exit codes, one-line errors."""

import importlib.metadata
import json
import signal
import subprocess
import sys
import time
import types

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from safetensors.numpy import save_file

import plastodyn as pd
from plastodyn.app.reproduce import read_claims
from plastodyn.app.user_model import Asked, Flips, load_with_signs
from plastodyn.papers import Claim


def run(*arguments, cwd):
    command = [sys.executable, "-c", "from plastodyn.app.cli import run; run()", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


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


def test_help_has_examples(tmp_path, run_here):
    for command in ("list", "demo", "reproduce", "measure", "stability", "estimate", "doctor"):
        found = run_here(command, "--help", cwd=tmp_path)
        assert found.returncode == 0
        assert "Example" in found.stdout


def test_list_as_json_names_papers_figures_and_sizes(tmp_path):
    found = json.loads(run("list", "--json", cwd=tmp_path).stdout)
    assert [paper["paper"] for paper in found] == ["raman2021", "ninou2025", "alemi2024", "hays2026", "raman2019"]
    assert [f["figure"] for f in found[0]["figures"]][:4] == ["fig1", "fig5", "fig5s1", "table2"]
    assert set(found[0]["figures"][0]["seconds"]) == {"smoke", "standard", "full"}


@pytest.mark.slow
def test_doctor_passes_its_self_check(tmp_path):
    found = run("doctor", "--json", cwd=tmp_path)
    assert found.returncode == 0
    told = json.loads(found.stdout)
    assert told["self_check"] == "passed"
    assert {"memory_free", "extra_certify", "extra_torch"} <= set(told)


@pytest.mark.slow
def test_measure_a_file_and_checkpoints(model, tmp_path, run_here):
    found = json.loads(run_here("measure", model, "--fluctuation", 0.1, "--json", cwd=tmp_path).stdout)
    assert found["weights"] == 17
    assert found["state"] == "highly trained"
    # The closed-form answer for the known spectrum; Lanczos with as many steps as weights is exact but for its probes.
    assert found["curvature_of_fluctuations"] == pytest.approx(2.5, abs=5 * found["curvature_of_fluctuations_error"])
    assert found["best_plasticity"] == pytest.approx(0.1 * found["stationary_ratio"])
    arrays = {"a": np.ones((4, 3), np.float32), "b": np.full(5, 0.5, np.float32)}
    np.savez(tmp_path / "w.npz", **arrays)
    save_file(arrays, tmp_path / "w.safetensors")
    for name in ("w.npz", "w.safetensors"):
        again = run_here("measure", model, "--checkpoint", name, "--fluctuation", 0.1, "--json", cwd=tmp_path)
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
        (["reproduce", "raman2020"], "PAPER must be one of raman2021, ninou2025"),
        (["reproduce", "raman2021", "fig9"], "FIGURE must be one of fig1"),
        (["reproduce", "raman2021", "--size", "huge"], "--size must be one of smoke, standard, full"),
        (["reproduce", "raman2021", "--out", "model.py/x"], "model.py"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, model, tmp_path, run_here):
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04 half a file")
    found = run_here(*arguments, cwd=model.parent)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_model_that_exits_or_is_called_like_a_library(tmp_path, run_here):
    """It ends in one line, and takes the place of nothing; what lies next to it can be imported."""
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(0)\n")
    found = run_here("measure", "exits.py", cwd=tmp_path)
    assert (found.returncode, "could not be run: SystemExit" in found.stderr) == (2, True)
    (tmp_path / "beside_it.py").write_text("scale = 2.0\n")
    model = """
import jax.numpy as jnp
from beside_it import scale
weights = jnp.ones(3)
def loss(w):
    return scale * jnp.sum(w**2)
"""
    (tmp_path / "numpy.py").write_text(model)
    found = run_here("measure", "numpy.py", "--json", cwd=tmp_path)
    assert json.loads(found.stdout)["weights"] == 3
    assert sys.modules["numpy"] is np


def test_version_help_and_debug(model, run_here, tmp_path):
    assert run_here("--version", cwd=tmp_path).stdout == f"plastodyn {importlib.metadata.version('plastodyn')}\n"
    assert run_here("measure", "-h", cwd=tmp_path).stdout == run_here("measure", "--help", cwd=tmp_path).stdout
    arguments = ("measure", model, "--loss", "broken")
    plain, told = run_here(*arguments, cwd=tmp_path), run_here("--debug", *arguments, cwd=tmp_path)
    assert plain.returncode == told.returncode == 2
    assert "Traceback" not in plain.stderr
    # The user's own line.
    assert 'return jnp.ones(3) @ w["a"]' in told.stderr


def test_unknown_options_are_bad_usage(tmp_path, run_here):
    assert run_here("demo", "--speed", "9", cwd=tmp_path).returncode == 2


def test_reproduce_writes_what_the_contract_says(tmp_path):
    found = run("reproduce", "alemi2024", "fig2ab", "--size", "smoke", "--out", "results", "--workers", 1, cwd=tmp_path)
    claims = json.loads((tmp_path / "results" / "claims.json").read_text())
    assert found.returncode == (1 if any(claim["holds"] is False for claim in claims) else 0)
    assert set(claims[0]) == {*Claim._fields, "size", "seed"}
    for ending in ("png", "svg"):
        assert (tmp_path / "results" / f"alemi2024-fig2ab.{ending}").stat().st_size > 10_000
    stored = xr.open_zarr(tmp_path / "results" / "alemi2024-fig2ab.zarr")
    assert stored.attrs["size"] == "smoke"
    assert np.isfinite(stored.lyapunov).all()


def test_claims_of_all_runs_stay_in_one_file(quick_figure, run_here, tmp_path):
    """By paper, figure, name and size: a second run of the same replaces them, another size stands beside."""
    for size, holds in (("smoke", (True, None)), ("standard", (True, True)), ("smoke", (True, True))):
        quick_figure(*holds)
        found = run_here("reproduce", "alemi2024", "fig1", "--size", size, "--out", "out", cwd=tmp_path)
        assert (found.returncode, found.stderr.count("a claim of")) == (0, 0)
        assert ("not decided" in found.stdout) == (None in holds)
    kept = [(entry["name"], entry["size"], entry["holds"], entry["seed"]) for entry in read_claims(tmp_path / "out")]
    assert kept == [(f"claim {i}", size, True, 2021) for size in ("standard", "smoke") for i in (0, 1)]


def test_a_smaller_size_does_not_take_the_place_of_a_larger_one(quick_figure, run_here, tmp_path):
    quick_figure(True)
    for size in ("smoke", "standard", "smoke", "full"):
        run_here("reproduce", "alemi2024", "fig1", "--size", size, "--out", "out", cwd=tmp_path)
    stored = {place.name: xr.open_zarr(place).attrs["size"] for place in (tmp_path / "out").glob("*.zarr")}
    assert stored == {"alemi2024-fig1.zarr": "full", "alemi2024-fig1-smoke.zarr": "smoke"}
    assert (tmp_path / "out" / "alemi2024-fig1-smoke.png").exists()


def test_claims_of_an_earlier_version_go_with_its_run(quick_figure, run_here, tmp_path):
    for holds in ((True, True, True), (True,)):
        quick_figure(*holds)
        run_here("reproduce", "alemi2024", "fig1", "--size", "smoke", "--out", "out", cwd=tmp_path)
    assert [entry["name"] for entry in read_claims(tmp_path / "out")] == ["claim 0"]


def test_the_exit_of_reproduce_names_what_failed(quick_figure, run_here, tmp_path):
    quick_figure(True, False, None, False)
    found = run_here("reproduce", "alemi2024", "fig1", "--size", "smoke", "--seed", 5, cwd=tmp_path)
    assert found.returncode == 1
    said = [line for line in found.stderr.splitlines() if "fails" in line]
    assert said == [f"plastodyn: a claim of alemi2024 fails at size smoke, seed 5: fig1, claim {i}" for i in (1, 3)]


@pytest.mark.parametrize("content", ["", "{", "3", "[3]", '[{"paper": "raman2021"}]', '{"paper": 1}'])
def test_claims_that_are_none_are_not_written_over(content, quick_figure, run_here, tmp_path):
    quick_figure(True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "claims.json").write_text(content)
    found = run_here("reproduce", "alemi2024", "fig1", "--out", "out", cwd=tmp_path)
    assert (found.returncode, len(found.stderr.strip().splitlines())) == (2, 1)
    assert "must hold the claims of earlier runs" in found.stderr
    assert (tmp_path / "out" / "claims.json").read_text() == content


RECORDS = """
import signal
import time
from plastodyn.simulation.ensemble import Ensemble

keep, pressed = Ensemble._keep, []
def told(self, reached, group):
    keep(self, reached, group)
    if not pressed and reached.stop > min(window.start for window in self.windows):
        # Waits here, or it might have ended before the signal comes.
        handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *arguments: pressed.append(handler(*arguments)))
        print("recorded", flush=True)
        while not pressed:
            time.sleep(0.01)
        signal.signal(signal.SIGINT, handler)
Ensemble._keep = told

from plastodyn.app.cli import run
run()
"""


def test_ctrl_c_writes_the_partial_run_and_exits_130(tmp_path):
    """Interrupted once the first steps have been recorded, which it says; the whole figure would take minutes."""
    arguments = ["reproduce", "raman2021", "beyond1", "--size", "full", "--out", "out"]
    code, errors = interrupted(RECORDS, arguments, tmp_path, lambda process: next(iter(process.stdout), None))
    assert (code, "Traceback" in errors) == (130, False)
    place = tmp_path / "out" / "raman2021-beyond1-partial.zarr"
    assert str(place.relative_to(tmp_path)) in errors
    stored = xr.open_zarr(place)
    meanings = dict(zip(stored.status.attrs["flag_meanings"].split(), stored.status.attrs["flag_values"], strict=True))
    assert set(np.unique(stored.status)) == {meanings["interrupted"]}
    recorded = np.isfinite(stored.loss).any([dim for dim in stored.loss.dims if dim != "step"])
    assert 0 < int(recorded.sum()) < stored.step.size


@pytest.mark.slow
def test_ctrl_c_in_a_sweep_says_where_its_finished_parts_are(tmp_path):
    """Interrupted once a part of the sweep is in its store."""
    arguments = ["reproduce", "ninou2025", "fig5c", "--size", "standard", "--out", "out"]
    script = RECORDS.replace("Ensemble._keep = told", "")

    def stored(process):
        while process.poll() is None and not any((tmp_path / "out" / "sweeps").glob("*/chunk_status/c/**/*")):
            time.sleep(0.05)

    code, errors = interrupted(script, arguments, tmp_path, stored)
    assert (code, "Traceback" in errors) == (130, False)
    assert "finished parts of sweeps are kept in out/sweeps, and the same command goes on from them" in " ".join(errors.split())
    (place,) = (tmp_path / "out" / "sweeps").glob("*.zarr")
    found = pd.sweeps.status(place)
    assert 0 < found.members_done < found.members


def interrupted(script, arguments, directory, wait):
    """Exit code and messages of a command that is interrupted after ``wait``."""
    with (directory / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments], cwd=directory, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            wait(process)
            process.send_signal(signal.SIGINT)
            process.communicate()
        finally:
            process.kill()
            process.wait()
    return process.returncode, (directory / "errors").read_text()


FLIPPABLE = """
import jax.numpy as jnp
import plastodyn as pd

weights = {"hidden": jnp.array([[1.0, 0.0], [0.0, 0.5], [0.0, 0.0]]), "readout": jnp.array([[2.0, 1.0, 1.0]])}
signs = {"hidden": jnp.array([[1], [1], [1]]), "readout": jnp.array([[-1, -1, -1]])}
by_neuron = pd.rules.presynaptic(1.0, layer=1)
wrong = {"hidden": 1}
target = weights["readout"] @ weights["hidden"]

def loss(w):
    return 0.5 * jnp.sum((w["readout"] @ w["hidden"] - target) ** 2)
"""


@pytest.fixture
def flippable(tmp_path):
    path = tmp_path / "flippable.py"
    path.write_text(FLIPPABLE)
    return path


@pytest.mark.slow
def test_stability_by_name_and_by_fraction(flippable, run_here):
    """W2 flipped: J = |w2|^2 - W1'W1 = diag(5, 5.75) is positive. All inputs flipped: -J is, and both directions grow."""
    quick = ("--rate", 0.05, "--steps", 200, "--json")
    named = [
        json.loads(run_here("stability", flippable, "--signs", name, *quick, cwd=flippable.parent).stdout)
        for name in ("signs", "by_neuron")
    ]
    assert named[1].pop("flipped").startswith("the first 3 of 3 presynaptic neurons of weights['readout'], shape (1, 3)")
    assert named[0] == named[1]
    assert named[0]["verdict"] == "stable"
    assert (named[0]["flipped_share"], named[0]["unstable"], named[0]["lyapunov_exponent"]) == (3 / 9, 0, None)
    flips = run_here("stability", flippable, "--flip", 1, "--layer", 0, *quick, cwd=flippable.parent)
    found = json.loads(flips.stdout)
    assert found["flipped"].startswith("the first 2 of 2 presynaptic neurons of weights['hidden'], shape (3, 2)")
    # J = W1'W1 - |w2|^2 = diag(-5, -5.75), to the accuracy of single precision.
    assert found["growth_rate"] == pytest.approx(np.log1p(0.05 * 5.75), rel=1e-5)
    assert (found["unstable"], found["flipped_share"]) == (2, 6 / 9)


@pytest.mark.slow
def test_stability_prints_a_table_and_a_sentence(flippable):
    found = run("stability", flippable, "--signs", "signs", "--rate", 0.05, "--steps", 200, cwd=flippable.parent)
    assert found.returncode == 0
    assert "growth rate unflipped" in found.stdout
    assert found.stdout.strip().splitlines()[-1].startswith("The flips leave the solution stable")


def test_layout_tells_which_side_of_a_matrix_is_presynaptic():
    def signs(side, layout):
        flips = Flips(fraction=1 / 3, layer=0, side=side, layout=layout)
        return load_with_signs(Asked("cli_layout_model"), flips, print)[1]

    model = types.ModuleType("cli_layout_model")
    model.weights, model.loss = {"w": np.ones((3, 6), np.float32)}, lambda w: (w["w"] ** 2).sum()
    sys.modules["cli_layout_model"] = model
    try:
        for side, layout, shape in (
            ("presynaptic", "outputs-inputs", (1, 6)),
            ("postsynaptic", "outputs-inputs", (3, 1)),
            ("presynaptic", "inputs-outputs", (3, 1)),
            ("postsynaptic", "inputs-outputs", (1, 6)),
        ):
            found = np.asarray(signs(side, layout).signs({"w": jnp.ones((3, 6))})["w"])
            assert found.shape == shape
            assert (found < 0).sum() == max(shape) // 3
    finally:
        del sys.modules["cli_layout_model"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of --signs NAME and --flip FRACTION"),
        (["--signs", "signs", "--flip", "0.2"], "give one of --signs NAME and --flip FRACTION"),
        (["--signs", "sings"], "--signs must name signs in flippable.py"),
        (["--signs", "wrong"], "signs must have the structure of the weights"),
        (["--signs", "target"], "signs must have the structure of the weights"),
        (["--flip", "1.2"], "--flip must be a number >= 0 and <= 1"),
        (["--flip", "0.2", "--layer", "2"], "layer must be below the number of weight matrices; got 2, and 2 arrays"),
        (["--flip", "0.2", "--side", "left"], "--side must be one of presynaptic, postsynaptic"),
        (["--flip", "0.2", "--layout", "columns"], "--layout must be one of outputs-inputs, inputs-outputs"),
        (["--flip", "0.2", "--keep", "shape"], "keep must be one of None, norm, sign"),
        (["--flip", "0.2", "--steps", "150"], "steps must be a multiple of 100"),
        (["--flip", "0.2", "--rate", "-1"], "rate must be a number > 0"),
    ],
)
def test_bad_flips_are_one_line_and_exit_code_2(arguments, message, flippable, run_here):
    found = run_here("stability", "flippable.py", "--rate", 0.05, *arguments, cwd=flippable.parent)
    assert found.returncode == 2
    assert message in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
