"""Names for what the public functions take and give; shapes are written in jaxtyping's notation."""

import numpy as np
import xarray as xr
from jax import Array
from jaxtyping import Float, PRNGKeyArray

Number = float | np.ndarray | Array | xr.DataArray
"""A number, an array of them, or an axis (`plastodyn.axis`), over which a run is batched."""
Scalar = Float[Array, ""]
"""One number as JAX holds it."""
Key = PRNGKeyArray
"""One JAX random key."""
Floats = Float[np.ndarray, "..."]
"""NumPy numbers of any shape; of none, a NumPy scalar may stand for the array."""
