"""The share of change that remains with plasticity blocked, against changes whose parts are known."""

import jax
import numpy as np
import pytest

from plastodyn import synapses


def changes(rng, ratio, n=200, m=150):
    """Changes with plasticity on, of a mean of their own, and blocked."""
    return rng.normal(size=n) + ratio * rng.normal(size=n) + 0.3, rng.normal(size=m) - 0.2


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_the_known_ratio_is_found(ratio):
    """n = 200 experiments."""
    shares, errors, covered, ratios, experiments = [], [], [], [], 200
    for seed in range(experiments):
        on, blocked = changes(np.random.default_rng(seed), ratio)
        found = synapses.from_changes(on, blocked, key=jax.random.key(seed), draws=300)
        shares.append(found.independent.value)
        ratios.append(found.ratio.value)
        errors.append(found.independent.standard_error)
        covered.append(found.ratio.low <= ratio <= found.ratio.high)
    truth = 1 / (1 + ratio**2)
    # 4 standard errors, and the bias of a ratio of variances, 2 / (n - 1).
    assert abs(np.mean(shares) - truth) < 4 * np.std(shares) / experiments**0.5 + truth * 2 / 199
    assert np.median(ratios) == pytest.approx(ratio, abs=4 * 1.25 * np.std(ratios) / experiments**0.5)
    # Theory of normal samples; the bootstrap's error is known to some per cent, and is short by about 1 / n.
    assert np.mean(errors) == pytest.approx(truth * (2 / 199 + 2 / 149) ** 0.5, rel=0.1)
    # 4 standard errors of 200 intervals, and 0.02 that the percentile bootstrap of variances may be short of.
    assert np.mean(covered) > 0.95 - 0.062 - 0.02


def test_the_share_is_the_ratio_of_variances(key):
    on, blocked = changes(np.random.default_rng(1), 1.0)
    found = synapses.from_changes(on, blocked, key=key)
    share = blocked.var(ddof=1) / on.var(ddof=1)
    np.testing.assert_allclose([found.independent.value, found.ratio.value], [share, (1 / share - 1) ** 0.5], rtol=1e-12)
    # Numbers of a million keep 1e-10 of what is added to them; their squares would keep 1e-4.
    shifted = synapses.from_changes(on + 1e6, 1e6 - blocked, key=key)
    np.testing.assert_allclose(shifted.independent.value, share, rtol=1e-8)


def test_both_conditions_are_drawn_apart(key):
    changes = np.random.default_rng(5).normal(size=100)
    found = synapses.from_changes(changes, changes, key=key).independent
    assert found.value == 1
    # Theory of normal samples, within the 20 % that 100 of them say of their fourth moment.
    assert found.standard_error == pytest.approx((2 / 99 + 2 / 99) ** 0.5, rel=0.2)


def test_the_bootstrap_agrees_with_brute_force(key):
    on, blocked = changes(np.random.default_rng(2), 1.0, 12, 15)
    rng, draws = np.random.default_rng(3), 20_000
    drawn = [rng.choice(each, (draws, len(each))).var(axis=1, ddof=1) for each in (on, blocked)]
    found = synapses.from_changes(on, blocked, key=key, draws=draws).independent
    # Quantiles of 20000 draws: as many of the others lie below as should, up to 4 sqrt(2) standard errors.
    for quantile, share in ((found.low, 0.025), (found.high, 0.975)):
        assert abs((drawn[1] / drawn[0] < quantile).mean() - share) < 4 * 2**0.5 * (share * (1 - share) / draws) ** 0.5


@pytest.mark.parametrize("power", [1, 2])
def test_errors_of_rates_and_magnitudes_are_propagated(power):
    """Against 100000 normal draws of both, whose errors of 1 and 2 % leave no second order to speak of."""
    rng = np.random.default_rng(4)
    how = synapses.from_rates if power == 1 else synapses.from_magnitudes
    found = how(2.0, 1.5, on_error=0.02, blocked_error=0.03)
    shares = (rng.normal(1.5, 0.03, 100_000) / rng.normal(2.0, 0.02, 100_000)) ** power
    ratios = np.sqrt(1 / shares - 1)
    assert found.independent.value == 0.75**power
    for measured, drawn in ((found.independent, shares), (found.ratio, ratios)):
        assert measured.value == pytest.approx(np.median(drawn), abs=4 * measured.standard_error / 250)
        # Second order: some per cent of the error.
        assert measured.standard_error == pytest.approx(drawn.std(), rel=0.03)
        expected = np.quantile(drawn, [0.025, 0.975])
        assert (measured.low, measured.high) == pytest.approx(expected, abs=0.1 * measured.standard_error)


def test_half_of_the_variance_is_a_ratio_of_one_and_half_of_the_magnitude_is_not():
    assert synapses.from_rates(2.0, 1.0).ratio.value == 1
    assert synapses.from_magnitudes(2.0, 1.0).ratio.value == pytest.approx(3**0.5)
    assert synapses.from_rates(2.0, 1.0, on_error=0.1).verdict == "not told apart from 1"
    assert synapses.from_rates(2.0, 1.6, on_error=0.1, blocked_error=0.1).verdict == "below 1"
    assert synapses.from_magnitudes(2.0, 1.0, on_error=0.1, blocked_error=0.1).verdict == "above 1"


def test_where_blocking_makes_no_less_of_it_no_plasticity_is_seen():
    found = synapses.from_rates(1.0, 1.2, on_error=0.2, blocked_error=0.2)
    assert found.ratio.value == 0
    assert found.ratio.low == 0 < found.ratio.high
    assert "no part of plasticity is seen" in found.caveats[-1]
    assert len(synapses.from_rates(1.0, 0.9).caveats) == 3
