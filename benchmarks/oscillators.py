"""Sparse plastic oscillators: a step of phases and weights through `simulate`, in JAX by hand, and in a Numba loop.

``python benchmarks/oscillators.py`` prints seconds a step for 1e4, 1e5 and 1e6 oscillators of 32 neighbours, near ones along
the array and random ones, and the slope of time over size, and writes ``out/oscillators.json`` with the environment. The three
take turns, round by round; the difference of a longer and a shorter run leaves out what is not a step.
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
import numba
import numpy as np
from rich.console import Console
from rich.table import Table

import plastodyn as pd
from plastodyn.runtime import provenance

SLOTS, COUPLING, RATE, SLOPE, CENTRE, DT = 32, 2.0, 0.02, 20.0, 0.5, 0.05
SHORT, LONG = 10, 26
"""Steps of the two runs, both beyond the first calls, which are short; ten times as many where a step is."""
Seconds = Callable[[int], float]


def neighbours(kind: str, count: int) -> np.ndarray:
    """Slot-major neighbours: every fourth of the nearest along the array, or random ones."""
    if kind == "local":
        offsets = 4 * np.concatenate([np.arange(-SLOTS // 2, 0), np.arange(1, SLOTS // 2 + 1)])
        return ((np.arange(count) + offsets[:, None]) % count).astype(np.int32)
    # Strides that differ name no neighbour twice; places are shuffled, so that memory is read at random.
    place = np.random.default_rng(0).permutation(count).astype(np.int32)
    strides = np.random.default_rng(1).choice(np.arange(1, count), SLOTS, replace=False)
    found = np.empty((SLOTS, count), np.int32)
    for slot, stride in enumerate(strides):
        found[slot, place] = place[(np.arange(count) + stride) % count]
    return found


def through_simulate(near: np.ndarray, start: np.ndarray) -> Seconds:
    """The public call; it ends with a copy of the weights, which the difference leaves out."""
    circuit = pd.circuits.weighted_kuramoto(np.zeros(len(start)), COUPLING, phases=start, neighbours=near)
    growth = pd.rules.gated(pd.rules.phase_hebbian(1.0), pd.rules.coherence_gate(SLOPE, CENTRE))
    rule = RATE * (growth + pd.rules.decay(1.0))
    record = [pd.observe("coherence", every=10**6)]

    def seconds(steps: int) -> float:
        began = time.perf_counter()
        pd.simulate(circuit, rule, duration=DT * steps, dt=DT, key=jax.random.key(0), record=record, progress=False)
        return time.perf_counter() - began

    return seconds


def by_hand(near: np.ndarray, start: np.ndarray) -> Seconds:
    """One fused scan over slots."""
    near, start = jnp.asarray(near), jnp.asarray(start)
    take = lambda x, i: x.at[i].get(mode="promise_in_bounds")  # noqa: E731

    def step(_: object, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        theta, weights = state
        c, s = jnp.cos(theta), jnp.sin(theta)
        opening = jax.nn.sigmoid(SLOPE * (jnp.hypot(c.mean(), s.mean()) - CENTRE))

        def slot(total: jax.Array, each: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            w, i = each
            cj, sj = take(c, i), take(s, i)
            return total + w * (sj * c - cj * s), w + DT * RATE * (opening * (cj * c + sj * s) - w)

        total, weights = jax.lax.scan(slot, jnp.zeros_like(theta), (weights, near))
        return theta + DT * COUPLING / SLOTS * total, weights

    run = jax.jit(lambda steps, theta, w: jax.lax.fori_loop(0, steps, step, (theta, w)), donate_argnums=2)

    def seconds(steps: int) -> float:
        weights = jnp.ones(near.shape, jnp.float32).block_until_ready()
        began = time.perf_counter()
        jax.block_until_ready(run(steps, start, weights))
        return time.perf_counter() - began

    return seconds


@numba.njit(parallel=True, fastmath=True)
def _loop(steps, theta, weights, near):
    slots, count = near.shape
    new = theta.copy()
    for _ in range(steps):
        c, s = np.cos(theta), np.sin(theta)
        opening = np.float32(1 / (1 + np.exp(-SLOPE * (np.hypot(c.mean(), s.mean()) - CENTRE))))
        for i in numba.prange(count):
            total = np.float32(0)
            for k in range(slots):
                j, w = near[k, i], weights[k, i]
                total += w * (s[j] * c[i] - c[j] * s[i])
                weights[k, i] = w + np.float32(DT * RATE) * (opening * (c[j] * c[i] + s[j] * s[i]) - w)
            new[i] = theta[i] + np.float32(DT * COUPLING / SLOTS) * total
        theta[:] = new
    return theta


def in_numba(near: np.ndarray, start: np.ndarray) -> Seconds:
    """A fused loop over oscillators on all cores, in place."""
    numba.set_num_threads(min(os.cpu_count() or 1, numba.config.NUMBA_NUM_THREADS))

    def seconds(steps: int) -> float:
        theta, weights = start.copy(), np.ones(near.shape, np.float32)
        began = time.perf_counter()
        _loop(steps, theta, weights, near)
        return time.perf_counter() - began

    return seconds


RIVALS = {"simulate": through_simulate, "JAX by hand": by_hand, "Numba": in_numba}


def per_step(count: int, kind: str, rounds: int) -> dict[str, float]:
    """Median seconds a step of each, in turns."""
    start = np.random.default_rng(2).uniform(0, 2 * np.pi, count).astype(np.float32)
    near, times = neighbours(kind, count), 10 if count < 10**6 else 1
    runs = {name: make(near, start) for name, make in RIVALS.items()}
    for run in runs.values():
        run(SHORT * times)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append((run(LONG * times) - run(SHORT * times)) / ((LONG - SHORT) * times))
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    """Parse, run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e4, 1e5, 1e6])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out"))
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.sizes]
    table = Table("oscillators", "neighbours", *(f"{name} (s)" for name in RIVALS), "simulate / Numba", title="seconds a step")
    found: dict[str, dict[int, dict[str, float]]] = {}
    for kind in ("local", "random"):
        found[kind] = {}
        for count in sizes:
            row = found[kind][count] = per_step(count, kind, chosen.rounds)
            table.add_row(f"{count:g}", kind, *(f"{s:.3g}" for s in row.values()), f"{row['simulate'] / row['Numba']:.2f}")
    Console(width=120).print(table)
    slopes = {kind: slope(sizes, [rows[n]["simulate"] for n in sizes]) for kind, rows in found.items()}
    print("slope of log time over log size, simulate:", {kind: round(value, 2) for kind, value in slopes.items()})
    chosen.out.mkdir(parents=True, exist_ok=True)
    record = {**provenance.attributes(), "cores": os.cpu_count(), "seconds_a_step": found, "slopes": slopes}
    (chosen.out / "oscillators.json").write_text(json.dumps(record, indent=2) + "\n")


def slope(sizes: list[int], seconds: list[float]) -> float:
    """Of the straight line through log-log points."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]) if len(sizes) > 1 else float("nan")


if __name__ == "__main__":
    main()
