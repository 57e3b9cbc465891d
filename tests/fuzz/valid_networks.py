"""Valid calls of reports on networks, and of what they are made of."""

import jax.numpy as jnp
import numpy as np
from kinds import count, floats, function, nothing, one_number, one_of, optional
from things import Argument, a_key, left

from plastodyn import circuits, figures, measure

ROWS = np.ones((4, 2), np.float32)


def squared(w, batch):
    """A loss on minibatches."""
    return jnp.mean((batch @ w) ** 2)


def entropy(outputs, targets):
    """A loss of PyTorch."""
    return ((outputs - targets) ** 2).mean()


def texts(value):
    """Any text."""
    return isinstance(value, str)


def examples(value):
    """An array of real numbers with a first axis."""
    return hasattr(value, "dtype") and value.dtype.kind in "fiub" and np.ndim(value) > 0 and len(value) > 0


def two_numbers(value):
    """A direction for two weights."""
    return examples(value) and np.size(value) == 2 and np.isfinite(np.asarray(value, float)).all() and np.any(value)


def module():
    """A module, or, where PyTorch is missing, what stands for one."""
    try:
        import torch
    except ImportError:
        return None, None
    return torch.nn.Linear(2, 1), (torch.ones(4, 2), torch.ones(4, 1))


MODULE, PAIR = module()
REPORT = measure.report(squared, jnp.ones(2), [ROWS], key=a_key.value, budget=60)
_network = {
    "loss": Argument(squared, function(2)),
    "weights": Argument(jnp.ones(2), floats),
    "batches": Argument([ROWS], nothing),
}
_module = {"loss": Argument(entropy, function(2)), "module": Argument(MODULE, nothing)}

CALLS = {
    measure.report: {
        **_network,
        "key": a_key,
        "update": left(optional(two_numbers)),
        "plasticity": left(optional(nothing)),
        "precision": left(one_number(above=0, infinite=True)),
        "budget": Argument(60, count(60)),
        "checkpoint": left(optional(nothing)),
    },
    measure.jax_network: _network,
    measure.sliced: {"data": Argument(ROWS, examples), "size": Argument(2, count(1))},
    measure.shown: {"estimate": Argument(REPORT.hessian_trace, nothing)},
    figures.network_page: {"report": Argument(REPORT, nothing), "title": left(texts)},
}
if MODULE is not None:
    CALLS |= {
        measure.torch_network: {
            **_module,
            "batches": Argument([PAIR], nothing),
            "mode": left(one_of("eval", "as it is")),
        },
        circuits.from_torch: {**_module, "data": Argument(PAIR, nothing), "mode": left(one_of("eval", "as it is"))},
    }
