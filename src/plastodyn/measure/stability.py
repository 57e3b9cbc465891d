"""The user's question in one call: do some weights that learn with the opposite sign make a solution unstable, or chaotic?"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.measure.curl import curl, descent_angle
from plastodyn.measure.field import Field, RuleField, RuleMap, rule_field, rule_map
from plastodyn.measure.jacobian import jacobian_spectrum
from plastodyn.measure.lyapunov import lyapunov_exponents
from plastodyn.measure.trace import Estimate
from plastodyn.protocol import AbstractCircuit, Rule
from plastodyn.rules import constrained, flipped, gradient
from plastodyn.rules.wrap.neurons import NeuronSigns
from plastodyn.tree import Weights

VERDICTS = ("stable", "unstable: chaotic", "unstable: settles elsewhere", "unstable: diverges", "undecided")

_NUDGE = 1e-3
"""Distance from the solution at which runs start; all lengths here are relative to the norm of the weights."""
_LEFT = 1e-2
"""Distance from the solution beyond which a run has left it."""
_STILL = 1e-3
"""Length of the path over the last tenth of a run up to which it has come to rest."""
_SLOW = 0.05
"""Length up to which it comes to rest if that is less than half of what it was half way: relaxation may follow a power law."""
_FAR = 100.0
"""Norm of the weights from which a run counts as diverged."""
_GROWING = 2.0
"""Growth of that norm over the second half of a run from which it counts as diverged."""
_REST = 1e-2
"""Distance to rest up to which the weights count as a solution."""
_NEGATIVE_CURVATURE = 1e-3
"""Share of the largest rate up to which growth without flips counts as that of a nearly converged loss."""
_MARGIN = 2.0
"""How many times faster than without flips the growth must be to count as theirs."""
_PARTED = 3.0
"""Logarithm of the growth of distances between neighbours over half a run from which it may count as chaos."""
_SEGMENTS, _EVERY = 10, 10
_SIGNIFICANT = 3.0


class SignStability(NamedTuple):
    """The answer of `sign_stability`; rates and exponents are per step, those named ``unflipped`` without any flip."""

    verdict: str
    at_rest: bool
    flipped_share: float
    unstable: int
    unstable_unflipped: int
    flat: int
    growth_rate: float
    growth_rate_unflipped: float
    curl: float
    curl_error: float
    descent_angle: float
    lyapunov_exponent: float
    lyapunov_error: float
    loss_start: float
    loss_after: float

    @property
    def answer(self) -> str:
        """The verdict as a plain sentence."""
        exponent = f"its Lyapunov exponent is {self.lyapunov_exponent:.2g} +- {self.lyapunov_error:.1g} per step"
        grows = f"the solution is unstable: its fastest direction grows by a factor {math.exp(self.growth_rate):.5g} per step"
        return {
            "stable": "The flips leave the solution stable: nothing near it grows, and runs that start next to it return.",
            "unstable: chaotic": f"With these flips {grows}, and the motion that follows is chaotic: {exponent}.",
            "unstable: settles elsewhere": f"With these flips {grows}, but learning comes to rest elsewhere.",
            "unstable: diverges": f"With these flips {grows}, and the weights grow without bound.",
            "undecided": f"Undecided: {self._doubt}.",
        }[self.verdict]

    @property
    def _doubt(self) -> str:
        if not self.at_rest:
            return "the weights are not at a solution of the loss; train them further, without flips, and ask again"
        if self.unstable_unflipped and self.growth_rate <= _MARGIN * self.growth_rate_unflipped:
            return "learning is as unstable here without the flips; lower the rate, or train further"
        if self.unstable:
            return "directions grow, but the runs neither came to rest nor are they measurably chaotic; ask for more steps"
        return "no direction grows, but runs that start next to the solution had not returned; ask for more steps"


class _Change(eqx.Module):
    """What one step changes, ``w -> sign (step(w) - w)``."""

    step: Field
    sign: float = 1.0

    def __call__(self, weights: Weights) -> Weights:
        return jax.tree.map(lambda after, before: self.sign * (after - before), self.step(weights), weights)


class _Directions(NamedTuple):
    """What a step does next to the solution: the leading growth rate, counts, ``|J|_2``, and what counts as zero."""

    growth: float
    unstable: int
    flat: int
    scale: float
    zero: float

    def grows_beyond(self, without: "_Directions") -> bool:
        """Whether a direction grows because of the flips."""
        return self.growth > max(self.zero, _MARGIN * without.growth)

    def as_before(self, without: "_Directions") -> bool:
        """Whether no direction grows, or only as slowly as in a nearly converged loss without flips."""
        return self.growth <= max(self.zero, min(without.growth, _NEGATIVE_CURVATURE * self.scale))


class _Starts(NamedTuple):
    """Weights next to the solution, one entry for each run; the loss there and at the solution, the angle to descent."""

    weights: Weights
    loss: Array
    loss_at_rest: Array
    angle: Array


class _Ends(NamedTuple):
    """Where runs ended, one entry for each; lengths over the norm of the solution's weights."""

    weights: Weights
    loss: Array
    distance: Array
    path: Array
    norm: Array


def sign_stability(
    circuit: AbstractCircuit,
    signs: Weights | NeuronSigns,
    *,
    rate: float,
    key: Array,
    steps: int = 10_000,
    keep: str | None = None,
    seeds: int = 4,
    count: int | None = None,
    tolerance: float | None = None,
) -> SignStability:
    """Is a solution stable when some weights learn with the opposite sign, and if not, is the motion chaotic?

    The rule is ``w <- w - rate S gradF(w)``, S = diag(+-1), with each array's norm restored where ``keep`` asks for it.
    At the solution ``circuit.weights`` the step's derivative has the eigenvalues ``1 + lambda``, and a direction grows by
    ``log |1 + lambda|`` per step: instability of the flow and overshoot of a large step alike. It is unstable where that
    exceeds ``tolerance |J|_2``, J the derivative of the step less the identity. The same numbers without flips tell
    what the loss does by itself.

    Runs start next to the solution, at a relative distance of 1e-3, and take ``steps`` steps; if it is unstable, as many
    again, along which the largest Lyapunov exponent is measured. The verdict is

    * ``stable``: no direction grows, or none faster than without flips if that is below 1e-3 of ``|J|_2``; and after
      ``steps`` steps the mean loss is no higher than it was next to the solution;
    * ``unstable: ...``: a direction grows, at least twice as fast as without flips. ``diverges``: a run ends 100 times as
      long as the solution, twice as long as half way, or not finite. ``settles elsewhere``: all runs are more than 1 %
      of the weights' norm away, and their path in the last tenth of the steps is below 1e-3 of the norm; or below 5 % of
      it and half of what it was half way, if the exponent is not positive. ``chaotic``: all are away and move on, and the
      exponent is more than 3 standard errors and ``3 / steps`` above 0, and more than twice the rate at which the
      distance from the solution still grows;
    * ``undecided``: anything else, and wherever the weights are not at rest.

    Weights are at rest where a step v without flips is below their precision, or is so short that ``|v| / |v'Jv/|v|^2|``
    (what descent still has to go along v) or ``|v| / growth_rate`` (what it goes while the fastest direction grows by a
    factor e) is at most 1 % of the norm.

    Where it stops holding: for more than 2000 weights only the rightmost and leftmost eigenvalues are found, so that a
    fast rotation may be overlooked that grows only because steps are finite. A chaotic transient that outlasts
    ``2 steps`` counts as chaos.

    Args:
        circuit: any circuit with a loss that does not redraw its inputs; its weights are the solution.
        signs: `rules.presynaptic` or `rules.postsynaptic`; or a pytree in the structure of the weights, each leaf of
            which broadcasts against its weights and holds +1 or -1.
        rate: learning rate, weight^2 per unit of loss and step, above 0.
        key: random key of the runs' starts and of all estimates.
        steps: length of the runs, a multiple of 100; as many again for the exponent.
        keep: None, or ``norm`` or ``sign`` as for `rules.constrained`.
        seeds: number of runs, at least 2.
        count: eigenvalues looked for at either end of the spectrum, as for `jacobian_spectrum`.
        tolerance: relative size of what counts as zero, as for `jacobian_spectrum`.

    Returns:
        `SignStability`: the verdict (one of `VERDICTS`), whether the weights are at rest, the share of all weights that
        are flipped; numbers of unstable and flat directions, and the leading growth rate, ``max log |1 + lambda|``;
        curl of the flipped gradient with its standard error, and its angle to descent (radians, mean over the starts),
        both without the constraint; Lyapunov exponent per step (mean over seeds) and its standard error, the larger of
        that from batch means and that from the spread of seeds, NaN unless unstable; loss at the solution and after
        ``steps`` steps (mean over seeds). ``.answer`` is a sentence.

    Raises:
        ValueError: if an argument is out of range, or ``signs`` do not fit the weights.

    Source: Ninou, Kadmon and Cayco-Gajic (2025) for the question and the constraint; the procedure is this project's.

    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: 0.5 * (w[0] * w[1] - 2.0) ** 2, weights=jnp.array([1.0, 2.0]))
    >>> ask = lambda *signs: sign_stability(circuit, jnp.array(signs), rate=0.1, key=jax.random.key(0), steps=300)
    >>> ask(1.0, -1.0).verdict, ask(-1.0, 1.0).verdict
    ('stable', 'unstable: settles elsewhere')
    """
    signs = _checked(circuit, signs, rate, key, steps, keep, seeds)
    key_curl, key_spectrum, key_start, key_tangents = jax.random.split(key, 4)
    weights, descent = circuit.weights, gradient(jnp.asarray(float(rate)))
    plain, curled = (_step(circuit, rule, keep) for rule in (descent, flipped(descent, signs)))
    without, found = (_directions(step, weights, count, key_spectrum, tolerance) for step in (plain, curled))
    at_rest = _is_at_rest(plain, weights, found.growth)
    field = rule_field(circuit, flipped(descent, signs))
    starts = _next_to(circuit, field, jax.random.split(key_start, seeds))
    ends = _run(circuit, curled, starts.weights, steps)
    exponent = error = math.nan
    if not found.grows_beyond(without):
        returned = bool(jnp.mean(ends.loss) <= jnp.mean(starts.loss))
        verdict = "stable" if found.as_before(without) and returned else "undecided"
    else:
        exponent, error = _exponent(curled, ends.weights, key_tangents, steps)
        verdict = _motion(ends, _run(circuit, curled, ends.weights, steps), exponent, error, steps)
    share = curl(field, weights, key=key_curl)
    return SignStability(
        verdict=verdict if at_rest else "undecided",
        at_rest=at_rest,
        flipped_share=sum(int(np.sum(np.asarray(leaf) < 0)) for leaf in jax.tree.leaves(signs)) / tree.size(weights),
        unstable=found.unstable,
        unstable_unflipped=without.unstable,
        flat=found.flat,
        growth_rate=found.growth,
        growth_rate_unflipped=without.growth,
        curl=float(share.value),
        curl_error=float(share.standard_error),
        descent_angle=float(jnp.mean(starts.angle)),
        lyapunov_exponent=exponent,
        lyapunov_error=error,
        loss_start=float(starts.loss_at_rest[0]),
        loss_after=float(jnp.mean(ends.loss)),
    )


def _checked(
    circuit: AbstractCircuit, signs: Any, rate: float, key: Array, steps: int, keep: str | None, seeds: int
) -> Weights:
    """Signs in the full shapes of the weights, once all arguments are known to be in range."""
    if not isinstance(circuit, AbstractCircuit):
        raise ValueError(f"circuit must be a circuit, such as pd.Circuit(loss=..., weights=...); got {circuit!r}")
    checks.weights("circuit.weights", circuit.weights)
    if not float(tree.norm(circuit.weights)) > 0:
        raise ValueError("circuit.weights must not all be 0: distances are relative to their norm; got only zeros")
    for name, value in (("rate", rate), ("neurons of signs", getattr(signs, "neurons", 1))):
        if hasattr(value, "dims"):
            raise ValueError(f"{name} must be plain numbers: ask for one value of an axis at a time; got {value!r}")
    checks.number("rate", rate, above=0)
    checks.key("key", key)
    checks.count("steps", steps, at_least=1)
    if steps % (_SEGMENTS * _EVERY):
        raise ValueError(f"steps must be a multiple of {_SEGMENTS * _EVERY}; got {steps}")
    checks.one_of("keep", keep, (None, "norm", "sign"))
    checks.count("seeds", seeds, at_least=2)
    return _full_signs(signs, circuit.weights)


def _full_signs(signs: Any, weights: Weights) -> Weights:
    if isinstance(signs, NeuronSigns):
        signs = signs.signs(weights)
    if jax.tree.structure(signs) != jax.tree.structure(weights):
        expected, got = jax.tree.structure(weights), jax.tree.structure(signs)
        raise ValueError(f"signs must have the structure of the weights, {expected}; got {got}")

    def full(path: Any, sign: Any, weight: Array) -> Array:
        place = "signs" + jax.tree_util.keystr(path)
        values = np.asarray(sign)
        if values.dtype.kind not in "fiu" or not np.isin(values, (-1, 1)).all():
            raise ValueError(f"{place} must hold only +1 and -1; got {values}")
        if not _broadcasts(values.shape, weight.shape):
            raise ValueError(f"{place} must broadcast to the shape of its weights, {weight.shape}; got {values.shape}")
        return jnp.broadcast_to(jnp.asarray(values, weight.dtype), weight.shape)

    return jax.tree_util.tree_map_with_path(full, signs, weights)


def _step(circuit: AbstractCircuit, rule: Rule, keep: str | None) -> RuleMap:
    return rule_map(circuit, rule if keep is None else constrained(rule, keep=keep))


def _directions(step: RuleMap, weights: Weights, count: int | None, key: Array, tolerance: float | None) -> _Directions:
    rightmost = jacobian_spectrum(_Change(step), weights, count=count, key=key, tolerance=tolerance)
    eigenvalues = rightmost.eigenvalues
    if len(eigenvalues) < tree.size(weights):
        # A step too large for the steepest directions shows at the other end of the spectrum.
        leftmost = -jacobian_spectrum(_Change(step, -1.0), weights, count=count, key=key, tolerance=tolerance).eigenvalues
        eigenvalues = np.append(eigenvalues, leftmost[np.real(leftmost) < np.real(eigenvalues).min()])
    with np.errstate(divide="ignore"):
        # log |1 + x| = log(1 + 2 Re x + |x|^2) / 2, without the loss of digits that small x have in 1 + x.
        growth = np.log1p(np.maximum(2 * np.real(eigenvalues) + np.abs(eigenvalues) ** 2, -1)) / 2
    if tolerance is None:
        tolerance = float(np.sqrt(jnp.finfo(tree.ravel(weights).dtype).eps))
    zero = tolerance * rightmost.scale
    return _Directions(float(growth.max()), int((growth > zero).sum()), rightmost.flat, rightmost.scale, zero)


@eqx.filter_jit
def _distance_to_rest(step: RuleMap, weights: Weights) -> tuple[Array, Array, Array]:
    """Length of a step v, its rate ``|v'Jv| / |v|^2``, and the norm of the weights."""
    change, pushed = jax.jvp(_Change(step), (weights,), (_Change(step)(weights),))
    length = tree.norm(change)
    return length, jnp.abs(tree.dot(change, pushed)) / jnp.maximum(length**2, jnp.finfo(length.dtype).tiny), tree.norm(weights)


def _is_at_rest(step: RuleMap, weights: Weights, growth: float) -> bool:
    length, rate, size = (float(x) for x in _distance_to_rest(step, weights))
    precision = float(jnp.finfo(tree.ravel(weights).dtype).eps)
    return length <= size * max(precision, _REST * max(rate, growth))


@eqx.filter_jit
def _next_to(circuit: Any, field: RuleField, keys: Array) -> _Starts:
    weights, loss = circuit.weights, circuit.loss_at

    def one(key: Array) -> _Starts:
        direction = tree.unit(tree.normal_like(key, weights))
        start = tree.add(weights, tree.scale(_NUDGE * tree.norm(weights), direction))
        return _Starts(start, loss(start), loss(weights), descent_angle(field, loss, start))

    return jax.vmap(one)(keys)


@eqx.filter_jit
def _run(circuit: Any, step: RuleMap, starts: Weights, steps: int) -> _Ends:
    size = tree.norm(circuit.weights)

    def advance(_: Array, carry: tuple[Weights, Array]) -> tuple[Weights, Array]:
        following = step(carry[0])
        return following, carry[1] + _distance(following, carry[0]) / size

    def one(start: Weights) -> _Ends:
        early = jax.lax.fori_loop(0, steps - steps // 10, lambda _, at: step(at), start)
        at, path = jax.lax.fori_loop(0, steps // 10, advance, (early, jnp.zeros_like(size)))
        return _Ends(at, circuit.loss_at(at), _distance(at, circuit.weights) / size, path, tree.norm(at) / size)

    return jax.vmap(one)(starts)


def _distance(first: Weights, second: Weights) -> Array:
    return tree.norm(tree.add(first, tree.scale(-1.0, second)))


def _exponent(step: RuleMap, starts: Weights, key: Array, steps: int) -> tuple[float, float]:
    """The mean over runs of the largest Lyapunov exponent, and its standard error."""
    seeds = len(jax.tree.leaves(starts)[0])
    value, each = (np.asarray(x, float)[:, 0] for x in _exponents(step, starts, jax.random.split(key, seeds), steps))
    within, between = np.sqrt(np.mean(each**2)), np.std(value, ddof=1)
    return float(np.mean(value)), float(max(within, between) / np.sqrt(seeds))


@eqx.filter_jit
def _exponents(step: RuleMap, starts: Weights, keys: Array, steps: int) -> Estimate:
    def one(start: Weights, key: Array) -> Estimate:
        # The runs are on their attractor already: what warms up are the tangent vectors.
        return lyapunov_exponents(step, start, key=key, steps=steps, warm_up=steps // 10, every=_EVERY, segments=_SEGMENTS)

    return jax.vmap(one)(starts, keys)


def _motion(half: _Ends, end: _Ends, exponent: float, error: float, steps: int) -> str:
    """What the runs do that leave the solution: ``half`` way, and after as many steps again."""
    finite = jnp.isfinite(end.norm) & jnp.isfinite(end.loss)
    if not bool((finite & (end.norm < _FAR) & (end.norm < _GROWING * half.norm)).all()):
        return "unstable: diverges"
    if bool((end.distance < _LEFT).any()):
        return "undecided"
    parted = exponent > _SIGNIFICANT * error and exponent * steps > _PARTED
    if bool((end.path < _STILL).all()) or (bool((end.path < _SLOW).all() & (end.path < half.path / 2).all()) and not parted):
        return "unstable: settles elsewhere"
    # Neighbours part along a run that only moves away, too: as fast as it does.
    escape = float(jnp.mean(jnp.log(end.distance / half.distance))) / steps
    return "unstable: chaotic" if parted and escape < exponent / 2 else "undecided"


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False
