"""The circuit of synchrony.toml, and the coherence that theory expects of it."""

import jax
import numpy as np

import plastodyn as pd


def circuit(oscillators, spread, coupling, key):
    """Oscillators of normal frequencies, somewhere on the circle at the start; all is drawn with the key."""
    of_frequencies, of_phases = jax.random.split(key)
    frequencies = pd.circuits.frequencies.gaussian(spread).draw(of_frequencies, oscillators)
    return pd.circuits.kuramoto(frequencies, coupling, key=of_phases)


def expected_coherence(oscillators, spread, coupling):
    """What infinitely many oscillators settle at; below the critical coupling, chance among so many, amplified."""
    density = pd.circuits.frequencies.gaussian(spread).density
    if coupling > pd.theory.kuramoto.critical_coupling(density(0.0)):
        return float(pd.theory.kuramoto.order_parameter(coupling, density))
    # The root of the mean square of a vector of two normal components, of which the mean is this much smaller.
    return pd.theory.kuramoto.incoherent_coherence(oscillators, coupling, density) * np.sqrt(np.pi) / 2
