"""Stability certificates that can be checked again by someone who does not trust the code that made them."""

try:
    import cvxpy as _cvxpy
    import flint as _flint
except ImportError as error:
    raise ImportError(
        "certificates need cvxpy, clarabel and python-flint: pip install -e '.[certify]' in a clone of plastodyn"
    ) from error
del _cvxpy, _flint

from plastodyn.certify.certificate import Certificate  # noqa: E402
from plastodyn.certify.colearning import colearning  # noqa: E402
from plastodyn.certify.consolidation import consolidation  # noqa: E402
from plastodyn.certify.linear import linear_inclusion  # noqa: E402
from plastodyn.certify.smooth import region_of_attraction, smooth_field  # noqa: E402

__all__ = [
    "Certificate",
    "colearning",
    "consolidation",
    "linear_inclusion",
    "region_of_attraction",
    "smooth_field",
]
