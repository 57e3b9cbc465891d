"""Estimators on any loss, field or record of weights: curvature, spectra, curl, exponents, and equation 9's ratio."""

from plastodyn.measure.curl import curl, descent_angle
from plastodyn.measure.curvature import curvature, hessian_operator, hessian_product
from plastodyn.measure.dynamics import PrincipalComponents, autocorrelation, order_parameter, principal_components
from plastodyn.measure.estimate import Estimate, jackknife
from plastodyn.measure.field import JointField, RuleField, RuleMap, joint_field, rule_field, rule_map
from plastodyn.measure.jacobian import JacobianSpectrum, dense_jacobian, jacobian_spectrum
from plastodyn.measure.learning import LearningBounds, MeasuredLandscape, landscape, learning_bounds
from plastodyn.measure.lyapunov import FlowMap, flow_map, lyapunov_exponents
from plastodyn.measure.networks.compute import report
from plastodyn.measure.networks.jax_network import jax_network
from plastodyn.measure.networks.network import Network, sliced
from plastodyn.measure.networks.result import Report, shown
from plastodyn.measure.networks.torch_network import torch_network
from plastodyn.measure.operator import HostOperator, Operator, host_operator, operator
from plastodyn.measure.plasticity import PlasticityRatio, plasticity_ratio
from plastodyn.measure.spectrum import (
    Spectrum,
    extreme_eigenvalues,
    extremes,
    hessian_eigenvalues,
    hessian_spectrum,
    leading_directions,
    leading_pairs,
    spectrum,
)
from plastodyn.measure.stability import SignStability, sign_stability
from plastodyn.measure.stationary import StationaryRatio, stationary_ratio
from plastodyn.measure.sweet_spot import SweetSpot, crossing, sweet_spot
from plastodyn.measure.trace import hessian_trace, hessian_trace_deflated, trace

__all__ = [
    "Estimate",
    "FlowMap",
    "HostOperator",
    "JacobianSpectrum",
    "JointField",
    "LearningBounds",
    "MeasuredLandscape",
    "Network",
    "Operator",
    "PlasticityRatio",
    "PrincipalComponents",
    "Report",
    "RuleField",
    "RuleMap",
    "SignStability",
    "Spectrum",
    "StationaryRatio",
    "SweetSpot",
    "autocorrelation",
    "crossing",
    "curl",
    "curvature",
    "dense_jacobian",
    "descent_angle",
    "extreme_eigenvalues",
    "extremes",
    "flow_map",
    "hessian_eigenvalues",
    "hessian_operator",
    "hessian_product",
    "hessian_spectrum",
    "hessian_trace",
    "hessian_trace_deflated",
    "host_operator",
    "jackknife",
    "jacobian_spectrum",
    "jax_network",
    "joint_field",
    "landscape",
    "leading_directions",
    "leading_pairs",
    "learning_bounds",
    "lyapunov_exponents",
    "operator",
    "order_parameter",
    "plasticity_ratio",
    "principal_components",
    "report",
    "rule_field",
    "rule_map",
    "shown",
    "sign_stability",
    "sliced",
    "spectrum",
    "stationary_ratio",
    "sweet_spot",
    "torch_network",
    "trace",
]
