"""Names for what functions take and give; shapes are written in jaxtyping's notation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jax import Array
from jaxtyping import Bool, Float, PRNGKeyArray

if TYPE_CHECKING:
    import xarray as xr

    Number: TypeAlias = float | np.ndarray | Array | xr.DataArray
else:
    # xarray takes half a second to import.
    Number: TypeAlias = Any
"""A number; or an array of them, or an axis (`plastodyn.axis`), over which what is computed broadcasts."""

Json: TypeAlias = dict[str, Any]
"""What a JSON file holds, by name; who reads it guards against anything else."""

Scalar: TypeAlias = Float[Array, ""]
"""One number as JAX holds it."""

Key: TypeAlias = PRNGKeyArray
"""One JAX random key."""

Floats: TypeAlias = Float[np.ndarray, "..."]
"""NumPy numbers of any shape; of none, a NumPy scalar may stand for the array."""

Bools: TypeAlias = Bool[np.ndarray, "..."]
"""Truth values of any shape."""

Parameter: TypeAlias = Any
"""A field of a circuit or a rule: a `Number` as the user gives it, and an array of one number in each member of a run."""

Leaves: TypeAlias = Any
"""A pytree: the part of a circuit and a rule that the members of a run differ in, or share, or that is compiled in."""

State: TypeAlias = Any
"""A pytree that a rule, a wrapper or a gate carries from step to step; ``None`` for one without memory."""

Noise: TypeAlias = Any
"""A pytree of random numbers as a rule draws them for a step."""

Activity: TypeAlias = Any
"""A pytree of floating-point arrays: the fast state of a circuit; ``None`` for one without."""

Structure: TypeAlias = Any
"""A pytree of arrays of any type: what only events change; ``None`` for a circuit without."""
