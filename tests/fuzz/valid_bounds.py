"""Valid calls of the theory of bounds on learning."""

from kinds import count, floats, nothing, numbers, optional
from things import Argument, a_circuit, a_key, any_not_negative, any_positive, left, loss, weights

from plastodyn import measure
from plastodyn.theory import bounds

_landscape = {
    "landscape": Argument(bounds.Landscape(2.0, 2.0, 1.0, 4.0, 4, hessian_square=4.0, gradient_image=1.0), nothing),
    "plasticity": Argument(bounds.Plasticity(0.5, 1.0, 0.5), nothing),
}
_size = {
    "relevant": Argument(0.1, any_not_negative),
    "irrelevant": Argument(1.0, any_not_negative),
    "noise": Argument(0.1, any_positive),
    "interval": left(any_positive),
}

CALLS = {
    bounds.learning_rate: _landscape,
    bounds.learning_rate_variance: _landscape,
    bounds.task_difficulty: _landscape,
    bounds.best_interval: _landscape,
    bounds.largest_irrelevant: _landscape,
    bounds.largest_noise: _landscape,
    bounds.largest_difficulty: {"size": Argument(4, numbers(at_least=1)), "plasticity": _landscape["plasticity"]},
    bounds.direction_difficulty: {"curvature": Argument(1.0, numbers()), "gradient_norm": Argument(1.0, any_positive)},
    bounds.optimal_size: {
        **{name: _size[name] for name in ("irrelevant", "noise", "interval")},
        "memory": left(numbers(at_least=0, at_most=1)),
    },
    bounds.optimal_size_if_spread: {**_size, "size": Argument(10, numbers(at_least=1))},
    bounds.optimal_size_as_printed: _size,
    measure.landscape: {"loss": loss, "weights": weights, "key": a_key, "samples": left(count(2))},
    measure.learning_bounds: {
        "circuit": a_circuit,
        "plasticity": _landscape["plasticity"],
        "key": a_key,
        "weights": left(optional(floats)),
        "samples": left(count(2)),
    },
}
