"""Beyond the paper: gates that read a cluster's own coherence keep two clusters apart; one gate for all does not."""

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.hays2026.catalogue import NAME
from plastodyn.papers.hays2026.setups import STEP, drawn, gate, mean_and_error, run
from plastodyn.papers.types import Reproduction, unswept

_UNITS, _COUPLING, _RATE, _STEPS = 20, 3.0, 0.05, 4000
_CENTRES, _WIDTH = (5.0, -5.0), 0.2
_SEEDS = {"smoke": 12, "standard": 60, "full": 200}
GATES = {"one gate for all": "coherence", "a gate for each cluster": "cluster_coherence", "no gate": None}
_EVERY, _EARLY = 40, 4
"""Steps between two records; a step at which no cluster has locked yet."""


@unswept
def figure_local_gates(size: str, key: Array) -> Reproduction:
    """Two clusters of ten oscillators at frequencies 5 and -5: weights within and between them under three gates.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 12, 60 or 200 circuits of 4000 steps.
        key: random key.

    Source: this project; the circuit is that of the specification's check of two clusters.
    """
    clusters, law = np.repeat([0, 1], _UNITS // 2), pd.circuits.frequencies.uniform(_WIDTH)
    circuits = drawn(law, np.array(_CENTRES)[clusters], _COUPLING, _SEEDS[size], key, clusters=clusters)
    found, early = {}, {}
    for name, signal in GATES.items():
        growth = pd.rules.phase_hebbian(1.0)
        gated = growth if signal is None else pd.rules.gated(growth, gate(signal))
        data = run(
            circuits,
            _RATE * (gated + pd.rules.decay(1.0)),
            _STEPS,
            key,
            [
                pd.observe(_within_and_between, every=_EVERY, name="mean_weight"),
                pd.observe("weight_norm", start=_EARLY, stop=_EARLY, name="early"),
            ],
        )
        early[name] = data.early.isel(time_early=0, drop=True)
        found[name] = data.mean_weight.rename(mean_weight_0="pairs")
    data = xr.concat(list(found.values()), xr.IndexVariable("gate", list(found))).to_dataset()
    data = data.assign_coords(pairs=["within", "between"])
    data["early_size"] = xr.concat(list(early.values()), xr.IndexVariable("gate", list(early)))
    return Reproduction(data, _picture(data), tuple(_claims(data)))


def _within_and_between(moment: pd.rules.Moment) -> Array:
    """Mean weight within the clusters and between them."""
    half = _UNITS // 2
    blocks = jnp.asarray(moment.weights).reshape(2, half, 2, half).sum((1, 3))
    within, between = jnp.trace(blocks), blocks.sum() - jnp.trace(blocks)
    return jnp.stack([within / (2 * half * (half - 1)), between / (2 * half**2)])


def _claims(data: xr.Dataset) -> list[Claim]:
    source, last = Source(NAME, "beyond1"), data.mean_weight.isel(time=-1)
    expected = {"one gate for all": (0.645, 0.243), "a gate for each cluster": (0.993, -0.036), "no gate": (0.993, -0.036)}
    claims = []
    for name, values in expected.items():
        for pairs, value in zip(("within", "between"), values, strict=True):
            found, error = mean_and_error(last.sel(gate=name, pairs=pairs))
            where = "two clusters, specification" if name != "a gate for each cluster" else "as without a gate"
            claims.append(source.equal(f"{name}: mean weight {pairs} clusters", where, value, 0.02, found, error))
    gap = last.sel(pairs="within") - last.sel(pairs="between")
    more, error = mean_and_error(gap.sel(gate="a gate for each cluster") - gap.sel(gate="one gate for all"))
    name = "a gate for each cluster separates them further than one for all: within minus between"
    claims.append(source.at_least(name, "this project", 0.3, 0.0, more, error))
    size = np.log(data.early_size)
    shut, error = mean_and_error(size.sel(gate="a gate for each cluster") - size.sel(gate="no gate"))
    name = f"before clusters lock (step {_EARLY}) their gates are shut: ln of |W| over that without a gate"
    return [*claims, source.at_most(name, "this project", -0.5, 0.0, shut, error)]


def _picture(data: xr.Dataset) -> Figure:
    colours = dict(zip(GATES, (style.SIMULATION, style.CONTRAST, "0.5"), strict=True))
    panels = []
    for pairs in ("within", "between"):
        curves = []
        for name in GATES:
            one = data.mean_weight.sel(gate=name, pairs=pairs)
            look = {"color": colours[name], "linestyle": "--" if name == "no gate" else "-"}
            curves.append(Curve(name, data.time, one.mean("replica"), look=look))
        time = f"time (model units, coupling K = {_COUPLING:g})"
        panels.append(Panel(f"{pairs} clusters", time, "mean weight", curves))
    return curve_panels(panels, f"Two clusters: who opens the gate ({data.sizes['replica']} circuits, step {STEP:g})")
