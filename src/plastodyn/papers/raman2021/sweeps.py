"""One sweep over ratio, precision and fluctuation, with the theories beside it."""

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.papers.raman2021.setups import RATIOS, CircuitSetup, Extent
from plastodyn.papers.raman2021.sweet_spot import greedy_fixed_point, jackknife, parabola_minimum
from plastodyn.theory import ratio as theory

_WINDOW = 101
# Odd: at large ratios the steepest mode changes sign at every step, and an even stride would see one phase of it only.
_CURVATURE_EVERY = 25
_CURVATURE_SAMPLES = 8
_FINE = np.geomspace(0.05, 2.6, 300)


def sweep(setup: CircuitSetup, law: str, extent: Extent, key: Array) -> xr.Dataset:
    """Simulate a sweep and put the stationary theory and equation 9 beside it.

    Args:
        setup: circuit and sweep.
        law: of the inputs, ``mixed`` or ``isotropic``.
        extent: repetitions, steps and fluctuations to run.
        key: random key.

    Returns:
        A Dataset over (fluctuation, precision, ratio): simulated loss with its standard error, stationary loss,
        curvatures; and over (fluctuation, precision): the optimum simulated, stationary, greedy and published.
    """
    key_circuits, key_run, key_measure = jax.random.split(key, 3)
    circuits = setup.circuits(law, extent.repetitions or setup.repetitions, key_circuits)
    run = _simulate(setup, circuits, extent, key_run)
    q_de, q_dc = _curvatures(circuits, run, setup, key_measure)
    spectra = [np.clip(pd.measure.hessian_eigenvalues(c.loss_at, c.teacher), 0, None) for c in circuits]
    result = _curves(setup, run, q_de, q_dc, spectra)
    return result.merge(_optima(setup, run, q_de, q_dc, spectra)).assign_attrs(
        run.attrs, inputs=law, circuit=setup.name, repetitions=len(circuits)
    )


def _simulate(setup: CircuitSetup, circuits: list[StudentTeacher], extent: Extent, key: Array) -> xr.Dataset:
    sizes = extent.fluctuations or setup.fluctuations
    size = pd.axis("fluctuation", sizes) * setup.weights**0.5
    magnitude = pd.axis("ratio", RATIOS) * size
    rule = pd.rules.noisy_gradient(magnitude, pd.axis("precision", setup.precisions))
    record = [
        pd.observe("loss", start=-_WINDOW),
        pd.observe("weights", start=-_WINDOW, every=_CURVATURE_EVERY),
    ]
    run = pd.simulate(circuits, rule + pd.fluctuations.white(size), steps=extent.steps, key=key, record=record)
    return run.transpose("fluctuation", "precision", "ratio", "replica", ...)


def _curvatures(
    circuits: list[StudentTeacher], run: xr.Dataset, setup: CircuitSetup, key: Array
) -> tuple[xr.DataArray, xr.DataArray]:
    """Q of fluctuations and of the actual plasticity along the steady state, averaged over its recorded states."""
    per_precision = []
    for precision in setup.precisions:
        rule = pd.rules.noisy_gradient(1.0, precision)
        per_replica = []
        for replica, circuit in enumerate(circuits):
            states = run.weights_recorded.sel(precision=precision, replica=replica)
            answer = pd.measure.plasticity_ratio(circuit, states, key=key, rule=rule, samples=_CURVATURE_SAMPLES, depth=0)
            per_replica.append(
                xr.Dataset({"q_de": answer.curvature_fluctuation, "q_dc": answer.curvature_plasticity}).mean("step_weights")
            )
        per_precision.append(xr.concat(per_replica, "replica"))
    both = xr.concat(per_precision, "precision").transpose("fluctuation", "precision", "ratio", "replica")
    return both.q_de, both.q_dc


def _curves(
    setup: CircuitSetup, run: xr.Dataset, q_de: xr.DataArray, q_dc: xr.DataArray, spectra: list[np.ndarray]
) -> xr.Dataset:
    steady = run.loss.mean("step")
    count = steady.sizes["replica"]
    stationary = [
        _stationary(spectra, setup.magnitude(size), steady.precision.values, RATIOS) for size in steady.fluctuation.values
    ]
    smooth = [_stationary(spectra, setup.magnitude(size), steady.precision.values, _FINE) for size in steady.fluctuation.values]
    dims = ("fluctuation", "precision")
    units = {"units": "loss"}
    result = xr.Dataset(
        {
            "loss": steady.mean("replica").assign_attrs(units, long_name="steady-state task error"),
            "loss_error": (steady.std("replica", ddof=1) / count**0.5).assign_attrs(units),
            "stationary_loss": ((*dims, "ratio"), np.array(stationary), {**units, "long_name": "stationary theory"}),
            "stationary_curve": ((*dims, "fine_ratio"), np.array(smooth), {**units, "long_name": "stationary theory"}),
            "curvature_fluctuation": q_de.mean("replica").assign_attrs(units="loss / weight^2"),
            "curvature_plasticity": q_dc.mean("replica").assign_attrs(units="loss / weight^2"),
        }
    )
    result = result.assign_coords(fine_ratio=_FINE)
    result.ratio.attrs = {"long_name": "|dc| / |de|", "units": "1"}
    result.fluctuation.attrs = {"long_name": "|de| per step / sqrt(number of weights)", "units": "weight"}
    result.precision.attrs = {"long_name": "precision gamma1 / gamma2", "units": "1"}
    return result


def _optima(
    setup: CircuitSetup, run: xr.Dataset, q_de: xr.DataArray, q_dc: xr.DataArray, spectra: list[np.ndarray]
) -> xr.Dataset:
    steady = run.loss.mean("step").transpose("fluctuation", "precision", "replica", "ratio").values
    measured = [q.transpose("fluctuation", "precision", "replica", "ratio").values for q in (q_de, q_dc)]
    shape = steady.shape[:2]
    names = ("simulated", "simulated_error", "grid", "greedy", "greedy_error", "stationary", "stationary_exact", "published")
    found = {name: np.full(shape, np.nan) for name in names}
    for i, fluctuation in enumerate(run.fluctuation.values):
        for j, precision in enumerate(run.precision.values):
            at = (i, j)
            found["simulated"][at], found["simulated_error"][at] = jackknife(
                lambda curve: parabola_minimum(RATIOS, curve), steady[at]
            )
            found["grid"][at] = RATIOS[np.argmin(steady[at].mean(axis=0))]
            found["greedy"][at], found["greedy_error"][at] = jackknife(
                lambda de, dc: greedy_fixed_point(RATIOS, de, dc), measured[0][at], measured[1][at]
            )
            size = setup.magnitude(fluctuation)
            # Read off the same grid by the same parabola, theory is compared with simulation like with like.
            curve = _stationary(spectra, size, np.array([precision]), RATIOS)[0]
            found["stationary"][at] = parabola_minimum(RATIOS, curve)
            found["stationary_exact"][at] = _FINE[np.argmin(_stationary(spectra, size, np.array([precision]), _FINE)[0])]
            found["published"][at] = setup.published(precision, fluctuation)
    dims = ("fluctuation", "precision")
    data = {f"optimum_{name}": (dims, values, {"units": "1"}) for name, values in found.items()}
    return xr.Dataset(data, coords={name: run[name] for name in dims})


def _stationary(spectra: list[np.ndarray], size: float, precisions: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """The stationary loss averaged over repetitions, shape (precisions, ratios)."""
    curves = [theory.stationary_loss(lam, ratios * size, size, precisions[:, None]) for lam in spectra]
    return np.mean(curves, axis=0)
