"""Estimators on any loss and weights: curvatures, traces, spectra, and the ratio that equation 9 predicts."""

from plastodyn.measure.curvature import curvature, hessian_product
from plastodyn.measure.plasticity import PlasticityRatio, plasticity_ratio
from plastodyn.measure.spectrum import (
    Spectrum,
    extreme_eigenvalues,
    hessian_eigenvalues,
    hessian_spectrum,
    leading_directions,
)
from plastodyn.measure.trace import Estimate, hessian_trace, hessian_trace_deflated

__all__ = [
    "Estimate",
    "PlasticityRatio",
    "Spectrum",
    "curvature",
    "extreme_eigenvalues",
    "hessian_eigenvalues",
    "hessian_product",
    "hessian_spectrum",
    "hessian_trace",
    "hessian_trace_deflated",
    "leading_directions",
    "plasticity_ratio",
]
