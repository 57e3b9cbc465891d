"""Table 1 of Raman and O'Leary (2021), in this project's words: measured shares of change that activity does not explain."""

from typing import NamedTuple


class Published(NamedTuple):
    """One study: what was compared, and the share of change independent of activity, from ``low`` to ``high``.

    ``of`` says what the share is one of: ``turnover`` (synapses made and lost, which add up), ``magnitude`` (a mean size of
    change) or ``variance``.
    """

    study: str
    system: str
    method: str
    of: str
    low: float
    high: float


TABLE_1 = (
    Published("Yasumatsu et al. 2008", "hippocampal slice culture, rat", "NMDA receptors blocked", "turnover", 0.67, 0.67),
    Published("Minerbi et al. 2009", "cortical culture, rat", "spikes blocked", "magnitude", 0.75, 0.75),
    Published("Kasthuri et al. 2015", "cortex, mouse, spine volumes", "shared axon and dendrite", "variance", 0.66, 0.66),
    Published("Dvorkin and Ziv 2016", "cortical culture, mouse", "shared axon and dendrite", "variance", 0.62, 0.64),
    Published("Nagaoka et al. 2016", "visual cortex, mouse, in vivo", "spikes blocked, light deprived", "turnover", 0.5, 0.5),
    Published("Quinn et al. 2019", "hippocampal culture, rat", "release blocked", "turnover", 0.75, 0.75),
)
"""The studies of the table that give a share, by year."""
