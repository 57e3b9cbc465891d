"""One module for each paper: parameters, figures and claims, through plastodyn's public interface only."""

from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.registry import papers, place_of, select
from plastodyn.papers.types import SIZES, Paper, PaperFigure, Place, Reproduction, unswept

__all__ = [
    "SIZES",
    "Claim",
    "Paper",
    "PaperFigure",
    "Place",
    "Reproduction",
    "Source",
    "papers",
    "place_of",
    "select",
    "unswept",
]
