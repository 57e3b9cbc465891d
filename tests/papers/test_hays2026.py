"""Figures of Hebbian-oscillatory co-learning: their claims at smoke size, and that these can fail."""

import jax
import pytest

from plastodyn import rules
from plastodyn.papers import papers
from plastodyn.papers.hays2026 import clusters, setups

FIGURES = papers()["hays2026"].figures


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_at_smoke_size(name):
    result = FIGURES[name].make("smoke", jax.random.key(2021))
    assert result.figure.axes
    assert result.claims
    assert [claim for claim in result.claims if claim.holds is False] == []


def test_independent_phases_are_those_of_the_specification():
    within, elsewhere = clusters.independent_phases()
    assert (within, elsewhere) == pytest.approx((0.682, 0.088), abs=5e-4)


@pytest.mark.slow
def test_claims_of_figure_3_fail_without_the_cosine(monkeypatch):
    """Growth that does not ask for phases: weights are the same everywhere."""
    monkeypatch.setattr(setups.pd.rules, "phase_hebbian", _Even)
    result = FIGURES["fig3"].make("smoke", jax.random.key(2021))
    assert sum(claim.holds is False for claim in result.claims) >= 3


class _Even(rules.Rule):
    gain: float

    def velocity(self, moment, state):
        return 0 * moment.weights + self.gain
