"""One module for each paper: parameters, figures and claims, through plastodyn's public interface only."""

from plastodyn.papers.claims import Claim
from plastodyn.papers.registry import SIZES, Paper, PaperFigure, Place, Reproduction, papers, unswept

__all__ = ["SIZES", "Claim", "Paper", "PaperFigure", "Place", "Reproduction", "papers", "unswept"]
