"""Names for what the public functions take and give; shapes are written in jaxtyping's notation."""

from typing import Any

import numpy as np
import xarray as xr
from jax import Array
from jaxtyping import Float, PRNGKeyArray

Json = dict[str, Any]
"""What a JSON file holds, by name; who reads it guards against anything else."""
Number = float | np.ndarray | Array | xr.DataArray
"""A number, an array of them, or an axis (`plastodyn.axis`), over which a run is batched."""
Scalar = Float[Array, ""]
"""One number as JAX holds it."""
Key = PRNGKeyArray
"""One JAX random key."""
Floats = Float[np.ndarray, "..."]
"""NumPy numbers of any shape; of none, a NumPy scalar may stand for the array."""
