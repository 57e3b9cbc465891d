"""What is claimed of the error curves of figure 5 and its supplement."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.raman2021.setups import CONTRAST_FLUCTUATION, LINEAR, NONLINEAR, CircuitSetup

_SIGMAS = 3.0
_GRID_STEP = 0.3
_OWN = "(beyond the paper)"
_TILT = "change of ln F(0.4) / F(1)"
"""By which a curve leans towards less plasticity or more: a run tells it better than where the curve is lowest."""


class _Mean(NamedTuple):
    """A mean over sizes of fluctuations, which are independent runs, and its standard error."""

    value: float
    error: float

    def minus(self, other: "_Mean") -> "_Mean":
        return _Mean(self.value - other.value, float(np.hypot(self.error, other.error)))


def _pooled(data: xr.Dataset, name: str, precision: float) -> _Mean:
    own, errors = data[name].sel(precision=precision), data[f"{name}_error"].sel(precision=precision)
    freedom = errors.size * (data.attrs["repetitions"] - 1)
    return _Mean(float(own.mean()), widened(np.sqrt((errors**2).sum()) / errors.size, freedom + 1))


def _off(data: xr.Dataset, over: xr.DataArray, error: xr.DataArray) -> xr.DataArray:
    """How far a ratio to theory, paired network by network, is from 1 beyond three standard errors."""
    return abs(over - 1) - _SIGMAS * widened(1.0, data.attrs["repetitions"]) * error


def general_claims(setup: CircuitSetup, data: xr.Dataset, source: Source) -> list[Claim]:
    """Of both circuits: the paper's main claim, how the sweet spot moves with precision, and the authors' stored results."""
    precise, middle, crude = setup.precisions
    best = _pooled(data, "optimum_simulated", precise)
    greedy = _pooled(data, "optimum_greedy", precise).minus(best)
    below = f"equation 9 lies below the simulated optimum at precision {precise:g} {_OWN}"
    grows = f"the sweet spot grows as precision falls from {precise:g} to {middle:g}: {_TILT}"
    return [
        source.at_most("the sweet spot of a precise rule is at most 1", "main claim", 1.0, 0.0, *best),
        source.at_least(grows, "figure 5; appendix", 0.0, 0.0, *_pooled(data, "tilt_change", precise)),
        source.at_most(below, "spec", 0.0, 0.0, *greedy),
        *(_published_vertex(data, q, source) for q in (precise, crude)),
        *(_published_loss(setup, data, q, source) for q in setup.published_loss),
        _published_losses_ratio(setup, data, source),
    ]


def _published_vertex(data: xr.Dataset, precision: float, source: Source) -> Claim:
    """Like with like: a vertex on the paper's grid against one."""
    found, spread = _pooled(data, "vertex_simulated", precision)
    published = float(data.vertex_published.sel(precision=precision).mean())
    # The authors' runs have the same number of repetitions and so about the same error as ours.
    tolerance = _SIGMAS * 2**0.5 * spread + 0.02
    name = f"vertex on the paper's grid at precision {precision:g}, mean over fluctuations"
    return source.equal(name, "authors' stored results", published, tolerance, found)


def _published_loss(setup: CircuitSetup, data: xr.Dataset, precision: float, source: Source) -> Claim:
    loss, loss_error = setup.published_loss[precision]
    curve = data.sel(fluctuation=CONTRAST_FLUCTUATION, precision=precision)
    at = int(curve.loss.values.argmin())
    # The authors' repetitions scatter far less than draws of A do: they shared one A, so that their mean is one draw
    # from the scatter of ours. A factor of 2 lies outside of it.
    scatter = widened(curve.loss_error[at], data.attrs["repetitions"]) * data.attrs["repetitions"] ** 0.5
    tolerance = _SIGMAS * float(np.hypot(np.hypot(loss_error, scatter), curve.loss_error[at]))
    name = f"lowest mean loss at precision {precision:g}, fluctuation 0.02"
    return source.equal(name, "authors' stored results", loss, tolerance, float(curve.loss[at]))


def _published_losses_ratio(setup: CircuitSetup, data: xr.Dataset, source: Source) -> Claim:
    """Paired: what A multiplies both losses by cancels."""
    (low, low_error), (high, high_error) = (setup.published_loss[q] for q in setup.published_loss)
    quiet, loud = (data.sel(fluctuation=CONTRAST_FLUCTUATION, precision=q).lowest_losses for q in setup.published_loss)
    each = np.log10(loud / quiet)
    scatter = widened(each.std("replica", ddof=1), each.size)
    known = np.hypot(low_error / low, high_error / high) / np.log(10)
    tolerance = _SIGMAS * float(np.hypot(scatter * (1 + 1 / each.size) ** 0.5, known))
    name = f"log10 of the lowest loss at precision {setup.precisions[-1]:g} over that at {setup.precisions[0]:g}, same networks"
    return source.equal(name, "authors' stored results", np.log10(high / low), tolerance, float(each.mean()))


def linear_claims(data: xr.Dataset, source: Source) -> list[Claim]:
    """Of the linear circuit: its loss is quadratic, and the theory holds to a few per cent."""
    precise, middle, crude = LINEAR.precisions
    spread = float(np.ptp(data.optimum_simulated.sel(precision=precise).values))
    each = np.sqrt((data.optimum_simulated_error.sel(precision=precise) ** 2).mean())
    error = _SIGMAS * widened(each, 3 * data.attrs["repetitions"] - 2) * 2**0.5
    near = data.sel(ratio=slice(0.35, None), precision=[precise, middle])
    beyond = _off(data, near.loss_over_theory, near.loss_over_theory_error)
    paired = f"loss over stationary theory, network by network: off beyond 3 s.e., ratios >= 0.4, precisions 10 and 1 {_OWN}"
    grows = f"the sweet spot grows as precision falls from {middle:g} to {crude:g}: {_TILT}"
    return [
        source.at_least(grows, "figure 5, supplement 1", 0.0, 0.0, *_pooled(data, "tilt_change", middle)),
        source.equal("the optimum does not depend on the size of fluctuations", "quadratic loss", 0.0, error, spread),
        source.at_most(paired, "spec", 0.03, 0.0, beyond.max()),
        *_optimum_claims(data, LINEAR, (precise, middle, crude), source),
        *_input_claims(data, source),
    ]


def _optimum_claims(data: xr.Dataset, setup: CircuitSetup, precisions: tuple[float, ...], source: Source) -> list[Claim]:
    """The minimum of the simulated curve against that of the theory's, for the same networks."""
    claims = []
    for q in precisions:
        found = _pooled(data, "optimum_simulated", q)
        predicted = float(data.optimum_stationary.sel(precision=q).mean())
        # The grid leaves a bias of up to 1 %, runs of finite length one of some per cent.
        name = f"sweet spot at precision {q:g}: minimum of the simulated curve, against that of the theory {_OWN}"
        tolerance = 0.03 + _SIGMAS * found.error
        claims.append(
            source.equal(name, f"stationary theory of the same {setup.name} networks", predicted, tolerance, found.value)
        )
    return claims


def _input_claims(data: xr.Dataset, source: Source) -> list[Claim]:
    one = data.sel(precision=LINEAR.precisions[0], fluctuation=CONTRAST_FLUCTUATION)
    mixed, isotropic = (
        _Mean(float(one[name]), widened(one[f"{name}_error"], data.attrs["repetitions"]))
        for name in ("optimum_simulated", "contrast_optimum_simulated")
    )
    rise = isotropic.minus(mixed)
    ratio = float(one.loss.min() / one.contrast_loss.min())
    losses = "inputs as stated (unit Gaussian) give losses more than 10 times below those of inputs x = Az"
    optimum = "with unit Gaussian inputs the sweet spot is 1, not the published 0.7"
    falls = "the sweet spot falls with anisotropy of the inputs"
    return [
        source.at_least(falls, "text after equation 14", 0.0, 0.0, *rise),
        source.at_least(losses, "spec", 10.0, 0.0, ratio),
        source.equal(optimum, "equation 9", 1.0, _SIGMAS * isotropic.error + 0.02, isotropic.value),
    ]


def nonlinear_claims(data: xr.Dataset, source: Source) -> list[Claim]:
    """Of the nonlinear circuit: near the solution the local theory holds, far from it the memory is lost."""
    precise, middle, crude = NONLINEAR.precisions
    one = data.sel(precision=precise, fluctuation=CONTRAST_FLUCTUATION)
    rise = float(one.contrast_optimum_simulated - one.optimum_simulated)
    mixing = f"mixing the inputs moves the sweet spot of the nonlinear circuit by less than half a grid step {_OWN}"
    quiet = data.sel(precision=[precise], fluctuation=[data.fluctuation.values[0]])
    near = data.sel(precision=precise, ratio=slice(0.35, None), fluctuation=data.fluctuation.values[0])
    off = _off(data, near.loss_over_theory, near.loss_over_theory_error)
    local = f"low error: loss over local theory, network by network: off beyond 3 s.e., ratios >= 0.4 {_OWN}"
    return [
        source.equal(mixing, "spec", 0.0, 0.5 * _GRID_STEP, rise),
        *_optimum_claims(quiet, NONLINEAR, (precise,), source),
        source.at_most(local, "far from the solution; spec", 0.1, 0.0, off.max()),
        *_far_claims(data.sel(precision=[middle, crude]), source),
        *_length_claims(data, middle, crude, source),
    ]


def _far_claims(far: xr.Dataset, source: Source) -> list[Claim]:
    where = "far from the solution; spec"
    lowest = far.lowest_losses / far.trivial_loss
    few = np.log(lowest.isel(fluctuation=0).sel(precision=far.precision.max()))
    loud = lowest.isel(fluctuation=slice(1, None))
    error = widened(few.std("replica", ddof=1) / few.sizes["replica"] ** 0.5, few.sizes["replica"])
    worse = "low precision, larger fluctuations: lowest error over that of a constant output, least of all networks"
    barely = f"low precision, smallest fluctuations: log of the same ratio at the higher precision, mean {_OWN}"
    excess = (1 / far.loss_over_theory.sel(ratio=0.1)).min()
    beyond = _off(far, far.loss_over_free, far.loss_over_free_error).max()
    free = f"low precision: loss over the theory of a free hidden layer, network by network: off beyond 3 s.e. {_OWN}"
    return [
        source.at_least(worse, where, 1.0, 0.0, loud.min()),
        source.at_least(barely, where, 0.0, 0.0, few.mean(), error),
        source.at_least(f"low precision: the local theory over simulation, ratio 0.1, least {_OWN}", where, 1.9, 0.0, excess),
        source.at_most(free, where, 0.25, 0.0, beyond),
    ]


def _length_claims(data: xr.Dataset, middle: float, crude: float, source: Source) -> list[Claim]:
    """Runs of 8000 steps end before the loss of the crudest rule has settled: its optimum then lies lower."""
    greedy = _pooled(data, "optimum_greedy", crude).minus(_pooled(data, "optimum_simulated", crude))
    name = f"from precision {middle:g} to {crude:g} the sweet spot of so short a run falls again: {_TILT}"
    above = f"at precision {crude:g} equation 9 lies above the simulated optimum {_OWN}"
    return [
        source.at_most(name, "authors' stored results: 1.04 to 0.84", 0.0, 0.0, *_pooled(data, "tilt_change", middle)),
        source.at_least(above, "far from the solution; spec", 0.0, 0.0, *greedy),
    ]
