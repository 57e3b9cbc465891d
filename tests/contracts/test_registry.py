"""Every public circuit, rule, fluctuation and solver can be named in an experiment's file; a new one adds one row here."""

import jax
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import experiments
from plastodyn.experiments import registry

_LAYERS = {"name": "student_teacher", "widths": [4, 3, 2], "inputs": 20, "displacement": 0.3}
_ONE_LAYER = {**_LAYERS, "widths": [4, 2], "normalisation": "@circuits.half_squared_error"}
_LINEAR = {"name": "through_covariance", "circuit": {**_LAYERS, "hidden": "linear"}}
_PHASES = {"frequencies": [-0.3, -0.1, 0.0, 0.1, 0.2, 0.3], "coupling": 2.0}
_NEIGHBOURS = [[5, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 0]]
_PLACES = [[-0.5, 0.1], [-0.3, 0.2], [-0.1, 0.0], [0.1, 0.1], [0.3, -0.1], [0.5, 0.0]]
_RING = {"name": "weighted_kuramoto", **_PHASES, "neighbours": _NEIGHBOURS, "positions": _PLACES, "phase_noise": 0.1}
_CHAIN = {"name": "tracking", "weights": [0.3, -0.2, 0.1]}
_PATTERNS = {"name": "pattern_layer", "patterns": [[1.0, 2.0, 0.5], [0.3, -1.0, 0.2]], "outputs": 2}
_BOWL = {"name": "Circuit", "loss": "model.py:bowl", "weights": [[0.3, 0.2], [-0.1, 0.5]]}
_GRADIENT = {"name": "gradient", "rate": 0.05}
_WHITE = {"name": "white", "rate": 0.02}

MODEL = """
import jax.numpy as jnp
def bowl(w):
    return 0.5 * jnp.sum(w**2)
def squares(w, data):
    return 0.5 * jnp.mean((data[0] @ w - data[1]) ** 2)
def opening(moment):
    return 1 / (1 + moment.time)
"""
TORCH = """
import torch
loss = torch.nn.functional.mse_loss
module = torch.nn.Linear(2, 1)
data = (torch.ones(3, 2), torch.zeros(3, 1))
"""

CIRCUIT_TABLES = {
    "Circuit": _BOWL,
    "enlarged": {"circuit": _LAYERS, "widths": [4, 5, 2]},
    "expanded": {"circuit": {**_ONE_LAYER}, "inputs": 6, "outputs": 3},
    "from_torch": {"loss": "model_torch.py:loss", "module": "model_torch.py:module", "data": "model_torch.py:data"},
    "integrator": {"neurons": 4},
    "kuramoto": _PHASES,
    "matched": {"circuit": _LAYERS},
    "minibatches": {
        "loss": "model.py:squares",
        "weights": [0.3, 0.1],
        "data": [{"file": "x.npy"}, [1.0, -1.0, 0.5, 0.0]],
        "size": 2,
    },
    "pattern_layer": _PATTERNS,
    "principal_axes": {"circuits": [_LINEAR]},
    "reachable": {"circuit": {**_LINEAR, "circuit": {**_LAYERS, "widths": [3, 9, 1], "hidden": "linear"}}},
    "reachable_by_sign": {
        "circuit": {**_LINEAR, "circuit": {**_LAYERS, "widths": [1, 9, 1], "hidden": "linear"}},
        "signs": [-1, -1, -1, 1, 1, 1, 1, 1, 1],
    },
    "resampled": {"circuit": _LAYERS, "samples": 10},
    "student_teacher": _LAYERS,
    "through_covariance": _LINEAR,
    "tracking": _CHAIN,
    "weighted_kuramoto": _RING,
    "with_rhythm": {"circuit": _BOWL, "rhythm": {"name": "kuramoto", **_PHASES, "phases": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]}},
}

RULE_TABLES = {
    "bcm": (_PATTERNS, {"rate": 0.05, "threshold_time": 5.0}),
    "beeline": (_LAYERS, {"rate": 0.1}),
    "constrained": (_LAYERS, {"rule": _GRADIENT, "keep": "norm"}),
    "decay": (_CHAIN, {"rate": 0.05}),
    "direct_feedback_alignment": (_LAYERS, {"rate": 0.05}),
    "early": (_CHAIN, {"rate": 0.05}),
    "exact_norm": (_LAYERS, {"rule": _GRADIENT, "magnitude": 0.02}),
    "feedback_alignment": (_LAYERS, {"rate": 0.05}),
    "flipped": (_LAYERS, {"rule": _GRADIENT, "signs": {"name": "postsynaptic", "neurons": 0.34}}),
    "gated": (_CHAIN, {"rule": _GRADIENT, "gate": {"name": "averaged", "gate": "model.py:opening", "averaging_time": 4.0}}),
    "gradient": (_CHAIN, {"rate": 0.05}),
    "hebbian": (_PATTERNS, {"rate": 0.05}),
    "hyperbolic_drift": (_RING, {"rate": 0.05, "every": 2.0, "spacing": 0.2}),
    "keep_or_oppose": (_CHAIN, {"rate": 0.02}),
    "late": (_CHAIN, {"rate": 0.05}),
    "newton": (_CHAIN, {"rate": 0.1, "damping": 0.1}),
    "node_perturbation": (_LAYERS, {"rate": 0.02}),
    "noisy": (_LAYERS, {"direction": _GRADIENT, "rate": 0.02, "precision": "= inf"}),
    "noisy_gradient": (_LAYERS, {"rate": 0.02, "precision": 2.0}),
    "oja": (_PATTERNS, {"rate": 0.05}),
    "phase_hebbian": (_RING, {"rate": 0.05}),
    "prune_and_sprout": (_RING, {"every": 2.0, "weak": 0.5, "least_age": 1.0, "most_sprouted": 2}),
    "staged": (_CHAIN, {"first": {"name": "early", "rate": 0.05}, "later": {"name": "late", "rate": 0.05}, "ratio": 0.2}),
    "weight_perturbation": (_CHAIN, {"rate": 0.02}),
}

FLUCTUATION_TABLES = {
    "confined": (_CHAIN, {"rule": _WHITE, "mask": [1, 0, 1]}),
    "drift": (_CHAIN, {"rate": 0.02}),
    "homeostatic_scaling": (_LAYERS, {"rate": 0.05}),
    "log_normal": (_CHAIN, {"median": 0.3, "spread": 0.2, "correlation_time": 50.0}),
    "mean_reverting": (_CHAIN, {"spread": 0.02, "correlation_time": 5.0}),
    "ornstein_uhlenbeck": (_CHAIN, {"rate": 0.02, "correlation_time": 5.0}),
    "sparing": (_CHAIN, {"rule": _WHITE, "directions": [[1, 0, 0]]}),
    "synaptic_noise": (_CHAIN, {"rate": 0.005}),
    "white": (_CHAIN, {"rate": 0.02}),
    "wiener": (_CHAIN, {"rate": 0.02}),
}

# What stands within others, each once.
PART_TABLES = {
    "presynaptic": ("flipped", _LAYERS, {"rule": _GRADIENT, "signs": {"name": "presynaptic", "neurons": [1, -1, 1, 1]}}),
    "coherence_gate": (
        "gated",
        _RING,
        {"rule": {"name": "decay", "rate": 0.05}, "gate": {"name": "coherence_gate", "slope": 20.0, "centre": 0.5}},
    ),
    "homeostatic_gate": (
        "gated",
        _RING,
        {"rule": {"name": "decay", "rate": 0.05}, "gate": {"name": "homeostatic_gate", "rate": 0.1}},
    ),
}


@pytest.fixture
def one_step(tmp_path, monkeypatch):
    """The Dataset of one step of what some tables describe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "model_torch.py").write_text(TORCH)
    np.save(tmp_path / "x.npy", np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2))

    def step(**tables):
        content = {"run": {"steps": 1}, "axes": {"again": {"seeds": 1}}, "record": {"weight_norm": {}}, **tables}
        document = experiments.parse(experiments.dump(experiments.from_json(content)))
        given = experiments.parameters(experiments.check(document))
        return experiments.member({"again": np.array([0])}, jax.random.key(0), **given)

    return step


def _finite(found):
    assert found.member_error.values.tolist() == [""]
    assert np.isfinite(found.weight_norm).all()
    assert found.status.values.tolist() == [[0]]


def test_every_name_has_a_table_here():
    assert set(CIRCUIT_TABLES) == set(registry.names("circuit"))
    assert set(RULE_TABLES) == set(registry.names("rule"))
    assert set(FLUCTUATION_TABLES) == set(registry.names("fluctuation"))


def test_the_registry_finds_circuits_by_what_functions_return():
    """Those whose annotation is a class, a list, or a tuple of one, and no more."""
    found = set(registry.names("circuit"))
    assert {"integrator", "pattern_layer", "reachable", "reachable_by_sign", "principal_axes", "Circuit"} <= found
    assert not found & {"gaussian_inputs", "neighbours_of", "half_squared_error", "event", "AbstractCircuit"}


def test_what_the_registry_leaves_out_stands_within_others():
    named = {name for kind in registry.KINDS[:-1] for name in registry.names(kind)}
    left = {name for room in (pd.rules, pd.fluctuations) for name in room.__all__} - named
    bases = {"Gate", "Moment", "Rule", "Sum"}
    assert left - bases == {*PART_TABLES, "averaged", "postsynaptic"}
    assert left - bases <= set(registry.names("parts"))


def test_no_two_rooms_share_a_name():
    homes = {}
    for room in (pd.circuits, pd.circuits.perturbations, pd.circuits.frequencies, pd.rules, pd.fluctuations, pd.solvers):
        for name in set(registry.names("parts")) & set(vars(room)):
            homes.setdefault(name, getattr(room, name))
            assert homes[name] is getattr(room, name)


@pytest.mark.parametrize("name", CIRCUIT_TABLES)
def test_each_circuit_can_be_written_in_a_file(one_step, name):
    if name == "from_torch":
        pytest.importorskip("torch")
    rule = {"name": "decay", "rate": 0.05} if name not in ("reachable", "reachable_by_sign", "principal_axes") else _GRADIENT
    _finite(one_step(circuit={"name": name, **CIRCUIT_TABLES[name]}, rule=[rule]))


@pytest.mark.parametrize("name", RULE_TABLES)
def test_each_rule_can_be_written_in_a_file(one_step, name):
    circuit, arguments = RULE_TABLES[name]
    _finite(one_step(circuit=circuit, rule=[{"name": name, **arguments}]))


@pytest.mark.parametrize("name", FLUCTUATION_TABLES)
def test_each_fluctuation_can_be_written_in_a_file(one_step, name):
    circuit, arguments = FLUCTUATION_TABLES[name]
    _finite(one_step(circuit=circuit, fluctuation=[{"name": name, **arguments}]))


@pytest.mark.parametrize("name", PART_TABLES)
def test_each_part_can_be_written_in_a_file(one_step, name):
    within, circuit, arguments = PART_TABLES[name]
    _finite(one_step(circuit=circuit, rule=[{"name": within, **arguments}]))


@pytest.mark.parametrize("name", registry.names("solver"))
def test_each_solver_can_be_written_in_a_file(one_step, name):
    _finite(one_step(circuit=_CHAIN, rule=[_GRADIENT], run={"duration": 1.0, "dt": 1.0, "solver": name}))
