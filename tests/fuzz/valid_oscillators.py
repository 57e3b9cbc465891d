"""Valid calls of what oscillators brought: their circuits, rules, laws of frequencies and theory."""

import numpy as np
from kinds import count, either, function, like, nothing, numbers, one_number, one_of, optional, parameter
from things import KEY, Argument, any_not_negative, any_positive, dtype, left, no_key, not_negative, rational, share

from plastodyn import certify, rules
from plastodyn.circuits import frequencies, kuramoto, neighbours_of, tracking, weighted_kuramoto, with_rhythm
from plastodyn.theory import kuramoto as theory
from plastodyn.theory import pulsed

_NEIGHBOURS = nothing
_circuit = {
    "frequencies": Argument([0.1, -0.1], numbers(shape=lambda shape: len(shape) == 1)),
    "coupling": Argument(1.0, parameter()),
    "key": Argument(KEY, lambda value: no_key.kind(value) and value is not None),
    "phases": left(lambda value: value is None),
    "weights": left(either(one_number(), numbers(shape=lambda shape: shape == (2, 2)))),
    "neighbours": left(optional(_NEIGHBOURS)),
    "positions": left(lambda value: value is None),
    "clusters": left(optional(lambda value: isinstance(value, list) and value in ([0, 0], [0, 1], [1, 0]))),
    "selectivity": left(optional(not_negative)),
    "phase_noise": left(optional(not_negative)),
    "dtype": left(dtype),
}
_phases = {"phases": Argument(np.array([0.0, 1.0]), numbers(shape=lambda shape: len(shape) > 0))}
_pair_of_phases = {"phases": Argument(np.array([0.0, 1.0]), numbers(shape=lambda shape: shape[-1:] == (2,)))}
_energy = {"coupling": Argument(1.0, one_number())}
_frequencies = {"frequencies": Argument(np.zeros(2), numbers(shape=lambda shape: shape[-1:] == (2,)))}
_pulses = {
    "alpha": Argument(np.full(4, 0.2), numbers(at_least=0, shape=lambda shape: len(shape) == 1)),
    "period": Argument(2.0, one_number(above=0)),
}
_law = frequencies.gaussian(1.0)
_positive, _not_negative = one_number(above=0), one_number(at_least=0)
_exact = either(rational, lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0)
_even = {
    "frequencies": Argument(np.array([-0.1, 0.1]), numbers(shape=lambda shape: True)),
    "coupling": Argument(2.0, _positive),
    "gain": left(_positive),
    "slope": left(one_number()),
    "centre": left(one_number()),
}


def _edges(value):
    """Pairs of different oscillators, of three."""
    if not numbers(at_least=0, at_most=2, shape=lambda shape: len(shape) == 2 and shape[1] == 2)(value):
        return False
    found = np.asarray(value)
    return found.dtype.kind in "iu" and bool((found[:, 0] != found[:, 1]).all())


CALLS = {
    kuramoto: _circuit,
    weighted_kuramoto: _circuit,
    frequencies.gaussian: {"spread": Argument(1.0, _positive)},
    frequencies.lorentzian: {"half_width": Argument(1.0, _positive)},
    frequencies.uniform: {"half_width": Argument(1.0, _positive)},
    neighbours_of: {
        "edges": Argument([[0, 1], [1, 2]], _edges),
        "oscillators": Argument(3, count(3)),
    },
    with_rhythm: {
        "circuit": Argument(tracking(), nothing),
        "rhythm": Argument(kuramoto([0.1, -0.1], 1.0, phases=[0.0, 0.0]), nothing),
    },
    rules.phase_hebbian: {"rate": Argument(0.1, parameter())},
    rules.decay: {"rate": Argument(0.1, not_negative)},
    rules.coherence_gate: {
        "slope": Argument(20.0, parameter()),
        "centre": Argument(0.5, parameter(at_least=0, at_most=1)),
        "signal": left(one_of("coherence", "cluster_coherence", "local_coherence")),
    },
    rules.homeostatic_gate: {
        "rate": Argument(0.1, not_negative),
        "target": left(parameter(at_least=0, at_most=1)),
        "width": left(parameter(above=0)),
        "largest": left(parameter(above=0.01)),
        "signal": left(one_of("coherence", "cluster_coherence", "local_coherence")),
    },
    rules.hyperbolic_drift: {
        "rate": Argument(0.1, not_negative),
        "every": Argument(1.0, _positive),
        "spacing": left(not_negative),
        "gate": left(optional(nothing)),
    },
    rules.prune_and_sprout: {
        "every": Argument(1.0, _positive),
        "weak": left(parameter(above=0)),
        "least_age": left(not_negative),
        "first_weight": left(parameter()),
        "alignment": left(parameter(at_least=-1, at_most=1)),
        "averaging_time": left(parameter(above=0)),
        "gate": left(optional(nothing)),
        "most_pruned": left(count(1)),
        "most_sprouted": left(count(1)),
    },
    theory.locked_coherence: {"flipped_fraction": Argument(0.1, share), **_even},
    theory.critical_flipped_fraction: _even,
    certify.colearning: {
        "oscillators": Argument(5, count(1)),
        "weight_share": Argument(0.01, _exact),
        "rate": Argument(0.02, _exact),
        "slope": Argument(20, either(one_number(at_least=0), _exact)),
        "gain": left(_exact),
        "decay": left(_exact),
    },
    theory.critical_coupling: {"central_density": Argument(0.3, any_positive)},
    theory.order_parameter: {"coupling": Argument(2.0, any_not_negative), "density": Argument(_law.density, function)},
    theory.ott_antonsen: {
        "time": Argument(1.0, any_not_negative),
        "coupling": Argument(2.0, any_not_negative),
        "half_width": Argument(1.0, any_not_negative),
        "start": Argument(0.1, share),
    },
    theory.random_coherence: {"oscillators": Argument(10, numbers(at_least=1))},
    theory.incoherent_coherence: {
        "oscillators": Argument(10, count(1)),
        "coupling": Argument(0.5, one_number(at_least=0, at_most=1.59)),
        "density": Argument(_law.density, function),
    },
    theory.coherence_spread: {
        "oscillators": Argument(10, count(1)),
        "coupling": Argument(2.0, one_number(above=1.6)),
        "density": Argument(_law.density, function),
    },
    theory.slip_period: {"coupling": Argument(0.5, any_not_negative), "difference": Argument(1.0, numbers())},
    theory.phase_difference: {
        "time": Argument(1.0, numbers()),
        "coupling": Argument(0.5, one_number(at_least=0, at_most=0.99)),
        "difference": Argument(1.0, lambda value: one_number()(value) and abs(value) >= 1),
    },
    pulsed.convergence_rate: _pulses,
    pulsed.stationary_error: {**_pulses, "early": Argument(0.5, one_number(at_least=0))},
    theory.coupling_energy: {**_phases, **_energy},
    theory.rotating_energy: {**_pair_of_phases, **_energy, **_frequencies},
    theory.target_weights: {
        **_phases,
        "gate": Argument(0.5, share),
        "gain": Argument(1.0, one_number()),
        "decay": Argument(1.0, _positive),
    },
    theory.largest_weight_share: {
        "oscillators": Argument(5, count(1)),
        **{name: Argument(1.0, _positive) for name in ("gain", "decay", "rate")},
        "slope": Argument(20.0, _not_negative),
    },
    theory.composite_energy: {
        **_pair_of_phases,
        "weights": Argument(np.zeros((2, 2)), numbers(shape=lambda shape: shape[-2:] == (2, 2))),
        "target": Argument(np.zeros((2, 2)), numbers(shape=lambda shape: shape[-2:] == (2, 2))),
        **_energy,
        **_frequencies,
        "weight_share": Argument(0.1, _not_negative),
    },
    theory.weighted_energy: {
        **_pair_of_phases,
        "weights": Argument(np.zeros((2, 2)), like((2, 2))),
        **_energy,
        **_frequencies,
        "gain": Argument(1.0, _positive),
        "decay": Argument(1.0, _positive),
    },
    theory.fast_time: {"coupling": Argument(1.0, any_positive), "coherence": Argument(0.5, numbers(above=0, at_most=1))},
    theory.slow_time: {"rate": Argument(0.1, any_positive), "decay": Argument(1.0, any_positive)},
    theory.weight_bound: {
        "time": Argument(1.0, any_not_negative),
        "start": Argument(0.5, numbers()),
        "gain": Argument(1.0, _not_negative),
        "decay": Argument(1.0, _positive),
        "rate": Argument(0.1, _positive),
    },
    theory.collapse_rate: {
        **{name: Argument(2.0, any_positive) for name in ("coupling", "weight", "critical", "decay")},
        "coherence": Argument(0.3, numbers(above=0, at_most=0.4999)),
        "centre": Argument(0.5, numbers(above=0.3, at_most=1)),
    },
}
