"""Spectra of the stability matrix: random-matrix theory against sampled circuits."""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.circuits import fan_in_uniform
from plastodyn.figures import Curve, Marks, Panel, curve_panels
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.setups import UNIFORM_KURTOSIS
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import curl

_POINTS = (("hidden", 0.2, 0.4), ("hidden", 0.8, 0.6), ("readout", 0.2, 0.1), ("readout", 1.0, 0.4))
_INPUTS = {"smoke": 300, "standard": 1000, "full": 2000}
_SMALL, _SAMPLES = 100, 1000
"""Inputs and number of the circuits whose smallest eigenvalues are compared with the finite-size theory."""
_BINS = 60


@unswept
def figure_spectra(size: str, key: Array) -> Reproduction:
    """Eigenvalues of J of sampled circuits against the theory's density, on both sides of either boundary.

    Args:
        size: ``smoke``, ``standard`` or ``full``: circuits of 300, 1000 or 2000 inputs.
        key: random key.

    Source: the theory-against-empirical figure of the appendix; densities derived in this project.
    """
    count = _INPUTS[size]
    data, panels, claims = {}, [], []
    for index, (layer, c, alpha) in enumerate(_POINTS):
        found = np.linalg.eigvalsh(stability_matrix(layer, c, alpha, count, jax.random.fold_in(key, index)))
        data[f"eigenvalues_{layer}_{c:g}".replace(".", "_")] = ("index", found)
        panels.append(_panel(layer, c, alpha, found))
        claims += _claims(Source(NAME, "spectra"), layer, c, alpha, found, jax.random.fold_in(key, len(_POINTS) + index))
    figure = curve_panels(panels, f"Spectra of the stability matrix, {count} inputs")
    return Reproduction(xr.Dataset(data), figure, tuple(claims))


def stability_matrix(layer: str, c: float, alpha: float, count: int, key: Array) -> np.ndarray:
    """``J = W1' D2 W1 + |w2|^2 D1`` of one random circuit, its variances scaled to 1/N and |w2| to 1; float64.

    Args:
        layer: which holds the flipped neurons.
        c: inputs / hidden units.
        alpha: flipped fraction.
        count: inputs N.
        key: random key.
    """
    hidden = round(count / c)
    first = np.asarray(fan_in_uniform(key, [count, hidden], jnp.dtype("float32"), 3**0.5)[0], float)
    units = count if layer == "hidden" else hidden
    signs = np.where(np.arange(units) < round(alpha * units), -1.0, 1.0)
    if layer == "hidden":
        return first.T @ first + np.diag(signs)
    return (first.T * signs) @ first + np.eye(count)


def _panel(layer: str, c: float, alpha: float, found: np.ndarray) -> Panel:
    grid = np.linspace(found[0] - 0.3, found[-1] + 0.3, 1500)
    density = curl.spectral_density(c, alpha, layer=layer, eigenvalues=grid)
    height, edges = np.histogram(found, bins=_BINS, density=True)
    sampled = Curve("sampled circuit", (edges[1:] + edges[:-1]) / 2, height, look={"drawstyle": "steps-mid"})
    curves, limit = [sampled, Curve("theory", grid, density)], [Marks("stability limit", [0.0])]
    return Panel(rf"{layer}: c = {c:g}, $\alpha$ = {alpha:g}", "eigenvalue of J", "density", curves, limit)


def _claims(source: Source, layer: str, c: float, alpha: float, found: np.ndarray, key: Array) -> list[Claim]:
    count = len(found)
    limit = float(curl.spectral_edge(c, alpha, layer=layer))
    correction = float(curl.finite_size_edge(c, alpha, _SMALL, layer=layer, excess_kurtosis=UNIFORM_KURTOSIS)) - limit
    keys = jax.random.split(jax.random.fold_in(key, 1), _SAMPLES)
    smallest = np.array([np.linalg.eigvalsh(stability_matrix(layer, c, alpha, _SMALL, each))[0] for each in keys]) - limit
    over, error = smallest.mean() / correction, smallest.std(ddof=1) / correction / _SAMPLES**0.5
    beyond = f"smallest eigenvalue of {_SAMPLES} circuits of {_SMALL} inputs: its distance from the limit over theory"
    square = np.mean(found**2) / _mean_square(layer, c, alpha, found)
    where, by = f"{layer}, c = {c:g}, alpha = {alpha:g}", "random-matrix theory"
    return [
        # What the next order leaves.
        source.equal(f"{where}: {beyond}", by, 1.0, _SMALL ** (-1 / 3), over, abs(error)),
        source.equal(f"{where}: mean square eigenvalue over theory", by, 1.0, 20 / count, square),
    ]


def _mean_square(layer: str, c: float, alpha: float, found: np.ndarray) -> float:
    """Of the theory's eigenvalues, bulk and atoms, over the range of those found."""
    grid = np.linspace(found[0] - 1, found[-1] + 1, 200_001)
    density = curl.spectral_density(c, alpha, layer=layer, eigenvalues=grid)
    bulk = float(np.sum(density * grid**2) * (grid[1] - grid[0]))
    at, mass = curl.spectral_atoms(c, alpha, layer=layer)
    return bulk + float(np.sum(np.asarray(mass) * np.asarray(at) ** 2))
