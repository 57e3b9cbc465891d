"""The paper's circuits and sweeps, as parameters; sizes of reproduction; the authors' stored results."""

from typing import NamedTuple

import jax
import numpy as np
from jax import Array

import plastodyn as pd
from plastodyn.circuits import StudentTeacher, gaussian_inputs, mixed_inputs

RATIOS = np.round(np.arange(0.1, 2.6, 0.3), 1)
"""|dc| / |de|: methods, figure 5."""
INPUT_LAWS = {"mixed": mixed_inputs, "isotropic": gaussian_inputs}

CONTRAST_FLUCTUATION = 0.02
"""Where isotropic inputs are run beside mixed ones."""


class CircuitSetup(NamedTuple):
    """One of the paper's two circuits, with the sweep its figure makes."""

    name: str
    widths: tuple[int, ...]
    weights: int
    precisions: tuple[float, ...]
    fluctuations: tuple[float, ...]
    """|de| per step and per square root of the number of weights."""
    repetitions: int
    published_parabola: tuple[tuple[float, float, tuple[float, float, float]], ...]
    """(precision, its mean where only that is known, or the three by fluctuation) of the authors' stored results."""
    published_loss: dict[float, tuple[float, float]]
    """Lowest mean loss at fluctuation 0.02 and its standard error, by precision."""

    def circuits(self, law: str, count: int, key: Array) -> list[StudentTeacher]:
        """``count`` independent networks, each with its own teacher and inputs."""
        keys = jax.random.split(key, count)
        return [pd.circuits.student_teacher(self.widths, key=k, input_law=INPUT_LAWS[law]) for k in keys]

    def magnitude(self, fluctuation: float) -> float:
        """|de| per step over all weights jointly."""
        return fluctuation * self.weights**0.5

    def published(self, precision: float, fluctuation: float) -> float:
        """The parabola's minimum through the authors' stored results; NaN where none are known."""
        for q, mean, values in self.published_parabola:
            if q == precision:
                return dict(zip(self.fluctuations, values, strict=True)).get(fluctuation, mean)
        return np.nan


LINEAR = CircuitSetup(
    name="linear",
    widths=(12, 10),
    weights=120,
    precisions=(10.0, 1.0, 1 / 5),
    fluctuations=(0.01, 0.02, 0.03),
    repetitions=8,
    published_parabola=((10.0, 0.78, (0.78, 0.78, 0.78)), (1 / 5, 1.14, (1.16, 1.06, 1.21))),
    published_loss={10.0: (0.1033, 0.0012), 1 / 5: (1.42, 0.06)},
)
"""Figure 5, supplement 1."""

NONLINEAR = CircuitSetup(
    name="nonlinear",
    widths=(12, 20, 10),
    weights=440,
    precisions=(10.0, 1 / 20, 1 / 50),
    fluctuations=(0.01, 0.02, 0.03),
    repetitions=6,
    published_parabola=((10.0, 0.53, (0.53, 0.53, 0.53)), (1 / 50, 0.84, (0.82, 0.88, 0.83))),
    published_loss={10.0: (0.0351, 0.0006), 1 / 50: (4.26, 0.16)},
)
"""Figure 5: sigmoid hidden layer and linear output, as in the authors' script."""


class Extent(NamedTuple):
    """How much of a sweep is run."""

    repetitions: int | None
    steps: int
    fluctuations: tuple[float, ...] | None = None


EXTENTS = {
    "smoke": Extent(repetitions=4, steps=3000),
    "standard": Extent(repetitions=4, steps=8000),
    "full": Extent(repetitions=None, steps=8000),
}
"""Repetitions ``None`` means the published number; full is the published size."""
