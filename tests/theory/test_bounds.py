"""Bounds on learning: moments against sums over random directions, conditions against the rate itself, sizes against search."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from plastodyn.theory import bounds

RNG = np.random.default_rng(0)
N = 7


def _quadratic(seed):
    """A random Hessian, not definite, with its gradient and what of it the theory needs."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(N, N))
    hessian, gradient = half @ half.T / N + 0.3 * np.diag(rng.normal(size=N)), rng.normal(size=N)
    unit = gradient / np.linalg.norm(gradient)
    here = bounds.Landscape(
        loss=1.7,
        gradient_norm=np.linalg.norm(gradient),
        gradient_curvature=unit @ hessian @ unit,
        hessian_trace=np.trace(hessian),
        size=N,
        hessian_square=np.trace(hessian @ hessian),
        gradient_image=np.linalg.norm(hessian @ unit),
    )
    return hessian, gradient, here


@pytest.mark.parametrize("seed", range(4))
def test_mean_and_variance_are_those_of_random_directions(seed):
    """400 000 draws of a step on the quadratic itself; within 4 standard errors."""
    hessian, gradient, here = _quadratic(seed)
    motion = bounds.Plasticity(relevant=0.3, irrelevant=0.8, noise=0.25, interval=0.7)
    rng, draws = np.random.default_rng(10 + seed), 400_000
    first, second = rng.normal(size=(2, draws, N))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    velocity = -0.3 * gradient / np.linalg.norm(gradient) + 0.8 * first + 0.25 * (N / 0.7) ** 0.5 * second
    step = 0.7 * velocity
    change = step @ gradient + 0.5 * np.einsum("di,ij,dj->d", step, hessian, step)
    k = -change / (0.7 * here.loss)
    assert bounds.learning_rate(here, motion) == pytest.approx(k.mean(), abs=4 * k.std() / draws**0.5)
    error = ((k - k.mean()) ** 2).std() / draws**0.5
    assert bounds.learning_rate_variance(here, motion) == pytest.approx(k.var(), abs=4 * error)


positive = st.floats(0.01, 10)


moves_of = st.tuples(*[st.floats(0, 3)] * 3, positive)


@given(positive, positive, st.floats(-5, 5), st.floats(-5, 20), st.integers(1, 1000), moves_of)
def test_the_circuit_learns_where_the_task_is_easy_enough(loss, slope, along, trace, size, moves):
    here, motion = bounds.Landscape(loss, slope, along, trace, size), bounds.Plasticity(*moves)
    assume(sum(moves[:3]) > 1e-9)
    rate = bounds.learning_rate(here, motion)
    difficulty, most = bounds.task_difficulty(here, motion), bounds.largest_difficulty(size, motion)
    if abs(difficulty - most) > 1e-9 * (abs(difficulty) + most):
        assert (rate > 0) == (difficulty < most)


@pytest.mark.parametrize("function", ["largest_irrelevant", "largest_noise"])
@pytest.mark.parametrize("seed", range(4))
def test_learning_stops_at_what_is_bearable(function, seed):
    _, _, here = _quadratic(seed)
    motion = bounds.Plasticity(0.2, 0.1, 0.05, 0.5)
    field = {"largest_irrelevant": "irrelevant", "largest_noise": "noise"}[function]
    most = float(getattr(bounds, function)(here, motion))
    rate = lambda share: float(bounds.learning_rate(here, motion._replace(**{field: share * most})))  # noqa: E731
    assert rate(1.0) == pytest.approx(0, abs=1e-12)
    assert rate(0.99) > 0 > rate(1.01)


def test_what_cannot_be_borne_or_does_not_matter():
    hopeless = bounds.Landscape(1.0, 0.1, 10.0, 10.0, 4)
    assert np.isnan(bounds.largest_noise(hopeless, bounds.Plasticity(1.0)))
    saddle = bounds.Landscape(1.0, 1.0, 0.1, -1.0, 4)
    assert bounds.largest_irrelevant(saddle, bounds.Plasticity(0.1)) == np.inf
    assert bounds.best_interval(bounds.Landscape(1.0, 1.0, 0.0, 0.0, 4), bounds.Plasticity(0.1)) == np.inf
    assert bounds.best_interval(bounds.Landscape(1.0, 0.1, 1.0, 10.0, 4), bounds.Plasticity(0.1, 1.0, 1.0)) == 0


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_best_interval_is_found_by_search(noise):
    _, _, here = _quadratic(1)
    gain = lambda t: -t * float(bounds.learning_rate(here, bounds.Plasticity(0.3, 0.5, noise, t)))  # noqa: E731
    found = minimize_scalar(gain, bounds=(1e-3, 50), method="bounded", options={"xatol": 1e-9}).x
    assert bounds.best_interval(here, bounds.Plasticity(0.3, 0.5, noise)) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("spread", [False, True])
def test_optimal_sizes_are_found_by_search(spread):
    """The mean learning rate of a whitened circuit of 50 weights expanded c times at both ends."""
    small, relevant, irrelevant, noise, interval = 50, 0.07, 1.0, 0.03, 1.3

    def cost(log_c):
        c = np.exp(log_c)
        here = bounds.Landscape(1.0, 1.0, c if spread else 1.0, c * small, c**2 * small)
        return -float(bounds.learning_rate(here, bounds.Plasticity(relevant, irrelevant, noise, interval)))

    found = np.exp(2 * minimize_scalar(cost, bounds=(-3, 6), method="bounded", options={"xatol": 1e-10}).x) * small
    if spread:
        expected = bounds.optimal_size_if_spread(relevant, irrelevant, noise, size=small, interval=interval)
    else:
        expected = bounds.optimal_size(irrelevant, noise, interval)
    assert expected == pytest.approx(found, rel=1e-5)


def test_sizes_of_the_specification():
    assert np.round(bounds.optimal_size(1.0, [0.03, 0.04, 0.05])).tolist() == [1111, 625, 400]
    # The specification's 2501 and 1407 are rounded up.
    np.testing.assert_allclose(bounds.optimal_size(1.5, [0.03, 0.04, 0.05]), [2501, 1407, 900], atol=1)
    printed = bounds.optimal_size_as_printed([0.07, 0.5], 1.0, 0.03)
    np.testing.assert_allclose(printed, np.array([1 - 0.07**2, 0.75]) / 0.03**2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.learning_rate(bounds.Landscape(0.0, 1, 1, 1, 4), bounds.Plasticity(0.1)), "loss must be a number > 0"),
        (lambda: bounds.learning_rate(bounds.Landscape(1, 1, 1, 1, 0), bounds.Plasticity(0.1)), "size must"),
        (
            lambda: bounds.learning_rate((1, 1, 1, 1, 1), bounds.Plasticity(0.1)),
            "landscape must be a pd.theory.bounds",
        ),
        (lambda: bounds.learning_rate(bounds.Landscape(1, 1, 1, 1, 4), 0.1), "plasticity must be"),
        (lambda: bounds.learning_rate_variance(bounds.Landscape(1, 1, 1, 1, 4), bounds.Plasticity(0.1)), "hessian_square"),
        (lambda: bounds.largest_difficulty(4, bounds.Plasticity(0.0)), "plasticity must move the weights"),
        (lambda: bounds.optimal_size(1.0, 0.0), "noise must be a number > 0"),
        (lambda: bounds.optimal_size_if_spread(1.0, 1.0, 0.1, size=0), "size must"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
