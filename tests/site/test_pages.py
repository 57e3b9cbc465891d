"""Generated pages: figures and their claims, the command line, and the last look at what was built."""

import doctest
import json
from importlib import import_module

import pytest
import typer
from site_parts import command_line, figures, gallery
from site_parts.built_pages import blemishes

from plastodyn.app.cli import app
from plastodyn.papers import papers

CLAIM = {
    "paper": "raman2021",
    "figure": "fig1",
    "name": "a | claim",
    "source": "figure 1b",
    "expected": "<= 1",
    "tolerance": 0.0,
    "measured": 0.41145,
    "size": "smoke",
    "seed": 2021,
}


def _computed(tmp_path, *, holds=True, size="smoke"):
    """A gallery in which one figure was computed."""
    folder = tmp_path / size
    folder.mkdir()
    (folder / "claims.json").write_text(json.dumps([{**CLAIM, "holds": holds, "size": size}]))
    figures.picture(folder, "raman2021", "fig1", size).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("name", ["built_pages", "command_line", "figures", "tex"])
def test_the_examples_of_the_parts_run(name):
    found = doctest.testmod(import_module(f"site_parts.{name}"))
    assert found.attempted
    assert not found.failed


def test_a_figure_that_is_there_is_not_computed_again(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(figures, "reproduce", lambda paper, some, *rest, say: asked.extend((paper, f.name) for f in some))
    figures.compute(_computed(tmp_path), "smoke", None)
    every = [(paper.name, name) for paper in papers().values() for name in paper.figures]
    assert asked == [pair for pair in every if pair != ("raman2021", "fig1")]
    asked.clear()
    figures.compute(tmp_path, "smoke", ["raman2021/fig1", "alemi2024/fig4b"])
    assert asked == [("alemi2024", "fig4b")]
    asked.clear()
    figures.compute(tmp_path, "smoke", [])
    assert asked == []


def test_a_picture_without_its_claims_is_half_a_figure(tmp_path):
    picture = figures.picture(tmp_path / "smoke", "alemi2024", "fig1", "smoke")
    _computed(tmp_path)
    picture.write_bytes(b"")
    assert [entry.figure.name for entry in figures.shown(tmp_path, "smoke") if entry.picture] == ["fig1"]


def test_a_figure_that_no_paper_has_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^figures must be among raman2021/fig1, .*; got raman2021/fig9$"):
        figures.compute(tmp_path, "smoke", ["raman2021/fig9"])


def test_ctrl_c_is_told(tmp_path, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(figures, "reproduce", interrupted)
    monkeypatch.setattr("sys.argv", ["figures", "--size", "smoke", "--out", str(tmp_path), "all"])
    assert figures.main() == 130
    assert "are kept" in capsys.readouterr().out


def test_the_gallery_has_every_figure_and_says_which_were_not_computed(tmp_path):
    found = figures.shown(_computed(tmp_path), "smoke")
    text = gallery.sections(found, "smoke")
    for paper in papers().values():
        for figure in paper.figures.values():
            assert f"(gallery-{paper.name}-{figure.name})=\n### {figure.name}: " in text
    count = sum(len(paper.figures) for paper in papers().values())
    assert text.count("Not computed in this build") == count - 1
    assert text.count(":::{figure} /gallery_data/smoke/") == 1
    assert f"1 of {count} figures were computed for this site, at size `smoke`" in gallery.summary(found, "smoke")


@pytest.mark.parametrize(("holds", "said"), [(True, "yes"), (False, "**no**"), (None, "not decided at this size")])
def test_a_claim_is_a_row(tmp_path, holds, said):
    text = gallery.sections(figures.shown(_computed(tmp_path, holds=holds), "smoke"), "smoke")
    assert f"| a \\| claim | figure 1b | \\<= 1 | 0 | 0.411 | {said} |" in text


def test_the_page_of_a_paper_has_its_pictures_only(tmp_path):
    _computed(tmp_path)
    mine = [entry for entry in figures.shown(tmp_path, "smoke") if entry.paper.name == "raman2021"]
    text = gallery.pictures(mine, "smoke")
    assert "{ref}`claims <gallery-raman2021-fig1>`" in text
    others = ", ".join(f"`{name}`" for name in papers()["raman2021"].figures if name != "fig1")
    assert f"Not computed in this build: {others}." in text


def test_every_command_option_and_example_is_on_the_page():
    text = command_line.commands()
    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        assert f"\n## plastodyn {name}\n" in text
        options = [option for option in command.params if option.param_type_name == "option"]
        assert all(f"`{name}`" in text for option in options for name in option.opts)
        if "plastodyn" in (command.epilog or ""):
            assert f"\nplastodyn {name} " in text
    assert "`-h`, `--help`" in text
    assert "[bold]" not in text
    assert "A SPEC holds one table: [consolidation] alpha" in text
    assert "Instead of `--signs`" in text


def test_examples_are_lines_of_their_own():
    assert command_line.epilog("Examples: plastodyn a b    plastodyn c\nA word *more*") == [
        "```shell\nplastodyn a b\nplastodyn c\n```",
        "```text\nA word *more*\n```",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "/work/main/x.py",
        "see /tmp/tmpabc/bowl.zarr",
        "/home/me/a",
        "FutureWarning: x is old",
        "WARNING:root: no",
        "/root/.venv",
    ],
)
def test_blemishes_are_found(text):
    assert blemishes(f"<p>{text}</p>")


@pytest.mark.parametrize("text", ["1/home", "the Warning", "docs/tmp/x", "a / work", '<a href="/work/x">x</a>', "tanh/opt/1"])
def test_what_is_none_is_left_alone(text):
    assert not blemishes(f"<p>{text}</p>")
