"""Closed forms and semi-analytic results: numbers in, numbers out; nothing here simulates."""

from plastodyn.theory import ratio

__all__ = ["ratio"]
