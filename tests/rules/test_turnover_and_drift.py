"""Each number of the structural rules does what it says: gates, ages, averages, rates and bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.geometry import into_ball, nearest_neighbours

KEY = jax.random.key(0)
OPEN, SHUT = pd.rules.coherence_gate(100.0, 0.0), pd.rules.coherence_gate(-100.0, 0.0)


def _ring(count=40, slots=4, used=2, **options):
    """Each oscillator has two neighbours and two free slots."""
    own = np.arange(count)
    near = np.tile(own, (slots, 1))
    near[:used] = (own + np.array([[-1], [1], [-2], [2]])[:used]) % count
    arguments = {"neighbours": near, "phases": np.zeros(count), **options}
    return pd.circuits.weighted_kuramoto(np.zeros(count), 0.0, **arguments)


def _edges(run):
    near = run.structure_neighbours.values[0]
    return int((near != np.arange(near.shape[1])).sum())


def _run(circuit, rule, duration=10.0):
    return pd.simulate(circuit, rule + pd.rules.decay(0.0), duration=duration, dt=0.5, key=KEY, record=["coherence"])


def test_sprouting_fills_free_slots_with_aligned_neighbours_of_neighbours():
    rule = pd.rules.prune_and_sprout(every=1.0, least_age=1e6, most_sprouted=20)
    run = _run(_ring(), rule)
    # 80 free slots, at most 20 an event and ten events.
    assert _edges(run) > 80 + 60
    near = run.structure_neighbours.values[0]
    sprouted = run.weights.values[0].reshape(near.shape) == np.float32(0.05)
    assert sprouted.sum() == _edges(run) - 80


def test_turnover_goes_on_from_its_result_as_one_whole():
    rule = pd.rules.prune_and_sprout(every=1.0, least_age=2.0, weak=0.5, most_pruned=4) + pd.rules.phase_hebbian(0.05)
    circuit, options = _ring(weights=0.3), {"dt": 0.25, "key": KEY, "record": ["coherence"]}
    whole = pd.simulate(circuit, rule, duration=12.0, **options)
    half = pd.simulate(circuit, rule, duration=5.0, **options)
    rest = pd.simulate(circuit, rule, duration=7.0, start=half, **options)
    for name in ("weights", "structure_neighbours", "state_0_born", "state_0_pairs", "state_0_together"):
        np.testing.assert_array_equal(whole[name], rest[name])
    assert _edges(whole) != 80


@pytest.mark.parametrize(("change", "pruned"), [({}, 30), ({"least_age": 8.0}, 3), ({"gate": OPEN}, 30), ({"gate": SHUT}, 0)])
def test_pruning_waits_for_age_and_gate(change, pruned):
    """Events at 1 to 10, three edges at each: all of them, those from 8 on, or none."""
    options = {"least_age": 0.0, "weak": 2.0, "alignment": 1.0, "most_pruned": 3, **change}
    run = _run(_ring(), pd.rules.prune_and_sprout(every=1.0, **options))
    assert _edges(run) == 80 - (9 if change.get("least_age") else pruned)


def test_edges_that_have_sprouted_are_young():
    """Weak edges younger than the least age stay: what sprouts at 6 is not pruned by 10, what was there at 0 is."""
    rule = pd.rules.prune_and_sprout(every=2.0, weak=0.1, least_age=6.0, most_pruned=200, most_sprouted=5)
    run = _run(_ring(weights=1.0), rule)
    near, weights = run.structure_neighbours.values[0], run.weights.values[0].reshape(4, 40)
    new = (near != np.arange(40)) & (weights < 0.1)
    # Events at 2 and 4 have sprouted what is pruned at 8 and 10; those of 6, 8 and 10 are left.
    assert 0 < new.sum() <= 15
    assert new.sum() > 10


def test_alignment_is_averaged():
    """Two groups that rotate against one another are aligned now and then, and not in the mean."""
    own = np.arange(40)
    frequencies = np.where(own % 2, 2.0, -2.0)
    near = np.tile(own, (4, 1))
    # From an even oscillator two edges lead to an odd one, which belongs to the other group.
    near[:2] = (own + np.where(own % 2, 2, 1) * np.array([[-1], [1]])) % 40
    circuit = pd.circuits.weighted_kuramoto(frequencies, 0.0, phases=np.zeros(40), neighbours=near)
    options = {"least_age": 1e6, "alignment": 0.7, "most_sprouted": 400}
    # An event at each time at which all are in step: cos(4 t) = 1.
    every = float(np.pi / 2)

    def unlike(averaging_time):
        rule = pd.rules.prune_and_sprout(every=every, averaging_time=averaging_time, **options) + pd.rules.decay(0.0)
        run = pd.simulate(circuit, rule, duration=10 * every, dt=every / 50, key=KEY, record=["coherence"])
        found = run.structure_neighbours.values[0][2:]
        return int(((found - own) % 2 == 1).sum())

    assert unlike(1e-3) > 0
    assert unlike(1.5) == 0


def _disc(**options):
    places = np.asarray(into_ball(0.3 * np.random.default_rng(0).normal(size=(30, 2))))
    arguments = {"neighbours": nearest_neighbours(places, 4), "positions": places, "phases": np.zeros(30), **options}
    return pd.circuits.weighted_kuramoto(np.zeros(30), 1.0, **arguments)


def _moved(**options):
    """Mean distance that positions have drifted after one event."""
    rule = pd.rules.hyperbolic_drift(every=0.5, **{"rate": 0.2, **options}) + pd.rules.decay(0.0)
    run = pd.simulate(_disc(), rule, duration=0.5, dt=0.5, key=KEY, record=["coherence"])
    start = _disc().structure.positions
    return float(pd.geometry.distance(start, jnp.asarray(run.structure_positions.values[0])).mean())


def test_drift_is_the_rate_times_the_interval_times_the_gate():
    whole = _moved()
    assert _moved(rate=0.4) == pytest.approx(2 * whole, rel=0.02)
    assert _moved(rate=0.02) == pytest.approx(whole / 10, rel=0.02)
    assert _moved(gate=pd.rules.coherence_gate(0.0, 0.5)) == pytest.approx(whole / 2, rel=0.02)
    assert _moved(gate=SHUT) < 1e-6
    longer = pd.rules.hyperbolic_drift(0.2, every=1.0) + pd.rules.decay(0.0)
    run = pd.simulate(_disc(), longer, duration=1.0, dt=0.5, key=KEY, record=["coherence"])
    apart = pd.geometry.distance(_disc().structure.positions, jnp.asarray(run.structure_positions.values[0]))
    assert float(apart.mean()) == pytest.approx(2 * whole, rel=0.02)


@pytest.mark.parametrize(("signal", "bound"), [("coherence", 2.0), ("coherence", 0.6)])
def test_thresholds_stay_within_their_bounds(signal, bound):
    """All in step: the threshold climbs at its rate until it meets its upper bound."""
    gate = pd.rules.homeostatic_gate(5.0, target=0.0, width=10.0, largest=bound, signal=signal)
    rule = pd.rules.gated(pd.rules.phase_hebbian(0.1), gate)
    run = pd.simulate(_disc(), rule, duration=20.0, dt=0.5, key=KEY, record=["coherence"])
    (threshold,) = [run[name] for name in run.data_vars if name.startswith("state") and run[name].size == 1]
    assert float(threshold.squeeze()) == pytest.approx(bound)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            pd.rules.hyperbolic_drift(0.1, every=1.0) + pd.rules.prune_and_sprout(every=1.0),
            "leave neighbours to one",
        ),
        (0.5 * pd.rules.hyperbolic_drift(0.1, every=1.0), "HyperbolicDrift beside its other parts, not within Scaled"),
        (pd.rules.gated(pd.rules.prune_and_sprout(every=1.0), 0.0), "PruneAndSprout beside its other parts"),
        (pd.rules.gated(pd.rules.decay(0.1) + pd.rules.hyperbolic_drift(0.1, every=1.0), OPEN), "not within Gated"),
        (
            pd.rules.prune_and_sprout(every=1.0, gate=pd.rules.coherence_gate(1.0, 0.5, "local_coherence")),
            "gate of prune_and_sprout must give one number",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        pd.simulate(_disc(), rule, duration=1.0, dt=0.5, key=KEY)


def test_more_than_the_whole_way_is_refused():
    with pytest.raises(ValueError, match="rate times every must be at most 1"):
        pd.rules.hyperbolic_drift(50.0, every=0.5)


def test_a_memory_beside_oscillators_has_no_edges_to_rewire():
    both = pd.circuits.with_rhythm(pd.circuits.tracking(), _disc())
    with pytest.raises(ValueError, match="whose weights are those of its edges"):
        pd.simulate(both, pd.rules.early(0.1) + pd.rules.hyperbolic_drift(0.1, every=1.0), duration=1.0, dt=0.5, key=KEY)
