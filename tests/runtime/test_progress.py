"""What is shown of a long work: a bar in a terminal, a line in a notebook, nothing anywhere else."""

import io
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

import plastodyn as pd
from plastodyn.runtime import pace, progress
from plastodyn.runtime.convolutions import compiled
from plastodyn.runtime.pieces import each, pieces
from plastodyn.runtime.progress import Bar

KEY = jax.random.key(0)


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def at_once(monkeypatch):
    """No patience, so that what takes two seconds elsewhere is shown at once."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS", raising=False)


def test_a_terminal_gets_a_bar_and_keeps_nothing(at_once, monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Bar("work", 4) as bar:
        bar.advance(1)
        bar.advance(1, "half")
    assert "work" in screen.getvalue()
    assert "2/4" in screen.getvalue()
    assert "half" in screen.getvalue()


@pytest.mark.parametrize(("screen", "kind"), [(io.StringIO(), "xterm"), (Screen(), "dumb")])
def test_a_pipe_and_a_dumb_terminal_get_nothing(at_once, monkeypatch, screen, kind):
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", kind)
    with Bar("work", 4) as bar:
        bar.advance(4)
    assert screen.getvalue() == ""


@pytest.fixture
def cell(monkeypatch):
    """What a notebook was told to display, in order."""
    shown = []

    class DisplayHandle:
        def display(self, data, raw):
            assert raw
            shown.append(data)

        update = display

    notebook = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(DisplayHandle=DisplayHandle))
    return shown


def test_a_notebook_gets_a_line_that_is_written_over(at_once, cell, capfd):
    """Without widgets: their absence made a warning with a path of the machine."""
    with Bar("work", 4) as bar:
        bar.advance(1)
        bar.advance(3)
    texts = [data["text/plain"] for data in cell]
    assert texts[0] == "work"
    assert texts[-2].startswith("work [##############################] 4/4")
    assert cell[-1] == {"text/plain": "", "text/html": ""}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("title", "call"),
    [
        ("trace", lambda loss, w: pd.measure.hessian_trace(loss, w, key=KEY, samples=4)),
        ("spectrum", lambda loss, w: pd.measure.hessian_spectrum(loss, w, key=KEY, depth=2, probes=2)),
        ("extreme eigenvalues", lambda loss, w: pd.measure.extreme_eigenvalues(loss, w, key=KEY, depth=2)),
        ("plasticity ratio", lambda loss, w: pd.measure.plasticity_ratio(pd.Circuit(loss, w), key=KEY, samples=2)),
        ("curl", lambda loss, w: pd.measure.curl(jax.grad(loss), w, key=KEY, probes=4)),
        ("jacobian", lambda loss, w: pd.measure.jacobian_spectrum(jax.grad(loss), w)),
        ("jacobian, products", lambda loss, w: pd.measure.jacobian_spectrum(jax.grad(loss), w, count=2, key=KEY)),
        (
            "Lyapunov exponents",
            lambda loss, w: pd.measure.lyapunov_exponents(lambda v: 0.5 * v, w, key=KEY, steps=20, warm_up=2, segments=2),
        ),
        (
            "runs next to the solution",
            lambda loss, w: pd.measure.sign_stability(pd.Circuit(loss, w), jnp.ones(5), rate=0.1, key=KEY, steps=100),
        ),
    ],
)
def test_every_long_measure_tells_how_far_it_is(at_once, cell, title, call):
    call(lambda w: 0.5 * jnp.sum(jnp.arange(1.0, 6.0) * (w - 1) ** 2), jnp.ones(5))
    assert any(data["text/plain"].startswith(title) for data in cell)


def test_results_do_not_depend_on_where_work_is_cut(monkeypatch):
    """Pieces of one item each, and all but the first in one piece."""
    items = jax.random.normal(KEY, (40, 3))
    found = []
    for growth in (1, 10**6):
        monkeypatch.setattr(pace, "_GROWTH", growth)
        with Bar("work", 40) as bar:
            found.append(each(_sines, jnp.float32(2.0), items, bar))
    assert found[0].tolist() == found[1].tolist() == jnp.sin(2 * items).tolist()


def _sines(factor):
    return lambda item: jnp.sin(factor * item)


def test_under_a_trace_there_is_one_piece():
    counted = []

    @compiled
    def advance(state, first, stop):
        return jax.lax.fori_loop(first, stop, lambda i, state: state + i, state)

    def total(start):
        *_, state = pieces(lambda *piece: (counted.append(1), advance(*piece))[1], start, 1000, Bar("sum", 1000))
        return state

    assert jax.vmap(total)(jnp.zeros(2, int)).tolist() == [499500, 499500]
    assert len(counted) == 1


def test_measures_are_traceable_as_before():
    def trace(weights):
        return pd.measure.hessian_trace(lambda w: jnp.sum(w**4), weights, key=KEY, samples=4).value

    # The Hessian is diagonal, so that every probe tells its trace: 12 w^2, summed; rounding of a few terms.
    weights = jnp.array([[1.0, 2.0], [0.5, 1.0]])
    assert float(jax.jit(trace)(weights[0])) == pytest.approx(60.0, rel=1e-6)
    assert jax.vmap(trace)(weights).tolist() == pytest.approx([60.0, 15.0], rel=1e-6)
