"""What all tests share."""

import jax
import pytest
from hypothesis import settings

import plastodyn  # noqa: F401 - sets the number of devices before JAX starts

# Compilation makes first examples slow: only the answer counts.
settings.register_profile("plastodyn", deadline=None)
settings.load_profile("plastodyn")


@pytest.fixture
def key():
    return jax.random.key(20211)
