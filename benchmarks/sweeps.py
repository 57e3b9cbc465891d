"""What a sweep costs beside its computation, and how it grows with workers, against a process pool without a store.

``python benchmarks/sweeps.py`` prints ratios, each within one run, and writes ``out/sweeps.json`` with the environment and
the load of the machine before and after. The work is busy computation, not sleep; so many steps as take the time asked for.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.console import Console

from plastodyn import sweeps
from plastodyn.runtime import provenance
from plastodyn.sweeps.workers import LocalWorkers, one_core

MOST_OVERHEAD, LEAST_GAIN, MOST_FOR_SMALL = 1.05, 1.8, 2.0
"""What is asked for: of chunks of 1 s, of two workers against one, and of members of 10 ms."""


def turns(steps: int, number: int) -> float:
    """So many steps of a small rotation: NumPy on one core, with nothing to wait for."""
    values = np.arange(1.0, 65.0) + number
    for _ in range(steps):
        values = np.roll(np.tanh(values) + 0.1 * values, 1)
    return float(values.sum())


def member(point: dict[str, np.ndarray], key: Any, *, steps: int) -> xr.Dataset:
    """The experiment: `turns` for each point, with its own time."""
    del key
    started, cpu = time.perf_counter(), time.process_time()
    found = [turns(steps, int(number)) for number in point["number"]]
    spent = {"wall": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    return xr.Dataset(
        {"sum": ("number", found), **{name: ("number", [each / len(found)] * len(found)) for name, each in spent.items()}}
    )


def steps_for(seconds: float) -> int:
    """Steps of `turns` that take so long here and now, on one core."""
    found = []
    for _ in range(5):
        started = time.process_time()
        turns(2000, 0)
        found.append((time.process_time() - started) / 2000)
    return max(1, round(seconds / statistics.median(found)))


@contextmanager
def ready(workers: int) -> Iterator[LocalWorkers]:
    """Workers that have started and imported all they need: that is paid once in a sweep, and not for each chunk."""
    with LocalWorkers(workers) as hands, tempfile.TemporaryDirectory() as directory:
        _swept(Path(directory) / "s", hands, 4 * workers, 1, 1)
        yield hands


def _swept(store: Path, hands: LocalWorkers, members: int, steps: int, chunk: int | None) -> tuple[float, xr.Dataset]:
    """Seconds of a sweep, and what it found."""
    started = time.perf_counter()
    found = sweeps.sweep(
        member,
        {"number": range(members)},
        store=store,
        seed=0,
        parameters={"steps": steps},
        chunk=None if chunk is None else {"number": chunk},
        executor=hands,
        progress=False,
    )
    return time.perf_counter() - started, found.load()


def overhead(chunks: int, seconds: float) -> dict[str, float]:
    """Wall and processor time of chunks over what they compute, in the same run of one worker."""
    with ready(1) as hands, tempfile.TemporaryDirectory() as directory:
        own, busy = time.process_time(), hands.submit(time.process_time).result()
        wall, found = _swept(Path(directory) / "s", hands, chunks, steps_for(seconds), 1)
        used = time.process_time() - own + hands.submit(time.process_time).result() - busy
    computed = {name: float(found[name].sum()) for name in ("wall", "cpu")}
    return {
        "chunk_seconds": computed["wall"] / chunks,
        "wall_ratio": wall / computed["wall"],
        "processor_ratio": used / computed["cpu"],
    }


def two_workers(chunks: int, seconds: float, rounds: int) -> dict[str, float]:
    """How much faster two workers are than one; rounds interleaved."""
    steps, ratios = steps_for(seconds), []
    with ready(1) as one, ready(2) as two:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as directory:
                alone, _ = _swept(Path(directory) / "1", one, chunks, steps, 1)
                both, _ = _swept(Path(directory) / "2", two, chunks, steps, 1)
            ratios.append(alone / both)
    return {"gain": statistics.median(ratios), "best": max(ratios)}


def small_members(members: int, seconds: float, workers: int) -> dict[str, float]:
    """Time of many short members over what they compute; and over that of a process pool without a store."""
    steps = steps_for(seconds)
    with ready(workers) as hands, tempfile.TemporaryDirectory() as directory:
        wall, found = _swept(Path(directory) / "s", hands, members, steps, None)
        chunks = found.sizes["number_chunk"]
    os.environ.update(one_core())
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(turns, [1] * 4 * workers, range(4 * workers)))
        started = time.perf_counter()
        list(pool.map(turns, [steps] * members, range(members), chunksize=max(1, members // chunks)))
        rival = time.perf_counter() - started
    return {
        "member_seconds": float(found.wall.sum()) / members,
        "chunks": chunks,
        "ratio_to_compute": wall * workers / float(found.wall.sum()),
        "ratio_to_process_pool": wall / rival,
    }


def main() -> None:
    """Parse, run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a chunk")
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--member-seconds", type=float, default=0.01)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out"))
    chosen = parser.parse_args()
    load, console = os.getloadavg(), Console(width=120)
    console.print(f"load of the machine {load[0]:.1f}")
    first = overhead(chosen.chunks, chosen.seconds)
    console.print(f"wall time of {chosen.seconds:g} s chunks / computing: {first['wall_ratio']:.3f}, at most {MOST_OVERHEAD}")
    console.print(f"processor time, the same: {first['processor_ratio']:.3f}, at most {MOST_OVERHEAD}")
    second = two_workers(chosen.chunks // 2, chosen.seconds, chosen.rounds)
    console.print(f"1 worker / 2 workers: {second['gain']:.2f} (best {second['best']:.2f}), at least {LEAST_GAIN}")
    third = small_members(chosen.members, chosen.member_seconds, chosen.workers)
    many = f"{chosen.members:,} members of {third['member_seconds'] * 1e3:.1f} ms, {third['chunks']} chunks"
    console.print(f"{many} / computing: {third['ratio_to_compute']:.3f}, at most {MOST_FOR_SMALL}")
    console.print(f"the same / ProcessPoolExecutor without a store: {third['ratio_to_process_pool']:.2f}")
    console.print(f"load at the end {os.getloadavg()[0]:.1f}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    record = {
        **provenance.attributes(),
        "cores": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg(),
        "overhead": first,
        "two_workers": second,
        "small_members": third,
    }
    (chosen.out / "sweeps.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    # Workers import the experiment by name, which a script that is run has not.
    import sweeps as itself

    itself.main()
