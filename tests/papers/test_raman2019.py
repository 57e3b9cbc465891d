"""Figures of Raman, Rotondo and O'Leary (2019): their claims at smoke size, that these can fail, and closed forms."""

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import plastodyn as pd
from plastodyn.papers import papers
from plastodyn.papers.raman2019 import formulas, nonlinear_size, setups

FIGURES = papers()["raman2019"].figures
KEY = jax.random.key(2021)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_at_smoke_size(name):
    result = FIGURES[name].make("smoke", KEY)
    assert result.figure.axes
    assert result.claims
    assert [claim for claim in result.claims if claim.holds is False] == []


def test_drift_is_the_authors_process():
    """``x <- 0.9 fresh + 0.1 x`` of unit vectors, renormalised: cosines over 1 and 2 cycles, 4000 of 450 weights each."""
    rng = np.random.default_rng(0)
    unit = lambda v: v / np.linalg.norm(v)  # noqa: E731
    theirs = [unit(rng.normal(size=450))]
    for _ in range(4000):
        theirs.append(unit(0.9 * unit(rng.normal(size=450)) + 0.1 * theirs[-1]))
    case = setups.Case(setups.SETTINGS[0])
    still = pd.Circuit(loss=lambda w: w @ w, weights=np.zeros(450, "float32"))
    drift = pd.fluctuations.drift(1.0, case.turning_time)
    run = pd.simulate(still, drift, steps=4000, key=KEY, record=["weights"], progress=False)
    ours = np.diff(run.weights_recorded.values[0], axis=0)
    error = 4 / (450 * 4000) ** 0.5
    for lag in (1, 2):
        for found in (np.array(theirs), ours):
            cosine = np.mean(np.sum(found[lag:] * found[:-lag], axis=1))
            assert cosine == pytest.approx(setups.MEMORY**lag, abs=error)


@pytest.mark.parametrize("law", formulas.LAWS)
def test_the_closed_form_landscape_is_the_measured_one(law):
    small = setups.student([setups.INPUTS, setups.OUTPUTS], KEY, 50, "linear", formulas.LAWS[law])
    circuit = setups.grown(small, 2, KEY)
    flat, back = ravel_pytree(circuit.weights)
    hessian = np.asarray(jax.hessian(lambda w: circuit.loss_at(back(w)))(flat), float)
    slope = np.asarray(jax.grad(lambda w: circuit.loss_at(back(w)))(flat), float)
    here = setups.start_landscape(small, 2)
    bend = slope @ hessian @ slope / (slope @ slope)
    found = (float(circuit.loss_at(circuit.weights)), np.linalg.norm(slope), bend, np.trace(hessian), flat.size)
    np.testing.assert_allclose(found, [float(np.asarray(number)) for number in here[:5]], rtol=2e-3)


def test_a_white_circuit_settles_where_its_radius_does():
    """White inputs, a fresh direction: ``2 gamma1 E r = gamma1^2 + gamma2^2 / c + gamma3^2 c N``, and F = r^2 / 2."""
    relevant, irrelevant, noise = 0.07, 1.0, 0.03
    case = setups.Case(pd.theory.bounds.Plasticity(relevant, irrelevant, noise), 0.0)
    radius = (relevant**2 + irrelevant**2 / 3 + noise**2 * 3 * setups.SMALL) / (2 * relevant)
    assert setups.stationary_error(np.ones(10), 3.0, case) == pytest.approx(radius**2 / 2, rel=0.02)


def test_white_inputs_are_white():
    drawn = setups.white_inputs(KEY, 10, 50, np.dtype("float32"))
    np.testing.assert_allclose(pd.circuits.input_covariance(drawn), np.eye(10), atol=1e-4)


def test_the_printed_nonlinear_formula_has_a_size_of_13_synapses():
    """``N* = (T gamma2^2 / gamma3^2) gamma1^2 N / (gamma2^2 N*)`` at N = 100, by iteration to its mean of two."""
    size = nonlinear_size._printed(0.03)
    assert size == pytest.approx((1.5**2 / 0.03**2) * 0.04**2 * 100 / (1.5**2 * size))
    assert round(size) == 13


@pytest.mark.slow
def test_claims_fail_where_noise_does_not_grow_with_the_circuit(monkeypatch):
    """Without the factor sqrt(N) larger is always better."""
    monkeypatch.setattr(setups.pd.fluctuations, "synaptic_noise", pd.fluctuations.white)
    result = FIGURES["formulas"].make("smoke", KEY)
    assert sum(claim.holds is False for claim in result.claims) >= 3
