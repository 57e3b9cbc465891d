"""Sweeps on a real SLURM: what is left is submitted again until nothing is, whatever ends the jobs."""

import signal
import time

import pytest
from conftest import POINTS
from slurm_cluster import MAX_ARRAY

pytestmark = pytest.mark.cluster
SHORT = ("--time", "3", "--margin", "5")


def test_nothing_waits_for_the_jobs_and_any_path_will_do(cluster, sweep):
    """The submitting process is killed at once; the array is larger than MaxArraySize; the path is an ugly one."""
    one = sweep('it\'s "ä" %A 50% $HOME.zarr', free=1)
    options = (
        "--tasks",
        "200",
        *SHORT,
        "--memory",
        "100M",
        "--setup",
        "export SET='it is \"set\"'",
        "--sbatch",
        "--comment=a 'b\"",
    )
    process = one.begin_submit(cluster, *options)
    try:
        cluster.wait(lambda: process.poll() or len(cluster.jobs()) == MAX_ARRAY + 1)
    finally:
        process.send_signal(signal.SIGKILL)
        said, errors = process.communicate()
    one.open()
    one.assert_whole(cluster)
    assert f"MaxArraySize allows {MAX_ARRAY} tasks, not {POINTS - 1}" in errors
    names = {file.name for file in one.output().iterdir()}
    array, follow_up = sorted({int(name.split("_")[0].split(".")[0]) for name in names})
    assert names == {f"{array}_{task}.out" for task in range(MAX_ARRAY)} | {f"{follow_up}.out"}
    assert f"all {POINTS} chunks" in one.said(follow_up)
    assert said == "" or str(array) in said


def test_walltime_kills_are_followed_by_further_rounds(cluster, sweep):
    """SLURM itself ends the first round at its limit, which takes it a minute or two; and the next rounds do the rest."""
    one = sweep(free=1)
    _, _, (array, follow_up) = one.submit(cluster, "--tasks", "2", "--time", "10")
    cluster.wait_at_work(lambda: len(one.begun()) == 2)
    # A round in which nothing is done would be the last.
    one.open(min(one.begun())[0])
    cluster.wait_at_work(lambda: one.status().done == 2)
    cluster.ask("scontrol", "update", f"JobId={array}", "TimeLimit=1")
    cluster.wait(lambda: not any(job.startswith(f"{array}_") for job in cluster.jobs()))
    assert "TIME LIMIT" in one.said(f"{array}_0") + one.said(f"{array}_1")
    assert one.status().failed == 0
    one.open()
    one.assert_whole(cluster)
    assert "submits what is left; up to 8 more times" in one.said(follow_up)


def test_kills_at_walltime_are_never_counted(cluster, sweep):
    """SIGKILL of all tasks in each of six rounds: more than a member may kill before it counts as one that does."""
    one, over = sweep(free=1), set()
    one.submit(cluster, "--tasks", "2", *SHORT)
    for _ in range(6):
        now = _tasks_at_gates(cluster, one, over)
        done = one.status().done
        # Something is to be done in each round, or it would be the last.
        one.open(next(place for place, job in one.begun() if job in now))
        cluster.wait_at_work(lambda: one.status().done > done)  # noqa: B023
        for job in now:
            cluster.ask("scancel", "--full", "--signal=KILL", job)
        over |= now
    one.open()
    one.assert_whole(cluster)


def _tasks_at_gates(cluster, one, over):
    """The jobs of two tasks of a new round, once both wait."""
    cluster.wait_at_work(lambda: len({job for _, job in one.begun()} - over) == 2)
    return {job for _, job in one.begun()} - over


def test_tasks_that_are_requeued_or_cancelled(cluster, sweep):
    one = sweep(free=1)
    _, _, (array, _) = one.submit(cluster, "--tasks", "4", *SHORT)
    cluster.wait_at_work(lambda: len(one.begun()) == 4)
    cluster.ask("scancel", f"{array}_1")
    cluster.ask("scontrol", "requeue", f"{array}_2")
    cluster.wait(lambda: f"{array}_1" not in cluster.jobs())
    one.open()
    one.assert_whole(cluster)


def test_a_node_whose_daemon_is_killed(cluster, sweep):
    one = sweep(free=1)
    one.submit(cluster, "--tasks", "2", *SHORT)
    cluster.wait_at_work(lambda: len(one.begun()) == 2)
    cluster.kill("slurmd")
    one.open()
    cluster.begin("slurmd")
    one.assert_whole(cluster)


def test_a_controller_that_is_away_while_tasks_end(cluster, sweep):
    one = sweep(free=1)
    _, _, (_, follow_up) = one.submit(cluster, "--tasks", "2", *SHORT)
    cluster.wait_at_work(lambda: len(one.begun()) == 2)
    cluster.keep(follow_up)
    cluster.kill("slurmctld")
    one.open()
    while one.status().missing:
        time.sleep(0.1)
    cluster.begin("slurmctld")
    one.assert_whole(cluster)


def test_a_controller_that_is_away_while_the_next_round_is_submitted(cluster, sweep, tmp_path):
    one, gate = sweep(free=1), tmp_path / "gate"
    wait = f'[ -n "$SLURM_ARRAY_JOB_ID" ] || while [ ! -e "{gate}" ]; do sleep 0.1; done'
    _, _, (array, follow_up) = one.submit(cluster, "--tasks", "2", *SHORT, "--setup", wait)
    cluster.wait_at_work(lambda: len(one.begun()) == 2)
    one.open(min(one.begun())[0])
    cluster.wait_at_work(lambda: one.status().done == 2)
    cluster.ask("scancel", array)
    cluster.wait_at_work(lambda: follow_up in cluster.jobs("RUNNING"))
    cluster.keep(follow_up)
    cluster.kill("slurmctld")
    gate.touch()
    while "trying again" not in one.said(follow_up):
        assert "submitted" not in one.said(follow_up)
        time.sleep(0.1)
    one.open()
    cluster.begin("slurmctld")
    one.assert_whole(cluster)


def test_a_round_that_does_nothing_is_the_last(cluster, sweep):
    one = sweep()
    fail = '[ -z "$SLURM_ARRAY_JOB_ID" ] || exit 1'
    _, _, (_, follow_up) = one.submit(cluster, "--tasks", "2", *SHORT, "--setup", fail)
    cluster.wait(lambda: not cluster.jobs())
    assert f"{POINTS - 1} chunks are left, 0 of them failed, and the last round did none" in one.said(follow_up)
    said, _, jobs = one.submit(cluster, "--tasks", "2", *SHORT, "--rounds", "1")
    assert len(jobs) == 1
    assert "submits what is left" not in said
    one.assert_whole(cluster)
    assert "nothing is submitted" in one.submit(cluster, "--tasks", "2", *SHORT)[1]


def test_a_second_call_adds_workers_and_says_so(cluster, sweep):
    one = sweep(free=1)
    _, _, (array, follow_up) = one.submit(cluster, "--tasks", "2", *SHORT)
    _, errors, more = one.submit(cluster, "--tasks", "2", *SHORT)
    assert f"jobs {array}, {follow_up} of this store wait or run already" in errors
    cluster.wait_at_work(lambda: len(one.begun()) == 4)
    one.open()
    one.assert_whole(cluster)
    assert len({array, follow_up, *more}) == 4


def test_what_slurm_refuses_is_told_in_its_words(cluster, sweep):
    one = sweep()
    said, errors, _ = one.submit(cluster, "--tasks", "2", *SHORT, "--partition", "no-such", code=2)
    assert said == ""
    assert errors.count("\n") == 1
    assert errors.startswith("plastodyn: sbatch refused: invalid partition specified: no-such")
    assert cluster.jobs() == []
