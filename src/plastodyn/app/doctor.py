"""What `plastodyn doctor` tells: versions, extras, devices, memory, and a simulation held against a closed form."""

import os
import re
from importlib.metadata import PackageNotFoundError, requires, version

import jax
import jax.numpy as jnp
import numpy as np

from plastodyn import fluctuations, rules
from plastodyn.circuits import Circuit
from plastodyn.runtime import memory, provenance
from plastodyn.simulation import simulate

_WEIGHTS = 400
_SIGMAS = 5.0
_FOR_DEVELOPERS = ("docs", "bench", "dev")


def diagnose() -> dict[str, str | float]:
    """Versions, devices, free memory, extras and the outcome of the self-check, as plain values.

    >>> diagnose()["self_check"]
    'passed'
    """
    measured, expected, error = self_check()
    passed = abs(measured - expected) <= _SIGMAS * error + 0.02 * expected
    return {
        **provenance.versions(),
        "commit": provenance.commit(),
        "backend": jax.default_backend(),
        "devices": len(jax.local_devices()),
        "cores": os.cpu_count() or 1,
        "memory_free": _memory(memory.free_on_host()),
        **({} if memory.free_on_device() is None else {"memory_free_on_device": _memory(memory.free_on_device())}),
        **{f"extra_{extra}": _installed(packages) for extra, packages in extras().items()},
        "self_check": "passed" if passed else "failed",
        "self_check_measured": round(measured, 4),
        "self_check_expected": round(expected, 4),
        "self_check_error": round(error, 4),
    }


def extras() -> dict[str, list[str]]:
    """The optional groups of packages that plastodyn declares, and the packages of each.

    >>> "cvxpy" in extras()["certify"]
    True
    """
    found: dict[str, list[str]] = {}
    for line in requires("plastodyn") or []:
        package, _, condition = line.partition(";")
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", condition)
        name = re.match(r"[\w.-]+", package)
        if extra and name and name[0] != "plastodyn" and extra[1] not in _FOR_DEVELOPERS:
            found.setdefault(extra[1], []).append(name[0])
    return found


def _installed(packages: list[str]) -> str:
    """Which of some packages are there, with their versions, and which are missing."""
    said = []
    for package in packages:
        try:
            said.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            said.append(f"{package} missing")
    return ", ".join(said)


def _memory(free: int | None) -> str:
    return "unknown" if free is None else memory.readable(free)


def self_check() -> tuple[float, float, float]:
    """Stationary distance of an isotropic quadratic circuit: simulated, in closed form, and the standard error.

    ``E|w| = (|dc|^2 + |de|^2) / (2 |dc|)`` for exact-norm gradient steps against exact-norm fluctuations, up to terms of
    order 1/N; 16 replicas of 2000 steps.

    >>> measured, expected, error = self_check()
    >>> expected
    0.1
    """
    circuit = Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.full(_WEIGHTS, 0.1 / _WEIGHTS**0.5))
    rule = rules.noisy_gradient(0.1, np.inf) + fluctuations.white(0.1)
    run = simulate(circuit, rule, steps=2000, replicas=16, key=jax.random.key(0), record=["weight_norm"], progress=False)
    distance = run.weight_norm.isel(step=slice(500, None)).mean("step").values
    return float(distance.mean()), 0.1, float(distance.std(ddof=1) / len(distance) ** 0.5)
