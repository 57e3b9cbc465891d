"""What a run will take is known before, in the right size, and refused where it does not fit."""

import resource
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.runtime import memory as machine
from plastodyn.simulation import memory

KEY = jax.random.key(0)
BOWL = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(3))


def test_a_huge_record_is_refused_with_its_numbers():
    """10^6 members, 10^6 steps, 3 weights of 4 bytes: 12 TB."""
    rule = pd.rules.gradient(pd.axis("rate", np.linspace(0.001, 0.1, 1000)))
    with pytest.raises(
        ValueError, match=r"needs about 12 TB of memory, and .* are free: 12 TB are for the record 'weights'"
    ) as no:
        pd.simulate(BOWL, rule, steps=1_000_000, replicas=1000, key=KEY, record=["weights"])
    assert "3 numbers at 1000001 instants of 1000000 members (axes 'rate' of 1000, replicas 1000)" in str(no.value)
    assert "record 'weights' less often (every=) or later (start=)" in str(no.value)


def test_a_long_record_is_refused_where_it_does_not_fit(monkeypatch):
    """10^9 steps: 4 bytes of loss and the label of its instant."""
    monkeypatch.setattr(memory, "free_on_host", lambda: 8 * 10**9)
    with pytest.raises(ValueError, match="1 numbers at 1000000001 instants of 1 members; record 'loss' less often"):
        pd.simulate(BOWL, pd.rules.gradient(0.1), steps=10**9, key=KEY)


def test_members_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(machine, "free_on_host", lambda: 10**6)
    with pytest.raises(ValueError, match="axes and replicas must make fewer members: 20000 members need 2 MB of memory"):
        pd.simulate(BOWL, pd.rules.gradient(0.1), steps=1, replicas=20_000, key=KEY)


def test_what_an_accelerator_holds_is_held_against_its_own_memory(monkeypatch):
    monkeypatch.setattr(memory, "free_on_device", lambda: 10**5)
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(100_000))
    with pytest.raises(ValueError, match=r"of memory of the device, and 100 kB are free: .* 1 members at a time"):
        pd.simulate(circuit, pd.rules.gradient(0.1), steps=1, key=KEY)


def test_where_nobody_tells_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "free_on_host", lambda: None)
    assert pd.simulate(BOWL, pd.rules.gradient(0.1), steps=1, key=KEY).sizes["step"] == 2


MEASURED = """
import resource, jax, jax.numpy as jnp, plastodyn as pd
from plastodyn.simulation import memory

told, refuse = [], memory._refuse
memory._refuse = lambda parts, *rest: (told.append(sum(part.bytes for part in parts)), refuse(parts, *rest))

def run(weights, steps, replicas, record):
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(weights))
    rule = pd.rules.gradient(0.01) + pd.fluctuations.white(0.1)
    pd.simulate(circuit, rule, steps=steps, replicas=replicas, key=jax.random.key(0), record=[record], progress=False)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

run(10, 10, 10, {record!r})
before = peak()
run({weights}, {steps}, {replicas}, {record!r})
print(told[-1], peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of the largest resident size is another")
@pytest.mark.parametrize(
    ("weights", "steps", "replicas", "record"),
    [(100, 2000, 400, "weights"), (20_000_000, 3, 1, "loss"), (3, 10_000_000, 1, "loss"), (30, 3, 1_000_000, "loss")],
)
def test_the_estimate_is_that_of_the_peak(weights, steps, replicas, record):
    """Within a factor of 2, in a process of its own, beyond what a small run of the same kind took."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    script = MEASURED.format(weights=weights, steps=steps, replicas=replicas, record=record)
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    estimate, measured = map(int, found.stdout.split())
    assert 0.5 < estimate / measured < 2
