"""All that the page "From laptop to cluster" shows runs in an empty directory of this machine; on SLURM, see tests/cluster."""

import re
import shutil
import signal
import time

import pandas as pd
import pytest
from page_blocks import DOCS, Shell, blocks_of

from plastodyn import sweeps

BLOCKS = blocks_of((DOCS / "cluster.md").read_text())


def _interrupt(shell, text, place):
    """Run a block until its first chunk is done, and press Ctrl-C."""
    store = place / text.split()[-1]
    # In the place of the shell, which would pass on no signal.
    process = shell.begin(f"exec {text}", place)
    try:
        while process.poll() is None and _done(store) == 0:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, said + errors
    assert "the same call goes on from there" in errors
    found = sweeps.status(store)
    assert 0 < found.done < found.chunks


def _done(store):
    try:
        return sweeps.status(store).done
    except ValueError:
        return 0


def _same_everywhere(text, place):
    """A script without what is of one machine: its directory, its Python, names made of these, and how fast it is."""
    text = text.replace(str(place), "/data/you/runs")
    text = re.sub(r"(?m)^export PYTHONPATH=.*\n", "", text)
    text = re.sub(r"(?m)^exec \S+", "exec python", text)
    text = re.sub(r"(large\.zarr-)[0-9a-f]{8}", r"\g<1>0123abcd", text)
    return re.sub(r"(--(?:done|missing)-before) \d+", r"\1 N", text)


@pytest.mark.slow
def test_it_runs(tmp_path):
    laptop, runs, shell = tmp_path / "laptop", tmp_path / "runs", Shell(tmp_path)
    laptop.mkdir()
    runs.mkdir()
    for file in ("synchrony.toml", "synchrony.py"):
        shutil.copy(DOCS / "examples" / file, laptop)
    place, shown, printed = laptop, "", ""
    for block in BLOCKS:
        if block.kind == "interrupted":
            _interrupt(shell, block.text.strip(), place)
        elif block.kind == "copied":
            _, _, *files, _ = block.text.split()
            for file in files:
                shutil.copy(laptop / file, runs)
            place = runs
        elif block.kind == "shown":
            shown = shell.run(block.text, place, XLA_FLAGS="")
        elif block.kind == "output":
            assert _same_everywhere(shown, place) == _same_everywhere(block.text, place)
        elif block.kind == "script":
            (laptop / "with_dask.py").write_text(block.text)
            # Begun, interrupted and gone on with, or computed by Dask: the same bits.
            assert shell.run("python with_dask.py", laptop).splitlines()[-1] == "True"
        elif block.language == "shell" and not block.kind:
            printed += shell.run(block.text, place)
    assert "3 members computed again, the same bits" in printed
    for store in (laptop / "synchrony.zarr", runs / "large.zarr"):
        found = sweeps.status(store)
        assert (found.done, found.members_failed, found.claimed) == (found.chunks, 0, {})
    table = pd.read_csv(runs / "large.csv")
    assert len(table) == 7 * 12
    assert all((where / name).stat().st_size > 10_000 for where, name in ((laptop, "synchrony.png"), (runs, "large.png")))


def test_it_has_blocks_of_each_kind():
    assert {block.kind for block in BLOCKS} == {"", "interrupted", "copied", "shown", "output", "slurm", "script"}
    assert sum(block.language == "shell" and not block.kind for block in BLOCKS) > 6
