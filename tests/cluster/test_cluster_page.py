"""What the page "From laptop to cluster" shows of SLURM, on a real one."""

import shutil

import pytest
from page_blocks import DOCS, Shell, blocks_of

from plastodyn import sweeps

pytestmark = pytest.mark.cluster


def test_the_page_runs_on_slurm(cluster, tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    for file in ("synchrony.toml", "synchrony.py"):
        shutil.copy(DOCS / "examples" / file, runs)
    shell, said = Shell(tmp_path, **cluster.environment()), ""
    blocks = blocks_of((DOCS / "cluster.md").read_text())
    first = next(place for place, block in enumerate(blocks) if block.text.startswith("sed"))
    for block in blocks[first:]:
        if block.kind == "slurm":
            said = shell.run(block.text, runs)
            cluster.wait(lambda: not cluster.jobs())
            found = sweeps.status(runs / "large.zarr")
            output = "".join(file.read_text() for file in (runs / "large.zarr-slurm").iterdir())
            assert (found.done, found.members_failed) == (found.chunks, 0), output
        elif block.language == "shell" and not block.kind:
            shell.run(block.text, runs)
    assert "4 tasks" in said
    assert sweeps.verify(runs / "large.zarr") == []
