"""Does the energy of phases and gated Hebbian weights together only fall? Decided exactly, for every state at once."""

from plastodyn import checks
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.premises import Premises, Unproved
from plastodyn.certify.rational import Exact, exact


def colearning(
    oscillators: int, weight_share: Exact, *, rate: Exact, slope: Exact, gain: Exact = 1, decay: Exact = 1
) -> Certificate:
    """Does ``L = U + (c / 2) |W - W*|^2`` never rise, wherever phases and weights are, whatever the frequencies and coupling?

    Under even coupling and ``dW/dt = eps (G(r) eta cos(theta_i - theta_j) - lambda W)``, with x the norm of the phases'
    velocities about their mean and y that of W - W*: ``dL/dt <= -x^2 + c M x y - c eps lambda y^2``, since W* moves at most
    by M x, ``M = (eta / lambda) sqrt(N) (sqrt(2) + beta / 4)``. The form is not positive for any x and y if and only if
    ``c M^2 <= 4 eps lambda``, which is decided in exact rationals: sqrt(2) is squared away. See
    `theory.kuramoto.composite_energy`.

    Args:
        oscillators: N, at least 1.
        weight_share: c, above 0; a number or text such as ``"1/30000"``.
        rate: eps, above 0.
        slope: beta of the gate, at least 0.
        gain: eta, above 0.
        decay: lambda, above 0.

    Returns:
        A `Certificate`: ``certified``, or ``unknown`` where c is too large for this proof.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project; for the energy that Hays (2026) states there is no such proof, see the page on the paper.

    >>> [colearning(50, c, rate="1/50", slope=20).verdict for c in ("3.88e-5", "3.9e-5")]
    ['certified', 'unknown']
    """
    checks.count("oscillators", oscillators, at_least=1)
    numbers = {"weight_share": weight_share, "rate": rate, "slope": slope, "gain": gain, "decay": decay}
    found = {name: exact(value, name) for name, value in numbers.items()}
    for name, value in found.items():
        if value < 0 or (value == 0 and name != "slope"):
            raise ValueError(
                f"{name} must be a number {'>= 0' if name == 'slope' else '> 0'}; got {checks.shown(numbers[name])}"
            )
    system = {"oscillators": int(oscillators), **{name: str(value) for name, value in found.items()}}
    premises = Premises("colearning", "continuous", system)
    try:
        return Certificate.concluded(premises)
    except Unproved:
        return Certificate.unknown(premises, "share_too_large")
