"""The engine against NumPy and PyTorch on the figure-5 loop, in one run; and the cost of a Hessian trace.

``python benchmarks/run.py`` (or ``make bench``) prints microseconds per replica-step, ratios to the engine, and writes
``out/benchmarks.json`` with the environment. Rounds are interleaved: on a shared machine only ratios within a round count.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table
from rivals import make_problem, numpy_chunked, torch_compiled, torch_eager
from rivals_tuned import numpy_tuned, torch_tuned

import plastodyn as pd
from plastodyn.runtime import provenance

RIVALS = {
    "NumPy, chunked, 2 processes": numpy_chunked,
    "PyTorch eager, batched, 2 processes": torch_eager,
    "torch.compile, 2 processes": torch_compiled,
    "NumPy, reformulated by hand, 2 processes": numpy_tuned,
    "PyTorch eager, reformulated by hand, 2 processes": torch_tuned,
}
ENGINE = "plastodyn.simulate"


def engine(replicas: int, steps: int) -> Callable[[], float]:
    """The same loop through the public call; returns a function that gives the seconds of a warm run."""
    problem = make_problem(0)
    circuit = pd.circuits.student_teacher([12, 20, 10], inputs=jnp.asarray(problem.x), key=jax.random.key(0))
    rule = pd.rules.noisy_gradient(0.05, 0.5) + pd.fluctuations.white(0.01)

    def once() -> float:
        started = time.perf_counter()
        pd.simulate(circuit, rule, steps=steps, replicas=replicas, key=jax.random.key(1), progress=False)
        return time.perf_counter() - started

    once()
    return once


def compare(replicas: int, steps: int, rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds per replica-step of each, and the ratio to the engine paired round by round."""
    problem, once = make_problem(0), engine(replicas, steps)
    times: dict[str, list[float]] = {name: [] for name in (ENGINE, *RIVALS)}
    scale = 1e6 / (replicas * steps)
    for _ in range(rounds):
        for name, rival in RIVALS.items():
            times[name].append(rival(problem, replicas, steps)[1] * scale)
        times[ENGINE].append(once() * scale)
    return {
        name: {
            "minimum": min(values),
            "median": statistics.median(values),
            "ratio": statistics.median(v / e for v, e in zip(values, times[ENGINE], strict=True)),
        }
        for name, values in times.items()
    }


def trace_cost(sizes: tuple[int, ...], samples: int) -> list[dict[str, float]]:
    """Seconds of `hessian_trace` for ``samples`` probes, as a multiple of one gradient, by number of weights."""
    rows = []
    for count in sizes:
        width = int(count**0.5)
        inputs = jax.random.normal(jax.random.key(0), (width, 8))
        weights = {"first": jax.random.normal(jax.random.key(1), (width, width)) / width**0.5}

        def loss(w: dict[str, jax.Array], inputs: jax.Array = inputs) -> jax.Array:
            return jnp.mean(jnp.tanh(w["first"] @ inputs) ** 2)

        gradient = jax.jit(jax.grad(loss))
        trace = jax.jit(lambda w, loss=loss: pd.measure.hessian_trace(loss, w, key=jax.random.key(2), samples=samples))
        seconds = [_median_seconds(lambda f=f, w=weights: jax.block_until_ready(f(w))) for f in (gradient, trace)]
        rows.append({"weights": width**2, "gradient": seconds[0], "trace": seconds[1], "ratio": seconds[1] / seconds[0]})
    return rows


def _median_seconds(call: Callable[[], object], repeats: int = 5) -> float:
    call()
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def main() -> None:
    """Parse, run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, default=48)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("out"))
    chosen = parser.parse_args()
    console = Console()

    loop = compare(chosen.replicas, chosen.steps, chosen.rounds)
    table = Table("loop", "us per replica-step (min)", "(median)", "time / engine's", title="figure 5's inner loop, 12-20-10")
    for name, row in loop.items():
        table.add_row(name, f"{row['minimum']:.1f}", f"{row['median']:.1f}", f"{row['ratio']:.2f}")
    console.print(table)

    traces = trace_cost((10_000, 1_000_000, 10_000_000), chosen.samples)
    table = Table("weights", "gradient (ms)", f"trace, {chosen.samples} probes (ms)", "trace / gradient", title="hessian_trace")
    for row in traces:
        table.add_row(f"{row['weights']:,}", f"{row['gradient'] * 1e3:.2f}", f"{row['trace'] * 1e3:.1f}", f"{row['ratio']:.1f}")
    console.print(table)

    chosen.out.mkdir(parents=True, exist_ok=True)
    record = {
        **provenance.attributes(),
        "cores": os.cpu_count(),
        "numpy": np.__version__,
        "loop": loop,
        "hessian_trace": traces,
    }
    (chosen.out / "benchmarks.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
