"""What a paper is made of: its catalogue, which is plain data, and the functions that make its figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import xarray as xr
    from jax import Array
    from matplotlib.figure import Figure

    from plastodyn.experiments import Document
    from plastodyn.papers.claims import Claim

SIZES = ("smoke", "standard", "full")


class Reproduction(NamedTuple):
    """One figure, computed: its data, its picture and its claims."""

    data: xr.Dataset
    figure: Figure
    claims: tuple[Claim, ...]


class Place(NamedTuple):
    """Where a figure keeps the stores of its sweeps, and how many processes fill them (``None``: one for each core)."""

    directory: Path
    workers: int | None = None


class Make(Protocol):
    """Computes a figure; without a place, the stores of its sweeps last as long as the call."""

    def __call__(self, size: str, key: Array, place: Place | None = None) -> Reproduction:
        """The figure at one of `SIZES`."""
        ...


def unswept(make: Callable[[str, Array], Reproduction]) -> Make:
    """A figure whose runs are short or in one piece, and that keeps no stores."""

    @wraps(make)
    def made(size: str, key: Array, place: Place | None = None) -> Reproduction:
        del place
        return make(size, key)

    return made


def placed(make: Callable[[str, Array, Place], Reproduction]) -> Make:
    """A figure made of sweeps, which may be made without a lasting place for them."""

    @wraps(make)
    def made(size: str, key: Array, place: Place | None = None) -> Reproduction:
        if place is not None:
            return make(size, key, place)
        with TemporaryDirectory() as directory:
            return make(size, key, Place(Path(directory)))

    return made


class PaperFigure(NamedTuple):
    """A figure that can be reproduced, where its function is, and its cost in seconds on two cores by size.

    A figure that shows runs of another one names it in ``runs_of``, and gets its key, so that they are made once.
    """

    name: str
    title: str
    home: str
    """``paper.module:function``."""
    seconds: dict[str, int]
    runs_of: str | None = None
    sweeps: str | None = None
    """The function beside that of the figure that takes size and key and gives the documents of its sweeps, by label."""

    @property
    def make(self) -> Make:
        """The function, imported now: the catalogue itself needs neither JAX nor matplotlib."""
        return _found(self.home)

    def documents(self, size: str, key: Array) -> dict[str, Document]:
        """The sweeps that it is made of, by label; none where it is made otherwise."""
        return {} if self.sweeps is None else _found(f"{self.home.partition(':')[0]}:{self.sweeps}")(size, key)


def _found(home: str) -> Any:
    module, _, function = home.partition(":")
    return getattr(import_module(f"plastodyn.papers.{module}"), function)


def seconds(smoke: int, standard: int, full: int) -> dict[str, int]:
    """What a figure costs at each size.

    >>> seconds(8, 15, 30)
    {'smoke': 8, 'standard': 15, 'full': 30}
    """
    return dict(zip(SIZES, (smoke, standard, full), strict=True))


class Paper(NamedTuple):
    """A paper: its short name, citation and figures by name."""

    name: str
    citation: str
    figures: dict[str, PaperFigure]

    def function(self, name: str) -> Make:
        """The function of a figure by its own name, such as ``figure_5``: the ``__getattr__`` of a paper's package."""
        for figure in self.figures.values():
            if figure.home.endswith(f":{name}"):
                return figure.make
        raise AttributeError(f"module 'plastodyn.papers.{self.name}' has no attribute {name!r}")
