"""Beyond the paper: oscillators whose synapses learn with the opposite sign, and the fraction of them that a rhythm bears."""

import jax
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import STEP, gate, mean_and_error, share_and_error
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import kuramoto

_UNITS, _HALF_WIDTH, _RATE, _DURATION, _LATE = 100, 0.5, 0.05, 240.0, 1000
_COUPLINGS = (2.5, 4.0, 8.0)
_FRACTIONS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.32, 0.34, 0.36, 0.38, 0.4, 0.42, 0.45, 0.48)
_SEEDS = {"smoke": 4, "standard": 10, "full": 40}
_CLEAR = 0.05
"""Distance from the critical fraction at which circuits of this size are on one side of it: signs and frequencies are drawn
apart, so that the mean over the flipped differs from that over all by some 1 / sqrt(N) of it."""


@unswept
def figure_flipped(size: str, key: Array) -> Reproduction:
    """Coherence against the fraction of oscillators whose synapses onto others grow with the opposite sign.

    100 oscillators, frequencies evenly spread up to 0.5, weights couple the phases; begun in step.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 10 or 40 draws of who is flipped.
        key: random key.

    Source: this project: flipped plasticity as in Ninou, Kadmon and Cayco-Gajic (2025), on the circuit of Hays (2026).
    """
    frequencies = pd.circuits.frequencies.uniform(_HALF_WIDTH).quantiles(_UNITS)
    coherence = np.empty((len(_COUPLINGS), len(_FRACTIONS), _SEEDS[size]))
    for place, fraction in enumerate(_FRACTIONS):
        for seed, own in enumerate(jax.random.split(jax.random.fold_in(key, place), _SEEDS[size])):
            coherence[:, place, seed] = _late_coherence(frequencies, fraction, own)
    found = xr.DataArray(coherence, dims=("coupling", "fraction", "replica"), name="coherence")
    data = found.assign_coords(coupling=list(_COUPLINGS), fraction=list(_FRACTIONS)).to_dataset()
    critical = [kuramoto.critical_flipped_fraction(frequencies, coupling) for coupling in _COUPLINGS]
    data = data.assign(critical_fraction=("coupling", critical))
    theory = [kuramoto.locked_coherence(_FRACTIONS, frequencies, coupling) for coupling in _COUPLINGS]
    data = data.assign(theory=(("coupling", "fraction"), theory))
    return Reproduction(data, _picture(data, frequencies), tuple(_claims(data)))


def _late_coherence(frequencies: np.ndarray, fraction: float, key: Array) -> np.ndarray:
    """Mean coherence of the last 1000 steps, one for each coupling."""
    signs = np.ones(_UNITS, np.float32)
    signs[np.asarray(jax.random.permutation(key, _UNITS))[: round(fraction * _UNITS)]] = -1
    start = np.broadcast_to(signs, (_UNITS, _UNITS)) * (1 - np.eye(_UNITS, dtype=np.float32))
    couplings = pd.axis("coupling", _COUPLINGS)
    circuit = pd.circuits.weighted_kuramoto(frequencies, couplings, phases=np.zeros(_UNITS), weights=start)
    growth = pd.rules.gated(pd.rules.phase_hebbian(1.0), gate())
    if fraction:
        growth = pd.rules.flipped(growth, pd.rules.presynaptic(signs, layer=0))
    rule = _RATE * (growth + pd.rules.decay(1.0))
    record = [pd.observe("coherence", start=-_LATE, every=20)]
    run = pd.simulate(circuit, rule, duration=_DURATION, dt=STEP, key=key, record=record, progress=False)
    return run.coherence.mean("time").isel(replica=0).values


def _claims(data: xr.Dataset) -> list[Claim]:
    source, claims = Source(NAME, "beyond2"), []
    for coupling in _COUPLINGS:
        one = data.sel(coupling=coupling)
        below = one.where(one.fraction <= one.critical_fraction - _CLEAR, drop=True)
        above = one.where(one.fraction >= one.critical_fraction + _CLEAR, drop=True)
        name = f"K = {coupling:g}, flips well below the critical fraction: ln of 1 - r over theory's, where farthest from 0"
        ratio = np.log((1 - below.coherence) / (1 - below.theory))
        far = ratio.isel(fraction=int(abs(ratio.mean("replica")).argmax("fraction")))
        claims.append(source.equal(name, "theory", 0.0, 0.05, *mean_and_error(far)))
        name = f"K = {coupling:g}, well above it: share of circuits that lost the rhythm (coherence below 0.5)"
        claims.append(source.at_least(name, "theory", 0.8, 0.0, *share_and_error((above.coherence < 0.5).values.ravel())))
    return claims


def _picture(data: xr.Dataset, frequencies: np.ndarray) -> Figure:
    fine, panels = np.linspace(0, 0.5, 400), []
    for coupling in _COUPLINGS:
        one = data.sel(coupling=coupling)
        theory = kuramoto.locked_coherence(fine, frequencies, coupling)
        found = [mean_and_error(one.coherence.sel(fraction=f)) for f in _FRACTIONS]
        look = style.points(style.SIMULATION)
        curves = [
            Curve("theory, locked", fine, theory, look={"color": style.THEORY}),
            Curve("simulation, mean", list(_FRACTIONS), [m for m, _ in found], look=look),
            *(
                Curve("single circuits" if not i else "_", list(_FRACTIONS), one.coherence.isel(replica=i), look=_SINGLE)
                for i in range(one.sizes["replica"])
            ),
        ]
        mark = Marks("critical fraction, theory", [float(one.critical_fraction)])
        panels.append(Panel(f"coupling K = {coupling:g}", "fraction of flipped oscillators", "coherence r", curves, [mark]))
    return curve_panels(panels, "A rhythm bears flipped plasticity up to a fraction", 3)


_SINGLE = {"color": "0.7", "marker": ".", "ms": 3, "ls": ""}
