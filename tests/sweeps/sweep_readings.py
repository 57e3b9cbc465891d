"""What the tests of sweeps have in common: axes, and how results, logs and processes are read."""

from pathlib import Path

AXES = {"a": [1.0, 2.0, 0.5], "b": [0.1, 0.25, 0.7, 0.9]}
CHUNK = {"a": 2, "b": 1}
BOOKKEEPING = ["chunk_seconds", "chunk_cpu_seconds", "chunk_origin", "chunk_checksum"]


def results(dataset):
    return dataset.drop_vars(BOOKKEEPING, errors="ignore").drop_attrs()


def log_of(path):
    return [tuple(map(float, line.split()[1:])) for line in path.read_text().splitlines()]


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
