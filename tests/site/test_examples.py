"""The examples of experiments as files: they are read, and what they simulate is what theory says."""

import json
import re
import shutil

import numpy as np
import pytest
import xarray as xr
from page_blocks import DOCS, Shell, blocks_of

from plastodyn import experiments

EXAMPLES = sorted((DOCS / "examples").glob("*.toml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_they_are_read_and_shown(file):
    document = experiments.read(file)
    assert experiments.parse(experiments.dump(document), file.name) == document
    for page in ("experiments.md", "cluster.md")[: 2 if file.stem == "synchrony" else 1]:
        assert f"examples/{file.name}" in (DOCS / page).read_text()
    for name in experiments.code_of(document):
        assert f"examples/{name}" in (DOCS / "experiments.md").read_text()


def test_other_files_of_the_page_are_read():
    rest = """
    [circuit]
    name = "student_teacher"
    widths = [3, 2]
    [axes]
    fraction = [0.0, 0.5]
    [run]
    steps = 3
    """
    blocks = [block.text for block in blocks_of((DOCS / "experiments.md").read_text()) if block.language == "toml"]
    whole = [text for text in blocks if "[axes]" in text]
    rules = [text for text in blocks if text.startswith("[rule]")]
    assert len(whole) == len(rules) == 1
    for text in (whole[0], rest + rules[0]):
        experiments.check(experiments.parse(text))


def test_tables_of_the_page_have_all_keys():
    page = (DOCS / "experiments.md").read_text()
    found = experiments.schema()
    for name, table in (("Run", "Run"), ("Record", "Record"), ("Analysis", "Analysis")):
        section = re.search(rf"^### {table}\n(.*?)^##", page, re.DOTALL | re.MULTILINE)[1]
        known = set(found["$defs"][name]["properties"])
        first = {key for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
        assert first == known - ({"function"} if name == "Record" else set())
    tables = set(re.findall(r"`\[{1,2}(\w+)", page))
    assert set(found["properties"]) - {"title", "seed"} <= tables


def _run(name, tmp_path):
    return experiments.run(DOCS / "examples" / f"{name}.toml", tmp_path / "s.zarr", workers=2, progress=False).load()


@pytest.mark.slow
def test_the_commands_of_the_page_find_the_sweet_spot_where_theory_puts_it(tmp_path):
    shutil.copy(DOCS / "examples" / "sweet_spot.toml", tmp_path)
    shell = Shell(tmp_path)
    for block in blocks_of((DOCS / "experiments.md").read_text()):
        if block.language == "shell":
            shell.run(block.text, tmp_path)
    experiments.read(tmp_path / "mine.toml")
    assert json.loads((tmp_path / "plastodyn.schema.json").read_text()) == experiments.schema()
    found = xr.open_zarr(tmp_path / "sweet_spot.zarr", chunks=None).load()
    # Each network beside its own theory; where the slowest directions have not settled the loss is below it.
    share = found.loss.mean("replica") / found.stationary
    error = share.std("network", ddof=1) / 2
    settled = share.mean("network").sel(ratio=slice(0.6, None))
    assert np.all(settled - 1 < 4 * error.sel(ratio=slice(0.6, None)))
    assert abs(float(settled.mean()) - 1) < 0.03
    assert float(share.min()) > 0.8
    simulated = found.loss.mean(["replica", "network"]).idxmin("ratio")
    # To the spacing of the grid.
    assert np.all(abs(simulated - found.best_ratio.mean("network").isel(ratio=0)) < 0.2)


@pytest.mark.slow
def test_consolidation_has_the_gain_in_closed_form(tmp_path):
    found = _run("consolidation", tmp_path)
    # Of the start exp(-30) is left, a crest between two steps is missed by at most (dt omega)^2 / 8, and single precision
    # adds up 12 000 steps.
    missed = (0.01 * 4 * 3**0.5) ** 2 / 8
    assert float(abs(found.amplitude.isel(replica=0) / found.gain - 1).max()) < missed


@pytest.mark.slow
def test_synchrony_has_the_expected_coherence(tmp_path):
    found = _run("synchrony", tmp_path)
    coherence = found.coherence.isel(replica=0)
    error = coherence.std("network", ddof=1) / 6**0.5
    apart = abs(coherence.mean("network") - found.expected.mean("network")) / error
    # Six networks, the same at each coupling: Student's law of five degrees of freedom exceeds 4.8 once in 200.
    assert float(apart.max()) < 4.8
    assert found.expected.values[0, 0] < 0.2
    assert found.expected.values[-1, 0] > 0.9
