"""Figures 2, 3a, 4a and 4b: phase diagrams in theory, and the errors that networks end with or pass through."""

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.experiments import Document
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.experiments import phase_point
from plastodyn.papers.ninou2025.maps import PhaseMap, phase_maps
from plastodyn.papers.ninou2025.setups import FLOOR, sides
from plastodyn.papers.ninou2025.stores import Sweeps, cpu_hours, described, swept
from plastodyn.papers.types import Place, Reproduction, placed, unswept
from plastodyn.theory import curl

_FRACTION = {"hidden": r"flipped fraction of inputs $\alpha_h$", "readout": r"flipped fraction of hidden units $\alpha_r$"}
_ERROR = r"$\log_{10}$ test error, mean over seeds"
_SMALL = -8.0
"""Log10 of an error that has not grown to a transient: between rounding, -28, and transients, -4 and more."""
_INSET_EPOCHS = 20_000
_COST_GOAL = 400.0
_PUBLISHED_HOURS = {"fig3a": 281.0, "fig4a": 151.0}


class Extent(NamedTuple):
    """How much of a phase diagram is simulated."""

    compressions: int
    fractions: int
    seeds: int
    epochs: int
    inset: int


_EXTENTS = {
    "hidden": {
        "smoke": Extent(4, 5, 2, 4000, 3),
        "standard": Extent(9, 11, 4, 20_000, 6),
        "full": Extent(20, 21, 10, 100_000, 20),
    },
    "readout": {
        "smoke": Extent(4, 5, 2, 4000, 0),
        "standard": Extent(7, 11, 4, 20_000, 0),
        "full": Extent(20, 21, 20, 100_000, 0),
    },
}
_LOW = {"smoke": 1e-2, "standard": 1e-3, "full": 1e-3}
"""What counts as a low error in figure 4a, below the 1e-1.2 and more of an unstable hidden layer: it falls for long."""
_STARTS = ("teacher", "random")
_DECADES = {"hidden": (-1.0, 2.0), "readout": (-2.0, 1.0)}


@unswept
def figure_2(size: str, key: Array) -> Reproduction:
    """Figure 2: stability of the solution manifold, from random-matrix theory alone.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 50, 200 or 500 points on each axis (published: 500).
        key: not used; figures share a signature.

    Source: figure 2; boundary values in the specification.
    """
    del key
    points = {"smoke": 50, "standard": 200, "full": 500}[size]
    wide, close, fraction = np.geomspace(1e-3, 1e2, points), np.linspace(0.1, 0.7, points), np.linspace(0, 1, points)
    hidden, readout, inset = _edge(wide, fraction, "hidden"), _edge(wide, fraction, "readout"), _edge(close, fraction, "hidden")
    maps = [
        _edge_map("hidden", hidden, "hidden"),
        _edge_map("readout", readout, "readout"),
        _edge_map("hidden, close", inset, "hidden", logarithmic=False),
    ]
    data = xr.Dataset({"hidden": hidden, "readout": readout, "hidden_close": inset.rename(compression="compression_close")})
    figure = phase_maps(maps, "Figure 2: stable (blue) and unstable (red) solutions", 3)
    return Reproduction(data, figure, tuple(_boundary_claims(Source(NAME, "fig2"))))


def _edge(compression: np.ndarray, fraction: np.ndarray, layer: str) -> xr.DataArray:
    """The left edge of the spectrum: solutions are stable where it is positive."""
    edge = curl.spectral_edge(compression, fraction[:, None], layer=layer)
    return xr.DataArray(edge, coords={"fraction": fraction, "compression": compression}, dims=("fraction", "compression"))


def _edge_map(title: str, edge: xr.DataArray, layer: str, logarithmic: bool = True) -> PhaseMap:
    limit = boundary(edge.compression.values, layer)
    title = f"{title}: left edge of the spectrum"
    return PhaseMap(title, edge.clip(-1, 1), limit, "left edge (clipped)", _FRACTION[layer], logarithmic, "RdBu")


_BOUNDARY = {"hidden": {0.3: 0.5585, 0.4: 0.1772, 0.5: 0.0467}, "readout": {0.1: 0.2446, 0.5: 0.0973, 1.0: 0.0551}}


def _boundary_claims(source: Source) -> list[Claim]:
    claims = []
    for layer, table in _BOUNDARY.items():
        for c, value in table.items():
            found = curl.critical_fraction(c, layer=layer)
            claims.append(source.equal(f"boundary, {layer}, c = {c:g}", "theory; specification", value, 1e-4, found))
    return claims


def boundary(compression: np.ndarray, layer: str) -> xr.DataArray:
    """The critical fraction over compression ratios."""
    fine = np.geomspace(compression.min(), compression.max(), 400)
    return xr.DataArray(curl.critical_fraction(fine, layer=layer), dims="compression", coords={"compression": fine})


@placed
def figure_3a(size: str, key: Array, place: Place) -> Reproduction:
    """Figure 3a: test error after learning with flipped inputs, over compression ratio and flipped fraction.

    Args:
        size: ``smoke``, ``standard`` or ``full`` (20 x 21 points, 10 seeds, 100 000 epochs, the published size).
        key: random key.
        place: where the sweeps keep their stores; for the length of the call unless given.

    Source: figure 3a and its inset; full-batch steps at the published learning rate per epoch.
    """
    sweeps = sweeps_3a(size, key)
    wide, close = (_phases(label, sweeps, place) for label in sweeps)
    maps = [
        _error_map("test error", wide.test_error, "hidden"),
        _error_map("inset: the transition", close.test_error, "hidden", logarithmic=False),
    ]
    inset = close.drop_vars([name for name in close.variables if str(name).startswith("chunk_")])
    data = wide.assign({f"inset_{n}": v.rename(compression="compression_inset") for n, v in inset.data_vars.items()})
    source = Source(NAME, "fig3a")
    claims = [*_region_claims(wide, source), *_transition_claims(close, source), *_cost_claims(wide, "fig3a", size, source)]
    return Reproduction(data, phase_maps(maps, "Figure 3a: flipped plasticity in the hidden layer"), tuple(claims))


def sweeps_3a(size: str, key: Array) -> Sweeps:
    """The sweeps of figure 3a: over decades of compression, and near the transition, for fewer epochs.

    Args:
        size: as of the figure.
        key: as of the figure.
    """
    extent = _EXTENTS["hidden"][size]
    key_wide, key_close = jax.random.split(key)
    compressions, short = np.linspace(0.1, 0.7, extent.inset), extent._replace(epochs=min(extent.epochs, _INSET_EPOCHS))
    return {
        f"fig3a-{size}": phase_sweep("hidden", "random", _compressions("hidden", extent), extent, key_wide),
        f"fig3a-inset-{size}": phase_sweep("hidden", "random", compressions, short, key_close),
    }


def _region_claims(wide: xr.Dataset, source: Source) -> list[Claim]:
    levels = log_error(wide.test_error)
    # At large c learning is so slow that gradient descent itself does not arrive in the published number of epochs.
    arrives = levels.sel(fraction=0, drop=True).mean("replica") < -6
    stable, unstable = sides(levels.where(arrives, drop=True), "hidden")
    stable, unstable = stable.mean("replica"), unstable.mean("replica")
    name = "stable region, where gradient descent arrives in time: share of points with a test error below 1e-6"
    return [
        source.at_least(name, "figure 3a", 0.95, 0.0, (stable < -6).mean()),
        source.at_least("unstable region: lowest log10 test error", "figure 3a", -3.0, 0.0, unstable.min()),
        source.equal("unstable region: mean log10 test error", "figure 3a, -1.7 to -1.2", -1.45, 0.25, unstable.mean()),
    ]


@placed
def figure_4a(size: str, key: Array, place: Place) -> Reproduction:
    """Figure 4a: test error after learning with flipped hidden units, from a random start and from the teacher.

    Args:
        size: ``smoke``, ``standard`` or ``full`` (20 x 21 points, 20 seeds, 100 000 epochs, the published size).
        key: random key.
        place: where the sweeps keep their stores; for the length of the call unless given.

    Source: figure 4a.
    """
    sweeps = sweeps_4(size, key)
    runs = {start: _phases(f"fig4-{start}-{size}", sweeps, place) for start in _STARTS}
    maps = [
        _error_map("test error, started at the teacher", runs["teacher"].test_error, "readout"),
        _error_map("test error, started at random", runs["random"].test_error, "readout"),
    ]
    source, low = Source(NAME, "fig4a"), _LOW[size]
    claims = []
    for start, run in runs.items():
        _, unstable = sides(log_error(run.test_error).mean("replica"), "readout")
        inner = unstable[unstable.fraction.values <= 0.5]
        name = f"unstable region up to half the units flipped, {start} start: share of points with test error below {low:g}"
        claims.append(source.at_least(name, "figure 4a: low almost everywhere", 0.95, 0.0, (inner < np.log10(low)).mean()))
    claims += _cost_claims(runs["teacher"], "fig4a", size, source)
    data = runs["teacher"].assign(random_start_test_error=runs["random"].test_error)
    return Reproduction(data, phase_maps(maps, "Figure 4a: flipped plasticity in the readout layer"), tuple(claims))


def sweeps_4(size: str, key: Array) -> Sweeps:
    """The sweeps of figures 4a and 4b: started at the teacher, and at random.

    Args:
        size: as of the figures.
        key: as of figure 4a.
    """
    extent = _EXTENTS["readout"][size]
    compressions = _compressions("readout", extent)
    return {
        f"fig4-{start}-{size}": phase_sweep("readout", start, compressions, extent, jax.random.fold_in(key, i))
        for i, start in enumerate(_STARTS)
    }


@placed
def figure_4b(size: str, key: Array, place: Place) -> Reproduction:
    """Figure 4b: the highest training error on the way, started at the teacher, with flipped hidden units.

    Args:
        size: ``smoke``, ``standard`` or ``full``; the runs of figure 4a are used again.
        key: random key, that of figure 4a.
        place: where the sweeps keep their stores; for the length of the call unless given.

    Source: figure 4b.
    """
    run = _phases(f"fig4-teacher-{size}", sweeps_4(size, key), place)
    peak = log_error(run.peak_error).max("replica")
    limit, label = boundary(run.compression.values, "readout"), r"$\log_{10}$ peak training error"
    unsteady = peak.sel(fraction=0)[peak.sel(fraction=0) > _SMALL].compression.values
    note = (float(unsteady[0]), 0.01, "without flips:\nthe step overshoots") if len(unsteady) else None
    item = PhaseMap("highest over learning and over seeds", peak, limit, label, _FRACTION["readout"], note=note)
    figure = phase_maps([item], "Figure 4b: transients next to the solution", 1)
    return Reproduction(run, figure, _transient_claims(peak))


def _transient_claims(peak: xr.DataArray) -> tuple[Claim, ...]:
    stable, unstable = sides(peak, "readout")
    # At the smallest c curvatures are so large that steps of the published length overshoot even without flips.
    calm = peak.sel(fraction=0) < _SMALL
    stays = stable[calm.sel(compression=stable.compression).values].max()
    source, edge = Source(NAME, "fig4b"), "figure 4b: sharp edge"
    return (
        source.at_most("stable side, where gradient descent stays: highest log10 peak error", edge, _SMALL, 0.0, stays),
        source.at_least("unstable side: median log10 peak error", "figure 4b: large transients", -4.0, 0.0, unstable.median()),
    )


def phase_sweep(layer: str, start: str, compressions: np.ndarray, extent: Extent, key: Array) -> Document:
    """The sweep of `phase_point`; one ratio at a time, since networks of one shape are compiled once."""
    axes = {"compression": compressions.tolist(), "fraction": np.linspace(0, 1, extent.fractions).tolist()}
    parameters = {"layer": layer, "start": start, "seeds": extent.seeds, "epochs": extent.epochs}
    return described(phase_point, axes, {"compression": 1, "fraction": extent.fractions}, key, **parameters)


def _phases(label: str, sweeps: Sweeps, place: Place) -> xr.Dataset:
    found = swept(label, sweeps, place)
    found.test_error.attrs = {"long_name": "test error", "units": "squared output"}
    return found


def _compressions(layer: str, extent: Extent) -> np.ndarray:
    return np.logspace(*_DECADES[layer], extent.compressions)


def log_error(error: xr.DataArray) -> xr.DataArray:
    """Base-10 logarithm of an error floored at 1e-15."""
    return error.clip(min=FLOOR).pipe(np.log10)


def _error_map(title: str, error: xr.DataArray, layer: str, logarithmic: bool = True) -> PhaseMap:
    values = log_error(error).mean("replica")
    return PhaseMap(title, values, boundary(values.compression.values, layer), _ERROR, _FRACTION[layer], logarithmic)


def _transition_claims(close: xr.Dataset, source: Source) -> list[Claim]:
    """Where the error rises above 1e-6 along c, against the theory's boundary, averaged over fractions."""
    level = log_error(close.test_error).mean("replica")
    shifts = []
    for fraction in (f for f in close.fraction.values if 0.05 < f < 0.75):
        curve = level.sel(fraction=fraction)
        above = np.flatnonzero(curve.values > -6)
        if len(above) and above[0] > 0:
            low, high = close.compression.values[above[0] - 1 : above[0] + 1]
            shifts.append((low + high) / 2 - float(curl.critical_compression(fraction, layer="hidden")))
    shift, error = (float(np.mean(shifts)) if shifts else np.nan), np.inf
    if len(shifts) >= 2:
        # Within a cell of the grid the edge may be anywhere: its scatter over fractions is part of the standard error.
        error = widened(np.std(shifts, ddof=1) / len(shifts) ** 0.5, len(shifts))
    where = "figure 3a, inset; specification: 0.03 to 0.05 to the left"
    return [
        source.equal("inset: empirical boundary minus theory, in c", where, -0.04, 0.02, shift, error),
        source.at_most("inset: the empirical boundary lies to the left of theory, in c", where, 0.0, 0.0, shift, error),
    ]


def _cost_claims(data: xr.Dataset, figure: str, size: str, source: Source) -> list[Claim]:
    if size != "full":
        return []
    hours = _PUBLISHED_HOURS[figure]
    name = f"processor time: the original's {hours:g} hours over ours"
    return [source.at_least(name, "the goal of this reproduction", _COST_GOAL, 0.0, hours / cpu_hours(data))]
