"""The files that `plastodyn new` writes: of every figure, readable, and the very documents that its sweeps are made from."""

import jax
import numpy as np
import pytest

from plastodyn import experiments
from plastodyn.papers import papers, place_of
from plastodyn.papers.files import file_of
from plastodyn.papers.raman2021 import setups
from plastodyn.papers.raman2021.documents import described
from plastodyn.rules import noisy_gradient

FIGURES = [(paper.name, figure) for paper in papers().values() for figure in paper.figures.values()]


@pytest.mark.parametrize(("paper", "figure"), FIGURES, ids=lambda each: getattr(each, "name", each))
def test_every_figure_has_a_file(paper, figure):
    documents = figure.documents("smoke", jax.random.fold_in(jax.random.key(7), place_of(paper, figure)))
    for label in documents or (None,):
        text = file_of(paper, figure, "smoke", 7, label)
        found = experiments.parse(text)
        assert text.startswith("# Figure ")
        if documents:
            assert found == documents[label]
            assert found.seed == documents[label].seed
        else:
            assert found.points() == {"seed": [7, 8, 9, 10, 11]}
            assert found.experiment.parameters == {"paper": paper, "figure": figure.name, "size": "smoke"}


def test_a_sweep_that_a_figure_has_not_is_refused():
    figure = papers()["ninou2025"].figures["fig3a"]
    with pytest.raises(ValueError, match=r"--sweep must be one of fig3a-smoke, fig3a-inset-smoke; got 'fig9'"):
        file_of("ninou2025", figure, "smoke", 7, "fig9")
    with pytest.raises(ValueError, match=r"--sweep must be one of nothing, since fig2 is not made of sweeps; got 'fig9'"):
        file_of("ninou2025", papers()["ninou2025"].figures["fig2"], "smoke", 7, "fig9")


@pytest.mark.slow  # A simulation of 27 members.
def test_figure_5_is_made_of_the_rule_that_the_paper_has():
    """Its document at a point, against the same written in Python: |dc| = ratio |de|, |de| = 0.02 sqrt(N)."""
    extent = setups.Extent(1, 40, (0.02,))
    document = described(setups.LINEAR, "isotropic", extent, jax.random.key(3))
    point = {"network": [0], "fluctuation": [0.02], "precision": [1.0], "ratio": [0.7]}
    arrays = {name: np.asarray(values) for name, values in point.items()}
    found = experiments.member(arrays, jax.random.key(1), document=experiments.to_json(document))
    circuit = experiments.circuit_of(document, {"network": 0})
    from plastodyn import axis, fluctuations, observe, simulate

    size = 0.02 * 120**0.5
    rule = noisy_gradient(axis("ratio", [0.7]) * size, axis("precision", [1.0])) + fluctuations.white(size)
    run = simulate(circuit, rule, steps=40, key=jax.random.key(1), record=[observe("loss", start=-101)], progress=False)
    # Sums in another order, in single precision.
    np.testing.assert_allclose(found.loss.squeeze(), run.loss.mean("step").squeeze(), rtol=1e-5)
    assert found.stationary.attrs["theory_of"] == "loss"
