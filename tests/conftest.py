"""Strict settings for every test: JAX refuses silent promotion of ranks, and warnings of ours are errors."""

import jax
import pytest

import plastodyn  # noqa: F401 - sets the number of devices before JAX starts


@pytest.fixture
def key():
    return jax.random.key(20211)
