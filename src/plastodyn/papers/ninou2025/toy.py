"""Figure 1: the toy model y = w2 w1 x, in which one flipped synapse turns descent into rotation."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.toy_panels import toy_panels
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import curl

_TARGET = 1.0
_START = (1.6, -0.15)
_STARTS_AROUND = 24
_RATE = 0.02
_STEPS = {"smoke": 800, "standard": 3000, "full": 10_000}
_TURN = 0.02
_LARGE = (12, 8, 1)
_BRANCH_DURATION = 120.0
"""Long enough for the slowest instability among the starts, of rate 0.2, to show."""


@unswept
def figure_1(size: str, key: Array) -> Reproduction:
    """Figure 1: trajectories of gradient and curl flow over the log loss, the two branches, the loss that first rises.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 800, 3000 or 10 000 steps.
        key: random key.

    Returns:
        Data, picture and claims.

    Source: figure 1; the flipped synapse is the second, ``w1' = -e w2, w2' = +e w1``.
    """
    circuit = pd.Circuit(loss=lambda w: 0.5 * (w[0] * w[1] - _TARGET) ** 2, weights=jnp.array(_START))
    gradient = pd.rules.gradient(1.0)
    rules = {"gradient": gradient, "curl": pd.rules.flipped(gradient, jnp.array([1.0, -1.0]))}
    runs = {name: _flow(circuit, rule, _STEPS[size], key) for name, rule in rules.items()}
    data = xr.concat(list(runs.values()), xr.Variable("rule", list(runs)))
    data = data.merge(_branches(circuit, rules["curl"], key))
    claims = (*_claims(data), *_origin_claims(circuit, rules, key))
    return Reproduction(data, _picture(data), claims)


def _flow(circuit: pd.Circuit, rule: pd.rules.Rule, steps: int, key: Array) -> xr.Dataset:
    run = pd.simulate(
        circuit,
        rule,
        duration=steps * _RATE,
        dt=_RATE,
        solver=pd.solvers.rk4,
        key=key,
        record=["loss", "weights"],
        progress=False,
    )
    return run[["loss", "weights_recorded"]].isel(replica=0, drop=True)


def _branches(circuit: pd.Circuit, rule: pd.rules.Rule, key: Array) -> xr.Dataset:
    """Flows that start next to solutions along the hyperbola, and whether each stays."""
    first = np.geomspace(1 / 3, 3.0, _STARTS_AROUND)
    points = np.stack([first, _TARGET / first], axis=1)
    circuits = [pd.Circuit(loss=circuit.loss_at, weights=jnp.asarray(p, jnp.float32) * (1 + 1e-3)) for p in points]
    record = [pd.observe("loss", start=-1)]
    run = pd.simulate(circuits, rule, duration=_BRANCH_DURATION, dt=_RATE, solver=pd.solvers.rk4, key=key, record=record)
    moved = np.linalg.norm(run.weights.values - points, axis=1)
    return xr.Dataset(
        {
            "solution": (("branch", "weight"), points),
            "distance_after": ("branch", moved, {"long_name": "distance from the start", "units": "weight"}),
            "growth_rate": ("branch", curl.toy_growth_rate(points), {"units": "1 / time"}),
        }
    )


def _claims(data: xr.Dataset) -> list[Claim]:
    source, fact = Source(NAME, "fig1"), "specification, fact 1"
    gradient, curled = (data.loss.sel(rule=name) for name in ("gradient", "curl"))
    ascent, descent = curled.max() / curled[0], gradient.max() / gradient[0]
    radius = (data.weights_recorded.sel(rule="curl") ** 2).sum("weight")
    changed = abs(radius / radius[0] - 1).max()
    told = ((data.distance_after < _TURN) == (data.growth_rate < 0)).mean()
    return [
        # Steps of 0.02 past a smooth maximum miss it by 1e-3.
        source.equal("curl flow first ascends: highest loss over that at the start", "figure 1c, inset", _peak(), 0.01, ascent),
        source.at_most("gradient flow never ascends", "figure 1c", 1.0, 1e-6, descent),
        source.at_most("curl flow ends on the solution manifold: loss", "figure 1a", 1e-8, 0.0, curled[-1]),
        # float32 flow of many turns: rounding of a sum of two squares at every step.
        source.equal("w1^2 + w2^2 is conserved: largest relative change", fact, 0.0, 1e-3, changed),
        source.equal("share of solutions whose stability the sign of w2^2 - w1^2 tells", fact, 1.0, 0.0, told),
    ]


def _peak() -> float:
    """The curl flow turns on a circle through ``w1 = -w2``, where the loss is ``(r^2 / 2 + target)^2 / 2``."""
    first, second = _START
    return ((first**2 + second**2) / 2 + _TARGET) ** 2 / (first * second - _TARGET) ** 2


def _origin_claims(circuit: pd.Circuit, rules: dict[str, pd.rules.Rule], key: Array) -> list[Claim]:
    """The origin, as its Jacobian has it: a saddle of gradient descent, a centre of curl descent, in larger circuits too."""
    source = Source(NAME, "fig1")
    (saddle, _), (centre, turning) = (_origin(circuit, rule) for rule in rules.values())
    rotation = float(np.abs(np.imag(curl.toy_origin_eigenvalues(_TARGET))).max())
    large = pd.circuits.student_teacher(_LARGE, hidden="linear", key=key, normalisation=pd.circuits.half_squared_error)
    signs = jax.tree.map(lambda kernel: jnp.full(kernel.shape, -1.0 if kernel.shape[0] > 1 else 1.0), large.weights)
    growing, rotating = _origin(large, pd.rules.flipped(pd.rules.gradient(1.0), signs))
    first, second = large.teacher.kernels
    correlation = float(jnp.linalg.norm(large.inputs @ (second @ first @ large.inputs).T)) / large.inputs.shape[1]
    name, where = "-".join(map(str, _LARGE)), "origin: the paper's centre"
    # Single precision: eigenvalues of a matrix of 100 and more rows, known to 1e-5 of the largest.
    return [
        source.equal("gradient flow: growth rate at the origin (a saddle)", "figure 1a", _TARGET, 1e-5, saddle),
        source.equal("curl flow: growth rate at the origin (a centre)", where, 0.0, 1e-5, centre),
        source.equal("curl flow: rate of rotation at the origin", "closed form", rotation, 1e-5, turning),
        source.equal(f"{name}, first layer flipped: growth rate at the origin (a centre)", where, 0.0, 1e-4, growing),
        source.equal(f"{name}: rate of rotation over |<x y*>|", "this project", 1.0, 1e-4, rotating / correlation),
    ]


def _origin(circuit: pd.circuits.AbstractCircuit, rule: pd.rules.Rule) -> tuple[float, float]:
    """Largest real and imaginary part of the eigenvalues of the learning flow's Jacobian where all weights are 0."""
    nowhere = jax.tree.map(jnp.zeros_like, circuit.weights)
    jacobian = np.asarray(pd.measure.dense_jacobian(pd.measure.rule_field(circuit, rule), nowhere), float)
    found = np.linalg.eigvals(jacobian)
    return float(np.real(found).max()), float(np.imag(found).max())


def _picture(data: xr.Dataset) -> Figure:
    span = np.linspace(-2.2, 2.2, 200)
    loss = 0.5 * (span[None] * span[:, None] - _TARGET) ** 2
    arrows = np.linspace(-2.0, 2.0, 13)
    grid = np.stack(np.meshgrid(arrows, arrows), axis=-1)
    return toy_panels(data, span, loss, grid, curl.toy_velocity(grid, _TARGET), "Figure 1: one flipped synapse")
