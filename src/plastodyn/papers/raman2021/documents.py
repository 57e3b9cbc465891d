"""The sweeps of figure 5 as documents, which `plastodyn new` writes as files."""

import jax
import numpy as np
from jax import Array

import plastodyn as pd
from plastodyn.experiments import Document
from plastodyn.papers.raman2021.setups import RATIOS, CircuitSetup, Extent

WINDOW = 101
"""Last steps over which the error is averaged."""
# Odd: at large ratios the steepest mode changes sign at every step, and an even stride would see one phase of it only.
_CURVATURE_EVERY = 25
_SIZE = "fluctuation * sqrt(number_of_weights)"


def described(setup: CircuitSetup, law: str, extent: Extent, key: Array) -> Document:
    """A sweep over ratio, precision and fluctuation, of independent networks.

    Args:
        setup: circuit and sweep.
        law: of the inputs, ``mixed`` or ``isotropic``.
        extent: repetitions, steps and fluctuations to run.
        key: random key.
    """
    fluctuations = extent.fluctuations or setup.fluctuations
    axes = {
        "network": {"seeds": extent.repetitions or setup.repetitions},
        "fluctuation": list(fluctuations),
        "precision": list(setup.precisions),
        "ratio": RATIOS.tolist(),
    }
    content = {
        "title": f"Raman and O'Leary (2021), figure 5: {setup.name} circuit, {law} inputs",
        "seed": int(np.asarray(jax.random.bits(key, (), "uint32"))),
        "circuit": {
            "name": "student_teacher",
            "widths": list(setup.widths),
            "input_law": f"@circuits.{'mixed' if law == 'mixed' else 'gaussian'}_inputs",
        },
        "rule": {"name": "noisy_gradient", "rate": f"= ratio * {_SIZE}", "precision": "= precision"},
        "fluctuation": {"name": "white", "rate": f"= {_SIZE}"},
        "axes": axes,
        "run": {"steps": extent.steps, "batch": {"fluctuation": len(fluctuations), "precision": 3, "ratio": len(RATIOS)}},
        "record": {
            "loss": {"start": -WINDOW, "keep": "mean"},
            "weights": {"start": -WINDOW, "every": _CURVATURE_EVERY},
        },
        "analysis": {
            "curvatures": {
                "function": "measure.hessian_eigenvalues",
                "loss": "@circuit.loss_at",
                "weights": "@circuit.teacher",
                "keep": False,
            },
            "stationary": {
                "function": "theory.ratio.stationary_loss",
                "eigenvalues": "@curvatures",
                "plasticity": f"= ratio * {_SIZE}",
                "fluctuation": f"= {_SIZE}",
                "precision": "= precision",
                "beside": "loss",
                "units": "loss",
            },
        },
    }
    return pd.experiments.from_json(content)


def keys_of(key: Array) -> tuple[Array, Array]:
    """The key of a sweep's networks and noise, and that of what is measured of them.

    >>> len(keys_of(jax.random.key(0)))
    2
    """
    run, measured = jax.random.split(key)
    return run, measured
