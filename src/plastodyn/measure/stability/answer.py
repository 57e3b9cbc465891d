"""The answer to the question of `sign_stability`: a verdict, the numbers behind it, and a sentence."""

import math
from typing import NamedTuple

VERDICTS = ("stable", "unstable", "unstable: chaotic", "unstable: settles elsewhere", "unstable: diverges", "undecided")

SIGNIFICANT = 3.0
"""Standard errors by which an exponent must exceed 0 for neighbours to part."""

MARGIN = 2.0
"""How many times faster than without flips the growth must be to count as theirs."""

_ASK = "Runs of many steps were left out: ask for them with steps=10000"


class SignStability(NamedTuple):
    """The answer of `sign_stability`; rates and exponents are per step, those named ``unflipped`` without any flip."""

    verdict: str
    at_rest: bool
    flipped_share: float
    unstable: int
    unstable_unflipped: int
    flat: int
    growth_rate: float
    growth_rate_unflipped: float
    curl: float
    curl_error: float
    descent_angle: float
    lyapunov_exponent: float
    lyapunov_error: float
    loss_start: float
    loss_after: float
    eigenvalues_found: int
    weights: int
    steps: int

    @property
    def answer(self) -> str:
        """The verdict as a plain sentence."""
        exponent = f"its Lyapunov exponent is {self.lyapunov_exponent:.2g} +- {self.lyapunov_error:.1g} per step"
        grows = f"the solution is unstable: its fastest direction grows by a factor {math.exp(self.growth_rate):.5g} per step"
        return {
            "stable": f"The flips leave the solution stable: {self._nothing_grows}.",
            "unstable": f"With these flips {grows}. {_ASK}, to see what follows.",
            "unstable: chaotic": f"With these flips {grows}, and the motion that follows is chaotic: {exponent}.",
            "unstable: settles elsewhere": f"With these flips {grows}, but learning comes to rest elsewhere.",
            "unstable: diverges": f"With these flips {grows}, and in one run at least the weights grow without bound.",
            "undecided": f"Undecided: {self._doubt}.",
        }[self.verdict]

    @property
    def _nothing_grows(self) -> str:
        runs = "and runs that start next to it return" if self.steps else "by the eigenvalues of one step, without any runs"
        return f"nothing near it grows, {runs}"

    @property
    def _doubt(self) -> str:
        if not self.at_rest:
            return "the weights are not at a solution of the loss; train them further, without flips, and ask again"
        if self.unstable_unflipped and self.growth_rate <= MARGIN * self.growth_rate_unflipped:
            return "learning is as unstable here without the flips; lower the rate, or train further"
        if not self.steps:
            return f"directions grow, but hardly. {_ASK}"
        if self.unstable:
            parts = self.lyapunov_exponent > SIGNIFICANT * self.lyapunov_error
            seen = (
                "neighbours part no faster than runs leave it: that need not be chaotic"
                if parts
                else "nor are they measurably chaotic"
            )
            return f"directions grow, and runs of {self.steps} steps did not come to rest, but {seen}; more steps may tell"
        moved = "had not returned, or moved on along a flat direction"
        return f"no direction grows, but runs that start next to the solution {moved}; ask for more steps"
