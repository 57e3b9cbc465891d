"""One sweep over ratio, precision and fluctuation, with the theories of the same networks beside it."""

from typing import NamedTuple, cast

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.experiments import Document
from plastodyn.papers.raman2021.catalogue import NAME
from plastodyn.papers.raman2021.documents import described, keys_of
from plastodyn.papers.raman2021.far import free_hidden_loss, trivial_loss
from plastodyn.papers.raman2021.setups import RATIOS, CircuitSetup, Extent
from plastodyn.papers.raman2021.vertex import vertex
from plastodyn.papers.types import Place
from plastodyn.theory import ratio as theory

_CURVATURE_SAMPLES = 8
FINE = np.geomspace(0.05, 2.6, 120)
_LAYERS = 2
_DIMS = ("fluctuation", "precision", "replica")


class _Sweep(NamedTuple):
    """A sweep that has been run: its networks, the spectra of their Hessians, and the errors they settled at."""

    setup: CircuitSetup
    circuits: list[StudentTeacher]
    spectra: list[np.ndarray]
    steps: int
    loss: xr.DataArray
    """Over (fluctuation, precision, replica, ratio)."""
    prediction: xr.DataArray
    """Equation 9 along the steady state, of the same dimensions."""


def sweep(setup: CircuitSetup, law: str, extent: Extent, key: Array, place: Place) -> xr.Dataset:
    """Simulate a sweep and put the stationary theory and equation 9 of the same networks beside it.

    Args:
        setup: circuit and sweep.
        law: of the inputs, ``mixed`` or ``isotropic``.
        extent: repetitions, steps and fluctuations to run.
        key: random key.
        place: where the sweep keeps its store.

    Returns:
        A Dataset over (fluctuation, precision, ratio), network by network where that is asked: simulated loss, stationary
        loss, the loss with a hidden layer that diffuses freely, the trivial predictor's; and over (fluctuation, precision): the
        optimum simulated, stationary and greedy, and the vertex of a parabola on the paper's grid, simulated and published.
    """
    key_run, key_measured = keys_of(key)
    key_measure, key_far = jax.random.split(key_measured)
    document = described(setup, law, extent, key_run)
    run = _run(document, f"{setup.name}-{law}", place)
    circuits = [cast(StudentTeacher, pd.experiments.circuit_of(document, {"network": i})) for i in run.replica.values]
    spectra = [np.clip(pd.measure.hessian_eigenvalues(c.loss_at, c.teacher), 0, None) for c in circuits]
    loss = run.loss.transpose(*_DIMS, "ratio")
    done = _Sweep(setup, circuits, spectra, extent.steps, loss, _equation_9(circuits, run, setup, key_measure))
    result = _curves(done)
    result = result.merge(_far(done, result, key_far)).merge(_optima(done, result))
    return _described(result).assign_attrs(run.attrs, inputs=law, circuit=setup.name, repetitions=len(circuits))


def _run(document: Document, label: str, place: Place) -> xr.Dataset:
    """The sweep, resumed from its store if that is there, and loaded; each network is a replica."""
    steps = document.run.steps
    store = place.directory / f"{NAME}-{label}-{steps}-{document.seed:08x}.zarr"
    found = pd.experiments.run(document, store, workers=place.workers).load()
    return found.isel(replica=0, drop=True).rename(network="replica")


def _equation_9(circuits: list[StudentTeacher], run: xr.Dataset, setup: CircuitSetup, key: Array) -> xr.DataArray:
    """``sqrt(Q[de] / Q[dc])`` of the actual changes along the steady state, averaged over its recorded states."""
    per_precision = []
    for precision in setup.precisions:
        rule = pd.rules.noisy_gradient(1.0, precision)
        per_replica = []
        for replica, circuit in enumerate(circuits):
            states = run.weights_recorded.sel(precision=precision, replica=replica)
            answer = pd.measure.plasticity_ratio(circuit, states, key=key, rule=rule, samples=_CURVATURE_SAMPLES, depth=0)
            both = xr.Dataset({"de": answer.curvature_fluctuation, "dc": answer.curvature_plasticity}).mean("step_weights")
            per_replica.append(np.sqrt(both.de / both.dc))
        per_precision.append(xr.concat(per_replica, "replica"))
    return xr.concat(per_precision, "precision").transpose(*_DIMS, "ratio")


def _stationary(done: _Sweep, ratios: np.ndarray) -> np.ndarray:
    """The stationary loss of every network, shape (fluctuation, precision, replica, ratios)."""
    precisions = done.loss.precision.values[:, None]
    return np.array(
        [
            [theory.stationary_loss(lam, ratios * size, size, precisions) for lam in done.spectra]
            for size in map(done.setup.magnitude, done.loss.fluctuation.values)
        ]
    ).swapaxes(1, 2)


def _curves(done: _Sweep) -> xr.Dataset:
    """Simulation and stationary theory, and how far they differ network by network."""
    each = xr.DataArray(_stationary(done, RATIOS), dims=done.loss.dims, coords=done.loss.coords)
    fine = xr.DataArray(_stationary(done, FINE), dims=(*_DIMS, "fine_ratio"), coords={"fine_ratio": FINE})
    return xr.Dataset(
        {
            **paired("loss", done.loss, each),
            "stationary_loss": each.mean("replica"),
            "stationary_curve": fine.mean("replica"),
            "stationary_curves": fine,
            "lowest_losses": done.loss.min("ratio"),
            "trivial_loss": ("replica", [trivial_loss(circuit) for circuit in done.circuits]),
        }
    )


def paired(name: str, simulated: xr.DataArray, theory_of_each: xr.DataArray) -> dict[str, xr.DataArray]:
    """Mean and standard error of a simulated number, and of its ratio to the theory of the same network, over replicas.

    >>> found = paired("loss", xr.DataArray([2.0, 4.0], dims="replica"), xr.DataArray([1.0, 2.0], dims="replica"))
    >>> float(found["loss"]), float(found["loss_over_theory"]), float(found["loss_over_theory_error"])
    (3.0, 2.0, 0.0)
    """
    over = simulated / theory_of_each
    root = simulated.sizes["replica"] ** 0.5
    return {
        name: simulated.mean("replica"),
        f"{name}_error": simulated.std("replica", ddof=1) / root,
        f"{name}_over_theory": over.mean("replica"),
        f"{name}_over_theory_error": over.std("replica", ddof=1) / root,
    }


def _far(done: _Sweep, result: xr.Dataset, key: Array) -> xr.Dataset:
    """Where even the best local theory does worse than a constant output, the theory of a free hidden layer; NaN elsewhere."""
    forgotten = result.stationary_curve.min("fine_ratio") > result.trivial_loss.mean()
    found = np.full(done.loss.shape, np.nan)
    if len(done.setup.widths) > _LAYERS:
        for i, j in zip(*np.nonzero(forgotten.values), strict=True):
            size, precision = done.setup.magnitude(done.loss.fluctuation.values[i]), done.loss.precision.values[j]
            for k, circuit in enumerate(done.circuits):
                found[i, j, k] = free_hidden_loss(circuit, RATIOS * size, size, precision, done.steps, key)
    each = xr.DataArray(found, dims=done.loss.dims, coords=done.loss.coords)
    over = done.loss / each
    root = done.loss.sizes["replica"] ** 0.5
    return xr.Dataset(
        {
            "forgotten": forgotten,
            "free_loss": each.mean("replica"),
            "loss_over_free": over.mean("replica"),
            "loss_over_free_error": over.std("replica", ddof=1) / root,
        }
    )


def _optima(done: _Sweep, result: xr.Dataset) -> xr.Dataset:
    """Where the curves are lowest, equation 9's answer, and the vertex on the paper's grid."""
    simulated = pd.measure.sweet_spot(done.loss)
    greedy = pd.measure.crossing(done.prediction)
    corner = vertex(done.loss)
    fixed = np.mean([theory.greedy_optimum(lam, 1.0, done.loss.precision.values) for lam in done.spectra], axis=0)
    published = [[done.setup.published(q, f) for q in done.loss.precision.values] for f in done.loss.fluctuation.values]
    return xr.Dataset(
        {
            "optimum_simulated": simulated.ratio,
            "optimum_simulated_error": simulated.standard_error,
            **_change_of_tilt(done.loss),
            "optimum_stationary": _lowest_of_theory(result.stationary_curve),
            "optimum_greedy": xr.where(greedy.place == "inside", greedy.ratio, np.nan),
            "optimum_greedy_error": greedy.standard_error,
            "optimum_greedy_theory": ("precision", fixed),
            "vertex_simulated": corner.ratio,
            "vertex_simulated_error": corner.standard_error,
            "vertex_published": (_DIMS[:2], published),
        }
    )


def _change_of_tilt(loss: xr.DataArray) -> dict[str, xr.DataArray]:
    """How ``ln F(0.4) / F(1)`` moves to the next precision, network by network: a rise moves the sweet spot up."""
    low, even = (loss.sel(ratio=value, method="nearest", drop=True) for value in (0.4, 1.0))
    tilt = cast(xr.DataArray, np.log(low / even))
    change = tilt.diff("precision", label="lower").reindex(precision=loss.precision)
    error = change.std("replica", ddof=1) / loss.sizes["replica"] ** 0.5
    return {"tilt_change": change.mean("replica"), "tilt_change_error": error}


def _lowest_of_theory(curve: xr.DataArray) -> xr.DataArray:
    """Where a curve without noise is lowest: between the points of its fine axis, from the three lowest."""
    lowest = curve.argmin("fine_ratio").clip(1, curve.sizes["fine_ratio"] - 2)
    near = [curve.isel(fine_ratio=lowest + beside) for beside in (-1, 0, 1)]
    a, b, c = (np.log(each.drop_vars("fine_ratio")) for each in near)
    left, here, right = (np.log(each.fine_ratio.drop_vars("fine_ratio")) for each in near)
    # The vertex of the parabola through three points.
    up, down = (here - left) * (b - c), (here - right) * (b - a)
    return cast(xr.DataArray, np.exp(here - ((here - left) * up - (here - right) * down) / (2 * (up - down))))


def _described(result: xr.Dataset) -> xr.Dataset:
    result = result.drop_vars("stationary_curves")
    names = {"loss": "steady-state task error", "stationary_loss": "stationary theory", "stationary_curve": "stationary theory"}
    for name in ("loss", "loss_error", "stationary_loss", "stationary_curve", "free_loss", "trivial_loss"):
        result[name].attrs = {"units": "loss", "long_name": names.get(name, name.replace("_", " "))}
    result.ratio.attrs = {"long_name": "|dc| / |de|", "units": "1"}
    result.fluctuation.attrs = {"long_name": "|de| per step / sqrt(number of weights)", "units": "weight"}
    result.precision.attrs = {"long_name": "precision gamma1 / gamma2", "units": "1"}
    return result
