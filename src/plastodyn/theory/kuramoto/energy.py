"""Functions of phases and weights that only fall, and what each asks for.

A frequency counts from the mean one, and phases are lifted: an angle that has gone round once is 2 pi larger.
"""

import numpy as np
from jaxtyping import Float

from plastodyn import checks
from plastodyn.types import Floats

Phases = Float[np.ndarray, "... oscillators"]
Matrix = Float[np.ndarray, "... oscillators oscillators"]


def coupling_energy(phases: Phases, coupling: float) -> Floats:
    """Energy of all-to-all coupling, ``V = -(K / 2N) sum_ij cos(theta_i - theta_j) = -(K N / 2) r^2``.

    It falls along the phases' motion when all frequencies are equal: ``dV/dt = -|f|^2 - omega . f`` with ``f = -grad V``.
    With other frequencies it is sure to fall only where ``|f|`` exceeds the norm of the frequencies counted from their mean.

    Args:
        phases: theta, shape (..., N), radians.
        coupling: K, per unit of time.

    Returns:
        V, shape (...), per unit of time.

    Raises:
        ValueError: if an argument is not finite.

    Source: Hays (2026), V_theta, whose lemma 1 asks for a coupling above 0 only; the condition here is this project's.

    >>> round(float(coupling_energy(np.zeros(20), 2.0)), 6)
    -20.0
    """
    theta = _phases(phases)
    checks.one_number("coupling", coupling)
    return -0.5 * coupling * theta.shape[-1] * np.abs(np.exp(1j * theta).mean(-1)) ** 2


def rotating_energy(phases: Phases, coupling: float, frequencies: Phases) -> Floats:
    """Energy in the rotating frame, ``U = V - sum_i (omega_i - mean omega) theta_i``: it falls whatever the frequencies.

    ``dU/dt = -|dtheta/dt - mean omega|^2``. It is bounded below where the phases lock; where some drift it falls for ever.

    Args:
        phases: lifted, shape (..., N), radians.
        coupling: K of all-to-all coupling, per unit of time.
        frequencies: omega, shape (..., N), radians per unit of time.

    Returns:
        U, shape (...).

    Raises:
        ValueError: if an argument is not finite, or the shapes do not fit.

    Source: van Hemmen and Wreszinski (1993).

    >>> round(float(rotating_energy(np.array([0.5, 0.0]), 2.0, np.array([1.0, -1.0]))), 4)
    -2.3776
    """
    return coupling_energy(phases, coupling) - _work(phases, frequencies)


def target_weights(phases: Phases, gate: Floats | float, gain: float, decay: float) -> Matrix:
    """Where gated Hebbian weights would rest, ``W* = (eta / lambda) G cos(theta_i - theta_j)``, 0 on the diagonal.

    Args:
        phases: shape (..., N), radians.
        gate: G, shape (...), from 0 to 1.
        gain: eta, per unit of time.
        decay: lambda, per unit of time, above 0.

    Returns:
        Shape (..., N, N), dimensionless.

    Raises:
        ValueError: if an argument is out of range.

    Source: Hays (2026); derived for this project.

    >>> target_weights(np.zeros(2), 0.5, 1.0, 1.0).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    theta = _phases(phases)
    checks.number("gate", gate, at_least=0, at_most=1)
    checks.broadcast(gate=gate, phases=theta[..., 0])
    checks.one_number("gain", gain)
    checks.one_number("decay", decay, above=0)
    alignment = np.cos(theta[..., :, None] - theta[..., None, :]) * (1 - np.eye(theta.shape[-1]))
    return gain / decay * np.asarray(gate, float)[..., None, None] * alignment


def largest_weight_share(oscillators: int, gain: float, decay: float, rate: float, slope: float) -> float:
    """The largest c for which `composite_energy` is proved to fall, ``c = 4 eps lambda / M^2``.

    ``M = (eta / lambda) sqrt(N) (sqrt(2) + beta / 4)`` bounds how fast W* moves with the phases, ``|dW*/dt| <= M |dtheta/dt|``.

    Args:
        oscillators: N.
        gain: eta, above 0.
        decay: lambda, above 0.
        rate: eps, the rate of plasticity, above 0.
        slope: beta, of the gate, at least 0.

    Returns:
        c, dimensionless.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project, by Young's inequality.

    >>> round(largest_weight_share(50, 1.0, 1.0, 0.02, 20.0), 8)
    3.889e-05
    """
    checks.count("oscillators", oscillators, at_least=1)
    for name, value in (("gain", gain), ("decay", decay), ("rate", rate)):
        checks.one_number(name, value, above=0)
    checks.one_number("slope", slope, at_least=0)
    movement = gain / decay * oscillators**0.5 * (2**0.5 + slope / 4)
    return 4 * rate * decay / movement / movement


def composite_energy(
    phases: Phases, weights: Matrix, target: Matrix, *, coupling: float, frequencies: Phases, weight_share: float
) -> Floats:
    """Energy of phases and gated Hebbian weights together, ``L = U + (c / 2) |W - W*|^2``.

    It never rises under all-to-all coupling and ``dW/dt = eps (G eta cos(theta_i - theta_j) - lambda W)``, at any rate of
    plasticity, if c is at most `largest_weight_share`.

    Args:
        phases: lifted, shape (..., N), radians.
        weights: W, shape (..., N, N), 0 on the diagonal.
        target: W*, see `target_weights`.
        coupling: K, per unit of time.
        frequencies: shape (..., N).
        weight_share: c, at least 0.

    Returns:
        L, shape (...).

    Raises:
        ValueError: if an argument is not finite or negative where it must not be.

    Source: this project; the energy that Hays (2026) states, `coupling_energy` plus ``lambda |W|^2 / 2``, does not fall.

    >>> theta = np.array([0.5, 0.0])
    >>> rest = target_weights(theta, 1.0, 1.0, 1.0)
    >>> float(composite_energy(theta, rest, rest, coupling=2.0, frequencies=np.zeros(2), weight_share=1.0)).__round__(4)
    -1.8776
    """
    checks.one_number("weight_share", weight_share, at_least=0)
    theta = _phases(phases)
    apart = _matrix("weights", weights, theta) - _matrix("target", target, theta)
    return rotating_energy(phases, coupling, frequencies) + 0.5 * weight_share * (apart**2).sum((-2, -1))


def weighted_energy(
    phases: Phases, weights: Matrix, *, coupling: float, frequencies: Phases, gain: float, decay: float
) -> Floats:
    """Energy of phases that are coupled through their own weights.

    ``E = -sum_i (omega_i - mean omega) theta_i - (K / 2N) sum_ij W_ij cos(theta_i - theta_j) + (K lambda / (4 N eta)) |W|^2``.
    It never rises if the weights are symmetric and the gate acts on growth and decay alike,
    ``dW/dt = eps G (eta cos(theta_i - theta_j) - lambda W)``, at any rate of plasticity; with the gate on growth alone it may.

    Args:
        phases: lifted, shape (..., N), radians.
        weights: W, shape (..., N, N), symmetric.
        coupling: K, per unit of time.
        frequencies: shape (..., N).
        gain: eta, above 0.
        decay: lambda, above 0.

    Returns:
        E, shape (...).

    Raises:
        ValueError: if an argument is out of range, or the weights are not symmetric.

    Source: this project.

    >>> pair = {"weights": np.array([[0.0, 1.0], [1.0, 0.0]]), "frequencies": np.zeros(2)}
    >>> float(weighted_energy(np.zeros(2), **pair, coupling=2.0, gain=1.0, decay=1.0))
    -0.5
    """
    theta = _phases(phases)
    checks.one_number("coupling", coupling)
    for name, value in (("gain", gain), ("decay", decay)):
        checks.one_number(name, value, above=0)
    w, count = _matrix("weights", weights, theta), theta.shape[-1]
    if not np.allclose(w, w.swapaxes(-1, -2), rtol=1e-5, atol=1e-6 * max(float(np.abs(w).max()), 1e-30)):
        apart = float(np.abs(w - w.swapaxes(-1, -2)).max())
        raise ValueError(f"weights must be symmetric, or the energy need not fall; got pairs that differ by up to {apart:.3g}")
    z = np.exp(1j * theta)
    aligned = np.real(np.einsum("...i,...ij,...j->...", z.conj(), w, z))
    kept = coupling * decay / (4 * count * gain) * (w**2).sum((-2, -1))
    return -_work(theta, frequencies) - coupling / (2 * count) * aligned + kept


def _phases(phases: Phases) -> Floats:
    checks.number("phases", phases)
    if np.ndim(phases) == 0:
        raise ValueError("phases must have an axis of oscillators; got a single number")
    return np.asarray(phases, float)


def _matrix(name: str, weights: Matrix, theta: Floats) -> Floats:
    """One number for each pair of the oscillators of some phases."""
    checks.number(name, weights)
    found, count = np.asarray(weights, float), theta.shape[-1]
    _broadcasts(name, found, theta, (count, count), "for each pair")
    return found


def _work(phases: Phases, frequencies: Phases) -> Floats:
    """``sum_i (omega_i - mean omega) theta_i``."""
    theta = _phases(phases)
    checks.number("frequencies", frequencies)
    omega = np.asarray(frequencies, float)
    _broadcasts("frequencies", omega, theta, (theta.shape[-1],), "for each oscillator")
    return ((omega - omega.mean(-1, keepdims=True)) * theta).sum(-1)


def _broadcasts(name: str, values: Floats, theta: Floats, last: tuple[int, ...], what: str) -> None:
    """Refuse an array that does not end in the shape that the phases ask for, or does not go with their other axes."""
    ends = values.shape[len(values.shape) - len(last) :] == last
    try:
        np.broadcast_shapes(values.shape[: len(values.shape) - len(last)] if ends else (), theta.shape[:-1])
    except ValueError:
        ends = False
    if not ends:
        shapes = f"shapes {theta.shape} and {values.shape}"
        raise ValueError(f"phases and {name} must fit, {name} ending in {last}, one number {what}; got {shapes}")
