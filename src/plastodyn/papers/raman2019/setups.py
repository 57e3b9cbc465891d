"""The circuits of the paper, its plasticity, and what is measured of a run."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from numpy.typing import ArrayLike

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.papers.claims import widened
from plastodyn.rules import Rule
from plastodyn.theory import ratio
from plastodyn.theory.bounds import Landscape, Plasticity

INPUTS, OUTPUTS = 10, 5
"""Of the linear circuit before it is expanded: 50 weights."""
SMALL = INPUTS * OUTPUTS
HIDDEN = 5
"""Units of each hidden layer of the nonlinear circuits before they are enlarged."""
MEMORY = 82**-0.5
"""Correlation of one cycle's task-irrelevant direction with the next: 0.9 of a fresh unit vector, 0.1 of the old one, of unit
norm again; 0.1 / sqrt(0.9^2 + 0.1^2)."""
SETTINGS = (Plasticity(0.07, 1.0, 0.03), Plasticity(0.06, 1.0, 0.04), Plasticity(0.05, 1.0, 0.05))
"""Figure 6: of the linear circuit."""
_FRESH = 1e-3
"""A turning time, in cycles, after which nothing is left of a direction."""
_TOGETHER = 125
"""Single steps that are made at once: what surrounds a step would otherwise cost more than the step."""


class Case(NamedTuple):
    """One way in which weights change, with the correlation of the task-irrelevant direction from cycle to cycle."""

    plasticity: Plasticity
    memory: float = MEMORY

    @property
    def turning_time(self) -> float:
        """Of `fluctuations.drift`, in cycles; its correlation is ``exp(-1 / turning_time)``.

        >>> round(Case(SETTINGS[0]).turning_time, 3)
        0.454
        """
        return float(-1 / np.log(self.memory)) if self.memory > 0 else _FRESH


def rule(cases: Sequence[Case]) -> Rule:
    """``dw = -gamma1 g + gamma2 n2 + gamma3 sqrt(N) n3`` of unit vectors, g the gradient's; the cases run along an axis."""
    place = pd.axis("case", range(len(cases)))
    numbers = np.array([(*case.plasticity[:3], case.turning_time) for case in cases], float)
    relevant, irrelevant, noise, turning = (place.copy(data=column) for column in numbers.T)
    task = pd.rules.exact_norm(pd.rules.gradient(), relevant)
    return task + pd.fluctuations.drift(irrelevant, turning) + pd.fluctuations.synaptic_noise(noise)


def white_inputs(key: Array, features: int, samples: int, dtype: jnp.dtype) -> Array:
    """Inputs whose second moments are exactly the identity."""
    drawn = pd.circuits.gaussian_inputs(key, features, samples, dtype)
    values, vectors = jnp.linalg.eigh(pd.circuits.input_covariance(drawn))
    return (vectors / jnp.sqrt(values)) @ vectors.T @ drawn


def normal_kernels(key: Array, widths: Sequence[int]) -> tuple[Array, ...]:
    """Independent standard normal weights, for teacher and student; the slides do not say which the authors' were."""
    keys = jax.random.split(key, len(widths) - 1)
    return tuple(jax.random.normal(k, shape) for k, shape in zip(keys, zip(widths[1:], widths[:-1], strict=True), strict=True))


def student(
    widths: Sequence[int],
    key: Array,
    samples: int,
    output: str,
    law: Callable[..., Array] = pd.circuits.gaussian_inputs,
    apart: float = 1.0,
) -> StudentTeacher:
    """A student that knows nothing of its teacher; or is moved towards it until only this share of the distance is left."""
    key_circuit, key_teacher, key_student = jax.random.split(key, 3)
    goal, own = normal_kernels(key_teacher, widths), normal_kernels(key_student, widths)
    return pd.circuits.student_teacher(
        widths,
        key=key_circuit,
        output=output,
        inputs=samples,
        input_law=law,
        normalisation=pd.circuits.half_squared_error,
        teacher=goal,
        student=[there + apart * (here - there) for here, there in zip(own, goal, strict=True)],
    )


def linear_sizes(growth: Sequence[int]) -> np.ndarray:
    """Numbers of weights of the linear circuit expanded so many times at both ends.

    >>> linear_sizes([1, 7]).tolist()
    [50, 2450]
    """
    return SMALL * np.array(growth) ** 2


def grown(circuit: StudentTeacher, growth: int, key: Array, measured: str = "expanded") -> pd.circuits.AbstractCircuit:
    """The linear circuit expanded so many times at both ends."""
    return pd.circuits.expanded(circuit, growth * INPUTS, growth * OUTPUTS, key=key, measured=measured)


def start_landscape(circuit: StudentTeacher, growth: ArrayLike = 1.0) -> Landscape:
    """F, |grad F|, g'Hg and tr H of a linear circuit expanded so many times, its error measured there: in closed form.

    With E the distance of the small circuit's map from its teacher's and C the second moments of its inputs,
    ``F = tr(E C E') / 2``, ``|grad F| = |E C|``, ``g'Hg = tr(E C^3 E') / |E C|^2`` and ``tr H = c o tr C``.
    """
    error, moments = _error_and_moments(circuit)
    slope = error @ moments
    bend = np.sum((slope @ moments) * slope) / np.sum(slope**2)
    trace = np.asarray(growth) * OUTPUTS * np.trace(moments)
    size = SMALL * np.asarray(growth, float) ** 2
    return Landscape(0.5 * np.sum(slope * error), float(np.linalg.norm(slope)), bend, trace, size)


def _error_and_moments(circuit: StudentTeacher) -> tuple[np.ndarray, np.ndarray]:
    (own,), (goal,) = circuit.weights.kernels, circuit.teacher.kernels
    return np.asarray(own - goal, float), np.asarray(pd.circuits.input_covariance(circuit.inputs), float)


def spectrum(circuit: StudentTeacher) -> np.ndarray:
    """Eigenvalues of the second moments of the inputs."""
    return np.linalg.eigvalsh(_error_and_moments(circuit)[1])


def stationary_error(eigenvalues: np.ndarray, growth: float, case: Case) -> float:
    """The error that a linear circuit expanded so many times settles at: quadratic loss, closed form.

    The Hessian is ``1 (x) B C B'``: each eigenvalue of C once for each of the outputs, all else flat. Synaptic noise is white
    and stands with the rule's own error in `theory.ratio.stationary_loss`, the task-irrelevant direction has a memory.
    """
    outputs = growth * OUTPUTS
    often = np.append(np.full(INPUTS, outputs), outputs * (growth - 1) * INPUTS)
    relevant, irrelevant, noise, _ = (float(np.asarray(number)) for number in case.plasticity)
    white = noise * (outputs * growth * INPUTS) ** 0.5
    magnitude, precision = np.hypot(relevant, white), relevant / white
    turning = case.turning_time if case.memory > 0 else 0.0
    curvatures = np.append(eigenvalues, 0.0)
    return float(ratio.stationary_loss(curvatures, magnitude, irrelevant, precision, often, correlation_time=turning))


def random_steps(
    circuit: pd.circuits.AbstractCircuit, cases: Sequence[Case], draws: int, key: Array, weights: object = None
) -> np.ndarray:
    """The learning rate k of each of many steps, all from the same weights with directions of their own; (case, draw)."""
    options = {"record": ["loss"], "replicas": draws, "progress": False, "weights": weights, "chunk": _TOGETHER}
    run = pd.simulate(circuit, rule(cases), steps=1, key=key, **options)
    loss = run.loss.transpose("step", "case", "replica").values.astype(float)
    return 1 - loss[1] / loss[0]


def fitted_size(growth: ArrayLike, values: ArrayLike, constant: bool) -> np.ndarray:
    """Where ``a / c + b c``, plus a constant if there is one, fitted to values over c, the last axis, has its extremum: N.

    >>> c = np.array([1, 2, 3, 5])
    >>> fitted_size([1, 2, 3, 5], 4 / c + c + 7, constant=True).round(6).tolist()
    200.0
    """
    c, found = np.asarray(growth, float), np.asarray(values, float)
    columns = np.stack([1 / c, c, np.ones_like(c)][: 3 if constant else 2], 1)
    fits = np.linalg.lstsq(columns, found.reshape(-1, c.size).T, rcond=None)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.where(fits[0] * fits[1] > 0, fits[0] / fits[1], np.nan)
    return SMALL * place.reshape(found.shape[:-1])


def mean_and_error(each: ArrayLike) -> tuple[float, float]:
    """Mean over networks and its standard error, by Student's law."""
    values = np.ravel(np.asarray(each, float))
    return float(values.mean()), widened(values.std(ddof=1) / values.size**0.5, values.size)


def log(values: xr.DataArray) -> xr.DataArray:
    """Natural logarithm, labels kept."""
    return xr.apply_ufunc(np.log, values)


def late_mean(loss: xr.DataArray) -> xr.DataArray:
    """Mean over the second half of a run."""
    return loss.isel(step=slice(loss.sizes["step"] // 2, None)).mean("step")
