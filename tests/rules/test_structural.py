"""Structural plasticity: drift against its formula pair by pair, exact wiring, and what turnover must never do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import plastodyn as pd
from plastodyn.geometry import distance, exponential, into_ball, logarithm, nearest_neighbours
from plastodyn.rules.structural.drift import drifted
from plastodyn.rules.structural.slots import carried

KEY = jax.random.key(0)
N, K = 60, 6


def _positions(seed=0, count=N):
    return np.asarray(into_ball(0.3 * np.random.default_rng(seed).normal(size=(count, 3))))


def _circuit(seed=0, **options):
    positions = _positions(seed)
    arguments = {"neighbours": nearest_neighbours(positions, K), "positions": positions, "key": jax.random.key(seed), **options}
    return pd.circuits.weighted_kuramoto(np.zeros(N), 2.0, **arguments)


def _structure(moment):
    return moment.structure.neighbours


def _where(moment):
    return moment.structure.positions


def _run(circuit, rule, steps, record, every=1, seed=0):
    observed = [pd.observe(f, every=every, name=name) for name, f in record.items()]
    return pd.simulate(circuit, rule, duration=0.05 * steps, dt=0.05, key=jax.random.key(seed), record=observed)


def test_drift_is_its_formula():
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        p, near, w = jnp.asarray(_positions(count=9)), nearest_neighbours(_positions(count=9), 3), rng.normal(size=(3, 9))
        found = drifted(p, jnp.asarray(near), jnp.asarray(w), jnp.asarray(0.1), 0.3)
        for i in range(9):
            logs = [logarithm(p[i], p[j]) for j in near[:, i]]
            bonds = np.maximum(w[:, i], 0)
            pull = sum(b * v for b, v in zip(bonds, logs, strict=True)) / (bonds.sum() + 1e-8)
            push = sum(v / distance(p[i], p[j]) for v, j in zip(logs, near[:, i], strict=True)) / 3
            np.testing.assert_allclose(found[i], exponential(p[i], 0.1 * (pull - 0.3 * push)), rtol=1e-12)


@pytest.mark.parametrize("gate", [None, pd.rules.coherence_gate(20.0, 0.5)])
def test_neighbours_stay_the_nearest_and_weights_stay_with_their_edges(gate):
    rule = pd.rules.phase_hebbian(0.5) + pd.rules.hyperbolic_drift(0.2, every=0.5, spacing=0.2, gate=gate)
    record = {"near": _structure, "place": _where, "w": lambda moment: moment.weights}
    run = _run(_circuit(), rule, 60, record)
    for positions, neighbours in zip(run.place.values[0], run.near.values[0], strict=True):
        np.testing.assert_array_equal(np.sort(neighbours, 0), np.sort(nearest_neighbours(positions, K), 0))
    assert (run.near.values[0, 0] != run.near.values[0, -1]).any()
    # Over an event the weight of an edge that stays moves by one step of the rule, 0.5 x 0.05 at most.
    for before in range(9, 60, 10):
        old, new = run.near.values[0, before], run.near.values[0, before + 1]
        for i in range(N):
            then, now = (
                dict(zip(a[:, i], b[:, i], strict=True))
                for a, b in ((old, run.w.values[0, before]), (new, run.w.values[0, before + 1]))
            )
            for j in now:
                assert abs(now[j] - then.get(j, 0.0)) <= (0.0251 if j in then else 0.0)


def test_attraction_alone_collapses_and_spacing_does_not():
    mean = {}
    for spacing in (0.0, 0.3):
        rule = pd.rules.hyperbolic_drift(0.2, every=0.5, spacing=spacing)
        run = _run(_circuit(), rule, 600, {"place": _where}, every=600)
        where = jnp.asarray(run.place.values[0, -1])
        near = nearest_neighbours(np.asarray(where), K)
        mean[spacing] = float(np.mean([distance(where, where[row]) for row in near]))
    assert mean[0.0] < 0.05
    assert mean[0.3] == pytest.approx(0.3, abs=0.1)


def test_a_run_that_drifts_goes_on_from_its_store_as_one_whole(tmp_path):
    """Phase noise, a gate, drift and wiring: the two halves are the whole, bit for bit."""
    rule = 0.5 * (pd.rules.gated(pd.rules.phase_hebbian(1.0), pd.rules.coherence_gate(20.0, 0.1)) + pd.rules.decay(1.0))
    rule = rule + pd.rules.hyperbolic_drift(0.1, every=0.5, spacing=0.1)
    circuit = _circuit(phase_noise=0.1)
    whole = _run(circuit, rule, 60, {"place": _where})
    _run(circuit, rule, 25, {"place": _where}).to_zarr(tmp_path / "half.zarr")
    with xr.open_zarr(tmp_path / "half.zarr") as half:
        options = {"duration": 0.05 * 35, "dt": 0.05, "record": [pd.observe(_where, name="place")]}
        rest = pd.simulate(circuit, rule, key=jax.random.key(0), start=half.load(), **options)
    for name in ("weights", "activity", "structure_positions", "structure_neighbours"):
        np.testing.assert_array_equal(whole[name], rest[name])
    np.testing.assert_array_equal(whole.place[:, 25:], rest.place)


# Many seeds of two rules: each rule is compiled anew.
@pytest.mark.parametrize(("gated", "pruned", "sprouted"), [(True, 40, 3), (False, 2, 20)])
@settings(max_examples=4)
@given(seed=st.integers(0, 10_000))
def test_turnover_keeps_its_invariants(gated, pruned, sprouted, seed):
    gate = pd.rules.coherence_gate(5.0, 0.1) if gated else None
    turnover = pd.rules.prune_and_sprout(
        every=0.25, weak=0.2, least_age=0.5, gate=gate, most_pruned=pruned, most_sprouted=sprouted, alignment=0.0
    )
    run = _run(_circuit(seed % 7, weights=0.1), pd.rules.phase_hebbian(0.3) + turnover, 60, {"near": _structure}, seed=seed)
    own, old = np.arange(N), None
    for near in run.near.values[0]:
        assert near.shape == (K, N)
        assert near.min() >= 0
        assert near.max() < N
        ordered = np.sort(near, 0)
        assert not ((ordered[1:] == ordered[:-1]) & (ordered[1:] != own)).any()
        if old is not None:
            assert ((near == own) & (old != own)).sum() <= pruned
            assert ((near != own) & (old != near)).sum() <= sprouted + pruned
        old = near


def test_turnover_prunes_what_it_says_and_connects_the_aligned():
    free = np.array([[1, 2, 0, 0], [0, 1, 2, 3], [2, 0, 1, 3]])[:, :4]
    phases, weights = [0.0, 0.0, 0.0, 3.0], [[1.0, 0.005, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.005, 0.0]]
    circuit = pd.circuits.weighted_kuramoto(np.zeros(4), 1e-3, phases=phases, neighbours=free, weights=weights)
    rule = pd.rules.prune_and_sprout(every=1.0, least_age=0.5, most_pruned=5, most_sprouted=3)
    run = pd.simulate(circuit, rule, duration=1.0, dt=0.5, key=KEY, record=[pd.observe(_structure, every=2, name="near")])
    near, w = run.near.values[0, -1], run.weights.values[0].reshape(3, 4)
    assert near[0, 1] == 1 or w[0, 1] == np.float32(0.05)
    edges = {(i, j) for i in range(4) for j in near[:, i] if j != i}
    assert {(0, 1), (0, 2), (1, 0), (2, 0), (3, 0)} <= edges
    assert (3, 1) not in edges
    assert (3, 2) not in edges


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_carried_values_are_those_of_their_edges(seed):
    rng = np.random.default_rng(seed)
    old, new = (np.stack([rng.choice(12, 5, replace=False) for _ in range(7)], axis=1) for _ in range(2))
    values = rng.normal(size=(5, 7)).astype("float32")
    found = carried(jnp.asarray(values), jnp.asarray(old), jnp.asarray(new))
    for i in range(7):
        held = dict(zip(old[:, i], values[:, i], strict=True))
        assert found[:, i].tolist() == [held.get(j, 0.0) for j in new[:, i]]


def test_free_slots_do_nothing():
    near = np.array([[1, 0, 0], [0, 1, 1]])
    full = pd.circuits.weighted_kuramoto([0.1, 0.2, 0.3], 1.0, phases=[0.0, 1.0, 2.0], neighbours=near)
    moment = full.start
    assert full.weights.tolist() == [[1, 1, 1], [0, 0, 1]]
    assert moment.signal("alignment")[1, :2].tolist() == [0, 0]
    assert moment.signal("local_coherence")[:2].tolist() == pytest.approx([1, 1])
    pull = (full.activity_velocity(moment) - full.frequencies) / full.coupling
    assert float(pull[0]) == pytest.approx(np.sin(1.0) / 2, rel=1e-6)


def test_a_threshold_that_adapts_opens_as_often_as_asked():
    gate = pd.rules.homeostatic_gate(0.5, target=0.1)
    rule = pd.rules.gated(pd.rules.phase_hebbian(0.1), gate) + pd.rules.decay(0.1)
    run = pd.simulate(
        _circuit(),
        rule,
        duration=100.0,
        dt=0.05,
        key=KEY,
        record=[pd.observe(lambda m: m.state[0].own, name="threshold", every=2000), pd.observe("local_coherence", every=2000)],
    )
    opening = jax.nn.sigmoid((run.local_coherence.values[0, -1] - run.threshold.values[0, -1]) / 0.2)
    np.testing.assert_allclose(opening, 0.1, atol=0.005)


NEAR = [[1, 2, 0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pd.rules.hyperbolic_drift(-1.0, 1.0), "rate must be a number >= 0"),
        (lambda: pd.rules.hyperbolic_drift(1.0, 0.0), "every must be"),
        (lambda: pd.rules.hyperbolic_drift(1.0, 1.0, spacing=-1.0), "spacing must be"),
        (lambda: pd.rules.hyperbolic_drift(1.0, 1.0, gate=0.5), "gate must be"),
        (lambda: pd.rules.prune_and_sprout(1.0, weak=0.0), "weak must be"),
        (lambda: pd.rules.prune_and_sprout(1.0, most_pruned=0), "most_pruned must be"),
        (lambda: pd.rules.prune_and_sprout(1.0, alignment=2.0), "alignment must be"),
        (lambda: pd.rules.homeostatic_gate(0.1, width=0.0), "width must be"),
        (lambda: pd.circuits.kuramoto(np.zeros(3), 1.0, key=KEY, positions=np.zeros((3, 2))), "give neighbours too"),
        (lambda: pd.circuits.kuramoto(np.zeros(3), 1.0, key=KEY, neighbours=NEAR, positions=np.ones((3, 2))), "unit ball"),
        (
            lambda: pd.circuits.kuramoto(np.zeros(3), 1.0, key=KEY, neighbours=NEAR, positions=np.zeros((2, 2))),
            r"shape \(3, d\)",
        ),
        (
            lambda: pd.circuits.kuramoto(np.zeros(3), 1.0, key=KEY, neighbours=[[1, 2, 0], [1, 0, 1]]),
            "of oscillator 0 one stands twice",
        ),
        (lambda: pd.circuits.kuramoto(np.zeros(3), 1.0, key=KEY, neighbours=[[0, 1, 2]]), "all slots are free"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("options", "rule", "message"),
    [
        ({"neighbours": None}, pd.rules.hyperbolic_drift(0.1, 0.5), "needs a sparse circuit"),
        ({}, pd.rules.hyperbolic_drift(0.1, 0.5), "needs a circuit with positions"),
        ({"neighbours": None}, pd.rules.prune_and_sprout(0.5), "needs a sparse circuit"),
        ({"positions": np.zeros((3, 2))}, pd.rules.hyperbolic_drift(0.1, 0.07), "whole number of steps"),
        (
            {"positions": np.zeros((3, 2))},
            pd.rules.hyperbolic_drift(0.1, 0.5, gate=pd.rules.averaged(pd.rules.coherence_gate(1.0, 0.5), 1.0)),
            "without a memory",
        ),
    ],
)
def test_circuits_that_do_not_fit(options, rule, message):
    circuit = pd.circuits.kuramoto(np.zeros(3), 1.0, **{"key": KEY, "neighbours": NEAR, **options})
    with pytest.raises(ValueError, match=message):
        pd.simulate(circuit, rule, duration=1.0, dt=0.05, key=KEY)
