"""Real synapses: what they share by axon and dendrite, what is left where plasticity is blocked, and the ratio that follows."""

from plastodyn.synapses.correlation import Correlation, MeanSquares, disattenuated, intraclass, mean_squares
from plastodyn.synapses.layouts import KASTHURI, MICRONS, PLAIN, SOURCES, Layout
from plastodyn.synapses.pairs import Groups, connections, exact_pairs, same_axon, same_dendrite
from plastodyn.synapses.picture import picture
from plastodyn.synapses.published import TABLE_1, Published
from plastodyn.synapses.rates import BlockedShare, from_changes, from_magnitudes, from_rates
from plastodyn.synapses.resampling import Measured
from plastodyn.synapses.share import SharedShare, estimate, implied_ratio
from plastodyn.synapses.simulated import simulated
from plastodyn.synapses.tables import Synapses, from_arrays, read, read_changes

__all__ = [
    "KASTHURI",
    "MICRONS",
    "PLAIN",
    "SOURCES",
    "TABLE_1",
    "BlockedShare",
    "Correlation",
    "Groups",
    "Layout",
    "MeanSquares",
    "Measured",
    "Published",
    "SharedShare",
    "Synapses",
    "connections",
    "disattenuated",
    "estimate",
    "exact_pairs",
    "from_arrays",
    "from_changes",
    "from_magnitudes",
    "from_rates",
    "implied_ratio",
    "intraclass",
    "mean_squares",
    "picture",
    "read",
    "read_changes",
    "same_axon",
    "same_dendrite",
    "simulated",
]
