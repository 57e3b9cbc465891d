"""What is submitted, and what is refused: without a cluster, or with commands of one that always say the same."""

import math
import os
import subprocess
from pathlib import Path

import pytest

from plastodyn.app.commands.cluster import submit as submit_command
from plastodyn.sweeps import Status, begin, slurm
from plastodyn.sweeps.example import noisy_bowl

HALF = Status(100, 50, 0, 50, 100, 50, 0, 0, 1000.0, 20.0, 20.0, {})
VALID = {"store": Path("a b/bowl.zarr"), "tasks": 8, "time": "2:00:00"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tasks": 0}, "tasks must be a whole number >= 1; got 0"),
        ({"cpus": 1.5}, "cpus must be a whole number >= 1; got 1.5"),
        ({"margin": -1}, "margin must be a whole number >= 0; got -1"),
        ({"rounds": 1001}, "rounds must be a whole number >= 1 and <= 1000; got 1001"),
        ({"time": "0"}, "time must be minutes, MM:SS, .* above 0; got '0'"),
        ({"time": "1-2:3:4:5"}, "time must be minutes"),
        ({"time": "infinite"}, "time must be minutes"),
        ({"time": "٣"}, "time must be minutes"),
        ({"time": "2:00"}, "time must be at least 121 seconds: .* got '2:00', 120 seconds"),
        ({"partition": "a b"}, "partition must be the name of one.*; got 'a b'"),
        ({"account": "--wrap=true"}, "account must be the name of one"),
        ({"memory": "4.5G"}, "memory must be a whole number with K, M, G or T, such as 4G; got '4.5G'"),
        ({"sbatch": ("qos=long",)}, "sbatch must be options of sbatch, .* got 'qos=long'"),
        ({"sbatch": ("--qos=long\n#SBATCH --uid=0",)}, "sbatch must be options of sbatch"),
        ({"sbatch": ("--arr=0-9",)}, "sbatch must be options that are not set here, as --array is by --tasks; got '--arr=0-9'"),
        ({"sbatch": ("--dependency=after:1",)}, "as --dependency is; got"),
        ({"store": Path("a\nb")}, "store must be at a path without line breaks"),
        ({"store": ""}, "store must be the path of a directory"),
    ],
)
def test_what_is_refused(changed, message):
    with pytest.raises(ValueError, match=message) as caught:
        slurm.Request(**VALID | changed)
    assert "\n" not in str(caught.value)


def test_scripts_keep_what_decides_the_bits(monkeypatch, tmp_path):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")
    monkeypatch.setenv("PYTHONPATH", "here")
    monkeypatch.chdir(tmp_path)
    request = slurm.Request(
        **VALID, partition="long", memory="4G", setup=("module load 'x y'",), sbatch=('--comment=it\'s "so"',)
    )
    first, after = slurm.scripts(request, 5, slurm.Before(50, 50), "17")
    for script in (first, after):
        for line in (
            '#SBATCH --comment="it\'s \\"so\\""',
            "#SBATCH --partition=long",
            "#SBATCH --mem=4G",
            f"export PYTHONPATH={tmp_path}/here",
            "export JAX_NUM_CPU_DEVICES=1",
            "export XLA_FLAGS='--xla_cpu_prefer_vector_width=512 --xla_cpu_multi_thread_eigen=false'",
        ):
            assert line in script.splitlines()
        assert subprocess.run(["bash", "-n"], input=script.encode(), check=True).returncode == 0
    assert "--rounds 9 --done-before 50 --missing-before 50" in after
    assert slurm.scripts(slurm.Request(**VALID, rounds=1), 5, slurm.Before(50, 50))[1] is None
    two = slurm.scripts(slurm.Request(**VALID, cpus=2), 5, slurm.Before(50, 50))[0]
    assert "JAX_NUM_CPU_DEVICES" not in two
    assert "--workers 2" in two


def test_stores_of_the_same_name_have_jobs_of_other_names():
    names = {slurm.Request(**VALID | {"store": Path(place)}).name for place in ("/a/ä.zarr", "/b/ä.zarr")}
    assert len(names) == 2
    assert all(name.startswith("plastodyn-_.zarr-") and name.isascii() for name in names)


def test_a_time_in_which_no_batch_ends_is_refused():
    request = slurm.Request(**VALID | {"time": "2:30"})
    assert slurm.tasks_for(request, HALF._replace(longest_batch=math.nan)) == 8
    with pytest.raises(ValueError, match="time must be above 160 seconds"):
        slurm.tasks_for(request, HALF._replace(longest_batch=100.0))


@pytest.mark.parametrize(
    ("done", "missing", "is_stuck"), [(50, 50, True), (51, 49, False), (50, 49, False), (51, 50, False), (49, 51, True)]
)
def test_a_round_counts_that_did_or_settled_something(done, missing, is_stuck):
    assert slurm.stuck(slurm.Before(50, 50), slurm.Before(done, missing)) is is_stuck


def _commands(monkeypatch, place, **texts):
    for name, text in texts.items():
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")


def test_an_array_without_its_follow_up_is_told(monkeypatch, tmp_path):
    """As where the number of one's jobs is limited: the array is there, and goes on."""
    refuse = 'grep -q -e --array= && echo 17 || { echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1; }'
    _commands(monkeypatch, tmp_path, sbatch=refuse, scontrol="echo 'MaxArraySize = 1001'")
    request = slurm.Request(**VALID | {"store": tmp_path / "bowl.zarr"})
    with pytest.raises(RuntimeError, match=r"array 17 is submitted, but not the job .*QOSMaxSubmitJobPerUserLimit"):
        slurm.submit(request, HALF, slurm.Controller(), print)


def test_a_cluster_without_arrays_is_refused(monkeypatch, tmp_path):
    _commands(monkeypatch, tmp_path, sbatch="exit 1", scontrol="echo 'MaxArraySize = 0'")
    with pytest.raises(ValueError, match="must allow job arrays"):
        slurm.submit(slurm.Request(**VALID), HALF, slurm.Controller(), print)


def test_a_dry_run_needs_no_cluster_and_writes_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", "")
    store = tmp_path / "bowl.zarr"
    begin(noisy_bowl, {"rate": [0.1, 0.2], "noise": [0.0]}, store=store, seed=0, chunk={"rate": 1, "noise": 1})
    submit_command(store, tasks=9, time="2:00:00", dry_run=True)
    said = capsys.readouterr().out
    assert said.count("#!/bin/bash") == 2
    assert "#SBATCH --array=0-0\n" in said
    assert "--dependency=afterany:ARRAY" in said
    assert [file.name for file in tmp_path.iterdir()] == ["bowl.zarr"]
    with pytest.raises(ValueError, match="sbatch must be on this machine"):
        submit_command(store, tasks=9, time="2:00:00")
