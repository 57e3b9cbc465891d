"""First-order rules: steps down the gradient of the task error, plain or corrupted by noise."""

from typing import ClassVar

import numpy as np

from plastodyn import checks, tree
from plastodyn.fluctuations.white import white
from plastodyn.protocol import Moment, Rule, Sum, Symmetry
from plastodyn.rules.wrap.exact_norm import exact_norm
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class Gradient(Rule):
    """Plain gradient descent; see `gradient`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"loss"})

    def keeps(self, symmetry: Symmetry) -> bool:
        """All of them: a gradient turns with the weights."""
        del symmetry
        return True

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``-rate * gradF``."""
        del state
        return tree.scale(-self.rate, moment.gradient())


def gradient(rate: Number = 1.0) -> Gradient:
    """Gradient descent, ``dw/dt = -rate * gradF(w)``.

    Args:
        rate: learning rate, at least 0, in weight^2 per unit of loss and time; a number or an axis.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    >>> gradient(0.1)
    Gradient(rate=0.1)
    """
    checks.parameter("rate", rate, at_least=0)
    return Gradient(rate)


def noisy(direction: Rule, rate: Number, precision: Number) -> Sum:
    """A rule of exact magnitude that follows a direction with a given precision.

    ``dc = gamma1 d_hat + gamma2 nu_hat``, nu white, with ``sqrt(gamma1^2 + gamma2^2) = rate`` and
    ``gamma1 / gamma2 = precision``: the expected cosine of dc with the direction is ``q / sqrt(1 + q^2)``.

    Args:
        direction: the rule whose velocity gives the direction d, such as ``gradient()`` or ``newton()``.
        rate: magnitude |dc| per step (in a flow: per unit time for the directed part, per square root of time
            for the noise), at least 0.
        precision: q = gamma1 / gamma2, above 0; infinity means no noise.

    Returns:
        The sum of `exact_norm` of the direction and `fluctuations.white`.

    Raises:
        ValueError: if ``rate`` is negative or ``precision`` not positive.

    Source: Raman and O'Leary (2021), methods, weight dynamics.

    >>> len(noisy(gradient(), rate=0.3, precision=20.0).rules)
    2
    """
    checks.instance("direction", direction, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("precision", precision, above=0, infinite=True)
    # NumPy's square knows no whole numbers of more than 64 bits.
    precision = float(precision) if isinstance(precision, int) else precision
    directed = rate / np.sqrt(1 + 1 / np.square(precision))
    random = rate / np.sqrt(1 + np.square(precision))
    return exact_norm(direction, directed) + white(random)


def noisy_gradient(rate: Number, precision: Number) -> Sum:
    """Gradient descent of exact magnitude and given precision: `noisy` around `gradient`.

    Args:
        rate: magnitude |dc| per step, at least 0.
        precision: q = gamma1 / gamma2, above 0; infinity means no noise.

    Raises:
        ValueError: if ``rate`` is negative or ``precision`` not positive.

    Source: Raman and O'Leary (2021), methods and figure 5.

    >>> noisy_gradient(rate=0.3, precision=20.0).rules[0].rule
    Gradient(rate=1.0)
    """
    return noisy(gradient(), rate, precision)
