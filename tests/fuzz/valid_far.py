"""Valid calls of the theory of networks far from their solution, and of the number that tells how far they are."""

import jax.numpy as jnp
from kinds import function, like, numbers
from things import Argument, a_key, any_not_negative, any_positive, left, spectrum_of_theory

from plastodyn.theory import ratio

_precision = numbers(above=0, infinite=True)
_rule = {
    "plasticity": Argument(0.3, any_positive),
    "fluctuation": Argument(0.3, any_not_negative),
    "precision": Argument(1.0, _precision),
}
_network = {
    "inputs": Argument(jnp.ones((3, 4)), like((3, 4))),
    "hidden": Argument(jnp.ones((2, 3)), like((2, 3))),
    "readout": Argument(jnp.ones((2, 2)), like((2, 2))),
    "activation": left(function),
}
_far = {**_network, **_rule, "steps": Argument(10, numbers(at_least=1)), "key": a_key}

CALLS = {
    ratio.adiabatic_loss: _far,
    ratio.joined_loss: _far,
    ratio.solution_curvatures: _network,
    ratio.loss_after: {
        "eigenvalues": Argument([1.0, 3.0], any_not_negative),
        **_rule,
        "steps": Argument(10, numbers(at_least=1, infinite=True)),
        "multiplicities": spectrum_of_theory["multiplicities"],
    },
    ratio.memory_number: {
        "hessian_trace": Argument(2.0, any_not_negative),
        "largest_curvature": Argument(1.0, any_not_negative),
        "weights": Argument(3, numbers(at_least=1)),
        "trivial_loss": Argument(1.0, any_positive),
        **_rule,
    },
    ratio.diffusion_cosine: {
        "norm": Argument(1.0, any_positive),
        "count": Argument(3, numbers(at_least=1)),
        "size": Argument(0.1, any_not_negative),
        "steps": Argument(10, any_not_negative),
    },
}
