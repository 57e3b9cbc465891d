"""Arrays of a model by the patterns of their names: which are weights, and which are left as they are."""

from fnmatch import fnmatchcase
from typing import Any

import equinox as eqx
import jax

from plastodyn.tree import Weights

_STATISTICS = ("*running_mean*", "*running_var*", "*num_batches_tracked*", "*moving_mean*", "*moving_var*", "*batch_stats*")
"""How PyTorch, Keras and Flax call what batch normalisation keeps of its inputs."""


def names(weights: Weights) -> list[str]:
    """The names of the arrays of a pytree, keys and places joined by dots, in the order of its leaves.

    >>> names({"layer": [1.0, 2.0], "bias": 3.0})
    ['bias', 'layer.0', 'layer.1']
    """
    return [_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(weights)]


def left_out(weights: Weights, patterns: tuple[str, ...]) -> tuple[Weights, Weights]:
    """A pytree in two: what learns, and what matches one of the patterns; each has None where the other has its arrays.

    Args:
        weights: pytree of arrays.
        patterns: names of arrays, in which ``*`` stands for any letters.

    Raises:
        ValueError: if a pattern matches nothing, or nothing is left to learn.

    >>> left_out({"w": 1.0, "running_mean": 2.0}, ("*mean",))
    ({'running_mean': None, 'w': 1.0}, {'running_mean': 2.0, 'w': None})
    """
    known = names(weights)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise ValueError(f"--leave-out must match the name of an array, of {', '.join(known[:10])}; got {pattern!r}")
    learns = jax.tree_util.tree_map_with_path(lambda path, _: not _matches(_name(path), patterns), weights)
    if not any(jax.tree.leaves(learns)):
        raise ValueError(
            f"--leave-out must leave some arrays as weights; got {', '.join(map(repr, patterns))}, which match all"
        )
    return eqx.partition(weights, learns)


def look_like_statistics(weights: Weights) -> list[str]:
    """Names under which libraries keep statistics of batch normalisation.

    >>> look_like_statistics({"bn.running_mean": 1.0, "bn.weight": 1.0})
    ['bn.running_mean']
    """
    return [name for name in names(weights) if _matches(name, _STATISTICS)]


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")
