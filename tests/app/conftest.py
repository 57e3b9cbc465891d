"""The command line in the tests' own process, and figures that cost nothing."""

import sys
import types

import matplotlib.pyplot as plt
import pytest
import xarray as xr

from plastodyn.app.cli import main
from plastodyn.papers import Claim, Reproduction


@pytest.fixture
def run_here(monkeypatch, capsys):
    """The command in this process: for errors, which need no process of their own."""

    def run_here(*arguments, cwd):
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["plastodyn", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return types.SimpleNamespace(returncode=ended.value.code, stdout=said.out, stderr=said.err)

    return run_here


@pytest.fixture
def quick_figure(monkeypatch):
    """Stands for the figures of any paper: an empty picture, and claims that a test decides."""

    def use(*holds):
        claims = [Claim("alemi2024", "fig1", f"claim {i}", "a test", 1.0, 0.1, 2.0, held) for i, held in enumerate(holds)]
        made = Reproduction(xr.Dataset({"x": 1.0}), plt.figure(), tuple(claims))
        figure = types.SimpleNamespace(name="fig1", title="", seconds=seconds, runs_of=None, make=lambda *_: made)
        monkeypatch.setattr("plastodyn.papers.select", lambda *_: [figure])

    seconds = dict.fromkeys(("smoke", "standard", "full"), 1)
    return use
