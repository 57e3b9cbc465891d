"""An experiment of many small chunks, told by the environment what to log and how to behave; its numbers depend on neither.

Its module is read again by every worker, so that what a test changes of the machinery (shorter patience, another machine)
stands in the environment, too.
"""

import os
import resource
import select
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import xarray as xr

from plastodyn.sweeps import claims

if os.environ.get("FAULTS_BEAT"):
    claims.HEARTBEAT = float(os.environ["FAULTS_BEAT"])
if os.environ.get("FAULTS_MACHINE"):
    claims._machine = lambda: os.environ["FAULTS_MACHINE"]


def tell(place):
    """One write, so that lines of several processes do not mix."""
    log = os.open(os.environ["FAULTS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(log, f"{os.getpid()} {place}\n".encode())
    os.close(log)


def draws(point, key):
    """Random numbers over the axis ``a``, some 20 ms for each point."""
    tell(int(point["a"][0]))
    # Not time.sleep, which fails under libfaketime.
    select.select([], [], [], float(os.environ.get("FAULTS_SECONDS", "0.02")))
    noise = np.asarray(jax.random.normal(key, (len(point["a"]), 4)))
    return xr.Dataset({"noise": (("a", "draw"), noise), "double": ("a", 2 * point["a"])})


def leaves_a_child_that_goes_on():
    """A fork of which both sides return."""
    os.fork()


def leaves_a_child_that_holds_on():
    """A child that holds what it has of its parent, while the parent is killed."""
    if os.fork() == 0:
        time.sleep(5.0)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def memory_ends():
    """As where the address space is bounded: an error, not a kill."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**40, before[1]))
    try:
        np.ones(2**44, np.uint8)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def segfaults():
    import ctypes

    ctypes.string_at(0)


def interrupts():
    raise KeyboardInterrupt("by the member itself")


def raises_a_kind_of_its_own():
    class OwnError(BaseException):
        pass

    raise OwnError("not an Exception")


def prints():
    print("x" * 100_000)
    os.write(1, b"y" * 100_000)
    subprocess.run(["echo", "from a program of its own"], check=True)


BAD = {
    3: memory_ends,
    11: lambda: os.kill(os.getpid(), signal.SIGKILL),
    19: segfaults,
    27: lambda: os._exit(0),
    35: lambda: sys.exit("the end"),
    43: interrupts,
    51: raises_a_kind_of_its_own,
    59: prints,
    67: lambda: os.closerange(3, 4096),
    75: leaves_a_child_that_goes_on,
    83: leaves_a_child_that_holds_on,
}
"""What goes wrong at which point."""
HARMLESS = (59, 75)
"""Those that have results nevertheless."""


def misbehaves(point, key):
    """`draws`, but at some points (that of ``a``, and the second one of ``b``) things go wrong."""
    place, second = int(point["a"][0]), int(point["b"][0])
    tell(f"{place}.{second}")
    if second == 1 and place in BAD:
        BAD[place]()
    return xr.Dataset({"noise": (("a", "b", "draw"), np.asarray(jax.random.normal(key, (1, 1, 4))))})
