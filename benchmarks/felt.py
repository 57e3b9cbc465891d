"""What a user feels: `simulate` against the same run written by hand in JAX, first result and steady state.

``python benchmarks/felt.py`` prints both as ratios and writes ``out/felt.json`` with the environment. Steady states are
timed in turn in one process, round by round; first results (imports, compiling and the run) each in a fresh process, of
which the processor time counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
from by_hand import EVERY, Convolutional, Quadratic, SweetSpot
from rich.console import Console
from rich.table import Table

Case = Quadratic | SweetSpot | Convolutional
CASES: dict[str, Case] = {
    "README example": SweetSpot(),
    "1e6 weights": Quadratic(10**6, 1, 6000),
    "1e7 weights": Quadratic(10**7, 1, 200),
    "1e7 weights, white fluctuations": Quadratic(10**7, 1, 20, fluctuation=0.1),
    "1e5 members of 3 weights": Quadratic(3, 10**5, 20_000),
    "convolutions, 3794 weights": Convolutional(),
}
FRESH = ("simulate", "by hand")


class Row(NamedTuple):
    """Seconds by hand and of `simulate`: in the steady state, and to a first result in a fresh process."""

    steady: float
    steady_by_hand: float
    steady_ratio: float
    first: float
    first_by_hand: float
    compiling: float
    compiling_by_hand: float


def simulated(case: Case) -> Callable[[], object]:
    """The case through the public call."""
    import plastodyn as pd  # noqa: PLC0415 - its import is part of what a fresh process is timed for

    if isinstance(case, SweetSpot):
        circuit = pd.circuits.student_teacher([12, 20, 10], inputs=1000, key=jax.random.key(0))
        rule = pd.rules.noisy_gradient(pd.axis("ratio", case.ratios) * 0.3, 20.0) + pd.fluctuations.white(0.3)
        steps, replicas, record = case.steps, case.replicas, ["loss"]
    elif isinstance(case, Convolutional):
        circuit, rule = pd.Circuit(loss=case.loss, weights=case.start), pd.rules.gradient(case.rate)
        steps, replicas, record = case.steps, 1, [pd.observe("loss", every=EVERY)]
    else:
        circuit = pd.Circuit(loss=case.loss, weights=jnp.ones(case.weights))
        rule = pd.rules.gradient(case.rate)
        rule = rule + pd.fluctuations.white(case.fluctuation) if case.fluctuation else rule
        steps, replicas, record = case.steps, case.members, [pd.observe("loss", every=EVERY)]
    key = jax.random.key(1)
    return lambda: pd.simulate(circuit, rule, steps=steps, replicas=replicas, key=key, record=record, progress=False)


def steady(case: Case, rounds: int) -> tuple[float, float, float]:
    """Median seconds of warm runs, and the median of the ratios of neighbours."""
    runs = simulated(case), case.by_hand()
    for run in runs:
        run()
    pairs = [tuple(_seconds(run) for run in runs) for _ in range(rounds)]
    ours, hand = (statistics.median(column) for column in zip(*pairs, strict=True))
    return ours, hand, statistics.median(a / b for a, b in pairs)


def fresh(name: str, which: str) -> tuple[float, float]:
    """Processor seconds to a first result in a new process, and what of it the first run took more than the second."""
    command = [sys.executable, __file__, "--case", name, "--fresh", which]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    first, compiling = map(float, found.stdout.split()[-2:])
    return first, compiling


def report_fresh(name: str, which: str) -> None:
    """What a fresh process tells: processor seconds since its start, and of compiling."""
    run = (simulated if which == FRESH[0] else lambda case: case.by_hand())(CASES[name])
    before = time.process_time()
    run()
    first = time.process_time()
    run()
    again = time.process_time() - first
    print(first, first - before - again)


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    """Parse, run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--fresh", choices=FRESH, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.fresh:
        report_fresh(chosen.case, chosen.fresh)
        return
    rows = {}
    for name, case in CASES.items():
        if chosen.case in (None, name):
            (first, compiling), (first_hand, compiling_hand) = (fresh(name, which) for which in FRESH)
            rows[name] = Row(*steady(case, chosen.rounds), first, first_hand, compiling, compiling_hand)
    titles = ("case", "steady (s)", "by hand (s)", "ratio", "first result (cpu s)", "by hand", "compiling (cpu s)", "by hand")
    table = Table(*titles, title="simulate against JAX by hand")
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.3f}" for value in row))
    Console(width=150).print(table)
    from plastodyn.runtime import provenance  # noqa: PLC0415 - as above

    chosen.out.mkdir(parents=True, exist_ok=True)
    record = {**provenance.attributes(), "cores": os.cpu_count(), "cases": {name: row._asdict() for name, row in rows.items()}}
    (chosen.out / "felt.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
