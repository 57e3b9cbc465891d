"""Everything that the README shows runs."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs_and_shows_a_sweet_spot(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    curve = names["run"].loss.isel(step=slice(-101, None)).mean(["step", "replica"]).values
    assert 0 < curve.argmin() < len(curve) - 1
    assert 0 < names["answer"].ratio.mean() < 1
    assert "ratio" in capsys.readouterr().out


def test_its_commands_and_links_exist():
    text = README.read_text()
    root = README.parent
    makefile = (root / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (root / link).exists()


def test_its_certificate_is_made_and_checked(tmp_path):
    (specification,) = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    commands = re.findall(r"^plastodyn (certify .*)$", README.read_text(), re.MULTILINE)
    (tmp_path / "memory.toml").write_text(specification)
    assert len(commands) == 2
    for command in commands:
        main = [sys.executable, "-c", "from plastodyn.app.cli import main; main()"]
        assert subprocess.run([*main, *command.split()], cwd=tmp_path, check=False).returncode == 0
