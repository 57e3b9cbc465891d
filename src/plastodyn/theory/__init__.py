"""Closed forms and semi-analytic results: numbers in, numbers out; nothing here simulates."""

from plastodyn.theory import bounds, chains, consolidation, curl, kuramoto, pulsed, ratio

__all__ = ["bounds", "chains", "consolidation", "curl", "kuramoto", "pulsed", "ratio"]
