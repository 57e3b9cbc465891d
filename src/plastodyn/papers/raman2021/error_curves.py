"""Figure 5 (nonlinear circuit) and its supplement 1 (linear circuit): the sweet spot, simulated and predicted."""

import jax
from jax import Array

from plastodyn.experiments import Document
from plastodyn.figures import sweet_spot_panels
from plastodyn.papers.claims import Source
from plastodyn.papers.raman2021.catalogue import NAME
from plastodyn.papers.raman2021.documents import described, keys_of
from plastodyn.papers.raman2021.error_claims import general_claims, linear_claims, nonlinear_claims
from plastodyn.papers.raman2021.setups import CONTRAST_FLUCTUATION, EXTENTS, LINEAR, NONLINEAR, CircuitSetup, Extent
from plastodyn.papers.raman2021.sweeps import sweep
from plastodyn.papers.types import Place, Reproduction, placed

_CONTRASTED = ("loss", "optimum_simulated", "optimum_simulated_error", "optimum_stationary")


@placed
def figure_5(size: str, key: Array, place: Place) -> Reproduction:
    """Figure 5: 12-20-10 circuit, three precisions by three sizes of fluctuations, |dc|/|de| from 0.1 to 2.5.

    Args:
        size: ``smoke``, ``standard`` or ``full`` (6 repetitions of 8000 steps, the published size).
        key: random key.
        place: where the sweeps keep their stores; for the length of the call unless given.

    Returns:
        Data, picture and claims.

    Source: figure 5; the fixed set of 1000 inputs, not the script's bootstrap.
    """
    return _reproduce(NONLINEAR, "fig5", EXTENTS[size], key, place, "Figure 5: nonlinear circuit, 12-20-10")


@placed
def figure_5_supplement_1(size: str, key: Array, place: Place) -> Reproduction:
    """Figure 5, supplement 1: the same for the linear 12-10 circuit.

    Args:
        size: ``smoke``, ``standard`` or ``full`` (8 repetitions of 8000 steps, the published size).
        key: random key.
        place: where the sweeps keep their stores; for the length of the call unless given.

    Returns:
        Data, picture and claims.

    Source: figure 5, supplement 1; the fixed set of 1000 inputs.
    """
    return _reproduce(LINEAR, "fig5s1", EXTENTS[size], key, place, "Figure 5, supplement 1: linear circuit, 12-10")


def _reproduce(setup: CircuitSetup, figure: str, extent: Extent, key: Array, place: Place, title: str) -> Reproduction:
    key_mixed, key_isotropic = jax.random.split(key)
    data = sweep(setup, "mixed", extent, key_mixed, place)
    isotropic = sweep(setup, "isotropic", extent._replace(fluctuations=(CONTRAST_FLUCTUATION,)), key_isotropic, place)
    # Isotropic inputs are run at one size of fluctuations only: they serve as a contrast.
    data = data.merge({f"contrast_{name}": isotropic[name].reindex(fluctuation=data.fluctuation) for name in _CONTRASTED})
    rows = [(rf"$|\Delta\epsilon|$ = {value:g}$\sqrt{{N}}$", data.sel(fluctuation=value)) for value in data.fluctuation.values]
    source = Source(NAME, figure)
    own = linear_claims if setup is LINEAR else nonlinear_claims
    claims = (*general_claims(setup, data, source), *own(data, source))
    return Reproduction(data, sweet_spot_panels(rows, title + " (inputs x = Az)"), claims)


def sweeps_5(size: str, key: Array) -> dict[str, Document]:
    """The sweeps of figure 5: mixed inputs, and isotropic ones at one size of fluctuations, as a contrast.

    Args:
        size: as of the figure.
        key: as of the figure.
    """
    return _both(NONLINEAR, "fig5", size, key)


def sweeps_5s1(size: str, key: Array) -> dict[str, Document]:
    """The sweeps of figure 5, supplement 1.

    Args:
        size: as of the figure.
        key: as of the figure.
    """
    return _both(LINEAR, "fig5s1", size, key)


def _both(setup: CircuitSetup, figure: str, size: str, key: Array) -> dict[str, Document]:
    key_mixed, key_isotropic = jax.random.split(key)
    few = EXTENTS[size]._replace(fluctuations=(CONTRAST_FLUCTUATION,))
    return {
        f"{figure}-mixed-{size}": described(setup, "mixed", EXTENTS[size], keys_of(key_mixed)[0]),
        f"{figure}-isotropic-{size}": described(setup, "isotropic", few, keys_of(key_isotropic)[0]),
    }
