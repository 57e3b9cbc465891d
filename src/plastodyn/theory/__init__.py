"""Closed forms and semi-analytic results: numbers in, numbers out; nothing here simulates."""

from plastodyn.theory import curl, ratio

__all__ = ["curl", "ratio"]
