"""The stability matrix of circuits with random weights."""

import numpy as np


def uniform(rng, shape):
    return rng.uniform(-1, 1, shape) * 3**0.5


def gaussian(rng, shape):
    return rng.normal(size=shape)


def sampled_matrix(c, alpha, layer, size, rng, law=uniform):
    """J of a circuit with random weights, exactly ``alpha`` of them flipped."""
    hidden = round(size / c)
    weights = law(rng, (hidden, size)) / np.sqrt(size)
    signs = np.ones(size if layer == "hidden" else hidden)
    signs[: round(alpha * len(signs))] = -1
    if layer == "hidden":
        return weights.T @ weights + np.diag(signs)
    return np.eye(size) + (weights.T * signs) @ weights
