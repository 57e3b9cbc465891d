"""Rules made of rules: flipped, gated, constrained, of exact norm."""

from plastodyn.rules.wrap.constrained import constrained
from plastodyn.rules.wrap.exact_norm import exact_norm
from plastodyn.rules.wrap.flipped import flipped
from plastodyn.rules.wrap.gated import Gate, averaged, gated
from plastodyn.rules.wrap.neurons import NeuronSigns, postsynaptic, presynaptic

__all__ = ["Gate", "NeuronSigns", "averaged", "constrained", "exact_norm", "flipped", "gated", "postsynaptic", "presynaptic"]
