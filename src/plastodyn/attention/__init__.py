"""Attention by synchrony: who would lock with whom attends to it; blocks of it, alone and with Hebbian weights."""

from plastodyn.attention.blocks import ColearningBlock, Learned, OscillatoryBlock
from plastodyn.attention.calibration import calibrated, locked_share
from plastodyn.attention.synchrony import SynchronyAttention, locking, locking_radius

__all__ = [
    "ColearningBlock",
    "Learned",
    "OscillatoryBlock",
    "SynchronyAttention",
    "calibrated",
    "locked_share",
    "locking",
    "locking_radius",
]
