"""Laws of every circuit with every rule that fits it: it runs, refuses what does not fit, and goes on from where it stopped."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from catalogue import BY_NEURON, CIRCUITS, RULES, SHAPED, SPARSE, fits, home, whole

import plastodyn as pd
from plastodyn.circuits import AbstractCircuit
from plastodyn.experiments import registry
from plastodyn.protocol import HIDDEN_SPAN, INPUT_ROTATION, check_joined

# Variants of one circuit compile for seconds each.
_VARIANTS = {
    "tanh",
    "plastic_biases",
    "matched",
    "resampled",
    "reachable_by_sign",
    "principal_axes",
    "through_covariance",
    "expanded",
    "enlarged",
}
# What all its rules add up to compiles for half a minute; those that need no layers run on the circuit of a user's loss.
_LONG = {*_VARIANTS, "student_teacher"}
_EACH = [pytest.param(n, marks=pytest.mark.slow) if n in _LONG else n for n in CIRCUITS]
KEY = jax.random.key(0)


# Two runs more of each circuit; by default on the cheapest one, a toy.
@pytest.mark.parametrize("circuit_name", [n if n == "user" else pytest.param(n, marks=pytest.mark.slow) for n in CIRCUITS])
def test_going_on_is_not_having_stopped(circuit_name, tmp_path):
    """Each circuit under the sum of all rules that fit it: 3 + 4 steps, by way of a file, against 7; every bit."""
    circuit, rule = whole(circuit_name)
    options = {"replicas": 3, "record": [], "chunk": 2}
    straight = pd.simulate(circuit, rule, steps=7, key=KEY, **options)
    assert int(straight.status.max()) == 0
    assert bool((straight.weights.isel(replica=0) != straight.weights.isel(replica=1)).any()) == (circuit_name in _RANDOM)
    first = pd.simulate(circuit, rule, steps=3, key=KEY, **options)
    first.to_zarr(tmp_path / "first.zarr")
    second = pd.simulate(circuit, rule, steps=4, start=xr.open_zarr(tmp_path / "first.zarr"), **options)
    ends = [name for name in straight.data_vars if name not in ("status", "steps_taken")]
    for name in ends:
        np.testing.assert_array_equal(second[name], straight[name], err_msg=name)
    assert (second.steps_taken == 7).all()
    assert not np.array_equal(first.weights, second.weights)


# Circuits that some random rule fits.
_RANDOM = {*CIRCUITS} - {"reachable", "reachable_by_sign"}


@pytest.mark.parametrize("circuit_name", CIRCUITS)
def test_every_circuit_takes_or_refuses_each_rule(circuit_name):
    circuit = CIRCUITS[circuit_name]()
    found = {True: set(), False: set(), None: set()}
    for name, row in RULES.items():
        verdict = fits(name, circuit_name, circuit)
        found[verdict].add(name)
        if verdict:
            check_joined(circuit, row.rule)
        elif verdict is False:
            with pytest.raises(ValueError, match=r"does not offer|does not promise to"):
                check_joined(circuit, row.rule)
    assert found[None] <= SHAPED | BY_NEURON | SPARSE
    general = {"white", "wiener", "ornstein_uhlenbeck", "drift", "log_normal", "homeostatic_scaling"}
    if not circuit.symmetries:
        assert general <= found[True]
    if "loss" in circuit.signals:
        assert {"gradient", "newton", "exact_norm", "precise_gradient"} - found[True] <= {"precise_gradient"}
    if HIDDEN_SPAN in circuit.symmetries:
        assert {"white", "noisy_gradient", "keep_or_oppose", "postsynaptic", "beeline", "constrained_sign"} <= found[False]
    if INPUT_ROTATION in circuit.symmetries:
        assert {"white", "presynaptic", "postsynaptic", "drift"} <= found[True]
        assert {"constrained_sign", "log_normal", "homeostatic_scaling"} <= found[False]


def test_signs_by_neuron_fit_the_coordinates_that_they_keep():
    cut, by_sign, turned = (CIRCUITS[name]() for name in ("reachable", "reachable_by_sign", "principal_axes"))
    inputs, hidden = pd.rules.presynaptic(0.5, 0), pd.rules.presynaptic(0.5, 1)
    sent, received = pd.rules.postsynaptic(0.5, 0), pd.rules.postsynaptic(0.5, 1)
    allowed = {
        "reachable": (cut, {0: True, 1: False, 2: False, 3: True}),
        "reachable_by_sign": (by_sign, {0: True, 1: True, 2: True, 3: True}),
        "principal_axes": (turned, {0: False, 1: True, 2: True, 3: True}),
    }
    for circuit, answers in allowed.values():
        for place, fits_it in answers.items():
            rule = pd.rules.flipped(pd.rules.gradient(0.1), (inputs, hidden, sent, received)[place])
            if fits_it:
                check_joined(circuit, rule)
            else:
                with pytest.raises(ValueError, match="Flipped does not promise to"):
                    check_joined(circuit, rule)


@pytest.mark.parametrize(
    ("neurons", "fits_it"),
    [
        ([-1, -1, 1, 1], True),
        ([1, 1, -1, -1], True),
        ([1, 1, 1, 1], True),
        ([-1, 1, 1, 1], False),
        ([-1, 1, -1, 1], False),
        ([-1, -1, 1], False),
        (0.5, True),
        (1.0, True),
        (0.25, False),
        (pd.axis("share", [0.0, 0.5, 1.0]), True),
        (pd.axis("share", [0.5, 0.75]), False),
    ],
)
def test_hidden_units_that_are_cut_by_sign_learn_with_their_own_signs(neurons, fits_it):
    """Other signs mix units that were rotated into each other: a loss off by 16 % before they were refused."""
    rule = pd.rules.flipped(pd.rules.gradient(0.1), pd.rules.presynaptic(neurons, 1))
    circuit = CIRCUITS["reachable_by_sign"]()
    if fits_it:
        check_joined(circuit, rule)
    else:
        with pytest.raises(ValueError, match=r"rule must .* give hidden units the circuit's own signs"):
            check_joined(circuit, rule)


@pytest.mark.parametrize("circuit_name", CIRCUITS)
def test_it_stands_alone(circuit_name):
    """Each signal that a circuit names is there at its start; its draws and moments have its shapes."""
    circuit = CIRCUITS[circuit_name]()
    start = circuit.start
    for name in circuit.signals:
        assert start.signal(name) is not None
    with pytest.raises(ValueError, match="the signal 'nonsense' is read, which the circuit does not offer"):
        start.signal("nonsense")
    seen = circuit.sample(KEY)
    assert jax.tree.structure(seen.weights) == jax.tree.structure(circuit.weights)
    velocity = circuit.activity_velocity(start)
    assert [x.shape for x in jax.tree.leaves(velocity)] == [x.shape for x in jax.tree.leaves(circuit.activity)]
    if "loss" in circuit.signals:
        assert start.loss().shape == ()
        np.testing.assert_array_equal(circuit.loss_at(circuit.weights), start.loss())


@pytest.mark.parametrize("circuit_name", [n for n in CIRCUITS if "loss" not in CIRCUITS[n]().signals])
def test_a_circuit_without_a_loss_is_a_circuit(circuit_name):
    circuit = CIRCUITS[circuit_name]()
    run = pd.simulate(circuit, pd.fluctuations.white(0.1), steps=2, key=KEY)
    assert "loss" not in run
    assert run.weight_norm.sizes == {"replica": 1, "step": 3}
    np.testing.assert_allclose(run.weight_norm[0, -1], np.linalg.norm(run.weights[0]), rtol=1e-6)
    assert run.status.values.tolist() == [0]
    for record in (["loss"], ["gradient_norm"], [pd.observe("loss", every=2)]):
        with pytest.raises(ValueError, match=r"record: \w+ reads the signal 'loss', which the circuit does not offer"):
            pd.simulate(circuit, pd.fluctuations.white(0.1), steps=2, key=KEY, record=record)


def test_some_circuit_has_no_loss():
    assert [n for n in CIRCUITS if "loss" not in CIRCUITS[n]().signals] == ["pattern_layer", "kuramoto", "weighted_kuramoto"]


def test_the_catalogue_holds_every_circuit():
    # A PyTorch module's circuit is an ordinary one of a loss that is called; tests/measure/test_torch_networks.py compares it.
    assert {"user" if name == "Circuit" else name for name in registry.names("circuit")} - {"from_torch"} <= set(CIRCUITS)
    things = [getattr(pd.circuits, name) for name in pd.circuits.__all__]
    classes = {thing for thing in things if inspect.isclass(thing) and issubclass(thing, AbstractCircuit)}
    assert classes - {AbstractCircuit} <= {type(make()) for make in CIRCUITS.values()}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_has_a_home(name):
    circuit = home(name)
    check_joined(circuit, RULES[name].rule)
    assert all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(circuit.weights))
