"""Autocorrelation, principal components and the order parameter of recorded weights, against closed forms and direct sums."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import plastodyn as pd

EPS = np.finfo(float).eps


def _direct(series, lags):
    """The definition, term by term."""
    deviation = series - series.mean(0)
    sums = np.array([(deviation[: len(series) - lag] * deviation[lag:]).mean(0) for lag in range(lags + 1)])
    return (sums / sums[0]).mean(-1)


def test_autocorrelation_is_the_direct_sum():
    series = np.random.default_rng(0).normal(size=(3, 101, 40)).cumsum(1)
    for lags in (0, 7, 100):
        found = pd.measure.autocorrelation(series, lags=lags)
        assert found.shape == (3, lags + 1)
        # Rounding of a transform of 202 values, relative to the largest product: a few eps; the variance divides it.
        np.testing.assert_allclose(found, [_direct(s, lags) for s in series], atol=1e3 * EPS)
    assert pd.measure.autocorrelation(series).shape == (3, 51)


def test_autocorrelation_of_an_autoregressive_process_is_a_power():
    """x(t+1) = a x(t) + noise: A(l) = a^l; 400 independent weights over 4000 instants."""
    rng, factor = np.random.default_rng(1), 0.8
    series = np.empty((4000, 400))
    series[0] = rng.normal(size=400) / (1 - factor**2) ** 0.5
    for instant in range(1, 4000):
        series[instant] = factor * series[instant - 1] + rng.normal(size=400)
    found = pd.measure.autocorrelation(series, lags=20)
    # Bartlett: variance of one weight's estimate at most (1 + a^2) / (1 - a^2) / T, and the bias of the mean about twice
    # (1 + a) / (1 - a) / T; n = 400 weights, five standard errors.
    error = np.sqrt((1 + factor**2) / (1 - factor**2) / 4000 / 400)
    bias = 2 * (1 + factor) / (1 - factor) / 4000
    assert np.abs(found - factor ** np.arange(21)).max() < 5 * error + bias


def test_weights_that_do_not_move_are_left_out_and_those_that_diverge_show():
    moving = np.random.default_rng(0).normal(size=(50, 3))
    still = np.full((50, 70), 0.1)
    mixed = np.concatenate([moving, still], axis=-1)
    np.testing.assert_allclose(
        pd.measure.autocorrelation(mixed), pd.measure.autocorrelation(moving), rtol=1e-12, atol=1e3 * EPS
    )
    assert np.isnan(pd.measure.autocorrelation(still)).all()
    assert pd.measure.order_parameter(np.broadcast_to(np.arange(3.0), (50, 3))) == 0
    spoilt = np.stack([moving, moving])
    spoilt[1, 20, 0] = np.nan
    for found in (
        pd.measure.autocorrelation(spoilt),
        pd.measure.principal_components(spoilt).projections,
        pd.measure.principal_components(spoilt).explained,
        pd.measure.order_parameter(spoilt),
    ):
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()
    assert np.isnan(pd.measure.principal_components(still).explained).all()


def test_principal_components_recover_a_plane():
    """Motion in a known plane of 30 dimensions, variances 4 and 1, with offsets; a second member at another scale."""
    rng, count = np.random.default_rng(0), 200
    plane = np.linalg.qr(rng.normal(size=(30, 2)))[0].T
    angle = 2 * np.pi * np.arange(count) / count
    scores = np.stack([2 * np.cos(angle), np.sin(angle)], -1)
    one = scores @ plane + rng.normal(size=30)
    found = pd.measure.principal_components(np.stack([one, 3 * one]))
    np.testing.assert_allclose(found.explained, [[0.8, 0.2]] * 2, atol=100 * EPS)
    np.testing.assert_allclose(np.abs(found.directions @ plane.T), [np.eye(2)] * 2, atol=1e3 * EPS)
    # Projections times directions give the motion back: two components are all there is.
    np.testing.assert_allclose(found.projections[0] @ found.directions[0], one - one.mean(0), atol=1e3 * EPS)
    np.testing.assert_allclose(found.projections[1], 3 * found.projections[0], atol=1e3 * EPS)
    largest = np.take_along_axis(found.directions, np.abs(found.directions).argmax(-1)[..., None], -1)
    assert (largest > 0).all()
    assert pd.measure.principal_components(one[:5], count=5).projections.shape == (5, 5)


def test_order_parameter_of_independent_motion_about_fixed_means():
    """Unit variance in time, means of variance s^2: q = 1 / (s^2 + 1/T), with sampling errors of n = 5000 weights."""
    rng, spread, instants = np.random.default_rng(0), 3.0, 200
    series = spread * rng.normal(size=(1, 5000)) + rng.normal(size=(instants, 5000))
    expected = (1 - 1 / instants) / (spread**2 + 1 / instants)
    # The variance over weights of the means has relative error sqrt(2 / n); that of the numerator is far smaller.
    assert pd.measure.order_parameter(series) == pytest.approx(expected, rel=5 * np.sqrt(2 / 5000))
    # Its value on any series is the definition's, in plain numbers: var_t = 4, 0; means 2, 8 with variance 9.
    assert pd.measure.order_parameter([[0, 8], [4, 8]]) == pytest.approx(2 / 9)


@pytest.mark.slow
def test_a_recorded_run_is_a_series():
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(6))
    rule = pd.rules.noisy_gradient(pd.axis("rate", [0.1, 0.2]), 1.0)
    record = ["loss", pd.observe("weights", every=5)]
    run = pd.simulate(circuit, rule, steps=200, replicas=3, key=jax.random.key(0), record=record)
    found = pd.measure.autocorrelation(run.weights_recorded, lags=2)
    assert found.sizes == {"rate": 2, "replica": 3, "lag": 3}
    assert found.lag.values.tolist() == [0, 5, 10]


def test_a_data_array_keeps_its_axes():
    values = np.random.default_rng(0).normal(size=(2, 3, 40, 6))
    coords = {"rate": [0.1, 0.2], "step": 5 * np.arange(40)}
    series = xr.DataArray(values, dims=("rate", "replica", "step", "weight"), coords=coords)
    correlation = pd.measure.autocorrelation(series, lags=4)
    assert correlation.dims == ("rate", "replica", "lag")
    assert correlation.lag.values.tolist() == [0, 5, 10, 15, 20]
    np.testing.assert_allclose(correlation, pd.measure.autocorrelation(series.values, lags=4))
    turned = series.transpose("weight", ..., "rate")
    xr.testing.assert_allclose(pd.measure.autocorrelation(turned, lags=4).transpose(*correlation.dims), correlation)
    components = pd.measure.principal_components(series)
    assert components.projections.dims == ("rate", "replica", "step", "component")
    assert components.directions.dims == ("rate", "replica", "component", "weight")
    assert components.explained.dims == ("rate", "replica", "component")
    q = pd.measure.order_parameter(series.isel(step=slice(-20, None)))
    assert q.dims == ("rate", "replica")
    assert q.rate.values.tolist() == [0.1, 0.2]


SERIES = np.random.default_rng(0).normal(size=(10, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pd.measure.autocorrelation(np.ones(5)), r"axes \(..., time, weight\); got shape \(5,\)"),
        (lambda: pd.measure.autocorrelation(SERIES, lags=10), "lags must be a number <= 9"),
        (lambda: pd.measure.autocorrelation(SERIES, lags=-1), "lags must be a whole number"),
        (lambda: pd.measure.autocorrelation(SERIES[:1]), "at least 2 instants"),
        (lambda: pd.measure.autocorrelation(SERIES.astype(str)), "series must be an array of real numbers"),
        (lambda: pd.measure.autocorrelation(1j * SERIES), "series must be an array of real numbers"),
        (lambda: pd.measure.autocorrelation(xr.DataArray(SERIES, dims=("a", "weight"))), "one of steps or times"),
        (lambda: pd.measure.order_parameter(xr.DataArray(SERIES, dims=("step", "loss"))), "dimension 'weight'"),
        (
            lambda: pd.measure.autocorrelation(
                xr.DataArray(SERIES, dims=("step", "weight"), coords={"step": np.arange(10) ** 2})
            ),
            "evenly spaced instants; got gaps from 1 to 17",
        ),
        (lambda: pd.measure.principal_components(SERIES, count=5), "count must be a number <= 4"),
        (lambda: pd.measure.principal_components(SERIES, count=0), "count must be a whole number >= 1"),
        (lambda: pd.measure.principal_components(SERIES[:1]), "at least 2 instants"),
        (lambda: pd.measure.order_parameter(SERIES[:, :1]), "2 weights; got 10 instants and 1 weights"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
