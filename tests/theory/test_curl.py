"""The random-matrix theory of curl descent against sampled matrices, exact moments, the spec's numbers and limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sampled_circuits import sampled_matrix
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from plastodyn.theory import curl

LAYERS = ["hidden", "readout"]
fractions = st.floats(0.0, 1.0)
compressions = st.floats(-3.0, 2.0).map(lambda exponent: 10**exponent)
# (c, alpha) in all phases, with and without atoms and gaps; c alpha N and N / c are whole for the sizes used.
POINTS = [(0.25, 0.3), (0.5, 0.5), (0.5, 0.0), (0.25, 1.0), (2.5, 0.2), (5.0, 0.4)]


def _midpoints(c, points=200_000):
    """Midpoints of a grid that covers the spectrum at any alpha, and their spacing."""
    reach = (1 + 1 / c**0.5) ** 2 + 0.1
    grid = np.linspace(1 - max(reach, 2.1), 1 + reach, points + 1)
    return 0.5 * (grid[1:] + grid[:-1]), grid[1] - grid[0]


def _cumulants(c, alpha, layer):
    """The first three free cumulants of J: they add under free convolution, and all those of S are 1/c."""
    mean_sign = 1 - 2 * alpha
    if layer == "hidden":
        return 1 / c + mean_sign, 1 / c + 1 - mean_sign**2, 1 / c + 2 * mean_sign**3 - 2 * mean_sign
    return 1 + mean_sign / c, 1 / c, mean_sign / c


@pytest.mark.parametrize("layer", LAYERS)
def test_critical_fraction_has_the_published_values(layer):
    c, expected = {
        "hidden": ([0.3, 0.4, 0.5], [0.5585, 0.1772, 0.0467]),
        "readout": ([0.1, 0.5, 1.0], [0.2446, 0.0973, 0.0551]),
    }[layer]
    np.testing.assert_allclose(curl.critical_fraction(c, layer=layer), expected, atol=5e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_critical_fraction_is_where_the_edge_crosses_zero(layer):
    """The closed form against a root of the numerical edge; brentq's own tolerance is 1e-14."""
    c = np.linspace(0.26, 0.65, 12) if layer == "hidden" else np.geomspace(1e-3, 1e2, 20)
    found = [brentq(lambda alpha, c=c: float(curl.spectral_edge(c, alpha, layer=layer)), 1e-9, 1, xtol=1e-14) for c in c]
    np.testing.assert_allclose(curl.critical_fraction(c, layer=layer), found, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_edge_is_the_maximum_of_z(layer):
    """Against the equations themselves on a fine logarithmic grid: 2e5 points leave an error of order 1e-8 at a maximum."""
    grid = np.geomspace(1e-12, 1, 200_000)
    rng = np.random.default_rng(0)
    for c, alpha in zip(10 ** rng.uniform(-3, 2, 40), 10 ** rng.uniform(-4, 0, 40), strict=True):
        if layer == "hidden":
            omega = -1 - grid / c**0.5
            z = omega + 1 / c / (1 + (1 - alpha) / (1 - omega) + alpha / (-1 - omega))
        else:
            m = np.concatenate([grid[:-1], 1 - grid[:-1]])
            z = 1 - 1 / m + ((1 - alpha) / (1 + m) - alpha / (1 - m)) / c
        edge = curl.spectral_edge(c, alpha, layer=layer)
        assert 0 <= edge - z.max() + 1e-12 * (1 + 1 / c) < 1e-7 * (1 + 1 / c)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("c", "alpha"), POINTS)
def test_the_density_has_the_exact_moments(c, alpha, layer):
    """Mass and three moments, each with its atoms; the midpoint rule is of order h^1.5 at square-root edges."""
    z, spacing = _midpoints(c)
    density = curl.spectral_density(c, alpha, layer=layer, eigenvalues=z)
    locations, masses = curl.spectral_atoms(c, alpha, layer=layer)
    found = [np.sum(density * z**k) * spacing + np.sum(masses * locations**k) for k in range(4)]
    first, second, third = _cumulants(c, alpha, layer)
    expected = [1, first, second + first**2, third + 3 * second * first + first**3]
    np.testing.assert_allclose(found, expected, atol=20 * spacing**1.5 * np.abs(z).max() ** 3)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("c", [1e-3, 1e-2, 10.0, 100.0])
@pytest.mark.parametrize("alpha", [0.0, 1e-3, 0.5, 1.0])
def test_the_density_is_complete_at_extreme_sizes(c, alpha, layer):
    z, spacing = _midpoints(c)
    density = curl.spectral_density(c, alpha, layer=layer, eigenvalues=z)
    assert np.isfinite(density).all()
    assert (density >= 0).all()
    total = np.sum(density) * spacing + np.sum(curl.spectral_atoms(c, alpha, layer=layer)[1])
    # The narrowest band has the width of about 4 sqrt(alpha / c) or 4 / sqrt(c); order h^1.5 relative to it.
    narrowest = 4 * np.sqrt(min(alpha or 1.0, 1.0) / c)
    assert total == pytest.approx(1, abs=5 * (spacing / narrowest) ** 1.5)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("c", "alpha"), POINTS)
def test_eigenvalues_of_sampled_matrices(c, alpha, layer):
    """N = 1000, one circuit: each eigenvalue within 5 ranks of the theory's quantile, and the smallest at the edge.

    Counts left of a point fluctuate with a standard deviation of about sqrt(log N) / pi = 0.8 eigenvalues. The smallest
    eigenvalue has a Tracy-Widom standard deviation of 1.27 / 1.21 times its mean distance from the edge.
    """
    eigenvalues = np.linalg.eigvalsh(sampled_matrix(c, alpha, layer, 1000, np.random.default_rng(1)))
    z, spacing = _midpoints(c)
    below = np.cumsum(curl.spectral_density(c, alpha, layer=layer, eigenvalues=z)) * spacing
    locations, masses = curl.spectral_atoms(c, alpha, layer=layer)
    expected = np.interp(eigenvalues, z, below) + np.sum(masses * (eigenvalues[:, None] > locations), axis=-1)
    in_atom = (np.abs(eigenvalues[:, None] - locations) < 1e-9) & (masses > 0)
    np.testing.assert_array_equal(in_atom.sum(0), np.round(1000 * masses))
    outside = ~in_atom.any(-1)
    assert np.abs(expected - (np.arange(1000) + 0.5) / 1000)[outside].max() < 5e-3
    edge = curl.spectral_edge(c, alpha, layer=layer)
    distance = curl.finite_size_edge(c, alpha, 1000, layer=layer) - edge
    assert abs(eigenvalues[0] - edge - distance) <= 4 * 1.05 * distance + 1e-9


def test_end_points_of_the_hidden_boundary():
    always, never = curl.hidden_end_points()
    assert curl.spectral_edge(always, 1.0, layer="hidden") == pytest.approx(0, abs=1e-14)
    np.testing.assert_array_equal(curl.critical_fraction([always, never, 1e-3, 1e2], layer="hidden"), [1, 0, 1, 0])
    # Continuous at both ends; quadratic at the upper one, with a relative error of the order of the step.
    assert float(curl.critical_fraction(always + 1e-9, layer="hidden")) == pytest.approx(1, abs=1e-7)
    step = np.array([1e-2, 1e-3, 1e-4])
    np.testing.assert_allclose(
        curl.critical_fraction(never - step, layer="hidden") / (81 / 80 * step**2), 1, rtol=0, atol=5 * step.max()
    )
    ratio = curl.critical_fraction(never - step, layer="hidden") / (81 / 80 * step**2) - 1
    np.testing.assert_allclose(ratio[:-1] / ratio[1:], 10, rtol=0.05)


def test_limits_of_the_readout_boundary():
    """The remainders fall with the order of the first term left out: c^1.5 for small c, 1/c^2 (relative) for large."""
    small = np.array([4e-6, 1e-6])
    remainder = curl.critical_fraction(small, layer="readout") - (0.5 - np.sqrt(small) + small / 2)
    assert remainder[0] / remainder[1] == pytest.approx(8, rel=0.02)
    large = np.array([1e2, 2e2])
    remainder = 16 * large * curl.critical_fraction(large, layer="readout") - (1 - 1 / (8 * large))
    assert remainder[0] / remainder[1] == pytest.approx(4, rel=0.02)
    # At c = 1 the cubic is y^3 = 2.
    m = 0.5 ** (1 / 3)
    assert float(curl.critical_fraction(1.0, layer="readout")) == pytest.approx(
        (1 - m) * (1 + m**2) / (2 * (1 + m + 2 * m**2)), rel=1e-14
    )
    assert np.isfinite(curl.critical_fraction([1e-12, 0.25, 1e12], layer="readout")).all()


def test_closed_forms_of_the_edge():
    c = np.geomspace(1e-3, 1e2, 30)
    root = 1 / np.sqrt(c)
    for layer in LAYERS:
        # Without flips: I + S of Marchenko and Pastur, with its null space for c > 1.
        np.testing.assert_allclose(curl.spectral_edge(c, 0.0, layer=layer), 1 + np.maximum(root - 1, 0) ** 2, rtol=1e-14)
    np.testing.assert_allclose(
        curl.spectral_edge(c, 1.0, layer="hidden"), np.maximum(root - 1, 0) ** 2 - 1, rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(curl.spectral_edge(c, 1.0, layer="readout"), 1 - (1 + root) ** 2, rtol=1e-12)
    # Vanishing alpha leaves one outlier; the limit is approached as sqrt(alpha).
    c = c[c > 0.3]
    np.testing.assert_allclose(curl.spectral_edge(c, 1e-14, layer="hidden"), 2 / (3 * c) - 1, atol=1e-6)
    np.testing.assert_allclose(curl.spectral_edge(c, 1e-14, layer="readout"), 1 / (2 * c), atol=1e-6)
    np.testing.assert_array_equal(curl.spectral_edge([2.0, 10.0, 100.0], [0.5, 0.3, 0.9], layer="hidden"), -1.0)


def test_one_flipped_neuron_of_a_sampled_circuit():
    """The outliers at vanishing alpha; they fluctuate as 1/sqrt(N), 4 times that is allowed. n = 1, N = 1000, c = 1."""
    rng = np.random.default_rng(2)
    for layer, expected in (("hidden", 2 / 3 - 1), ("readout", 1 / 2)):
        smallest = np.linalg.eigvalsh(sampled_matrix(1.0, 1e-3, layer, 1000, rng))[0]
        assert smallest == pytest.approx(expected, abs=4 / 1000**0.5)


@pytest.mark.parametrize("layer", LAYERS)
@given(c=compressions, alpha=fractions)
def test_the_density_starts_at_the_edge(layer, c, alpha):
    """Nothing left of it; an atom, or density, on its right. At alpha near 0 the outlying band is too thin to see."""
    edge = float(curl.spectral_edge(c, alpha, layer=layer))
    below = edge - np.geomspace(1e-5, 10, 50) * (1 + 1 / c)
    assert not curl.spectral_density(c, alpha, layer=layer, eigenvalues=below).any()
    locations, masses = curl.spectral_atoms(c, alpha, layer=layer)
    touches = (masses[np.abs(locations - edge) < 1e-12] > 0).any()
    if alpha > 1e-3 and not touches:
        above = edge + np.geomspace(1e-7, 1e-2, 50) * (1 + 1 / c)
        assert curl.spectral_density(c, alpha, layer=layer, eigenvalues=above).any()


@given(compressions, fractions, st.floats(0.001, 20.0))
def test_flipping_the_other_hidden_units_mirrors_the_spectrum(c, alpha, distance):
    density = [
        curl.spectral_density(c, share, layer="readout", eigenvalues=1 + side * distance)
        for share, side in ((alpha, 1), (1 - alpha, -1))
    ]
    # Rounding of the discriminant moves an edge by some 1e-14 of the spectrum's width; the density there is its square root.
    np.testing.assert_allclose(*density, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
@given(c=compressions, alpha=st.floats(1e-6, 1.0))
def test_more_flips_never_help(layer, c, alpha):
    lower, higher = curl.spectral_edge(c, [alpha / 2, alpha], layer=layer)
    assert higher <= lower + 1e-12 * (1 + 1 / c)


def test_the_density_diverges_where_an_atom_is_born():
    assert curl.spectral_density(1.0, 0.3, layer="readout", eigenvalues=1.0) == np.inf
    np.testing.assert_array_equal(curl.spectral_density(2.0, 0.5, layer="hidden", eigenvalues=[-1.0, 1.0]), np.inf)
    assert not curl.spectral_density(5.0, 0.4, layer="hidden", eigenvalues=[-1.0, 1.0]).any()


@pytest.mark.parametrize("layer", LAYERS)
def test_critical_compression_inverts_critical_fraction(layer):
    c = np.linspace(0.26, 0.66, 20) if layer == "hidden" else np.geomspace(1e-3, 1e2, 20)
    found = curl.critical_compression(curl.critical_fraction(c, layer=layer), layer=layer)
    # Near alpha_r = 1/2, c is the square of a difference that keeps 14 digits.
    np.testing.assert_allclose(found, c, rtol=1e-11)
    ends = {"hidden": [2 / 3, 0.25, 0.25], "readout": [np.inf, 0.0, 0.0]}[layer]
    alpha = [0.0, 1.0, 1.0] if layer == "hidden" else [0.0, 0.5, 0.9]
    np.testing.assert_allclose(curl.critical_compression(alpha, layer=layer), ends, atol=1e-15)


@pytest.mark.parametrize("layer", LAYERS)
def test_phase_diagram_agrees_with_the_boundary(layer):
    """At the size of figure 2: 500 x 500, all of it at once."""
    c, alpha = np.geomspace(1e-3, 1e2, 500), np.linspace(0, 1, 500)
    stable = curl.phase_diagram(c, alpha, layer=layer)
    critical = curl.critical_fraction(c, layer=layer)
    expected = (alpha[:, None] < critical) | (alpha[:, None] == 0) | (critical == 1)
    assert stable.shape == (500, 500)
    np.testing.assert_array_equal(stable, expected)


def test_arguments_broadcast_and_scalars_stay_scalars():
    for layer in LAYERS:
        grid = curl.spectral_edge([[0.1], [0.5], [2.0]], [0.0, 0.3, 0.6, 1.0], layer=layer)
        assert grid.shape == (3, 4)
        # Newton stops when the slowest element has converged, so the others may differ in the last digit.
        assert curl.spectral_edge(0.5, 0.3, layer=layer) == pytest.approx(grid[1, 1], rel=1e-13)
        assert curl.finite_size_edge(0.5, [0.1, 0.2], [[100], [200], [300]], layer=layer).shape == (3, 2)
        assert curl.spectral_density(0.5, [[0.1], [0.2]], layer=layer, eigenvalues=np.zeros(5)).shape == (2, 5)
        assert curl.spectral_atoms([0.1, 2.0], 0.5, layer=layer)[1].shape == (2, 2 if layer == "hidden" else 1)
        scalars = (
            curl.spectral_edge(0.5, 0.3, layer=layer),
            curl.finite_size_edge(0.5, 0.3, 100, layer=layer),
            curl.spectral_density(0.5, 0.3, layer=layer, eigenvalues=0.0),
            curl.critical_fraction(0.5, layer=layer),
            curl.critical_compression(0.1, layer=layer),
        )
        assert all(np.ndim(value) == 0 and np.isfinite(value) for value in scalars)


@pytest.mark.parametrize("alpha", [0.0, 1e-300, 1e-12, 1.0])
@pytest.mark.parametrize("layer", LAYERS)
def test_extremes_are_finite_and_quiet(layer, alpha):
    c = np.geomspace(1e-3, 1e2, 50)
    with np.errstate(all="raise", under="ignore"):
        edge = curl.spectral_edge(c, alpha, layer=layer)
    assert np.isfinite(edge).all()
    assert (curl.finite_size_edge(c, alpha, 100, layer=layer) >= edge).all()


@pytest.mark.parametrize("call", [curl.spectral_edge, curl.spectral_atoms])
@pytest.mark.parametrize(
    ("c", "alpha", "layer", "name"),
    [
        (0.0, 0.1, "hidden", "c"),
        (-1.0, 0.1, "hidden", "c"),
        (np.nan, 0.1, "readout", "c"),
        (np.inf, 0.1, "readout", "c"),
        ("many", 0.1, "readout", "c"),
        (1.0, -0.1, "hidden", "alpha"),
        (1.0, [0.5, 1.1], "readout", "alpha"),
        (1.0, np.nan, "hidden", "alpha"),
        (1.0, 0.1, "output", "layer"),
    ],
)
def test_bad_arguments_are_named(call, c, alpha, layer, name):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        call(c, alpha, layer=layer)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: curl.critical_fraction(-1.0, layer="hidden"), "c"),
        (lambda: curl.critical_fraction(1.0, layer="input"), "layer"),
        (lambda: curl.critical_compression(2.0, layer="hidden"), "alpha"),
        (lambda: curl.critical_compression(0.2, layer="input"), "layer"),
        (lambda: curl.finite_size_edge(1.0, 0.1, 0, layer="hidden"), "inputs"),
        (lambda: curl.spectral_density(1.0, 0.1, layer="hidden", eigenvalues=[np.nan]), "eigenvalues"),
        (lambda: curl.spectral_density(0.0, 0.1, layer="hidden", eigenvalues=[0.0]), "c"),
        (lambda: curl.phase_diagram(1.0, [0.1], layer="hidden"), "c_values"),
        (lambda: curl.phase_diagram([1.0], [[0.1]], layer="hidden"), "alpha_values"),
        (lambda: curl.phase_diagram([1.0], [1.5], layer="hidden"), "alpha_values"),
        (lambda: curl.toy_velocity([1.0, 2.0, 3.0], 1.0), "weights"),
        (lambda: curl.toy_velocity([1.0, 2.0], np.nan), "target"),
        (lambda: curl.toy_conserved(1.0), "weights"),
        (lambda: curl.toy_growth_rate([np.inf, 1.0]), "weights"),
        (lambda: curl.toy_origin_eigenvalues(np.nan), "target"),
    ],
)
def test_bad_arguments_of_the_others_are_named(call, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()


def _trajectory(start, target, duration):
    return solve_ivp(lambda _, w: curl.toy_velocity(w, target), (0, duration), start, rtol=1e-10, atol=1e-12).y.T


@pytest.mark.parametrize("start", [(2.0, 0.1), (-1.5, 0.5), (0.3, -1.9), (1.9, 0.55)])
def test_the_toy_settles_where_the_partner_of_the_unflipped_weight_is_larger(start):
    """Radius and solution to the integrator's accuracy: 1e-10 per step, some hundred steps."""
    path = _trajectory(start, 1.0, 60.0)
    np.testing.assert_allclose(curl.toy_conserved(path), curl.toy_conserved(start), rtol=1e-7)
    assert path[-1].prod() == pytest.approx(1.0, abs=1e-7)
    assert curl.toy_growth_rate(path[-1]) < 0
    # Starting near the other branch, the error first rises.
    error = np.abs(path.prod(-1) - 1.0)
    if start == (1.9, 0.55):
        assert error.max() > 10 * error[0]


def test_the_toy_turns_for_ever_within_the_circle_that_misses_the_hyperbola():
    """r^2 = 1.5 < 2 |s|: back at the start after 2 pi / sqrt(s^2 - r^4 / 4), to the integrator's accuracy."""
    start, target = np.array([1.0, 0.5**0.5]), 1.0
    period = 2 * np.pi / np.sqrt(target**2 - 1.5**2 / 4)
    np.testing.assert_allclose(_trajectory(start, target, period)[-1], start, atol=1e-7)
    assert not np.allclose(_trajectory(start, target, 0.9 * period)[-1], start, atol=0.01)


def test_growth_rate_and_origin_of_the_toy_by_differences():
    """Central differences of step h: the field is cubic, so their error is of order h^2 = 1e-8."""
    step, target = 1e-4, 0.7
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(20, 2))
    velocity = curl.toy_velocity(weights, target)
    error = weights.prod(-1) - target
    np.testing.assert_allclose((velocity * weights[:, ::-1]).sum(-1) / error, curl.toy_growth_rate(weights), rtol=1e-10)
    nudges = step * np.eye(2)
    jacobian = (curl.toy_velocity(nudges, target) - curl.toy_velocity(-nudges, target)).T / (2 * step)
    found = np.sort_complex(np.linalg.eigvals(jacobian))
    np.testing.assert_allclose(found, np.sort_complex(curl.toy_origin_eigenvalues(target)), atol=1e-8)
