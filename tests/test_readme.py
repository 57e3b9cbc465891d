"""Everything that the README shows runs."""

import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd

README = Path(__file__).parents[1] / "README.md"


def test_the_example_prints_what_the_readme_says(capsys):
    example, _ = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    curve = names["run"].loss.isel(step=slice(-101, None)).mean(["step", "replica"])
    assert 0 < curve.values.argmin() < len(curve) - 1
    assert 0 < names["answer"].ratio.mean() < 1
    assert "ratio" in capsys.readouterr().out
    said = re.search(r"prints, shortened,\n\n```\narray\(\[(.*?)\]\)\n.*?\n([\d.]+)\n```", README.read_text(), re.DOTALL)
    # Rounded to four and three decimals; other machines add up in another order.
    np.testing.assert_allclose([float(v) for v in said[1].split(",")], curve, atol=0.5001e-4, rtol=1e-3)
    found = names["answer"].ratio.mean().item()
    assert float(said[2]) == round(found, 2)
    assert f"a ratio of {curve.idxmin().item():g}, and equation 9 answers {found:.2f}" in README.read_text()


def test_its_calls_on_a_network_of_ones_own_answer():
    torch = pytest.importorskip("torch")
    _, calls = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    inputs = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    names = {
        "jax": jax,
        "pd": pd,
        "torch": torch,
        "loss": lambda w, batch: jnp.mean((batch @ w) ** 2),
        "weights": jnp.ones(3),
        "batches": pd.measure.sliced(inputs, 4),
        "module": torch.nn.Linear(3, 2),
        "loader": torch.utils.data.DataLoader([(torch.from_numpy(row), i % 2) for i, row in enumerate(inputs)], batch_size=4),
    }
    for call in calls.strip().splitlines():
        exec(compile(call, "README.md", "exec"), names)
        assert float(names["report"].hessian_trace.value) > 0


def test_its_commands_and_links_exist():
    text = README.read_text()
    root = README.parent
    makefile = (root / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, heading = link.partition("#")
        assert (root / path).exists()
        headings = re.findall(r"^#+ (.+)$", (root / path).read_text(), re.MULTILINE) if heading else []
        assert heading in ["", *(text.lower().replace(" ", "-") for text in headings)]


def test_its_certificate_is_made_and_checked(tmp_path):
    (specification,) = re.findall(r"```toml\n(\[consolidation\].*?)```", README.read_text(), re.DOTALL)
    commands = re.findall(r"^plastodyn (certify .*)$", README.read_text(), re.MULTILINE)
    (tmp_path / "memory.toml").write_text(specification)
    assert len(commands) == 2
    for command in commands:
        main = [sys.executable, "-c", "from plastodyn.app.cli import main; main()"]
        assert subprocess.run([*main, *command.split()], cwd=tmp_path, check=False).returncode == 0


def test_its_experiment_runs(tmp_path):
    (specification,) = re.findall(r"```toml\n(\[circuit\].*?)```", README.read_text(), re.DOTALL)
    commands = re.findall(r"^plastodyn ((?:run|show) .*)$", README.read_text(), re.MULTILINE)
    # A tenth of the points, steps and inputs: what is shown is that it runs; docs/examples are held against theory.
    small = [
        ("inputs = 200", "inputs = 20"),
        ("by = 0.2", "by = 1.8"),
        ("seeds = 4", "seeds = 1"),
        ("steps = 2000", "steps = 1000"),
    ]
    for whole, less in small:
        assert whole in specification
        specification = specification.replace(whole, less)
    (tmp_path / "my.toml").write_text(specification)
    assert len(commands) == 2
    for command in commands:
        main = [sys.executable, "-c", "from plastodyn.app.cli import main; main()"]
        assert subprocess.run([*main, *command.split()], cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "my.png").stat().st_size > 10_000
