"""Types that recur in signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from jax import Array

    Number: TypeAlias = float | np.ndarray | Array | xr.DataArray
else:
    # The names above take half a second to import.
    Number: TypeAlias = Any
"""A number; or an array of them, or an axis, over which what is computed broadcasts."""

Parameter: TypeAlias = Any
"""A field of a circuit or a rule: a `Number` as the user gives it, and an array of one number in each member of a run."""

State: TypeAlias = Any
"""A pytree that a rule, a wrapper or a gate carries from step to step; ``None`` for one without memory."""

Noise: TypeAlias = Any
"""A pytree of random numbers as a rule draws them for a step."""

Activity: TypeAlias = Any
"""A pytree of floating-point arrays: the fast state of a circuit; ``None`` for one without."""

Structure: TypeAlias = Any
"""A pytree of arrays of any type: what only events change; ``None`` for a circuit without."""
