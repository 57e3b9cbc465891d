"""What runs do that leave an unstable solution: diverge, settle elsewhere, or move on chaotically."""

from typing import NamedTuple

import jax.numpy as jnp

from plastodyn.measure.stability.answer import SIGNIFICANT
from plastodyn.measure.stability.runs import Ends

_LEFT = 1e-2
"""Distance from the solution beyond which a run has left it; lengths are relative to the norm of its weights."""
_STILL = 1e-3
"""Length of the path over the last tenth of a run up to which it has come to rest."""
_SLOW = 0.05
"""Length up to which it comes to rest if that is less than half of what it was half way: relaxation may follow a power law."""
_FAR = 100.0
"""Norm of the weights from which a run counts as diverged."""
_GROWING = 2.0
"""Growth of that norm over the second half of a run from which it counts as diverged."""
_PARTED = 3.0
"""Logarithm of the growth of distances between neighbours over half a run from which it may count as chaos."""


class Motion(NamedTuple):
    """Runs half way and at their end, as many ``steps`` later, and the exponent over the second half."""

    half: Ends
    end: Ends
    exponent: float
    error: float
    steps: int

    @property
    def diverges(self) -> bool:
        """Whether a run is far away and still growing, or not finite."""
        half, end = self.half, self.end
        finite = jnp.isfinite(end.norm) & jnp.isfinite(end.loss)
        return not bool((finite & (end.norm < _FAR) & (end.norm < _GROWING * half.norm)).all())

    @property
    def all_left(self) -> bool:
        """Whether no run is next to the solution."""
        return not bool((self.end.distance < _LEFT).any())

    @property
    def parts(self) -> bool:
        """Whether neighbours part measurably."""
        return self.exponent > SIGNIFICANT * self.error and self.exponent * self.steps > _PARTED

    @property
    def settles(self) -> bool:
        """Whether all runs have come to rest, or come to rest by a power law."""
        half, end = self.half, self.end
        still = bool((end.path < _STILL).all())
        slowing = bool((end.path < _SLOW).all() & (end.path < half.path / 2).all())
        return still or (slowing and not self.parts)

    @property
    def escape_rate(self) -> float:
        """How fast the distance from the solution still grows, per step; neighbours part as fast where a run only leaves."""
        return float(jnp.mean(jnp.log(self.end.distance / self.half.distance))) / self.steps

    @property
    def verdict(self) -> str:
        """What the runs do, in words of `VERDICTS`."""
        if self.diverges:
            return "unstable: diverges"
        if not self.all_left:
            return "undecided"
        if self.settles:
            return "unstable: settles elsewhere"
        return "unstable: chaotic" if self.parts and self.escape_rate < self.exponent / 2 else "undecided"
