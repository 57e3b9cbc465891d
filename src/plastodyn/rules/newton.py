"""Second order: the damped Newton direction, by conjugate gradients on Hessian-vector products."""

from typing import ClassVar

import equinox as eqx
import jax
from jax.scipy.sparse.linalg import cg

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class Newton(Rule):
    """Damped Newton steps; see `newton`."""

    rate: Parameter
    damping: Parameter
    iterations: int = eqx.field(static=True)
    reads: ClassVar[frozenset[str]] = frozenset({"loss"})

    def keeps(self, symmetry: Symmetry) -> bool:
        """All of them: Newton's direction turns with the weights, and lies in the span of gradients."""
        del symmetry
        return True

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``-rate (H + damping I)^-1 gradF``."""
        del state
        slope, hessian_product = jax.linearize(lambda w: moment.at(w).gradient(), moment.weights)
        solution, _ = cg(
            lambda v: tree.add(hessian_product(v), tree.scale(self.damping, v)),
            slope,
            tol=1e-6,
            maxiter=self.iterations,
        )
        return tree.scale(-self.rate, solution)


def newton(rate: Number = 1.0, damping: Number = 1e-3, iterations: int = 50) -> Newton:
    """The damped Newton rule, ``dw/dt = -rate (H + damping I)^-1 gradF``.

    The system is solved by at most ``iterations`` conjugate-gradient steps on Hessian-vector products; no Hessian is
    formed. Conjugate gradients need ``H + damping I`` to be positive definite: far from a minimum, raise ``damping``.

    Args:
        rate: fraction of the Newton step taken per unit time, at least 0.
        damping: added to every curvature, in units of loss per weight^2, at least 0.
        iterations: limit on conjugate-gradient steps.

    Raises:
        ValueError: if ``rate`` or ``damping`` is negative or ``iterations`` not positive.

    Source: Raman and O'Leary (2021), second-order rules, table 2.

    >>> newton(damping=0.01).iterations
    50
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("damping", damping, at_least=0)
    checks.count("iterations", iterations, at_least=1)
    return Newton(rate, damping, iterations)
