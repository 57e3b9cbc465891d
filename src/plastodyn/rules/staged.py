"""Consolidation: an early site taught by the error, later sites taught by the output of the site before them."""

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks
from plastodyn.protocol import Moment, Rule, Sum
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class Early(Rule):
    """Plasticity of the first site; see `early`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"teaching", "stages"})

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``rate`` times what teaches the first site."""
        del state
        return _taught(moment, lambda stage: jnp.where(stage == 0, self.rate, 0))


class Late(Rule):
    """Plasticity of the later sites; see `late`."""

    rate: Parameter
    slowing: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"teaching", "stages"})

    def velocity(self, moment: Moment, state: State) -> Weights:
        """``rate slowing^(k - 2)`` times what teaches the k-th site."""
        del state
        return _taught(moment, lambda stage: jnp.where(stage > 0, self.rate * self.slowing ** (stage - 1.0), 0))


def _taught(moment: Moment, rate: Callable[[Array], Array]) -> Weights:
    taught = moment.signal("teaching")
    return jax.tree.map(lambda change, stage: jnp.asarray(rate(stage), change.dtype) * change, taught, moment.signal("stages"))


def early(rate: Number = 1.0) -> Early:
    """Error-driven plasticity of the first site, ``dw1/dt = rate x (e + xi)``.

    Args:
        rate: eta1, at least 0, per squared input and unit of time; a number or an axis.

    Raises:
        ValueError: if ``rate`` is negative or not finite.

    Source: Alemi, Aksay and Goldman, early-stage learning rule.

    >>> early(0.5)
    Early(rate=0.5)
    """
    checks.parameter("rate", rate, at_least=0)
    return Early(rate)


def late(rate: Number = 1.0, slowing: Number = 1.0) -> Late:
    """Plasticity of the later sites, each taught by the site before it: ``dw_k/dt = rate slowing^(k-2) x (w_{k-1} x)``.

    Args:
        rate: eta2, at least 0, per squared input and unit of time; a number or an axis.
        slowing: the rate of a site over that of the site before it, from the third site on; at least 0.

    Raises:
        ValueError: if an argument is negative or not finite.

    Source: Alemi, Aksay and Goldman, late-stage learning rule; more than one later site is this project's.

    >>> late(0.1)
    Late(rate=0.1, slowing=1.0)
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("slowing", slowing, at_least=0)
    return Late(rate, slowing)


def staged(first: Rule, later: Rule, ratio: Number = 1.0) -> Sum:
    """Learning in stages, ``dw = first + ratio later``: any two rules on different sites, at different speeds.

    Args:
        first: plasticity of the early site, such as ``early(eta)``.
        later: of the later sites, such as ``late(eta)``; may be flipped, gated or noisy like any rule.
        ratio: alpha, at least 0; a number or an axis. With equal rates inside, late over early learning rate.

    Raises:
        ValueError: if ``ratio`` is negative, or a rule is none.

    Source: Alemi, Aksay and Goldman: ``alpha = eta2 / eta1``.

    >>> import plastodyn as pd
    >>> run = pd.simulate(pd.circuits.tracking(), staged(early(), late(), 0.25), duration=60.0, dt=0.05,
    ...                   solver=pd.solvers.rk4, key=jax.random.key(0))
    >>> run.weights.isel(replica=0).values.round(3).tolist()
    [0.0, 1.0]
    """
    for name, rule in (("first", first), ("later", later)):
        checks.instance(name, rule, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    checks.parameter("ratio", ratio, at_least=0)
    return first + later * ratio
