"""`plastodyn measure` on minibatches: JAX losses and PyTorch modules, from files and by name."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

MODEL = """
import jax.numpy as jnp
import numpy as np
weights = {"layer": {"w": jnp.ones((3, 1))}}
source = np.random.default_rng(0)
x = source.normal(size=(40, 3)).astype("float32")
batches = [{"x": x[i : i + 10], "y": x[i : i + 10].sum(1)} for i in range(0, 40, 10)]
def loss(w, batch):
    kernel = w["layer"]["w"] if "layer" in w else w["w"]
    return 0.5 * jnp.mean(((batch["x"] @ kernel)[:, 0] - batch["y"] - 1.0) ** 2)
def counted():
    return batches
"""
TORCH = """
import numpy as np
import torch
torch.manual_seed(0)
network = torch.nn.Linear(3, 2)
def make():
    return torch.nn.Linear(3, 2)
loader = torch.utils.data.DataLoader([(torch.ones(3) * i, i % 2) for i in range(20)], batch_size=5)
def halved(outputs, targets):
    return 0.5 * torch.nn.functional.cross_entropy(outputs, targets)
"""


@pytest.fixture
def here(tmp_path):
    """A directory of models, weights and data."""
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "net.py").write_text(TORCH)
    source = np.random.default_rng(0)
    inputs = source.normal(size=(40, 3)).astype("float32")
    np.savez(tmp_path / "data.npz", x=inputs, y=inputs.sum(1))
    np.savez(tmp_path / "labels.npz", x=inputs, y=source.integers(0, 2, 40))
    save_file({"w": np.ones((3, 1), "float32")}, tmp_path / "w.safetensors")
    return tmp_path


def _answer(run_here, here, *arguments):
    ended = run_here("measure", *arguments, "--budget", "60", "--json", cwd=here)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_loss_with_weights_and_data_from_files(run_here, here):
    """The issue's command; a linear model whose Hessian is the second moment of its inputs."""
    found = _answer(run_here, here, "model.py:loss", "--weights", "w.safetensors", "--data", "data.npz", "--batch", "8")
    inputs = np.load(here / "data.npz")["x"].astype(float)
    trace, exact = found["estimates"]["hessian_trace"], (inputs**2).mean(0).sum()
    assert abs(trace["value"] - exact) < 5 * trace["standard_error"]
    assert found["estimates"]["loss"]["value"] == pytest.approx(0.5, rel=1e-5)
    assert found["examples"] == 40


@pytest.mark.parametrize("data", ["batches", "model.py:batches", "counted"])
def test_minibatches_by_name(run_here, here, data):
    assert _answer(run_here, here, "model.py", "--data", data)["estimates"]["loss"]["value"] == pytest.approx(0.5, rel=1e-5)


def test_a_page_a_table_and_a_file_to_go_on_from(run_here, here):
    arguments = ("measure", "model.py", "--data", "batches", "--budget", "60", "--out", "page.png", "--resume", "kept.npz")
    ended = run_here(*arguments, cwd=here)
    assert ended.returncode == 0, ended.stderr
    assert (here / "page.png").stat().st_size > 10_000
    assert (here / "kept.npz").exists()
    assert "hessian trace" in ended.stdout
    assert "times their size" in ended.stdout
    other = run_here(*arguments[:5], "61", *arguments[6:], "--seed", "1", cwd=here)
    assert other.returncode == 2
    assert "belongs to another network" in other.stderr


def test_a_torch_module_with_its_loader(run_here, one_torch_thread, here):
    found = _answer(run_here, here, "--torch", "net.py:network", "--loss", "cross_entropy", "--data", "net.py:loader")
    assert found["weights"] == 8
    half = _answer(run_here, here, "--torch", "net.py:network", "--loss", "net.py:halved", "--data", "net.py:loader")
    assert half["estimates"]["loss"]["value"] == pytest.approx(found["estimates"]["loss"]["value"] / 2, rel=1e-5)
    assert "eval mode" in found["answer"]


def test_a_torch_checkpoint_and_arrays(run_here, one_torch_thread, here):
    torch = pytest.importorskip("torch")
    torch.save({"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}, here / "zeros.pt")
    found = _answer(run_here, here, "--torch", "net.py:make", "--weights", "zeros.pt", "--data", "labels.npz")
    assert found["estimates"]["loss"]["value"] == pytest.approx(np.log(2), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of MODEL and --torch"),
        (["model.py", "--torch", "net.py:network"], "give one of MODEL and --torch"),
        (["--torch", "net.py:network"], "--data must be given with --torch"),
        (["--torch", "net.py", "--data", "net.py:loader"], "--torch must be MODULE:NAME"),
        (["--torch", "net.py:loader", "--data", "net.py:loader"], "--torch must name a torch.nn.Module"),
        (["--torch", "net.py:nothing", "--data", "net.py:loader"], "--torch must name something in net.py"),
        (["--torch", "net.py:network", "--loss", "no_such", "--data", "net.py:loader"], "--loss must be a name in torch.nn"),
        (["--torch", "net.py:network", "--data", "net.py:halved"], "--data must be a function that needs no argument"),
        (["--torch", "net.py:network", "--weights", "data.npz", "--data", "net.py:loader"], "--weights"),
        (["--torch", "net.py:network", "--weights", "no.pt", "--data", "net.py:loader"], "--weights must be an existing file"),
        (["model.py", "--data", "no.npz"], "--data must be an existing file"),
        (["model.py", "--data", "nothing"], "--data must name something in model.py"),
        (["model.py", "--data", "weights"], "batches must be a list of minibatches"),
        (["model.py:loss", "--loss", "other", "--data", "batches"], "--loss must be given once"),
        (["model.py", "--resume", "kept.npz"], "--resume must be given with --data only"),
        (["model.py", "--out", "page.png"], "--out must be given with --data only"),
        (["model.py", "--data", "batches", "--out", "page.txt"], "--out must end in .png"),
        (["model.py", "--data", "batches", "--budget", "10"], "--budget"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(run_here, here, arguments, message):
    pytest.importorskip("torch")
    ended = run_here("measure", *arguments, cwd=here)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["model.py", "--data", "batches"],
        ["model.py:loss", "--data", "data.npz", "--weights", "w.safetensors"],
        ["--torch", "net.py:network", "--data", "net.py:loader"],
        # Arrays for a module are also those of `test_a_torch_checkpoint_and_arrays`.
        pytest.param(["--torch", "net.py:network", "--data", "labels.npz"], marks=pytest.mark.slow),
    ],
)
def test_stability_takes_the_same_models(run_here, one_torch_thread, here, arguments):
    ended = run_here("stability", *arguments, "--flip", "1", "--rate", "0.01", "--steps", "0", "--json", cwd=here)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["unstable"] >= 1
    assert found["unstable_unflipped"] == 0
