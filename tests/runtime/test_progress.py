"""The progress bar where it cannot be drawn."""

import warnings

import pytest
import rich.console

from plastodyn.runtime import progress


@pytest.mark.parametrize("in_notebook", [False, True])
def test_a_pipe_or_a_notebook_without_widgets_sees_nothing(monkeypatch, capsys, in_notebook):
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: in_notebook)
    # Set by the kernel of a notebook, to make programs use colours.
    monkeypatch.setenv("FORCE_COLOR", "1" if in_notebook else "")
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with progress.Bar("work", total=2) as bar:
            bar.advance(1)
            bar.advance(1)
    assert capsys.readouterr() == ("", "")
