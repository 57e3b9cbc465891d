"""How a budget of products is spent: on probes of the trace, on pairs of minibatches, and on Lanczos iterations."""

from typing import NamedTuple

LEAST = 60
"""Products; with fewer no error could be told."""
_PROBES = 12
"""One product in so many is of a probe: with those along the gradients a quarter of all."""
_PAIRS = 40
_DEPTH = 40
_SHALLOWEST = 25
"""Lanczos steps that are enough where in return all minibatches are in the sample."""
_DEEPEST = 120
_GROUPS = 4
_LARGE = 20_000
"""From this size on one starting vector tells the density as well as many."""
_STARTS = 8


class Plan(NamedTuple):
    """Numbers of minibatches and products; a product is of one minibatch."""

    minibatches: int
    """Over which the gradient is taken."""
    probes: int
    """Random signs, each on a minibatch of its own."""
    pairs: int
    """Random signs, each on two minibatches."""
    depth: int
    """Lanczos steps."""
    sample: int
    """Minibatches whose mean Hessian the Lanczos iterations are of."""
    starts: int
    """Starting vectors on the whole sample."""
    groups: int
    """Parts of the sample, each with a Lanczos iteration of its own, from which the errors of eigenvalues come."""
    complete: bool
    """Whether the minibatches are all there are: then the loss is their mean, and they are no sample."""

    def products(self, directions: int) -> int:
        """In all, ``directions`` of them for each probe."""
        return self.probes * directions + 4 * self.pairs + (self.starts + (self.groups > 0)) * self.sample * self.depth


def planned(budget: int, size: int, minibatches: int, directions: int) -> Plan:
    """The plan for a network.

    Args:
        budget: products in all, at least `LEAST`.
        size: N, the number of weights.
        minibatches: that there are; more than the budget stand for any number.
        directions: products for each probe.

    >>> plan = planned(1000, 10_000_000, 1001, 3)
    >>> plan.probes, plan.pairs, plan.sample, plan.depth, plan.starts, plan.groups, plan.products(3)
    (83, 25, 8, 40, 1, 4, 989)
    >>> budgets, sizes, numbers = (60, 99, 1000, 5000), (2, 300, 10**6), (1, 2, 9, 10**6)
    >>> all(planned(b, n, m, 3).products(3) <= b for b in budgets for n in sizes for m in numbers)
    True
    """
    probes, pairs = max(4, budget // _PROBES), max(3, budget // _PAIRS)
    left = budget - probes * directions - 4 * pairs
    depth = min(size, _DEPTH)
    complete = minibatches <= budget
    most = 2 if size > _LARGE else _STARTS
    if complete and left // (2 * min(depth, _SHALLOWEST)) >= minibatches:
        # The sample is all there is: its parts would say nothing.
        starts = max(2, min(most, left // (minibatches * depth)))
        deeper = min(size, _DEEPEST, left // (minibatches * starts))
        return Plan(minibatches, probes, pairs, deeper, minibatches, starts, 0, complete)
    # As many minibatches as can be: what they differ by counts for more than what starting vectors do.
    sample = max(2, min(minibatches, left // (2 * depth)))
    deeper = max(1, min(size, _DEEPEST, left // (2 * sample)))
    return Plan(min(minibatches, budget), probes, pairs, deeper, sample, 1, min(_GROUPS, sample), complete)
