"""Theorem 1 and lemma 1: inputs that vary in time, and why they must not stop exciting."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.setups import track, two_stage
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.types import Reproduction, unswept

_MU = 0.5
_ALPHA = 1 - _MU
_DURATION = 60.0
_FADES = 0.5
"""Rate at which the fading input falls: its total excitation is 1 / (2 x rate) = 1."""
_SEEDS = {"smoke": 20, "standard": 100, "full": 400}
_HOLD = 0.5


def lasting(time: Array) -> Array:
    """An input that comes and goes for ever: ``x = sqrt(2) sin t``, of mean square 1."""
    return jnp.sqrt(2.0) * jnp.sin(time)


def fading(time: Array) -> Array:
    """An input that dies away, ``x = exp(-t / 2)``: the integral of its square stays below 1."""
    return jnp.exp(-_FADES * time)


_INPUTS = {"lasting": lasting, "fading": fading}
_EXCITATION = {
    "lasting": lambda time: time - np.sin(2 * time) / 2,
    "fading": lambda time: (1 - np.exp(-2 * _FADES * time)) / (2 * _FADES),
}
"""``s(t)``, the integral of x^2, in closed form."""
_COLOURS = {"lasting": style.SIMULATION, "fading": style.CONTRAST}


@unswept
def figure_theorem_1(size: str, key: Array) -> Reproduction:
    """Theorem 1: at ``alpha = 1 - mu`` the Lyapunov function never rises, whatever the input and the perturbation.

    Lemma 1: it falls to 0 only if the input excites for ever. With ``s = integral of x^2 dt`` for time every input has the
    course of a constant one, so that under a fading input learning stops on its way.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 20, 100 or 400 courses of the perturbation.
        key: random key.

    Source: theorem 1 and lemma 1; alpha, mu and both inputs are this project's choices.
    """
    keys = jax.random.split(key, _SEEDS[size])
    perturbed = [pd.perturbations.signal_dependent(_MU, _HOLD, each) for each in keys]
    worst = pd.perturbations.worst_case(_MU)
    columns = {}
    with jax.enable_x64(True):
        for name, drive in _INPUTS.items():
            columns[f"lyapunov_{name}"] = _lyapunov(_path(drive, [*perturbed, worst], key))
            still = _path(drive, [None], key).isel(replica=0)
            columns[f"error_{name}"] = 1 - still.sum("site")
    data = xr.Dataset(columns)
    for name, excitation in _EXCITATION.items():
        data[f"theory_{name}"] = ("time", _constant_input(excitation(data.time.values)))
    figure = curve_panels([_lyapunov_panel(data), _error_panel(data)], "Theorem 1 and lemma 1: inputs that vary in time", 2)
    return Reproduction(data, figure, tuple(_claims(data)))


def _path(
    drive: Callable[[Array], Array], perturbations: list[pd.perturbations.Perturbation | None], key: Array
) -> xr.DataArray:
    circuits = [
        pd.circuits.tracking(jnp.zeros(2, "float64"), drive=drive, perturbation=each, dtype="float64") for each in perturbations
    ]
    # Perturbations of one kind run together; the last one is of another.
    runs = [track(circuits[:-1], two_stage(_ALPHA), _DURATION, key)] if len(circuits) > 1 else []
    runs.append(track(circuits[-1:], two_stage(_ALPHA), _DURATION, key))
    return xr.concat(runs, "replica") if len(runs) > 1 else runs[0]


def _lyapunov(path: xr.DataArray) -> xr.DataArray:
    return ((1 - path.sum("site")) ** 2 + (1 - path.isel(site=1)) ** 2) / 2


def _constant_input(excitation: np.ndarray) -> np.ndarray:
    """Gain error at time ``s`` under a constant input of 1 without perturbation: ``z' = A z``, ``z = (g, w1)``."""
    matrix = np.array([[-1.0, -_ALPHA], [1.0, 0.0]])
    rates, modes = np.linalg.eig(matrix)
    start = np.linalg.solve(modes, np.array([1.0, 0.0]))
    return np.real(np.exp(np.outer(excitation, rates)) @ (modes[0] * start))


def _lyapunov_panel(data: xr.Dataset) -> Panel:
    curves = []
    for name, colour in _COLOURS.items():
        own = data[f"lyapunov_{name}"].transpose("replica", "time")
        look = {"color": colour, "lw": 0.6, "alpha": 0.6}
        curves += [Curve(f"{name} input" if i == 0 else "_", data.time, one, look=look) for i, one in enumerate(own[-10:])]
    title, value = (
        rf"$\mu$ = {_MU:g}, $\alpha$ = {_ALPHA:g}: random and worst perturbations",
        "Lyapunov function $L$ (squared weight)",
    )
    return Panel(title, r"time ($1/\eta_1$)", value, curves, scales=("linear", "log"))


def _error_panel(data: xr.Dataset) -> Panel:
    curves = []
    for name, colour in _COLOURS.items():
        thin = data.isel(time=slice(None, None, 40))
        curves += [
            Curve(f"{name} input, simulated", thin.time, thin[f"error_{name}"], look=style.points(colour)),
            Curve(
                "constant input at equal excitation" if name == "lasting" else "_",
                data.time,
                data[f"theory_{name}"],
                look={"color": style.THEORY},
            ),
        ]
    return Panel("without perturbation", r"time ($1/\eta_1$)", "gain error $g$ (weight)", curves)


def _claims(data: xr.Dataset) -> list[Claim]:
    source, end = Source(NAME, "theorem1"), data.isel(time=-1)
    claims = []
    for name in _INPUTS:
        rise = data[f"lyapunov_{name}"].diff("time").max()
        claims.append(source.at_most(f"{name} input: largest rise of L in a step, all courses", "theorem 1", 0.0, 1e-9, rise))
        off = abs(data[f"error_{name}"] - data[f"theory_{name}"]).max()
        # A Runge-Kutta step of order 4 at this step length errs by less than 1e-7.
        same = f"{name} input: gain error against that of a constant one at equal excitation, largest difference"
        claims.append(source.equal(same, "this project: time is the integral of x^2", 0.0, 1e-6, off))
    most, least = end.lyapunov_lasting.max(), end.lyapunov_fading.min()
    return [
        *claims,
        source.at_most("an input that excites for ever: L at the end, most of all courses", "theorem 1", 1e-3, 0.0, most),
        source.at_least("an input that stops exciting: L at the end, least of all courses", "lemma 1", 0.1, 0.0, least),
    ]
