"""Plain rivals of the benchmark: the figure-5 loop of Raman and O'Leary (2021) in batched NumPy and PyTorch.

The same arithmetic as the engine's, written as one would write it: logistic sigmoid, backpropagation by hand, exact norms,
the libraries' own normal numbers. Each of two processes, with one thread, carries chunks of replicas through all steps.
`rivals_tuned` holds the fastest reformulations that we know.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float32]

INPUTS, HIDDEN, OUTPUTS, EXAMPLES = 12, 20, 10, 1000
W1_SIZE, W2_SIZE = HIDDEN * INPUTS, OUTPUTS * HIDDEN
WEIGHTS = W1_SIZE + W2_SIZE
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
START_TIMEOUT = 600.0


@dataclass(frozen=True)
class Problem:
    """Students to train: weights shared by the replicas, or with a leading replica axis; rates likewise.

    Attributes:
        w1: first weights at the start, (20, 12) or (replicas, 20, 12).
        w2: second weights at the start, (10, 20) or (replicas, 10, 20).
        x: inputs of all replicas, (12, 1000).
        y: targets of all replicas, (10, 1000).
        gamma1: length of the step down the gradient, a scalar or (replicas,).
        gamma2: length of the noise of the learning rule, a scalar or (replicas,).
        eps: length of the intrinsic noise, a scalar or (replicas,).
        seed: seed of the noise.
    """

    w1: FloatArray
    w2: FloatArray
    x: FloatArray
    y: FloatArray
    gamma1: float | FloatArray
    gamma2: float | FloatArray
    eps: float | FloatArray
    seed: int = 0


ChunkLoop = Callable[[Problem, int, int], FloatArray]


def make_problem(seed: int) -> Problem:
    """Return a student and the targets of a random teacher of the same shape, with both noises on."""
    generator = np.random.default_rng(seed)

    def normal(*shape: int) -> FloatArray:
        return generator.standard_normal(shape, dtype=np.float32)

    x = normal(INPUTS, EXAMPLES)
    y = normal(OUTPUTS, HIDDEN) @ (1 / (1 + np.exp(-normal(HIDDEN, INPUTS) @ x)))
    return Problem(normal(HIDDEN, INPUTS), normal(OUTPUTS, HIDDEN), x, y, gamma1=0.02, gamma2=0.04, eps=0.01, seed=seed)


def numpy_chunked(problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 4) -> tuple[FloatArray, float]:
    """Train with batched NumPy.

    Args:
        problem: the students to train.
        replicas: number of replicas.
        steps: number of steps.
        processes: number of worker processes, of one BLAS thread each.
        chunk: replicas that a worker carries at once.

    Returns:
        The loss of every step and replica, (steps, replicas), and the seconds spent in the loop.
    """
    return run(_numpy_losses, problem, replicas, steps, processes=processes, chunk=chunk)


def torch_eager(problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 8) -> tuple[FloatArray, float]:
    """Train with batched PyTorch in inference mode; arguments and results as `numpy_chunked`."""
    return run(_torch_eager_losses, problem, replicas, steps, processes=processes, chunk=chunk)


def torch_compiled(
    problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 8, *, steps_per_call: int = 4
) -> tuple[FloatArray, float]:
    """Train with `torch.compile`; arguments and results as `numpy_chunked`.

    `steps_per_call` steps are compiled into one function, which spreads the cost of a call over them.
    """
    loop = functools.partial(_torch_compiled_losses, steps_per_call=steps_per_call)
    return run(loop, problem, replicas, steps, processes=processes, chunk=chunk)


_shared: dict[str, Barrier] = {}


def run(
    loop: ChunkLoop, problem: Problem, replicas: int, steps: int, *, processes: int, chunk: int
) -> tuple[FloatArray, float]:
    """Share the replicas among the processes and return all losses and the seconds of the slowest process."""
    processes = min(processes, replicas)
    context = multiprocessing.get_context("spawn")
    bounds = np.linspace(0, replicas, processes + 1).astype(int)
    with (
        _one_thread_each(),
        ProcessPoolExecutor(processes, context, _keep_barrier, (context.Barrier(processes),)) as pool,
    ):
        shares = [_take(problem, replicas, int(first), int(last)) for first, last in itertools.pairwise(bounds)]
        futures = [pool.submit(_work, loop, share, steps, chunk) for share in shares]
        results = [future.result() for future in futures]
    return np.concatenate([losses for losses, _ in results], axis=1), max(seconds for _, seconds in results)


def _keep_barrier(barrier: Barrier) -> None:
    """Keep the barrier in a new process: it can be inherited, but not sent with a task."""
    _shared["barrier"] = barrier


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Have processes started here import NumPy and PyTorch with one thread."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _take(problem: Problem, replicas: int, first: int, last: int) -> Problem:
    """Return the replicas from first to last (excluded) of a problem, each with its own weights and rates."""

    def part(values: float | FloatArray, *shape: int) -> FloatArray:
        return np.array(np.broadcast_to(np.asarray(values, np.float32), (replicas, *shape))[first:last])

    return replace(
        problem,
        w1=part(problem.w1, HIDDEN, INPUTS),
        w2=part(problem.w2, OUTPUTS, HIDDEN),
        gamma1=part(problem.gamma1),
        gamma2=part(problem.gamma2),
        eps=part(problem.eps),
        seed=problem.seed + first,
    )


def _work(loop: ChunkLoop, problem: Problem, steps: int, chunk: int) -> tuple[FloatArray, float]:
    """Carry chunk after chunk through all steps, timed from the moment at which all processes are ready."""
    barrier = _shared["barrier"]
    count = len(problem.w1)
    chunks = [_take(problem, count, first, min(first + chunk, count)) for first in range(0, count, chunk)]
    try:
        for warm_up in {len(part.w1): part for part in chunks}.values():
            loop(warm_up, min(steps, 20), warm_up.seed)
        barrier.wait(START_TIMEOUT)
    except BaseException:
        barrier.abort()
        raise
    start = time.perf_counter()
    losses = [loop(part, steps, part.seed) for part in chunks]
    seconds = time.perf_counter() - start
    return np.concatenate(losses, axis=1), seconds


def _numpy_losses(problem: Problem, steps: int, seed: int) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    generator = np.random.default_rng(seed)
    w1, w2 = problem.w1.copy(), problem.w2.copy()
    count = len(w1)
    rates = [np.asarray(rate)[:, None] for rate in (-problem.gamma1, problem.gamma2, problem.eps)]
    losses = np.empty((steps, count), np.float32)
    for step in range(steps):
        hidden = 1 / (1 + np.exp(-(w1 @ problem.x)))
        error = w2 @ hidden - problem.y
        losses[step] = np.mean(error**2, axis=(1, 2))
        back = (w2.transpose(0, 2, 1) @ error) * hidden * (1 - hidden)
        parts = [(back @ problem.x.T).reshape(count, -1), (error @ hidden.transpose(0, 2, 1)).reshape(count, -1)]
        gradient = np.concatenate(parts, axis=1)
        noise = generator.standard_normal((2, count, WEIGHTS), dtype=np.float32)
        change = sum(
            rate * direction / np.linalg.norm(direction, axis=1, keepdims=True)
            for rate, direction in zip(rates, (gradient, *noise), strict=True)
        )
        w1 += change[:, :W1_SIZE].reshape(w1.shape)
        w2 += change[:, W1_SIZE:].reshape(w2.shape)
    return losses


def _torch_eager_losses(problem: Problem, steps: int, seed: int) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    with torch.inference_mode():
        weights, lengths = torch_state(problem)
        x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)
        losses = torch.empty(steps, len(weights))
        for step in range(steps):
            weights, losses[step] = _torch_step(weights, lengths, x, y)
        return losses.numpy()


def torch_state(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights (replicas, 440) and the signed lengths (3, replicas) of the three parts of an update."""
    import torch  # noqa: PLC0415

    weights = torch.cat([torch.from_numpy(problem.w1).flatten(1), torch.from_numpy(problem.w2).flatten(1)], dim=1)
    lengths = np.stack([-np.asarray(problem.gamma1), np.asarray(problem.gamma2), np.asarray(problem.eps)])
    return weights, torch.from_numpy(lengths)


def _torch_compiled_losses(problem: Problem, steps: int, seed: int, steps_per_call: int = 4) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    with torch.inference_mode():
        weights, lengths = torch_state(problem)
        x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)
        losses = []
        for first in range(0, steps, steps_per_call):
            advance = _compiled_steps(min(steps_per_call, steps - first))
            weights, *new = advance(weights, lengths, x, y)
            losses += new
        return torch.stack(losses).numpy()


@functools.cache
def _compiled_steps(steps: int) -> Callable[..., list[torch.Tensor]]:
    """Return a compiled function that takes several steps and returns the weights and the loss of each step."""
    import torch  # noqa: PLC0415
    from torch._inductor import config  # noqa: PLC0415

    # Compilation in this process: a pool of compilers would stay alive beside the timed loop.
    config.compile_threads = 1
    # The compiler's own random numbers are not vectorised: eager ones make the whole step twice as fast.
    config.fallback_random = True

    def advance(weights: torch.Tensor, lengths: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        losses = []
        for _ in range(steps):
            weights, loss = _torch_step(weights, lengths, x, y)
            losses.append(loss)
        return [weights, *losses]

    return torch.compile(advance, fullgraph=True, dynamic=False, options={"cpp_wrapper": True})


def _torch_step(
    weights: torch.Tensor, lengths: torch.Tensor, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights after a step and the loss before it, as plain operations for the compiler to fuse."""
    import torch  # noqa: PLC0415

    count = len(weights)
    w1 = weights[:, :W1_SIZE].reshape(-1, INPUTS)
    w2 = weights[:, W1_SIZE:].reshape(count, OUTPUTS, HIDDEN)
    hidden = torch.sigmoid(w1 @ x).view(count, HIDDEN, EXAMPLES)
    error = torch.bmm(w2, hidden) - y
    loss = error.square().mean((1, 2))
    back = torch.bmm(w2.mT, error) * hidden * (1 - hidden)
    w1_part = back.view(-1, EXAMPLES) @ x.T
    w2_part = torch.bmm(error, hidden.mT)
    gradient = torch.cat([w1_part.view(count, W1_SIZE), w2_part.view(count, W2_SIZE)], dim=1)
    directions = torch.cat([gradient[None], torch.randn(2, count, WEIGHTS)])
    norms = directions.square().sum(2).sqrt()
    return weights + (directions * (lengths / norms)[:, :, None]).sum(0), loss
