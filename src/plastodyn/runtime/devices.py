"""One host device per core: the engine runs one chunk on each, which beats threading inside tiny products."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jax.sharding import Mesh

_CHOSEN = "JAX_NUM_CPU_DEVICES"


def use_all_cores() -> None:
    """Ask JAX for one CPU device per core, unless the user has chosen a number or JAX has already started.

    It is called when plastodyn is imported: JAX fixes its devices at the first computation. Where JAX is not imported
    yet, it will find the number in the environment.

    >>> use_all_cores()
    """
    if _CHOSEN in os.environ or "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if "jax" not in sys.modules:
        os.environ[_CHOSEN] = str(cores)
        return
    import jax  # noqa: PLC0415 - half a second that the command line's help does without

    if getattr(jax.config, "jax_num_cpu_devices", 0) > 0:
        return
    try:
        jax.config.update("jax_num_cpu_devices", cores)
    except (RuntimeError, AttributeError):
        # JAX is already running on one device: everything works, only slower.
        return


def mesh_of(count: int) -> "Mesh":
    """A one-dimensional mesh of at most ``count`` local devices.

    >>> mesh_of(1).axis_names
    ('device',)
    """
    import jax  # noqa: PLC0415 - as above
    import numpy as np  # noqa: PLC0415 - as above
    from jax.sharding import Mesh  # noqa: PLC0415 - as above

    return Mesh(np.array(jax.local_devices()[:count]), ("device",))


def on_cpu() -> bool:
    """Whether JAX computes on the host.

    >>> isinstance(on_cpu(), bool)
    True
    """
    import jax  # noqa: PLC0415 - as above

    return jax.default_backend() == "cpu"


def limit(count: int) -> None:
    """Use at most ``count`` cores, one device each; to be called before the first computation.

    Raises:
        ValueError: if JAX has already started with another number.
    """
    import jax  # noqa: PLC0415 - as above

    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError as error:
        raise ValueError(f"workers must be set before the first computation; got {count}") from error
