"""Time stepping. An explicit Runge-Kutta method is a table; adaptive and stiff methods come from diffrax."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.tree import Weights
from plastodyn.types import Activity

if TYPE_CHECKING:
    import diffrax

__all__ = ["Adaptive", "RungeKutta", "Solver", "adaptive", "euler", "heun", "rk4"]

Pair: TypeAlias = tuple[Weights | None, Activity]
"""Weights and activity, or their velocities or changes; ``None`` for what does not move."""

Field = Callable[[Array, Pair], Pair]
"""Velocity as a function of time and of the pair (weights, activity)."""


class Solver(eqx.Module):
    """Advances (weights, activity) by one step of the deterministic part."""

    one_device: ClassVar[bool] = False
    """Whether the solver cannot run inside a map over devices."""

    @property
    def first_order(self) -> bool:
        """Whether the method's order is 1, which restoring a constraint after each step does not spoil."""
        return False

    @property
    def reach(self) -> float:
        """Rate of decay times step up to which what decays stays stable; infinite where the step is the method's own."""
        return float("inf")

    def displacement(self, field: Field, time: Array, state: Pair, dt: Array) -> Pair:
        """The change of the state over ``dt``; ``None`` for a leaf that does not move."""
        raise NotImplementedError


class RungeKutta(Solver):
    """An explicit Runge-Kutta method given by its Butcher tableau (nodes follow from the rows of the matrix)."""

    matrix: tuple[tuple[float, ...], ...] = eqx.field(static=True)
    weights: tuple[float, ...] = eqx.field(static=True)

    @property
    def first_order(self) -> bool:
        """True of the Euler method alone."""
        return not self.matrix

    @property
    def reach(self) -> float:
        """Where ``|1 - z + z^2/2 - ...|`` first exceeds 1, for the methods whose order is their number of stages."""
        return {1: 2.0, 2: 2.0, 4: 2.7853}[len(self.weights)]

    def displacement(self, field: Field, time: Array, state: Pair, dt: Array) -> Pair:
        """``dt sum_i b_i k_i`` with ``k_i = f(t + c_i dt, y + dt sum_j a_ij k_j)``."""
        slopes: list[Pair] = []
        for row in ((), *self.matrix):
            stage = state
            for coefficient, slope in zip(row, slopes, strict=False):
                if coefficient:
                    stage = _add(stage, _scale(dt * coefficient, slope))
            slopes.append(field(time + sum(row) * dt, stage))
        total: Pair = (None, None)
        for weight, slope in zip(self.weights, slopes, strict=True):
            if weight:
                total = _add(total, _scale(dt * weight, slope))
        return total


class Adaptive(Solver):
    """An adaptive diffrax method, run afresh over each step; see `adaptive`."""

    method: diffrax.AbstractSolver
    relative_tolerance: float = eqx.field(static=True)
    absolute_tolerance: float = eqx.field(static=True)
    # The linear solves of implicit methods (lineax 0.1) refuse arrays that carry a device mesh.
    one_device: ClassVar[bool] = True

    def displacement(self, field: Field, time: Array, state: Pair, dt: Array) -> Pair:
        """The change that diffrax finds over one step; NaN where it gives up."""
        import diffrax  # noqa: PLC0415 - a second of import that few runs need

        # diffrax wants arrays only: a circuit without activity hands over its leaves, and gets its structure back.
        leaves, structure = jax.tree.flatten(state)

        def moving(t: Any, y: Any, args: Any) -> Any:
            del args
            here = jax.tree.unflatten(structure, y)
            still = jax.tree.map(jnp.zeros_like, here)
            velocity = field(jnp.asarray(t), here)
            return jax.tree.leaves(tuple(s if v is None else v for v, s in zip(velocity, still, strict=True)))

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(moving),
            self.method,
            time,
            time + dt,
            dt0=None,
            y0=leaves,
            stepsize_controller=diffrax.PIDController(rtol=self.relative_tolerance, atol=self.absolute_tolerance),
            throw=False,
        )
        failed = solution.result != diffrax.RESULTS.successful
        ends = solution.ys or leaves
        changes = [jnp.where(failed, jnp.nan, end[0] - start) for end, start in zip(ends, leaves, strict=True)]
        return jax.tree.unflatten(structure, changes)


euler = RungeKutta((), (1.0,))
"""Order 1; with fluctuations, Euler-Maruyama."""
heun = RungeKutta(((1.0,),), (0.5, 0.5))
"""Order 2, explicit trapezium."""
rk4 = RungeKutta(((0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6))
"""Order 4, the classical Runge-Kutta method."""


def adaptive(
    method: diffrax.AbstractSolver | None = None, relative_tolerance: float = 1e-6, absolute_tolerance: float = 1e-9
) -> Adaptive:
    """An adaptive or stiff solver for the deterministic part, from diffrax; ``dt`` is then the output interval.

    Args:
        method: any diffrax ODE solver; ``diffrax.Tsit5()`` unless given, ``diffrax.Kvaerno5()`` for stiff problems.
        relative_tolerance: of the local error, above 0.
        absolute_tolerance: of the local error, above 0.

    Raises:
        ValueError: if a tolerance is not positive.

    >>> adaptive(relative_tolerance=1e-4).relative_tolerance
    0.0001
    """
    checks.one_number("relative_tolerance", relative_tolerance, above=0)
    checks.one_number("absolute_tolerance", absolute_tolerance, above=0)
    import diffrax  # noqa: PLC0415 - as above

    if method is not None:
        checks.instance("method", method, diffrax.AbstractSolver, "a diffrax solver, such as diffrax.Tsit5()")

    return Adaptive(method or diffrax.Tsit5(), relative_tolerance, absolute_tolerance)


def _scale(factor: Array, change: Pair) -> Pair:
    weights, activity = change
    return tree.scale(factor, weights), tree.scale(factor, activity)


def _add(state: Pair, change: Pair) -> Pair:
    weights, activity = state
    return tree.add(weights, change[0]), tree.add(activity, change[1])
