"""Flows of small states: the engine's written-out fixed-step kernel against diffrax mapped over the ensemble, in one run.

``python benchmarks/flows.py`` prints nanoseconds per member-step and the ratio to the engine, and writes ``out/flows.json``
with the environment. Both integrate a memory of three sites (the tracking circuit) by Runge-Kutta steps of equal length;
diffrax's Tsit5 takes six stages to our four, which is not corrected for.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp

import plastodyn as pd
from plastodyn.runtime import provenance

DT = 0.02


def engine(members: int, steps: int) -> Callable[[], float]:
    """The public call; a function that gives the seconds of a warm run."""
    alpha = pd.axis("alpha", jnp.linspace(0.05, 0.9, members))
    rule = pd.rules.staged(pd.rules.early(), pd.rules.late(), alpha)
    circuit = pd.circuits.tracking([0.0, 0.0, 0.0])
    record = [pd.observe("loss", start=-1)]

    def once() -> float:
        started = time.perf_counter()
        pd.simulate(
            circuit,
            rule,
            duration=steps * DT,
            dt=DT,
            solver=pd.solvers.rk4,
            key=jax.random.key(0),
            record=record,
            progress=False,
        )
        return time.perf_counter() - started

    once()
    return once


def mapped_diffrax(members: int, steps: int) -> Callable[[], float]:
    """``vmap(diffeqsolve)`` with a constant step, compiled."""
    alphas = jnp.linspace(0.05, 0.9, members)

    def field(t: jax.Array, w: jax.Array, alpha: jax.Array) -> jax.Array:
        del t
        return jnp.stack([1 - w.sum(), alpha * w[0], alpha * w[1]])

    def solve(alpha: jax.Array) -> jax.Array:
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Tsit5(), 0.0, steps * DT, DT, jnp.zeros(3), alpha,
            saveat=diffrax.SaveAt(t1=True), max_steps=steps + 16,
        )  # fmt: skip
        assert found.ys is not None
        return found.ys[0]

    compiled = jax.jit(jax.vmap(solve))
    compiled(alphas).block_until_ready()

    def once() -> float:
        started = time.perf_counter()
        compiled(alphas).block_until_ready()
        return time.perf_counter() - started

    return once


def main() -> None:
    """Time both in turn and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("out"))
    chosen = parser.parse_args()
    runs = {
        "plastodyn.simulate": engine(chosen.members, chosen.steps),
        "vmapped diffrax": mapped_diffrax(chosen.members, chosen.steps),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(chosen.rounds):
        for name, once in runs.items():
            times[name].append(once() * 1e9 / (chosen.members * chosen.steps))
    own = times["plastodyn.simulate"]
    found = {
        name: {"minimum": min(values), "ratio": statistics.median(v / o for v, o in zip(values, own, strict=True))}
        for name, values in times.items()
    }
    for name, row in found.items():
        print(f"{name:20s} {row['minimum']:9.1f} ns per member-step   ratio {row['ratio']:.1f}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "flows.json").write_text(json.dumps({"found": found, "environment": provenance.attributes()}, indent=2))


if __name__ == "__main__":
    main()
