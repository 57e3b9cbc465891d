"""The tracking circuit: one input, and a chain of sites that together give it a gain."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from plastodyn import checks
from plastodyn.circuits.perturbations import Perturbation
from plastodyn.protocol import AbstractCircuit, Moment
from plastodyn.types import Number, Parameter


def unit_input(time: Array) -> Array:
    """``x(t) = 1``.

    >>> float(unit_input(jnp.float32(3)))
    1.0
    """
    return jnp.ones_like(time)


class Tracking(AbstractCircuit):
    """A response ``r = (w1 + w2 + ...) x`` that is to track ``w* x``; see `tracking`."""

    weights: Array
    target: Parameter
    perturbation: Perturbation
    drive: Callable[[Array], Array] = eqx.field(static=True)
    signals: ClassVar[frozenset[str]] = frozenset({"loss", "teaching", "stages"})

    @property
    def stages(self) -> Array:
        """The place of each weight in the chain: 0 for the first site."""
        return jnp.arange(self.weights.shape[0])

    def loss(self, moment: Moment) -> Array:
        """Half the squared gain error, ``(w* - sum_k w_k)^2 / 2``."""
        return (self.target - jnp.sum(moment.weights)) ** 2 / 2

    def teaching(self, moment: Moment) -> Array:
        """What teaches each site, times its input: ``x (e + xi)`` the first, ``x w_{k-1} x`` each later one."""
        weights = moment.weights
        x = jnp.asarray(self.drive(moment.time), weights.dtype)
        error = (self.target - jnp.sum(weights)) * x
        first = error + self.perturbation(error, weights[0] * x, moment.time)
        return x * jnp.concatenate([first[None], weights[:-1] * x])


def tracking(
    weights: ArrayLike | Sequence[float] = (0.0, 0.0),
    *,
    target: Number = 1.0,
    perturbation: Perturbation | None = None,
    drive: Callable[[Array], Array] = unit_input,
    dtype: str = "float32",
) -> Tracking:
    """A memory in a chain of sites that learn to track a target: ``r = (w1 + ... + wn) x``, ``r* = w* x``, ``e = r* - r``.

    Args:
        weights: where learning starts, one number for each site, at least one.
        target: w*, in units of the weights; a number or an axis.
        perturbation: of the error, such as `perturbations.sinusoid`; none unless given.
        drive: the input x as a function of time; 1 unless given.
        dtype: ``float32`` or ``float64``.

    Returns:
        A circuit with the signals ``loss``, ``teaching`` and ``stages``, for `rules.early` and `rules.late`.

    Raises:
        ValueError: if the weights are not a vector of finite numbers, or the target is not finite.

    Source: Alemi, Aksay and Goldman, the toy tracking model (figure 1A, B); chains of more than two sites are this project's.

    >>> circuit = tracking([0.5, 0.25])
    >>> circuit.start.signal("teaching").tolist()
    [0.25, 0.5]
    """
    checks.number("weights", weights)
    checks.parameter("target", target)
    checks.one_of("dtype", dtype, ("float32", "float64"))
    start = jnp.asarray(weights, dtype)
    if start.ndim != 1 or not start.size:
        raise ValueError(f"weights must be a vector, one number for each site; got shape {start.shape}")
    checks.function("drive", drive, takes=1, of=" of time")
    if perturbation is not None and not isinstance(perturbation, Perturbation):
        raise ValueError(f"perturbation must be one of pd.perturbations; got {checks.shown(perturbation)}")
    return Tracking(start, target, perturbation or Perturbation(), drive)
