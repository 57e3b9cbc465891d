"""The engine against a plain loop over steps that folds the same keys: who draws what, and when."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import protocol
from plastodyn.circuits import AbstractCircuit, event
from plastodyn.protocol import Rule

KEY = jax.random.key(21)
START, STEP, EVENT = 0, 1, 2


def _fold(key, *numbers):
    for number in numbers:
        key = jax.random.fold_in(key, number)
    return key


def by_hand(circuit, rule, key, steps, *, dt=1.0, solver=pd.solvers.euler):
    """The weights after each step of one member: no compiled loops, no blocks, no batches."""
    carry = protocol.begin(circuit, rule, _fold(key, START))
    events = [each.instants(dt) for each in (*circuit.events, *rule.events)]
    weights = [carry.weights]
    for index in range(steps):
        noisy, redrawn = jax.random.split(_fold(key, STEP, index))
        carry = protocol.step(
            circuit, rule, carry, time=jnp.float32(index * dt), dt=jnp.float32(dt), noise=rule.draw(circuit.weights, noisy),
            solver=solver, seen=circuit.sample(redrawn),
        )  # fmt: skip
        for which, instants in enumerate(events):
            if int(instants.following(jnp.int32(index + 1))) == index + 1:
                now = jnp.float32((index + 1) * dt)
                carry = protocol.happen(circuit, rule, carry, which, now, _fold(key, EVENT, index + 1, which))
        weights.append(carry.weights)
    return np.stack(weights)


class Noisy(AbstractCircuit):
    """Redraws its target at each step, and is kicked at random at certain times; time enters."""

    weights: jax.Array
    target: jax.Array
    signals = frozenset({"loss"})

    @property
    def activity(self):
        return jnp.zeros(3)

    def activity_velocity(self, moment):
        return moment.weights - moment.activity

    def loss(self, moment):
        return 0.5 * jnp.sum((moment.weights - self.target - moment.activity) ** 2) * (1 + 0.1 * moment.time)

    def sample(self, key):
        return Noisy(self.weights, jax.random.normal(key, self.target.shape))

    @property
    def events(self):
        return (event(self.kick, every=2.0), event(self.push, times=[1.5]))

    def kick(self, moment, key):
        return moment.replace(weights=moment.weights + jax.random.normal(key, (3,)))

    def push(self, moment, key):
        return moment.replace(activity=moment.activity + jax.random.normal(key, (3,)))


class Shaken(Rule):
    """A rule with a random event of its own."""

    @property
    def events(self):
        return (event(self.shake, every=2.0),)

    def shake(self, moment, state, key):
        return moment.replace(weights=moment.weights + 0.1 * jax.random.normal(key, (3,))), state


CIRCUIT = Noisy(jnp.array([1.0, -1.0, 0.5]), jnp.zeros(3))


def _rule(rate):
    noise = pd.fluctuations.white(0.1) + pd.fluctuations.drift(0.1, 5.0)
    return pd.rules.gradient(rate) + noise + Shaken() + pd.rules.keep_or_oppose(0.02)


_SLOWER = [pytest.param(*case, marks=pytest.mark.slow) for case in ((False, 4), (True, 1))]


@pytest.mark.parametrize(("flow", "chunk"), [(False, 1), (True, 4), *_SLOWER])
def test_the_engine_is_a_plain_loop(flow, chunk):
    """Steps, noise, redrawn inputs, events, initial states: every key is folded from the member's as documented."""
    extent = {"duration": 3.5, "dt": 0.5, "solver": pd.solvers.heun} if flow else {"steps": 7}
    rates = [0.1, 0.2]
    run = pd.simulate(CIRCUIT, _rule(pd.axis("rate", rates)), replicas=2, key=KEY, record=["weights"], chunk=chunk, **extent)
    for place, rate in enumerate(rates):
        for replica in range(2):
            own = {"dt": 0.5, "solver": pd.solvers.heun} if flow else {}
            with jax.threefry_partitionable(False):
                expected = by_hand(CIRCUIT, _rule(rate), _fold(KEY, place, replica), 7, **own)
            # Single precision, compiled apart: products round differently.
            np.testing.assert_allclose(run.weights_recorded[place, replica], expected, rtol=2e-5, atol=2e-6)


def test_random_numbers_do_not_depend_on_the_blocks_they_are_drawn_in(monkeypatch):
    """Blocks of 1, 2, 5 and more steps than the run has; a run longer than a block."""
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.zeros(3))
    rule = pd.rules.gradient(0.1) + pd.fluctuations.wiener(1.0)
    found = []
    for longest in (1, 2, 5, 64):
        monkeypatch.setattr("plastodyn.simulation.plan._LONGEST_BLOCK", longest)
        found.append(pd.simulate(circuit, rule, steps=13, key=KEY, replicas=2, record=["weights"]).weights_recorded.values)
    for other in found[1:]:
        # The same numbers; sums of a few moves of order 1, compiled apart, round by up to 2^-23 each.
        np.testing.assert_allclose(other, found[0], rtol=1e-6, atol=13 * 2.0**-23)
    moves = np.diff(found[0], axis=1).reshape(-1, 3)
    assert len(np.unique(moves.round(5), axis=0)) == 26


def test_inputs_are_redrawn_at_each_step_apart_from_the_noise():
    """A minibatch of one: which of many inputs is seen at each step, and that noise has nothing to do with it."""

    class Sampled(AbstractCircuit):
        weights: jax.Array
        seen: jax.Array
        signals = frozenset({"loss"})

        def loss(self, moment):
            return moment.weights[0] * self.seen

        def sample(self, key):
            return Sampled(self.weights, jax.random.normal(key))

    class Keyed(Rule):
        """A rule that draws as the circuit does."""

        def draw(self, weights, key):
            return jax.random.normal(key)

        def increment(self, moment, state, dt, noise):
            return jnp.stack([jnp.zeros(()), noise]), state

    circuit = Sampled(jnp.zeros(2), jnp.zeros(()))
    run = pd.simulate(circuit, pd.rules.gradient(1.0) + Keyed(), steps=400, key=KEY, record=["weights"])
    seen, drawn = np.diff(run.weights_recorded.values[0], axis=0).T
    assert len(np.unique(seen.round(4))) > 390
    # n = 400 pairs of independent normal numbers, and of one with the next.
    for first, second in ((seen, drawn), (seen[1:], seen[:-1]), (drawn[1:], drawn[:-1]), (seen[1:], drawn[:-1])):
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / len(first) ** 0.5
