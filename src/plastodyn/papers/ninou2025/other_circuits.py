"""Beyond the paper: whether the boundary of linear circuits holds for others."""

from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.setups import UNIFORM_KURTOSIS, inputs
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import curl

_COMPRESSIONS = (0.25, 0.4, 0.6)
_RANK = 1e-9
"""Curvatures below this share of the largest count as zero."""
_FINE = 1001
"""Fractions among which the boundary of finite circuits is looked for."""
_GROWING = 1e-9
"""Growth rate, over the largest decay rate, above which a solution counts as unstable."""


class _Kind(NamedTuple):
    """A circuit other than the theory's: activation of the hidden layer and number of outputs."""

    label: str
    hidden: str
    outputs: int


_KINDS = (
    _Kind("linear, 1 output", "linear", 1),
    _Kind("linear, 2 outputs", "linear", 2),
    _Kind("tanh hidden layer, 1 output", "tanh", 1),
    _Kind("relu hidden layer, 1 output", "relu", 1),
)


class _Extent(NamedTuple):
    units: int
    fractions: int
    seeds: int


_EXTENTS = {"smoke": _Extent(44, 11, 4), "standard": _Extent(66, 21, 4), "full": _Extent(88, 41, 10)}


@unswept
def figure_other_circuits(size: str, key: Array) -> Reproduction:
    """Does the linear theory's boundary hold for two outputs and for nonlinear hidden layers?

    At the teacher's weights the Jacobian of the flipped rule is formed for each circuit; the share of circuits with an
    unstable direction, and its growth rate, are shown against the flipped fraction of inputs, the linear theory's
    boundary dashed.

    Args:
        size: ``smoke``, ``standard`` or ``full``: circuits of 44, 66 or 88 inputs and hidden units together.
        key: random key.

    Source: this project.
    """
    extent = _EXTENTS[size]
    data = _critical_fractions(np.linspace(0, 1, extent.fractions), extent, key)
    shown = {
        "share of circuits that are unstable": data.unstable_share,
        "growth rate / largest decay rate": data.growth.mean("seed"),
    }
    finite = data.critical_fraction_theory_finite
    panels = [
        _panel(label, values, c, float(finite.sel(compression=c)))
        for (label, values), c in product(shown.items(), _COMPRESSIONS)
    ]
    figure = curve_panels(panels, "Beyond the paper: the boundary in other circuits", 3)
    return Reproduction(data, figure, tuple(_claims(data, 1 / (extent.fractions - 1))))


def _critical_fractions(fractions: np.ndarray, extent: _Extent, key: Array) -> xr.Dataset:
    """Growth rates at the solutions of every kind of circuit, and the fraction at which they become positive."""
    growth = np.zeros((len(_KINDS), len(_COMPRESSIONS), extent.fractions, extent.seeds))
    with jax.enable_x64(True):
        for (i, kind), (j, c), seed in product(enumerate(_KINDS), enumerate(_COMPRESSIONS), range(extent.seeds)):
            circuit = _at_teacher(kind, c, extent.units, jax.random.fold_in(key, seed))
            growth[i, j, :, seed] = _growth(circuit, fractions)
    dims, units = ("kind", "compression", "fraction", "seed"), {"units": "1 / time", "long_name": "growth rate"}
    coords = {"kind": [kind.label for kind in _KINDS], "compression": list(_COMPRESSIONS), "fraction": fractions}
    data = xr.Dataset({"growth": (dims, growth, units)}, coords=coords)
    data["unstable_share"] = (data.growth > _GROWING).mean("seed").assign_attrs(units="1")
    # All those that are stable below count, so that the fraction is located between grid points.
    data["critical_fraction"] = (1 - data.unstable_share).mean("fraction").assign_attrs(units="1")
    data["critical_fraction_theory"] = ("compression", curl.critical_fraction(np.array(_COMPRESSIONS), layer="hidden"))
    finite = [_finite_size_boundary(c, extent.units) for c in _COMPRESSIONS]
    data["critical_fraction_theory_finite"] = ("compression", finite)
    return data


def _panel(label: str, values: xr.DataArray, c: float, finite: float) -> Panel:
    own, dots = values.sel(compression=c), {"marker": "o", "ms": 3}
    curves = [Curve(kind, own.fraction, own.sel(kind=kind), look=dots) for kind in own.kind.values]
    marks = [
        Marks("boundary, linear theory", [float(curl.critical_fraction(c, layer="hidden"))]),
        Marks("the same for circuits of this size", [finite], [style.THEORY]),
    ]
    return Panel(f"c = {c:g}", r"flipped fraction of inputs $\alpha_h$", label, curves, marks)


def _claims(data: xr.Dataset, spacing: float) -> list[Claim]:
    source, project, where = Source(NAME, "beyond1"), "this project", "critical fraction, mean over c"
    one, two, *nonlinear = (data.critical_fraction.sel(kind=kind.label) for kind in _KINDS)
    stable = (data.growth <= _GROWING).mean(["fraction", "compression"])
    first, second = (stable.sel(kind=kind.label) for kind in _KINDS[:2])
    off = (one - data.critical_fraction_theory_finite).mean()
    theory = f"linear, 1 output, minus the theory of circuits of this size: {where}"
    return [
        # The theory's correction takes it that many inputs are flipped; at c = 0.6 it is two of them.
        source.equal(theory, project, 0.0, 0.05, off, _error(first)),
        # Two circuits of some 30 inputs each, whose edges scatter by N^(-2/3) = 0.1.
        source.equal(f"2 outputs minus 1 output: {where}", project, 0.0, 0.1, (two - one).mean(), _error(second - first)),
        # Where the weights are identifiable H has full rank, and by Sylvester's law -D H has a growing direction for every
        # flipped weight: only the linear circuit's degeneracy protects its solutions.
        *(source.at_most(f"{each.kind.item()}: {where}", project, 0.0, spacing, each.mean()) for each in nonlinear),
    ]


def _error(each: xr.DataArray) -> float:
    """Standard error of a mean over seeds."""
    return widened(each.std("seed", ddof=1) / each.sizes["seed"] ** 0.5, each.sizes["seed"])


def _sizes(c: float, units: int) -> tuple[int, int]:
    """Inputs and hidden units, together about so many."""
    return max(2, int(units / (1 + 1 / c))), max(2, int(units / (1 + c)))


def _finite_size_boundary(c: float, units: int) -> float:
    """The flipped fraction at which the mean smallest eigenvalue of linear circuits of this size becomes negative."""
    features, hidden = _sizes(c, units)
    fractions = np.linspace(0, 1, _FINE)
    edge = curl.finite_size_edge(features / hidden, fractions, features, layer="hidden", excess_kurtosis=UNIFORM_KURTOSIS)
    return float(fractions[np.argmax(edge < 0)]) if (edge < 0).any() else 1.0


def _at_teacher(kind: _Kind, c: float, units: int, key: Array) -> StudentTeacher:
    sizes = [*_sizes(c, units), kind.outputs]
    key_weights, key_inputs = jax.random.split(key)
    dtype = jnp.dtype("float64")
    teacher = pd.circuits.fan_in_uniform(key_weights, sizes, dtype)
    return pd.circuits.student_teacher(
        sizes,
        key=key,
        hidden=kind.hidden,
        inputs=inputs(key_inputs, sizes[0], 2000, dtype),
        normalisation=pd.circuits.half_squared_error,
        teacher=teacher,
        student=teacher,
        dtype="float64",
    )


def _growth(circuit: StudentTeacher, fractions: np.ndarray) -> np.ndarray:
    """The largest growth rate at the solution for each flipped fraction, over the largest decay rate without flips.

    At zero error H is positive semidefinite, and the field's Jacobian ``-D H`` has the nonzero eigenvalues of the
    symmetric ``-R' D R``, ``H = R R'``, whose size is the rank of H.
    """
    field = pd.measure.rule_field(circuit, pd.rules.gradient(1.0))
    hessian = -np.asarray(pd.measure.dense_jacobian(field, circuit.weights), float)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    kept = values > _RANK * values[-1]
    root = vectors[:, kept] * np.sqrt(values[kept])
    found = []
    for fraction in fractions:
        signs = pd.rules.presynaptic(float(fraction)).signs(circuit.weights)
        pairs = zip(*map(jax.tree.leaves, (signs, circuit.weights)), strict=True)
        diagonal = np.concatenate([np.broadcast_to(sign, weight.shape).ravel() for sign, weight in pairs])
        found.append(-np.linalg.eigvalsh(root.T @ (diagonal[:, None] * root))[0] / values[-1])
    return np.array(found)
