"""Random-matrix theory of curl descent (Ninou, Kadmon and Cayco-Gajic, NeurIPS 2025).

Some neurons of a linear student-teacher circuit learn with the wrong sign. Near a solution the error of the
input-output map obeys ``E' = -E J`` with ``J = W1' D2 W1 + |w2|^2 D1``; the solution is stable where the smallest
eigenvalue of J is positive. With N inputs, M hidden units, ``c = N / M`` and a fraction ``alpha`` of flipped neurons, the
spectrum of J converges as N and M grow; with ``S = W1'W1``, ``W1`` of variance 1/N and ``|w2| = 1``,

* ``layer="hidden"`` (flipped inputs): ``J = S + D1``;
* ``layer="readout"`` (flipped hidden units): ``J = I + sum_k s_k w_k w_k'``.

The sizes of the weights and of the inputs, and the law they come from, do not change the sign of an eigenvalue as long as
``|w2|^2 = N var(W1)``, the paper's choice.
"""

from plastodyn.theory.curl.boundary import critical_compression, critical_fraction, hidden_end_points, phase_diagram
from plastodyn.theory.curl.finite import finite_size_edge
from plastodyn.theory.curl.spectrum import spectral_atoms, spectral_density, spectral_edge
from plastodyn.theory.curl.toy import toy_conserved, toy_growth_rate, toy_origin_eigenvalues, toy_velocity

__all__ = [
    "critical_compression",
    "critical_fraction",
    "finite_size_edge",
    "hidden_end_points",
    "phase_diagram",
    "spectral_atoms",
    "spectral_density",
    "spectral_edge",
    "toy_conserved",
    "toy_growth_rate",
    "toy_origin_eigenvalues",
    "toy_velocity",
]
