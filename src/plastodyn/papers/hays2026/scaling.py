"""What a step costs against the number of oscillators and of neighbours: O(n k) time, O(n) memory beside the weights."""

import time
from collections.abc import Callable

import jax
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import STEP, mean_and_error, plasticity
from plastodyn.papers.types import Reproduction, unswept

_SLOTS, _COUPLING = 32, 2.0
_SIZES = {"smoke": (1e4, 3e4, 1e5), "standard": (1e4, 1e5, 1e6), "full": (1e4, 1e5, 1e6)}
_ROUNDS = {"smoke": 6, "standard": 6, "full": 12}
_DENSE, _NEIGHBOURS, _MIDDLE = (1000, 2000, 4000), (8, 32, 128), 20_000
_SHORT, _LEAST = 4, 0.15
"""Steps of the shorter of two runs, and seconds that the longer one takes more."""


@unswept
def figure_scaling(size: str, key: Array) -> Reproduction:
    """Time of a step of phases and weights through `simulate`, 32 near or random neighbours, or all with all.

    Args:
        size: ``smoke``, ``standard`` or ``full``: up to 1e5, 1e6 or 1e6 oscillators; 6, 6 or 12 rounds.
        key: random key of the graphs; times are those of the machine.

    Source: this project; complexity as Hays (2026) claims it.
    """
    rng, sizes = np.random.default_rng(np.asarray(jax.random.key_data(key))), [int(n) for n in _SIZES[size]]
    kinds: dict[str, list[Callable[[], float]]] = {
        "near": [_timed(near_neighbours(n, _SLOTS), n) for n in sizes],
        "random": [_timed(random_neighbours(n, _SLOTS, rng), n) for n in sizes],
        "all": [_timed(None, n) for n in _DENSE],
        "neighbours": [_timed(near_neighbours(_MIDDLE, k), _MIDDLE) for k in _NEIGHBOURS],
    }
    # Kinds and sizes take turns, so that a machine that is busy for a while slows all of them.
    rounds = [{kind: [one() for one in timed] for kind, timed in kinds.items()} for _ in range(_ROUNDS[size])]
    places = {"near": sizes, "random": sizes, "all": _DENSE, "neighbours": _NEIGHBOURS}
    data = xr.Dataset(
        {kind: (("replica", f"{kind}_size"), [each[kind] for each in rounds]) for kind in kinds},
        {f"{kind}_size": list(values) for kind, values in places.items()},
    )
    data["temporaries"] = ("neighbours_size", [_temporaries(k) for k in _NEIGHBOURS])
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def near_neighbours(count: int, slots: int) -> np.ndarray:
    """Every fourth of the nearest along the array, slot-major.

    >>> near_neighbours(100, 4)[:, 10].tolist()
    [2, 6, 14, 18]
    """
    offsets = 4 * np.concatenate([np.arange(-(slots // 2), 0), np.arange(1, slots - slots // 2 + 1)])
    return ((np.arange(count) + offsets[:, None]) % count).astype(np.int32)


def random_neighbours(count: int, slots: int, rng: np.random.Generator) -> np.ndarray:
    """Random ones, slot-major; none twice.

    >>> found = random_neighbours(50, 4, np.random.default_rng(0))
    >>> found.shape, len(set(found[:, 7].tolist()))
    ((4, 50), 4)
    """
    place = rng.permutation(count).astype(np.int32)
    found = np.empty((slots, count), np.int32)
    for slot, stride in enumerate(rng.choice(np.arange(1, count), slots, replace=False)):
        found[slot, place] = np.roll(place, -stride)
    return found


def _circuit(neighbours: np.ndarray | None, count: int) -> pd.circuits.AbstractCircuit:
    phases = np.linspace(0, 6, count, dtype=np.float32)
    return pd.circuits.weighted_kuramoto(np.zeros(count, np.float32), _COUPLING, phases=phases, neighbours=neighbours)


def _timed(neighbours: np.ndarray | None, count: int) -> Callable[[], float]:
    """A function that gives seconds a step: a longer run less a shorter one, over the steps between."""
    circuit, rule = _circuit(neighbours, count), plasticity()
    never = [pd.observe("coherence", every=10**6)]

    def seconds(steps: int) -> float:
        began = time.perf_counter()
        pd.simulate(circuit, rule, duration=STEP * steps, dt=STEP, key=jax.random.key(0), record=never, progress=False)
        return time.perf_counter() - began

    seconds(_SHORT)
    more = 16
    while seconds(_SHORT + more) - seconds(_SHORT) < _LEAST:
        more *= 4
    return lambda: (seconds(_SHORT + more) - seconds(_SHORT)) / more


def _temporaries(slots: int) -> float:
    """Bytes an oscillator that XLA sets aside for the velocities of phases and weights, beside what it is given and gives."""
    circuit, rule = _circuit(near_neighbours(_MIDDLE, slots), _MIDDLE), plasticity()
    state = rule.init(circuit.start, jax.random.key(0))

    def moved(circuit: pd.circuits.AbstractCircuit, weights: Array) -> tuple[object, object]:
        moment = circuit.start.at(weights)
        return circuit.activity_velocity(moment), rule.velocity(moment, state)

    found = jax.jit(moved).lower(circuit, circuit.weights).compile().memory_analysis()
    assert found is not None
    return found.temp_size_in_bytes / _MIDDLE


def _slopes(data: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Exponents of the time of a step in the sizes, means over rounds, and their errors."""
    return {kind: _slope(data[kind], np.log(data[f"{kind}_size"].values)) for kind in ("near", "random", "all", "neighbours")}


def _slope(times: xr.DataArray, logarithms: np.ndarray) -> tuple[float, float]:
    apart = logarithms - logarithms.mean()
    return mean_and_error(xr.DataArray(np.log(times.values) @ apart / (apart @ apart), dims="replica"))


def _claims(data: xr.Dataset) -> list[Claim]:
    source, slopes, most = Source(NAME, "scaling"), _slopes(data), float(data.temporaries.max())
    bytes_ = "bytes of temporaries for each oscillator, whatever its number of neighbours, most"
    return [
        source.at_most("near neighbours: exponent of time in size", "specification, scaling", 1.2, 0.0, *slopes["near"]),
        source.at_most("random neighbours: exponent of time in size", "specification, scaling", 1.4, 0.0, *slopes["random"]),
        source.at_most("exponent of time in the number of neighbours", "O(n k)", 1.2, 0.0, *slopes["neighbours"]),
        source.at_least("all with all: exponent of time in size", "O(n^2)", 1.6, 0.0, *slopes["all"]),
        source.at_most(bytes_, "three numbers", 16.0, 0.0, most),
    ]


def _picture(data: xr.Dataset) -> Figure:
    slopes, curves = _slopes(data), []
    looks = {"near": style.SIMULATION, "random": style.CONTRAST, "all": style.FAR}
    names = {"near": f"{_SLOTS} near neighbours", "random": f"{_SLOTS} random ones", "all": "all with all"}
    for kind, colour in looks.items():
        curves.append(_measured(data, kind, f"{names[kind]}: exponent {slopes[kind][0]:.2f}", colour))
    size, first = data.near_size.values, float(data.near.mean("replica")[0])
    curves.append(Curve("proportional to size", size, first * size / size[0], look={"color": style.THEORY, "ls": "--"}))
    slots, least = data.neighbours_size.values, float(data.neighbours.mean("replica")[0])
    label = f"{_MIDDLE} oscillators: exponent {slopes['neighbours'][0]:.2f}"
    more = [
        _measured(data, "neighbours", label, style.SIMULATION),
        Curve("proportional to neighbours", slots, least * slots / slots[0], look={"color": style.THEORY, "ls": "--"}),
    ]
    scales = ("log", "log")
    panels = [
        Panel("oscillators", "oscillators", "seconds a step", curves, scales=scales),
        Panel("neighbours", "neighbours of an oscillator", "seconds a step", more, scales=scales),
    ]
    return curve_panels(panels, "Phases and weights, one step through simulate")


def _measured(data: xr.Dataset, kind: str, label: str, colour: str) -> Curve:
    mean, error = zip(*(mean_and_error(data[kind][:, i]) for i in range(data[kind].shape[1])), strict=True)
    return Curve(label, data[f"{kind}_size"], mean, error, {"color": colour})
