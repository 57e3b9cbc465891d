"""plastodyn estimate: what it prints, of which table, and how it refuses."""

import json

import jax
import numpy as np
import pytest
from connectomes import crossed

from plastodyn import synapses
from plastodyn.app.synapse_answers import shared_report


@pytest.fixture
def table(tmp_path, key):
    found = synapses.simulated(40, shared=0.5, key=key, error=0.3)
    columns = [each.tolist() for each in (found.axon, found.dendrite, 10**found.value, 10**found.second)]
    path = tmp_path / "synapses.csv"
    path.write_text(
        "axon,dendrite,size,second_size\n" + "".join(f"{a},{d},{s},{t}\n" for a, d, s, t in zip(*columns, strict=True))
    )
    return path


def test_its_json_is_what_the_library_says(table, run_here):
    ran = run_here("estimate", table, "--json", "--seed", 3, "--draws", 500, cwd=table.parent)
    found = json.loads(ran.stdout)
    answer = synapses.estimate(synapses.read(table), key=jax.random.key(3), draws=500)
    assert ran.returncode == 0
    assert [found[n] for n in ("r", "r_standard_error", "r_low", "r_high")] == list(answer.pairs.r)
    assert [found[n] for n in ("ratio", "ratio_low", "ratio_high")] == [answer.ratio.value, answer.ratio.low, answer.ratio.high]
    assert (found["pairs"], found["rows_read"], found["rows_used"], found["left_out"]) == (40, 80, 80, None)
    assert found["r_disattenuated"] == answer.disattenuated.value
    assert found["independent"] == answer.independent.value
    assert found["mean_square_within"] == answer.pairs.squares.within
    assert found["r_same_dendrite"] is None
    assert (found["verdict"], found["answer"]) == (answer.verdict, answer.answer)
    assert all(each in found["caveats"] for each in answer.caveats)


def test_every_correlation_is_told_by_its_name(key):
    table = crossed(4, 5, np.random.default_rng(0), axon=1.0)._replace(left_out={"no size above 0": 3, "other": 1})
    found = synapses.estimate(table, key=key, draws=100)
    report = shared_report(table, found)
    for suffix, groups, each in (
        ("", "pairs", found.pairs),
        ("_all", "connections", found.connections),
        ("_same_dendrite", "dendrites", found.same_dendrite),
        ("_same_axon", "axons", found.same_axon),
    ):
        assert tuple(report[f"r{suffix}{end}"] for end in ("", "_standard_error", "_low", "_high")) == each.r
        assert (report[f"mean_square_between{suffix}"], report[f"mean_square_within{suffix}"]) == each.squares[:2]
        assert report[groups] == each.squares.groups
    assert report["left_out"] == "no size above 0: 3; other: 1"
    assert report["bootstrap_share_above_1"] == found.above_one


def test_it_draws_a_picture_and_says_where(table, run_here):
    ran = run_here("estimate", table, "--draws", 100, "--out", "out/pairs.svg", cwd=table.parent)
    assert ran.returncode == 0
    assert "wrote out/pairs.svg" in ran.stderr
    assert (table.parent / "out" / "pairs.svg").read_text().startswith("<?xml")
    assert "not shared by synapses" in ran.stdout


def test_changes_are_recognised_or_named(tmp_path, run_here):
    rng = np.random.default_rng(0)
    rows = [("on", x) for x in 2 * rng.normal(size=50)] + [("blocked", x) for x in rng.normal(size=50)]
    text = "".join(f"{condition},{change}\n" for condition, change in rows)
    (tmp_path / "changes.csv").write_text("condition,change\n" + text)
    (tmp_path / "other.csv").write_text("drug,d\n" + text)
    one = run_here("estimate", "changes.csv", "--json", cwd=tmp_path)
    other = run_here("estimate", "other.csv", "--json", "--change", "d", "--condition", "drug", cwd=tmp_path)
    found = json.loads(one.stdout)
    assert found == json.loads(other.stdout)
    on, blocked = (np.array([x for each, x in rows if each == which]) for which in ("on", "blocked"))
    assert found["independent"] == pytest.approx(blocked.var(ddof=1) / on.var(ddof=1))
    assert (found["changes_on"], found["changes_blocked"]) == (50, 50)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "volume"], "size must be a heading of the table"),
        (["--source", "nowhere"], "source must be one of plain, microns, kasthuri"),
        (["--change", "size", "--axon", "axon"], "not both"),
        (["--out", "pairs.txt"], "--out must be a file ending in .png, .svg or .pdf"),
        (["--change", "size", "--out", "pairs.png"], "--out draws pairs of synapses"),
        (["--draws", "10"], "--draws"),
    ],
)
def test_it_refuses_in_one_line(table, run_here, arguments, said):
    ran = run_here("estimate", table.name, *arguments, cwd=table.parent)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
