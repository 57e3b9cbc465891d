"""How tables of synapses are laid out, as data: which columns hold what, and which rows count."""

from typing import NamedTuple


class Layout(NamedTuple):
    """The columns of a table of synapses, by the first line of their headings.

    ``keep`` lists columns and the text that a row must have there; ``missing`` the ids that stand for none; ``subtitles``
    counts rows below the headings that hold no synapse; ``unit`` is that of sizes.
    """

    name: str
    axon: str
    dendrite: str
    size: str
    second_size: str | None
    keep: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    subtitles: int
    unit: str
    source: str


PLAIN = Layout("plain", "axon", "dendrite", "size", "second_size", (), (), 0, "", "columns axon, dendrite, size")
"""A table of your own; the column ``second_size`` may be left out."""

MICRONS = Layout(
    name="microns",
    axon="pre_root_id",
    dendrite="post_root_id",
    size="spine_vol_um3",
    second_size="cleft_vx",
    keep=(),
    missing=("0",),
    subtitles=0,
    unit="µm³",
    source="MICrONS, mouse visual cortex, layer 2/3: soma_subgraph_synapses_spines_v185.csv of Zenodo record 3710459 "
    "(Dorkenwald et al. 2022, eLife 11, e76120); second sizes in voxels of the cleft",
)

KASTHURI = Layout(
    name="kasthuri",
    axon="Axon No",
    dendrite="Dendrite No",
    size="Spine Volume",
    second_size=None,
    keep=(("Axon type", "0"), ("Spine synapse = 1", "1")),
    missing=("0", "-1"),
    subtitles=1,
    unit="the table's unit",
    source="Kasthuri et al. 2015 (Cell 162, 648), mouse somatosensory cortex: table S2, excitatory axons on spines",
)

SOURCES = {layout.name: layout for layout in (PLAIN, MICRONS, KASTHURI)}
"""Layouts by name."""


def recognised(headings: list[str]) -> Layout:
    """The layout whose columns are all among the headings; `PLAIN` where none is.

    >>> recognised(["id", "pre_root_id", "post_root_id", "cleft_vx", "spine_vol_um3"]).name
    'microns'
    """
    for layout in (MICRONS, KASTHURI):
        if {layout.axon, layout.dendrite, layout.size, *(name for name, _ in layout.keep)} <= set(headings):
            return layout
    return PLAIN
