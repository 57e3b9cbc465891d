"""Closed forms and semi-analytic results: numbers in, numbers out; nothing here simulates."""

from plastodyn.theory import chains, consolidation, curl, kuramoto, ratio

__all__ = ["chains", "consolidation", "curl", "kuramoto", "ratio"]
