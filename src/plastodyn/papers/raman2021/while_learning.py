"""Equation 10: more plasticity is right while learning than while remembering."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.raman2021.catalogue import NAME
from plastodyn.papers.raman2021.setups import INPUT_LAWS, LINEAR, NONLINEAR, CircuitSetup
from plastodyn.papers.types import Reproduction, unswept

_PRECISION, _RATIO, _FLUCTUATION = 10.0, 0.7, 0.005
_REPETITIONS = {"smoke": 4, "standard": 6, "full": 12}
_STEPS = {"smoke": 3000, "standard": 6000, "full": 8000}
_DRAWS = 400
_EARLY = 100
"""Steps that are all recorded; from then on every so many."""
_TRIED = np.linspace(0.0, 2.0, 9)
"""Magnitudes tried, as multiples of equation 6's."""


class _Answers(NamedTuple):
    """At one state: the magnitude that lowers the error most, as tried out, and by equations 10 and 9."""

    tried: Array
    while_learning: Array
    steady: Array
    loss: Array


@unswept
def figure_equation_10(size: str, key: Array) -> Reproduction:
    """The best |dc| / |de| of one step from a random start to steady state: tried out, by equation 10 and by equation 9.

    At states along a run the error after one step is measured for nine magnitudes of plasticity, over 400 draws of
    fluctuations and of the rule's error. Equation 10 takes its change of the error from there, its curvatures from
    Hessian-vector products.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 6 or 12 networks of each circuit, 3000, 6000 or 8000 steps.
        key: random key.

    Source: equation 10 and the text after it.
    """
    keys = jax.random.split(key)
    parts = {
        setup.name: _along_learning(setup, _REPETITIONS[size], _STEPS[size], each)
        for setup, each in zip((LINEAR, NONLINEAR), keys, strict=True)
    }
    figure = curve_panels([_panel(name, part) for name, part in parts.items()], "Equation 10: more plasticity while learning")
    data = xr.concat(parts.values(), xr.Variable("circuit", list(parts)))
    return Reproduction(data, figure, tuple(_claims(parts)))


def _along_learning(setup: CircuitSetup, count: int, steps: int, key: Array) -> xr.Dataset:
    key_circuits, key_run, key_try = jax.random.split(key, 3)
    circuits = [_untrained(setup, each) for each in jax.random.split(key_circuits, count)]
    size = setup.magnitude(_FLUCTUATION)
    rule = pd.rules.noisy_gradient(_RATIO * size, _PRECISION) + pd.fluctuations.white(size)
    record = [pd.observe("weights", stop=_EARLY, name="early"), pd.observe("weights", every=_EARLY, name="late")]
    run = pd.simulate(circuits, rule, steps=steps, key=key_run, record=record)
    times = np.unique(np.geomspace(1, steps, 14).round().astype(int))
    early, late = run.early.sel(step=times[times < _EARLY]), run.late.sel(step_late=times[times >= _EARLY], method="nearest")
    late = late.rename(step_late="step", late_0="early_0")
    states = xr.concat([early, late], "step").transpose("replica", "step", "early_0")
    found = [_answers(circuit, jnp.asarray(own), size, key_try) for circuit, own in zip(circuits, states.values, strict=True)]
    columns = {
        name: (("replica", "step"), np.stack([np.asarray(getattr(one, name)) for one in found])) for name in _Answers._fields
    }
    return xr.Dataset(columns, coords={"step": states.step.values}, attrs={"size": size})


def _untrained(setup: CircuitSetup, key: Array) -> StudentTeacher:
    """A student that knows nothing of its teacher: both are drawn from the same law."""
    key_circuit, key_student = jax.random.split(key)
    law = INPUT_LAWS["mixed"]
    other = pd.circuits.student_teacher(setup.widths, key=key_student, input_law=law)
    return pd.circuits.student_teacher(setup.widths, key=key_circuit, input_law=law, student=other.teacher.kernels)


@eqx.filter_jit
def _answers(circuit: StudentTeacher, states: Array, size: float, key: Array) -> _Answers:
    return jax.lax.map(lambda state: _answer(circuit, state, size, key), states)


def _answer(circuit: StudentTeacher, state: Array, size: float, key: Array) -> _Answers:
    def loss(flat: Array) -> Array:
        return circuit.loss_at(ravel_pytree(circuit.weights)[1](flat))

    def curvature(direction: Array) -> Array:
        return jnp.vdot(direction, jax.jvp(jax.grad(loss), (state,), (direction,))[1])

    def directions(each: Array) -> tuple[Array, Array]:
        both = jax.random.normal(each, (2, state.size))
        fluctuation, error = both / jnp.linalg.norm(both, axis=1, keepdims=True)
        plasticity = -_PRECISION * gradient / jnp.linalg.norm(gradient) + error
        return size * fluctuation, plasticity / (1 + _PRECISION**2) ** 0.5

    gradient = jax.grad(loss)(state)
    fluctuations, plasticities = jax.vmap(directions)(jax.random.split(key, _DRAWS))
    q_fluctuation = jnp.mean(jax.vmap(curvature)(fluctuations)) / size**2
    q_plasticity = jnp.mean(jax.vmap(curvature)(plasticities))
    first = -jnp.mean(plasticities @ gradient) / q_plasticity
    # Fluctuations in pairs of opposite sign: what is left of their mean would move the minimum.
    pairs, here = jnp.stack([fluctuations, -fluctuations]), loss(state)

    def change_by(multiple: Array) -> Array:
        moved = state + multiple * first * plasticities + pairs
        return jnp.mean(jax.vmap(jax.vmap(loss))(moved) - here)

    # The expected change is a parabola in the magnitude as far as the loss is quadratic along one step.
    multiples = jnp.asarray(_TRIED)
    square, linear, constant = jnp.polyfit(multiples, jax.vmap(change_by)(multiples), 2)
    best = -first * linear / (2 * square)
    change = constant - linear**2 / (4 * square)
    learning = jnp.sqrt((q_fluctuation * size**2 - 2 * change) / q_plasticity)
    return _Answers(best / size, learning / size, jnp.sqrt(q_fluctuation / q_plasticity), here)


def _panel(name: str, data: xr.Dataset) -> Panel:
    mean, error = data.mean("replica"), data.std("replica", ddof=1) / data.sizes["replica"] ** 0.5
    curves = [
        Curve("tried out ± s.e.", data.step, mean.tried, error.tried, {"color": style.SIMULATION, "fmt": "o"}),
        Curve("equation 10, while learning", data.step, mean.while_learning, look={"color": style.THEORY}),
        Curve("equation 9, steady error", data.step, mean.steady, look={"color": style.GREEDY, "ls": "-."}),
    ]
    best = r"best $|\Delta c|\,/\,|\Delta\epsilon|$"
    return Panel(f"{name} circuit, precision 10", "step", best, curves, scales=("log", "log"))


def _claims(parts: dict[str, xr.Dataset]) -> list[Claim]:
    source = Source(NAME, "eq10")
    claims = []
    for name, data in parts.items():
        excess = np.log10(data.tried / data.steady)
        early, fall = excess.isel(step=0), excess.isel(step=0) - excess.isel(step=-1)
        more = f"{name} circuit: log10 of the best magnitude over that of equation 9, while learning (at the start)"
        claims.append(source.at_least(more, "equation 10", 0.0, 0.0, early.mean(), _error(early)))
        falls = f"{name} circuit: fall of that log10 from the start to the end of learning"
        claims.append(source.at_least(falls, "equation 10", 0.0, 0.0, fall.mean(), _error(fall)))
    return [*claims, *_linear_claims(parts[LINEAR.name], source)]


def _linear_claims(data: xr.Dataset, source: Source) -> list[Claim]:
    """The linear circuit settles within the run, and its loss is quadratic however long the step."""
    late = (data.tried / data.steady).isel(step=-1)
    over = (data.tried / data.while_learning).mean("replica")
    furthest = float(over[int(np.argmax(np.abs(over.values - 1)))])
    end = "linear circuit, at the end: tried out over equation 9"
    return [
        source.equal(end, "equation 9", 1.0, 0.1, late.mean(), _error(late)),
        # The same draws on both sides, curvatures by products here and by parabolas there: single precision is what is left.
        source.equal(
            "linear circuit: tried out over equation 10, furthest from 1 (an identity of quadratic losses)",
            "equation 10",
            1.0,
            0.02,
            furthest,
        ),
    ]


def _error(each: xr.DataArray) -> float:
    """Standard error of a mean over networks."""
    return widened(each.std(ddof=1) / each.size**0.5, each.size)
