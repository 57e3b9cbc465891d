"""Laws of the natural frequencies of oscillators: Gaussian, Lorentzian and uniform, counted from their centre."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import ndtri

from plastodyn import checks
from plastodyn.types import Floats


class FrequencyLaw(NamedTuple):
    """A law of natural frequencies around 0, in radians per unit of time: its density and its quantiles.

    ``density`` takes and gives arrays; ``quantile`` takes probabilities.
    """

    density: Callable[[Floats], Floats]
    quantile: Callable[[Floats], Floats]

    def quantiles(self, oscillators: int) -> Floats:
        """Evenly probable frequencies, in order: ``quantile((i + 1/2) / N)``; no draw is as close to the law.

        Args:
            oscillators: N, at least 1.

        >>> uniform(1.0).quantiles(4).tolist()
        [-0.75, -0.25, 0.25, 0.75]
        """
        checks.count("oscillators", oscillators, at_least=1)
        return self.quantile((np.arange(oscillators) + 0.5) / oscillators)

    def draw(self, key: Array, oscillators: int, dtype: str = "float32") -> Array:
        """Independent frequencies, shape (N,).

        Args:
            key: random key.
            oscillators: N, at least 1.
            dtype: ``float32`` or ``float64``.

        >>> gaussian(0.5).draw(jax.random.key(0), 3).shape
        (3,)
        """
        checks.key("key", key)
        checks.count("oscillators", oscillators, at_least=1)
        checks.one_of("dtype", dtype, ("float32", "float64"))
        # Away from 0 and 1, where quantiles are infinite, by half the spacing of random numbers of this kind.
        tiny = float(jnp.finfo(dtype).epsneg) / 2
        chance = np.asarray(jax.random.uniform(key, (oscillators,), dtype), float) + tiny
        return jnp.asarray(self.quantile(chance), dtype)


def gaussian(spread: float) -> FrequencyLaw:
    """Normal frequencies of standard deviation ``spread``; critical coupling ``spread sqrt(8 / pi)``.

    Args:
        spread: above 0, radians per unit of time.

    Raises:
        ValueError: if ``spread`` is not positive.

    >>> round(float(gaussian(0.8).density(0.0)), 4)
    0.4987
    """
    checks.one_number("spread", spread, above=0)
    peak = 1 / (spread * (2 * np.pi) ** 0.5)
    return FrequencyLaw(
        lambda x: peak * np.exp(-0.5 * (np.asarray(x, float) / spread) ** 2), lambda u: spread * ndtri(np.asarray(u, float))
    )


def lorentzian(half_width: float) -> FrequencyLaw:
    """Cauchy frequencies of half-width ``half_width`` at half the density; critical coupling twice that.

    Args:
        half_width: gamma, above 0, radians per unit of time.

    Raises:
        ValueError: if ``half_width`` is not positive.

    >>> round(float(lorentzian(1.0).density(0.0)), 4), lorentzian(1.0).quantiles(2).round(6).tolist()
    (0.3183, [-1.0, 1.0])
    """
    checks.one_number("half_width", half_width, above=0)
    return FrequencyLaw(
        lambda x: half_width / (np.pi * (np.asarray(x, float) ** 2 + half_width**2)),
        lambda u: half_width * np.tan(np.pi * (np.asarray(u, float) - 0.5)),
    )


def uniform(half_width: float) -> FrequencyLaw:
    """Frequencies anywhere from ``-half_width`` to ``half_width``; critical coupling ``4 half_width / pi``.

    Args:
        half_width: above 0, radians per unit of time.

    Raises:
        ValueError: if ``half_width`` is not positive.

    >>> uniform(2.0).density(np.array([0.0, 3.0])).tolist()
    [0.25, 0.0]
    """
    checks.one_number("half_width", half_width, above=0)
    return FrequencyLaw(
        lambda x: np.where(np.abs(x) <= half_width, 0.5 / half_width, 0.0),
        lambda u: half_width * (2 * np.asarray(u, float) - 1),
    )
