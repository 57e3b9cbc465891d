"""`sign_stability`: the question, put to the spectrum of one step and to runs."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from plastodyn import checks, tree
from plastodyn.measure.curl import curl
from plastodyn.measure.field import RuleMap, rule_field, rule_map
from plastodyn.measure.stability.answer import SignStability
from plastodyn.measure.stability.directions import Directions, directions, is_at_rest
from plastodyn.measure.stability.length import length
from plastodyn.measure.stability.runs import EVERY, SEGMENTS, Starts, largest_exponent, next_to, run
from plastodyn.measure.stability.signs import flipped_share, full_signs
from plastodyn.measure.stability.verdict import Motion
from plastodyn.protocol import AbstractCircuit, Rule
from plastodyn.rules import constrained, flipped, gradient
from plastodyn.rules.wrap.neurons import NeuronSigns
from plastodyn.tree import Weights
from plastodyn.types import Key

_DRIFT = 1e-3
"""Relative growth of the distance from the solution over half a run from which the run moves on."""


def sign_stability(
    circuit: AbstractCircuit,
    signs: Weights | NeuronSigns,
    *,
    rate: float,
    key: Key,
    steps: int | None = None,
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
      ``steps`` steps the mean loss is no higher than it was next to the solution, and no run moves on in the second half of
      them (a flat direction may grow more slowly than any exponential);
    * ``unstable``: a direction grows, at least twice as fast as without flips, and no runs were asked for;
    * ``unstable: ...``: the same, with runs. ``diverges``: a run ends 100 times as
      long as the solution, twice as long as half way, or not finite. ``settles elsewhere``: all runs are more than 1 %
      of the weights' norm away, and their path in the last tenth of the steps is below 1e-3 of the norm; or below 5 % of
      it and half of what it was half way, if the exponent is not positive. ``chaotic``: all are away and move on, and the
      exponent is more than 3 standard errors and ``3 / steps`` above 0, and more than twice the rate at which the
      distance from the solution still grows;
    * ``undecided``: anything else, and wherever the weights are not at rest: then no runs are made.

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
        steps: length of the runs, a multiple of 100; as many again for the exponent. 0: no runs, the verdict is that of
            the eigenvalues. Unless given 10 000, or 0 where these would take more than 1e12 floating-point operations
            (a minute or two on a laptop).
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
        ``steps`` steps (mean over seeds, NaN without runs); how many eigenvalues were found, and how many there are, one
        for each weight: with fewer the counts of directions are lower bounds; the length of the runs, 0 if there were
        none. ``.answer`` is a sentence.

    Raises:
        ValueError: if an argument is out of range, or ``signs`` do not fit the weights.

    Source: Ninou, Kadmon and Cayco-Gajic (2025) for the question and the constraint; the procedure is this project's.

    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: 0.5 * (w[0] * w[1] - 2.0) ** 2, weights=jnp.array([1.0, 2.0]))
    >>> ask = lambda *signs: sign_stability(circuit, jnp.array(signs), rate=0.1, key=jax.random.key(0), steps=300)
    >>> ask(1.0, -1.0).verdict, ask(-1.0, 1.0).verdict
    ('stable', 'unstable: settles elsewhere')
    """
    _check(circuit, signs, rate, key, steps, keep, seeds, count, tolerance)
    signs = full_signs(signs, circuit.weights)
    key_curl, key_spectrum, key_start, key_tangents = jax.random.split(key, 4)
    weights, descent = circuit.weights, gradient(jnp.asarray(float(rate)))
    flips = flipped(descent, signs)
    plain, curled = _step(circuit, descent, keep), _step(circuit, flips, keep)
    without, found = (directions(step, weights, count, key_spectrum, tolerance) for step in (plain, curled))
    at_rest = is_at_rest(plain, weights, found.growth)
    field = rule_field(circuit, flips)
    share = curl(field, weights, key=key_curl)
    starts = next_to(circuit, field, jax.random.split(key_start, seeds))
    if not at_rest:
        # Runs from where nothing rests would decide nothing.
        steps, answer = 0, _Answer("undecided")
    else:
        steps = length(curled, weights, seeds) if steps is None else steps
        near = _Near(found, without, starts)
        answer = near.followed(circuit, curled, key_tangents, steps) if steps else near.of_eigenvalues()
    return SignStability(
        verdict=answer.verdict,
        at_rest=at_rest,
        flipped_share=flipped_share(signs),
        unstable=found.unstable,
        unstable_unflipped=without.unstable,
        flat=found.flat,
        growth_rate=found.growth,
        growth_rate_unflipped=without.growth,
        curl=float(share.value),
        curl_error=float(share.standard_error),
        descent_angle=float(jnp.mean(starts.angle)),
        lyapunov_exponent=answer.exponent,
        lyapunov_error=answer.error,
        loss_start=float(starts.loss_at_rest[0]),
        loss_after=answer.loss_after,
        eigenvalues_found=found.eigenvalues,
        weights=tree.size(weights),
        steps=steps,
    )


def _step(circuit: AbstractCircuit, rule: Rule, keep: str | None) -> RuleMap:
    return rule_map(circuit, rule if keep is None else constrained(rule, keep=keep))


class _Answer(NamedTuple):
    """A verdict, and what runs say besides, if there were any."""

    verdict: str
    exponent: float = math.nan
    error: float = math.nan
    loss_after: float = math.nan


class _Near(NamedTuple):
    """What is known next to a solution: the directions with flips and without, and where runs start."""

    found: Directions
    without: Directions
    starts: Starts

    def of_eigenvalues(self) -> _Answer:
        """Without runs."""
        if self.found.grows_beyond(self.without):
            return _Answer("unstable")
        return _Answer("stable" if self.found.as_before(self.without) else "undecided")

    def followed(self, circuit: AbstractCircuit, step: RuleMap, key: Key, steps: int) -> _Answer:
        """With runs: they return, or tell what follows."""
        if self.found.grows_beyond(self.without):
            ends = run(circuit, step, self.starts.weights, steps)
            exponent, error = largest_exponent(step, ends.weights, key, steps)
            verdict = Motion(ends, run(circuit, step, ends.weights, steps), exponent, error, steps).verdict
            return _Answer(verdict, exponent, error, float(jnp.mean(ends.loss)))
        half = run(circuit, step, self.starts.weights, steps // 2)
        ends = run(circuit, step, half.weights, steps - steps // 2)
        after = float(jnp.mean(ends.loss))
        # Fast directions have come back half way; what is left lies along flat ones, and rests or not.
        rounding = steps * float(jnp.finfo(ends.distance.dtype).eps)
        rests = bool((ends.distance <= (1 + _DRIFT) * half.distance + rounding).all())
        returned = after <= float(jnp.mean(self.starts.loss)) and rests
        return _Answer("stable" if returned and self.found.as_before(self.without) else "undecided", loss_after=after)


def _check(
    circuit: AbstractCircuit,
    signs: Weights | NeuronSigns,
    rate: float,
    key: Key,
    steps: int | None,
    keep: str | None,
    seeds: int,
    count: int | None,
    tolerance: float | None,
) -> None:
    """Refuse arguments out of range, in the order in which they are given."""
    if not isinstance(circuit, AbstractCircuit):
        raise ValueError(f"circuit must be a circuit, such as pd.Circuit(loss=..., weights=...); got {checks.shown(circuit)}")
    checks.weights("circuit.weights", circuit.weights)
    if not float(tree.norm(circuit.weights)) > 0:
        raise ValueError("circuit.weights must not all be 0: distances are relative to their norm; got only zeros")
    for name, value in (("rate", rate), ("neurons of signs", getattr(signs, "neurons", 1))):
        if hasattr(value, "dims"):
            raise ValueError(f"{name} must be plain numbers: ask for one value of an axis at a time; got {checks.shown(value)}")
    checks.one_number("rate", rate, above=0)
    checks.key("key", key)
    if steps is not None:
        checks.count("steps", steps, at_least=0)
        if steps % (SEGMENTS * EVERY):
            raise ValueError(f"steps must be a multiple of {SEGMENTS * EVERY}; got {steps}")
    checks.one_of("keep", keep, (None, "norm", "sign"))
    checks.count("seeds", seeds, at_least=2)
    if tolerance is not None:
        checks.one_number("tolerance", tolerance, at_least=0)
    if count is not None:
        checks.count("count", count, at_least=1)
