"""A thousand chunks on a real SLURM: kills at walltime, of tasks and of the node's daemon, and the same bits at the end."""

import pytest

pytestmark = pytest.mark.cluster
CHUNKS = 1000
TASKS = 2


def test_a_thousand_chunks_through_kills_of_every_kind(cluster, sweep, tmp_path, capsys):
    log = tmp_path / "log"
    one = sweep(points=CHUNKS, seconds=0.4, log=str(log))
    one.submit(cluster, "--tasks", str(TASKS), "--time", "20", "--margin", "5")
    daemons = tasks = 0
    for target in range(100, CHUNKS, 100):
        cluster.wait_at_work(lambda target=target: _done(one) >= target and _at_work(cluster))
        if target in (100, 500):
            # SLURM ends these at its limit, which takes it a minute or two.
            for array in {job.split("_")[0] for job in _at_work(cluster)}:
                cluster.ask("scontrol", "update", f"JobId={array}", "TimeLimit=1")
        if target in (300, 800):
            cluster.ask("scancel", "--full", "--signal=KILL", _at_work(cluster)[0])
            tasks += 1
        cluster.kill("slurmd")
        cluster.begin("slurmd")
        daemons += 1
    one.assert_whole(cluster)
    walltime = sum(file.read_text().count("TIME LIMIT") for file in one.output().iterdir())
    twice = len(log.read_text().splitlines()) - CHUNKS
    with capsys.disabled():
        kills = f"slurmd {daemons}, walltime {walltime}, tasks {tasks}"
        print(f"\nSLURM, {CHUNKS} chunks: kills of {kills}; lost 0, twice {twice}")
    assert walltime >= 1
    assert 0 <= twice <= tasks + walltime + TASKS * daemons


def _done(sweep):
    """Chunks that are done; a status is written once, at the end."""
    return sum(1 for file in (sweep.store / "chunk_status" / "c").iterdir() if file.suffix != ".partial")


def _at_work(cluster):
    """The tasks that run now."""
    return [job for job in cluster.jobs("RUNNING") if "_" in job]
