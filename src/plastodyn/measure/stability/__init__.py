"""The user's question in one call: do some weights that learn with the opposite sign make a solution unstable, or chaotic?"""

from plastodyn.measure.stability.answer import VERDICTS, SignStability
from plastodyn.measure.stability.question import sign_stability

__all__ = ["VERDICTS", "SignStability", "sign_stability"]
