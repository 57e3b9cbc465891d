"""Rules whose sign is flipped at some synapses."""

import jax
from jax import Array

from plastodyn import checks
from plastodyn.protocol import Moment, Rule, Symmetry, Wrapped
from plastodyn.rules.wrap.neurons import NeuronSigns
from plastodyn.tree import Weights


class Flipped(Wrapped):
    """A rule multiplied weight by weight with signs; see `flipped`."""

    rule: Rule
    signs: Weights | NeuronSigns

    def keeps(self, symmetry: Symmetry) -> bool:
        """What the inner rule and the signs keep; of signs given weight by weight nothing is known."""
        return isinstance(self.signs, NeuronSigns) and self.signs.keeps(symmetry) and self.rule.keeps(symmetry)

    def transform(self, change: Weights, moment: Moment, own: None, dt: Array | float) -> Weights:
        """The change times the signs, leaf by leaf."""
        del own, dt
        signs = self.signs.signs(moment.weights) if isinstance(self.signs, NeuronSigns) else self.signs
        return jax.tree.map(lambda leaf, sign: leaf * sign, change, signs)


def flipped(rule: Rule, signs: Weights | NeuronSigns) -> Flipped:
    """A rule whose change has its sign flipped at some weights: ``dw_i -> s_i dw_i``.

    Args:
        rule: the rule to flip.
        signs: of whole neurons, `presynaptic` or `postsynaptic`; or a pytree in the structure of the weights, each
            leaf of which broadcasts against its weights and holds +1 or -1.

    Raises:
        ValueError: if a sign is neither +1 nor -1.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), curl descent.

    >>> from plastodyn import rules
    >>> import jax.numpy as jnp
    >>> flipped(rules.gradient(0.1), rules.presynaptic(0.2, layer=1)).signs.neurons
    0.2
    >>> flipped(rules.gradient(0.1), jnp.array([1.0, -1.0])).signs.tolist()
    [1.0, -1.0]
    """
    checks.instance("rule", rule, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    if isinstance(signs, NeuronSigns):
        return Flipped(rule, signs)
    checks.entries("signs", signs, (1, -1))
    return Flipped(rule, signs)
