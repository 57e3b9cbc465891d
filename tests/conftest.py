"""What all tests share."""

import gc
import signal

import jax
import pytest
from hypothesis import settings

import plastodyn  # noqa: F401 - sets the number of devices before JAX starts

# A shell that runs the tests in the background lets them, and the processes that they start and interrupt, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What JAX has traced and compiled stays; to look through it again and again for what may go takes a tenth of all time.
gc.set_threshold(50_000, 20, 20)

# Compilation makes first examples slow: only the answer counts.
settings.register_profile("plastodyn", deadline=None)
settings.load_profile("plastodyn")


@pytest.fixture
def key():
    return jax.random.key(20211)


@pytest.fixture
def one_torch_thread():
    """PyTorch's threads wait for one another at full speed, which on small arrays is most of what they do."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
