"""One host device per core: the engine runs one chunk on each, which beats threading inside tiny products."""

import os

import jax
import numpy as np
from jax.sharding import Mesh


def use_all_cores() -> None:
    """Ask JAX for one CPU device per core, unless the user has chosen a number or JAX has already started.

    It is called when plastodyn is imported: JAX fixes its devices at the first computation.

    >>> use_all_cores()
    """
    if getattr(jax.config, "jax_num_cpu_devices", 0) > 0 or "xla_force_host_platform_device_count" in os.environ.get(
        "XLA_FLAGS", ""
    ):
        return
    try:
        jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    except (RuntimeError, AttributeError):
        # JAX is already running on one device (or the platform hides its cores): everything works, only slower.
        return


def mesh_of(count: int) -> Mesh:
    """A one-dimensional mesh of at most ``count`` local devices.

    >>> mesh_of(1).axis_names
    ('device',)
    """
    return Mesh(np.array(jax.local_devices()[:count]), ("device",))


def on_cpu() -> bool:
    """Whether JAX computes on the host.

    >>> isinstance(on_cpu(), bool)
    True
    """
    return jax.default_backend() == "cpu"


def limit(count: int) -> None:
    """Use at most ``count`` cores, one device each; to be called before the first computation.

    Raises:
        ValueError: if JAX has already started with another number.
    """
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError as error:
        raise ValueError(f"workers must be set before the first computation; got {count}") from error
