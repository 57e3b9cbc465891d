"""Every rule, fluctuation and circuit, with what is claimed of it. A new rule adds one row."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import plastodyn as pd
from plastodyn.protocol import Rule, signals_read

DIAGONAL = jnp.linspace(0.5, 2.0, 12)


def layered():
    return pd.circuits.student_teacher([4, 3, 2], inputs=30, key=jax.random.key(3), displacement=0.3)


def linear(widths=(4, 3, 2)):
    full = pd.circuits.student_teacher(widths, hidden="linear", inputs=30, key=jax.random.key(3), displacement=0.3)
    return pd.circuits.through_covariance(full)


def one_layer():
    return pd.circuits.student_teacher(
        [4, 2], inputs=30, key=jax.random.key(3), displacement=0.3, normalisation=pd.circuits.half_squared_error
    )


def quadratic():
    return pd.Circuit(loss=lambda w: 0.5 * jnp.sum(DIAGONAL * w**2), weights=jnp.linspace(-1.0, 1.0, 12))


def patterns():
    """Independent inputs of unlike variance, so that Hebbian rules have a first principal component to find."""
    data = jnp.linspace(2.0, 0.5, 4)[:, None] * jax.random.normal(jax.random.key(8), (4, 40))
    return pd.circuits.pattern_layer(data, outputs=3, key=jax.random.key(9), samples=5, scale=0.5)


def chain():
    return pd.circuits.tracking([0.3, -0.2, 0.1])


def examples():
    """A loss on data, of which a few examples are drawn at each step."""
    inputs = jax.random.normal(jax.random.key(10), (30, 4))
    return pd.circuits.minibatches(_squares, jnp.full(4, 0.3), (inputs, inputs @ jnp.linspace(-1.0, 1.0, 4)), size=10)


def _squares(weights, data):
    return 0.5 * jnp.mean((data[0] @ weights - data[1]) ** 2)


def ring():
    """Oscillators of which each has two neighbours."""
    beside = (jnp.arange(6) + jnp.array([[-1], [1]])) % 6
    places = jnp.stack([jnp.linspace(-0.5, 0.5, 6), jnp.linspace(0.1, -0.2, 6) ** 2], axis=1)
    options = {"neighbours": beside, "positions": places, "clusters": [0, 0, 0, 1, 1, 1], "phase_noise": 0.1}
    return pd.circuits.weighted_kuramoto(jnp.linspace(-0.3, 0.3, 6), 2.0, key=jax.random.key(12), **options)


def beside():
    """A bowl beside a rhythm, with a weight for each pair of oscillators, so that their rules fit too."""
    bowl = pd.Circuit(loss=_bowl, weights=jnp.full((6, 6), 0.3))
    return pd.circuits.with_rhythm(bowl, pd.circuits.kuramoto(jnp.linspace(-0.3, 0.3, 6), 2.0, key=jax.random.key(11)))


def _bowl(weights):
    return 0.5 * jnp.sum(weights**2)


CIRCUITS = {
    "user": quadratic,
    "student_teacher": layered,
    "resampled": lambda: pd.circuits.resampled(layered(), samples=10),
    "plastic_biases": lambda: pd.circuits.student_teacher(
        [4, 3, 2], inputs=30, key=jax.random.key(3), displacement=0.3, plastic_biases=True
    ),
    "tanh": lambda: pd.circuits.student_teacher(
        [4, 5, 3, 2], hidden=["tanh", "relu"], output="tanh", inputs=30, key=jax.random.key(4)
    ),
    "through_covariance": linear,
    "expanded": lambda: pd.circuits.expanded(one_layer(), 6, 3, key=jax.random.key(13), measured="original"),
    "enlarged": lambda: pd.circuits.enlarged(layered(), [4, 5, 2]),
    "matched": lambda: pd.circuits.matched(layered()),
    "minibatches": examples,
    "tracking": chain,
    "pattern_layer": patterns,
    "reachable": lambda: pd.circuits.reachable(linear((3, 9, 1))),
    "reachable_by_sign": lambda: pd.circuits.reachable_by_sign(linear((1, 9, 1)), [-1] * 3 + [1] * 6)[0],
    "principal_axes": lambda: pd.circuits.principal_axes([linear()])[0],
    "integrator": lambda: pd.circuits.integrator(4, key=jax.random.key(6)),
    "kuramoto": lambda: pd.circuits.kuramoto(jnp.linspace(-0.3, 0.3, 6), 2.0, key=jax.random.key(11)),
    "weighted_kuramoto": ring,
    "with_rhythm": beside,
}


class Row(NamedTuple):
    """A rule at a small rate, and what it promises."""

    rule: Rule
    descends: bool = False
    """Lowers the error on average from a displaced start."""
    random: bool = False
    """Two keys give two results."""
    norm: float | None = None
    """Exact norm of one step."""
    layered: bool = False
    """Needs the signals of a layered circuit."""
    staged: bool = False
    """Needs the signals of a memory in stages."""
    paired: bool = False
    """Needs pre- and postsynaptic activity."""
    phased: bool = False
    """Needs the signals of oscillators."""
    sparse: bool = False
    """Needs a sparse graph."""


def _ones(value=1.0):
    return jax.tree.map(lambda w: jnp.full(w.shape, value), layered().weights)


def _flipped(signs):
    """Gradient descent that runs uphill in the synapses of one neuron of three: it still descends."""
    return pd.rules.flipped(pd.rules.gradient(0.05), signs)


RULES = {
    "gradient": Row(pd.rules.gradient(0.05), descends=True),
    "exact_norm": Row(pd.rules.exact_norm(pd.rules.gradient(), 0.02), descends=True, norm=0.02),
    "noisy_gradient": Row(pd.rules.noisy_gradient(0.02, 2.0), descends=True, random=True),
    "precise_gradient": Row(pd.rules.noisy_gradient(0.02, np.inf), descends=True, norm=0.02),
    "keep_or_oppose": Row(pd.rules.keep_or_oppose(0.02), descends=True, random=True, norm=0.02),
    "weight_perturbation": Row(pd.rules.weight_perturbation(0.02), descends=True, random=True),
    "node_perturbation": Row(pd.rules.node_perturbation(0.02), descends=True, random=True, layered=True),
    "newton": Row(pd.rules.newton(0.1, damping=0.1), descends=True),
    "early": Row(pd.rules.early(0.05), descends=True, staged=True),
    "late": Row(pd.rules.late(0.05, slowing=0.5), staged=True),
    "staged": Row(pd.rules.staged(pd.rules.early(0.05), pd.rules.late(0.05), 0.2), descends=True, staged=True),
    "beeline": Row(pd.rules.beeline(0.1), descends=True, layered=True),
    "hebbian": Row(pd.rules.hebbian(0.05), paired=True),
    "oja": Row(pd.rules.oja(0.05), paired=True),
    "bcm": Row(pd.rules.bcm(0.05, threshold_time=5.0), paired=True),
    "phase_hebbian": Row(pd.rules.phase_hebbian(0.05), phased=True),
    "decay": Row(pd.rules.decay(0.05)),
    "coherence_gate": Row(pd.rules.gated(pd.rules.decay(0.05), pd.rules.coherence_gate(20.0, 0.5)), phased=True),
    "homeostatic_gate": Row(pd.rules.gated(pd.rules.decay(0.05), pd.rules.homeostatic_gate(0.1)), phased=True),
    "hyperbolic_drift": Row(
        pd.rules.phase_hebbian(0.05) + pd.rules.hyperbolic_drift(0.05, every=2.0, spacing=0.2), phased=True, sparse=True
    ),
    "prune_and_sprout": Row(
        pd.rules.phase_hebbian(0.05) + pd.rules.prune_and_sprout(every=2.0, weak=0.5, least_age=1.0, most_sprouted=2),
        phased=True,
        sparse=True,
    ),
    "averaged": Row(
        pd.rules.gated(pd.rules.gradient(0.05), pd.rules.averaged(lambda moment: 1 / (1 + moment.time), 4.0)), descends=True
    ),
    "difference": Row(2.0 * pd.rules.gradient(0.05) - pd.rules.gradient(0.05), descends=True),
    "flipped": Row(-1.0 * pd.rules.flipped(pd.rules.gradient(0.05), _ones(-1.0)), descends=True, layered=True),
    "presynaptic": Row(_flipped(pd.rules.presynaptic(1 / 3, layer=1)), descends=True, layered=True),
    "postsynaptic": Row(_flipped(pd.rules.postsynaptic(1 / 3)), descends=True, layered=True),
    "feedback_alignment": Row(pd.rules.feedback_alignment(0.05), descends=True, random=True, layered=True),
    "direct_feedback_alignment": Row(pd.rules.direct_feedback_alignment(0.05), descends=True, random=True, layered=True),
    "gated": Row(pd.rules.gated(pd.rules.gradient(0.05), lambda moment: 1 / (1 + moment.time)), descends=True),
    "constrained_norm": Row(pd.rules.constrained(pd.rules.gradient(0.05)), descends=True),
    "constrained_sign": Row(pd.rules.constrained(pd.rules.gradient(0.05), keep="sign"), descends=True),
    "scaled": Row(0.5 * pd.rules.gradient(0.1), descends=True),
    "white": Row(pd.fluctuations.white(0.02), random=True, norm=0.02),
    "synaptic_noise": Row(pd.fluctuations.synaptic_noise(0.005), random=True),
    "wiener": Row(pd.fluctuations.wiener(0.02), random=True),
    "ornstein_uhlenbeck": Row(pd.fluctuations.ornstein_uhlenbeck(0.02, 5.0), random=True),
    "mean_reverting": Row(pd.fluctuations.mean_reverting(0.02, 5.0), random=True),
    "log_normal": Row(pd.fluctuations.log_normal(0.3, 0.2, 50.0), random=True),
    "drift": Row(pd.fluctuations.drift(0.02, 10.0), random=True, norm=0.02),
    "homeostatic_scaling": Row(pd.fluctuations.homeostatic_scaling(0.05)),
    "confined": Row(pd.fluctuations.confined(pd.fluctuations.white(0.02), _ones()), random=True, norm=0.02, layered=True),
    "sparing": Row(pd.fluctuations.sparing(pd.fluctuations.white(0.02), jnp.eye(18)[:2]), random=True, norm=0.02, layered=True),
}

# Rows whose signs, masks and directions have the shape of the weights of `layered`.
SHAPED = {"flipped", "confined", "sparing"}
# Rows whose signs by neuron need matrices of weights.
BY_NEURON = {"presynaptic", "postsynaptic"}
SPARSE = {name for name, row in RULES.items() if row.sparse}
UNLAYERED = {"user", "expanded", "minibatches", "tracking", "pattern_layer", "kuramoto", "weighted_kuramoto", "with_rhythm"}


def home(name):
    """A circuit that a row can be joined to."""
    row = RULES[name]
    needs = {layered: row.layered, chain: row.staged, patterns: row.paired, ring: row.phased}
    return next((make for make, needed in needs.items() if needed), quadratic)()


def fits(name, circuit_name, circuit):
    """Whether a rule can be joined to a circuit, leaving aside what its weights' shapes forbid (``None``)."""
    if name in SHAPED and circuit_name not in ("student_teacher", "resampled"):
        return None
    if name in SPARSE and circuit_name != "weighted_kuramoto":
        return None
    if name in BY_NEURON and circuit_name in UNLAYERED:
        return None
    rule = RULES[name].rule
    return signals_read(rule) <= circuit.signals and all(map(rule.keeps, circuit.symmetries))


def whole(circuit_name):
    """A circuit, and the sum of all rules that fit it, each at a small rate; of those that rewire it, which go alone, one."""
    circuit = CIRCUITS[circuit_name]()
    fitting = [name for name in RULES if fits(name, circuit_name, circuit)]
    rewiring = [RULES[name].rule for name in fitting if RULES[name].sparse][:1]
    return circuit, sum([0.01 * RULES[name].rule for name in fitting if not RULES[name].sparse] + rewiring)
