"""Certificates by the command line: questions in TOML, exit codes, and bad questions."""

import json
import os

import pytest
from typer.testing import CliRunner

from plastodyn.app.cli import app
from plastodyn.app.questions import certify_file

SPECS = {
    "consolidation": ("[consolidation]\nalpha = 0.5\nmu = '2/5'\n", 0),
    "unstable": ("[linear]\nvertices = [[[1, 0], [0, -1]]]\n", 1),
    "unknown": ("[field]\nfunction = 'model.py:cubic'\nbox = [[-1, 1]]\n", 3),
    "field": ("[field]\nfunction = 'model.py:field'\nbox = [[-1, 1], [-1, 1]]\nlargest = true\n", 0),
}
MODEL = """
import jax.numpy as jnp

def field(z):
    return jnp.stack([z[1], -jnp.sin(z[0]) - z[1]])

def cubic(z):
    return -z**3
"""


@pytest.mark.parametrize("name", SPECS)
def test_command_line(tmp_path, name):
    text, code = SPECS[name]
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "spec.toml").write_text(text)
    out = tmp_path / "certificate.json"
    result = CliRunner().invoke(app, ["certify", str(tmp_path / "spec.toml"), "--out", str(out)])
    assert result.exit_code == code, result.output
    again = CliRunner().invoke(app, ["certify", "--recheck", str(out), "--json"])
    assert again.exit_code == code
    assert json.loads(again.output)["recheck"] is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[consolidation\n", "TOML"),
        ("[memory]\nalpha = 1\n", "consolidation"),
        ("[consolidation]\nalpha = 1\n", "missing"),
        ("[consolidation]\nalpha = 1\nmu = 0.1\nbeta = 2\n", "unknown"),
        ("[field]\nfunction = 'none.py:f'\nbox = [[-1, 1]]\n", "none.py"),
        ("[field]\nfunction = 'model.py:g'\nbox = [[-1, 1]]\n", "no function"),
        ("alpha = 1\n", "table"),
    ],
)
def test_bad_specifications_are_refused_by_name(tmp_path, text, message):
    (tmp_path / "model.py").write_text(MODEL)
    path = tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        certify_file(path)


def test_what_is_read_is_not_written_over_nor_waited_for(tmp_path, run_here):
    (tmp_path / "memory.toml").write_text('[consolidation]\nalpha = "1/2"\nmu = "1/10"\n')
    result = run_here("certify", "memory.toml", "--out", "memory.toml", cwd=tmp_path)
    assert (result.returncode, "must be another file" in result.stderr) == (2, True)
    assert (tmp_path / "memory.toml").read_text().startswith("[consolidation]")
    os.mkfifo(tmp_path / "pipe")
    result = run_here("certify", "--recheck", "pipe", cwd=tmp_path)
    assert (result.returncode, "must be a file" in result.stderr) == (2, True)
