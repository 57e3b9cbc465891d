"""Runs that end before their end, and what a run holds in memory."""

import os
import signal
import subprocess
import sys
import textwrap
import tracemalloc

import jax
import jax.numpy as jnp
import pytest

import plastodyn as pd
from plastodyn.runtime import interrupts
from plastodyn.simulation import engine


def test_interrupted_before_anything_is_recorded(monkeypatch, key):
    """Observables of any shape have their dimensions, and nothing but NaN."""

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("plastodyn.simulation.ensemble.Ensemble.compute", stop)
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(3))
    record = ["loss", pd.observe("weights", start=-2), pd.observe(lambda m: jnp.outer(m.weights, m.weights), name="square")]
    with pytest.raises(pd.Interrupted) as stopped:
        pd.simulate(circuit, pd.rules.gradient(0.1), steps=5, replicas=2, key=key, record=record)
    found = stopped.value.dataset
    assert found.loss.shape == (2, 6)
    assert found.weights_recorded.shape == (2, 2, 3)
    assert found.square.shape == (2, 6, 3, 3)
    assert bool(found.square.isnull().all())
    assert bool(found.weights.isnull().all())
    assert set(found.status.values.ravel()) == {2}


class _Interrupting(pd.rules.Rule):
    """Sends Ctrl-C from within a call, at time 2; weights stay."""

    @property
    def events(self):
        return (pd.circuits.event(self.send, times=[2.0]),)

    def send(self, moment, state, key):
        def kill(weights):
            os.kill(os.getpid(), signal.SIGINT)
            return weights

        outline = jax.ShapeDtypeStruct(moment.weights.shape, moment.weights.dtype)
        return moment.replace(weights=jax.pure_callback(kill, outline, moment.weights)), state


def test_ctrl_c_within_a_call_that_calls_back_keeps_the_run(key):
    """A call uses its carry up: what it has come to is kept, and not what it was given."""
    places = 0.3 * jax.random.uniform(key, (50, 2))
    near = pd.geometry.nearest_neighbours(places, 4)
    circuit = pd.circuits.weighted_kuramoto(jnp.zeros(50), 1.0, key=key, neighbours=near, positions=places)
    rule = pd.rules.decay(0.1) + pd.rules.hyperbolic_drift(0.1, every=0.5) + _Interrupting()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(pd.Interrupted) as stopped:
            pd.simulate(circuit, rule, duration=1e4, dt=0.5, key=key, record=[pd.observe("coherence", every=1000)])
    finally:
        signal.signal(signal.SIGINT, before)
    found = stopped.value.dataset
    assert int(found.steps_taken.squeeze()) >= 4
    assert bool(found.weights.notnull().all())


def test_a_second_ctrl_c_does_not_wait():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []

    def twice():
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            reached.append("after the first")
            signal.raise_signal(signal.SIGINT)
            reached.append("after the second")

    try:
        with pytest.raises(KeyboardInterrupt):
            twice()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached == ["after the first"]


def test_ctrl_c_keeps_what_was_recorded(tmp_path):
    """A real process, interrupted by a real signal once it has said that it is on its way; it would not end by itself."""
    script = textwrap.dedent(
        """
        import signal, sys, jax, jax.numpy as jnp, numpy as np, plastodyn as pd
        from plastodyn.runtime.progress import Bar

        # A shell that runs its jobs in the background lets them ignore the signal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        advance = Bar.advance
        def told(self, amount):
            advance(self, amount)
            print("moved", amount, flush=True)
        Bar.advance = told

        circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.ones(100))
        rule = pd.rules.gradient(pd.axis("rate", np.linspace(0.001, 0.01, 4))) + pd.fluctuations.white(0.1)
        record = [pd.observe("loss", every=1_000_000)]
        try:
            pd.simulate(circuit, rule, steps=2_000_000_000, key=jax.random.key(0), record=record, chunk=1)
        except pd.Interrupted as stop:
            kept = np.isfinite(stop.dataset.loss.values[:, 0]).sum(axis=1)
            taken = stop.dataset.steps_taken.values.ravel()
            assert (np.isfinite(stop.dataset.weights.values).all(axis=(1, 2)) == (taken > 0)).all()
            print("kept", kept.tolist(), stop.dataset.status.values.ravel().tolist(), flush=True)
            sys.exit(130)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ
    )
    try:
        for _ in range(2):
            word = process.stdout.readline().split()
            assert word[:1] == ["moved"], process.stderr.read()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, errors
    kept, statuses = (eval(part) for part in output.split("kept ")[1].replace("] [", "]|[").split("|"))
    # Those of the first group have at least their start; nobody has come to the end.
    assert statuses == [2] * 4
    assert [count > 0 for count in kept] == [place < jax.local_device_count() for place in range(4)]


WEIGHTS = 50_000
STEPS = 400
# All that a run may hold at a time, in copies of its weights; a history would hold 400.
COPIES = 25


def test_memory_is_bounded_by_what_is_recorded(monkeypatch):
    """On the device by the compiled program's own count, on the host by that of every allocation."""
    programs = {}
    compiled = engine.compiled_advance

    def watched(program):
        def advance(*arguments):
            shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)), arguments)
            programs.setdefault(program, shapes)
            return compiled(program)(*arguments)

        return advance

    monkeypatch.setattr(engine, "compiled_advance", watched)
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.zeros(WEIGHTS))
    tracemalloc.start()
    run = pd.simulate(
        circuit, pd.fluctuations.white(0.1), steps=STEPS, key=jax.random.key(0), record=[pd.observe("loss", every=100)]
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < COPIES * 4 * WEIGHTS
    assert run.nbytes < 2 * 4 * WEIGHTS
    (program,) = programs
    assert _bytes(compiled(program), *programs[program]) < COPIES * 4 * WEIGHTS

    # The measure sees a history where there is one.
    def with_history(weights):
        return jax.lax.scan(lambda w, _: (0.9 * w, w), weights, None, length=STEPS)

    assert _bytes(jax.jit(with_history), jax.ShapeDtypeStruct((WEIGHTS,), "float32")) > STEPS * 4 * WEIGHTS


def _bytes(function, *arguments):
    analysis = function.lower(*arguments).compile().memory_analysis()
    return analysis.temp_size_in_bytes + analysis.output_size_in_bytes + analysis.argument_size_in_bytes
