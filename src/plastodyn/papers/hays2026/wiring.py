"""The sparse hyperbolic circuit at work: oscillators that drift towards those they keep step with, and are wired anew."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle

import plastodyn as pd
from plastodyn.figures import style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import STEP, mean_and_error
from plastodyn.papers.types import Reproduction, unswept

_UNITS, _SLOTS, _COUPLING, _RATE = 300, 12, 3.0, 0.1
_CENTRES, _WIDTH, _SCATTER = (0.0, 4.0, -4.0), 0.2, 0.3
_DRIFT, _EVERY, _DURATION, _SPACING = 0.05, 2.5, 250.0, 0.2
_WATCHED = 50
"""Steps between two records."""
_SEEDS = {"smoke": 4, "standard": 12, "full": 50}
CIRCUITS = {"as specified": (_SPACING, True), "no spacing": (0.0, True), "weights fixed": (_SPACING, False)}
_GROUPS = jnp.asarray(np.repeat(np.arange(len(_CENTRES)), _UNITS // len(_CENTRES)))


@unswept
def figure_wiring(size: str, key: Array) -> Reproduction:
    """300 oscillators of three frequencies, mixed in the hyperbolic plane: who is next to whom after they have drifted?

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 12 or 50 circuits, each also without spacing and with fixed weights.
        key: random key.

    Source: this project; drift and wiring after Hays (2026) and its parent on resonant sparse geometry networks.
    """
    circuits = [_circuit(each) for each in jax.random.split(key, _SEEDS[size])]
    runs = [_run(circuits, spacing, learns, key) for spacing, learns in CIRCUITS.values()]
    data = xr.concat(runs, xr.IndexVariable("circuit", list(CIRCUITS)))
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _circuit(key: Array) -> pd.circuits.AbstractCircuit:
    key_place, key_frequency, key_phase = jax.random.split(key, 3)
    places = pd.geometry.into_ball(_SCATTER * jax.random.normal(key_place, (_UNITS, 2)))
    frequencies = pd.circuits.frequencies.uniform(_WIDTH).draw(key_frequency, _UNITS) + jnp.asarray(_CENTRES)[_GROUPS]
    near = pd.geometry.nearest_neighbours(places, _SLOTS)
    options = {"neighbours": near, "positions": places, "clusters": _GROUPS, "weights": 1.0}
    return pd.circuits.weighted_kuramoto(frequencies, _COUPLING, key=key_phase, **options)


def _run(circuits: list[pd.circuits.AbstractCircuit], spacing: float, learns: bool, key: Array) -> xr.Dataset:
    drift = pd.rules.hyperbolic_drift(_DRIFT, every=_EVERY, spacing=spacing)
    rule = _RATE * (pd.rules.phase_hebbian(1.0) + pd.rules.decay(1.0)) + drift if learns else drift
    watched = {"like": like_neighbours, "local_coherence": "local_coherence", "nearest": nearest}
    record = [pd.observe(what, every=_WATCHED, name=name) for name, what in watched.items()]
    found = pd.simulate(circuits, rule, duration=_DURATION, dt=STEP, key=key, record=record)
    mean = found.local_coherence.mean([d for d in found.local_coherence.dims if d not in ("replica", "time")])
    places, neighbours = found.structure_positions.values, found.structure_neighbours.values
    wrong = [_wrong(*one) for one in zip(places, neighbours, strict=True)]
    kept = {
        "like": found.like,
        "nearest": found.nearest,
        "local_coherence": mean,
        "place": (("replica", "oscillator", "axis"), places),
        "phase": (("replica", "oscillator"), found.activity.values),
        "start": (("oscillator", "axis"), np.asarray(circuits[0].structure.positions)),
        "first_phase": ("oscillator", np.asarray(circuits[0].activity)),
        "wrong": ("replica", wrong),
    }
    return xr.Dataset(kept)


def like_neighbours(moment: pd.rules.Moment) -> Array:
    """Share of neighbours of an oscillator's own frequency; a third where they are drawn at random."""
    return (_GROUPS[moment.structure.neighbours] == _GROUPS).mean()


def nearest(moment: pd.rules.Moment) -> Array:
    """Median hyperbolic distance to the nearest neighbour."""
    graph = moment.structure
    return jnp.median(pd.geometry.distance(graph.positions, graph.positions[graph.neighbours[0]]))


def _wrong(places: np.ndarray, neighbours: np.ndarray) -> int:
    """Neighbours that are further away than the k-th nearest, all distances by brute force in double precision."""
    p = places.astype(float)
    room = 1 - (p**2).sum(1)
    scores = ((p[:, None] - p) ** 2).sum(-1) / (room[:, None] * room)
    np.fill_diagonal(scores, np.inf)
    furthest = np.sort(scores, axis=1)[:, _SLOTS - 1]
    return int((np.take_along_axis(scores, neighbours.T, 1) > furthest[:, None]).sum())


def _claims(data: xr.Dataset) -> list[Claim]:
    source, last = Source(NAME, "wiring"), data.isel(time=-1)
    like, more = last.like, last.like - data.like.isel(time=0)
    learned, error = mean_and_error(more.sel(circuit="as specified"))
    fixed, fixed_error = mean_and_error(more.sel(circuit="weights fixed"))
    paired = like.sel(circuit="as specified") - like.sel(circuit="weights fixed")
    own = data.local_coherence.sel(circuit="as specified")
    shrunk = np.log10(last.nearest / data.nearest.isel(time=0))
    norm, wrong = float(np.linalg.norm(data.place, axis=-1).max()), int(data.wrong.sum())
    near = {name: mean_and_error(shrunk.sel(circuit=name)) for name in ("as specified", "no spacing")}
    project, distance = "this project", "log10 of the nearest distance over that at first"
    coherent = mean_and_error(own.isel(time=-1) - own.isel(time=0))
    return [
        source.at_least("like neighbours: how much their share grows", project, 0.2, 0.0, learned, error),
        source.equal("the same while weights are fixed: drift alone sorts nothing", project, 0.0, 0.05, fixed, fixed_error),
        source.at_least("like neighbours, more than with fixed weights", project, 0.2, 0.0, *mean_and_error(paired)),
        source.at_least("coherence of neighbours: how much it grows", project, 0.1, 0.0, *coherent),
        source.at_least(f"with a spacing: {distance}", project, -0.4, 0.0, *near["as specified"]),
        source.at_most(f"without one it collapses: {distance}", "specification 6.9", -1.0, 0.0, *near["no spacing"]),
        source.at_most("neighbours at the end that are not the nearest by brute force", "exact", 0.0, 0.0, wrong),
        source.at_most("largest norm of a position", "clip", pd.geometry.LARGEST_NORM, 1e-6, norm),
    ]


def _picture(data: xr.Dataset) -> Figure:
    with style.style():
        figure, grid = style.panels(4, 2, 4.4, 3.9, "A sparse circuit at work: synchrony moves oscillators together")
        one = data.sel(circuit="as specified")
        _scatter(grid[0], "at the start", one.start.values, one.first_phase.values)
        drawn = _scatter(grid[1], f"after {_DURATION:g} time units", one.place.values[0], one.phase.values[0])
        bar = figure.colorbar(drawn, ax=grid[1], label="phase (rad)", shrink=0.8)
        bar.set_ticks([0, np.pi, 2 * np.pi], labels=["0", "π", "2π"])
        colours = dict(zip(CIRCUITS, (style.SIMULATION, style.CONTRAST, "0.45"), strict=True))
        for name, colour in colours.items():
            own = data.sel(circuit=name)
            grid[2].plot(data.time, own.like.mean("replica"), color=colour, label=name)
            grid[3].plot(data.time, own.nearest.mean("replica"), color=colour, label=name)
        grid[2].axhline(1 / len(_CENTRES), color=style.THEORY, ls="--", label="neighbours at random")
        grid[3].axhline(_SPACING, color=style.THEORY, ls=":", label="spacing at which an edge rests")
        time = f"time (model units, coupling K = {_COUPLING:g})"
        grid[2].set(xlabel=time, ylabel="share", title="neighbours of an oscillator's own frequency")
        grid[3].set(xlabel=time, ylabel="hyperbolic distance", title="to the nearest neighbour, median", yscale="log")
        for axes in grid[2:]:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, frameon=False)
    return figure


def _scatter(axes: Axes, title: str, places: np.ndarray, phases: np.ndarray) -> PathCollection:
    """Positions in the disc, coloured by phase; frequencies by marker."""
    axes.add_patch(Circle((0, 0), 1, fill=False, color="0.6", lw=0.8))
    drawn = []
    for group, marker in enumerate(("o", "^", "s")):
        own = np.asarray(_GROUPS) == group
        look = {
            "c": np.mod(phases[own], 2 * np.pi),
            "cmap": "twilight",
            "vmin": 0,
            "vmax": 2 * np.pi,
            "s": 16,
            "marker": marker,
        }
        drawn.append(axes.scatter(*places[own].T, **look, label=f"frequency {_CENTRES[group]:g}"))
    axes.set(
        aspect="equal", xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), xlabel="position, first axis", ylabel="second axis", title=title
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, frameon=False, handletextpad=0.1)
    return drawn[0]
