"""Tuned NumPy and PyTorch loops for figure 5 of Raman and O'Leary (2021), the rivals of the benchmark.

All three use the same exact reformulation of the loop. With t = tanh(W1 X / 2), sigmoid(W1 X) = (1 + t) / 2, so that
W2 H = [W2 / 2, rowsum(W2) / 2] [t; 1], and H (1 - H) = (1 - t^2) / 4: the sigmoid costs one pass over the hidden layer,
not four. A gradient scaled to norm 1 may be computed up to a positive factor.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import statistics
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


def numpy_chunked(
    problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 4, *, box_muller: bool = False
) -> tuple[FloatArray, float]:
    """Train with batched NumPy.

    Args:
        problem: the students to train.
        replicas: number of replicas.
        steps: number of steps.
        processes: number of worker processes, of one BLAS thread each.
        chunk: replicas that a worker carries at once.
        box_muller: draw the noise from vectorised uniform numbers, not from the generator's own (ziggurat) normal.

    Returns:
        The loss of every step and replica, (steps, replicas), and the seconds spent in the loop.
    """
    loop = functools.partial(_numpy_losses, box_muller=box_muller)
    return _run(loop, problem, replicas, steps, processes=processes, chunk=chunk)


def torch_eager(problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 12) -> tuple[FloatArray, float]:
    """Train with batched PyTorch in inference mode; arguments and results as `numpy_chunked`."""
    return _run(_torch_eager_losses, problem, replicas, steps, processes=processes, chunk=chunk)


def torch_compiled(
    problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 8, *, steps_per_call: int = 4
) -> tuple[FloatArray, float]:
    """Train with `torch.compile`; arguments and results as `numpy_chunked`.

    `steps_per_call` steps are compiled into one function, which spreads the cost of a call over them.
    """
    loop = functools.partial(_torch_compiled_losses, steps_per_call=steps_per_call)
    return _run(loop, problem, replicas, steps, processes=processes, chunk=chunk)


# ---------------------------------------------------------------------------------------------------------------- processes

_shared: dict[str, Barrier] = {}


def _run(
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


# -------------------------------------------------------------------------------------------------------------------- NumPy


def _numpy_losses(problem: Problem, steps: int, seed: int, box_muller: bool = False) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    count = len(problem.w1)
    network = _NumpyGradient(problem.x, problem.y, count)
    weights = np.concatenate([problem.w1.reshape(count, W1_SIZE), problem.w2.reshape(count, W2_SIZE)], axis=1)
    directions = np.empty((3, count, WEIGHTS), np.float32)
    lengths = np.stack([-np.asarray(problem.gamma1), np.asarray(problem.gamma2), np.asarray(problem.eps)])
    squares, update = np.empty((3, count), np.float32), np.empty((count, 1, WEIGHTS), np.float32)
    by_replica = directions.transpose(1, 0, 2)
    losses = np.empty((steps, count), np.float32)
    draw = _box_muller if box_muller else _ziggurat
    noise = draw(np.random.Generator(np.random.SFC64(seed)), (2, count, WEIGHTS))
    for step in range(steps):
        network.gradient(weights, directions[0], losses[step])
        directions[1:] = next(noise)
        np.vecdot(directions, directions, out=squares)
        np.sqrt(squares, out=squares)
        np.divide(lengths, squares, out=squares)
        np.matmul(squares.T[:, None, :], by_replica, out=update)
        weights += update[:, 0]
    losses /= OUTPUTS * EXAMPLES
    return losses


class _NumpyGradient:
    """The gradient of a chunk of networks, up to a positive factor, in buffers allocated once."""

    def __init__(self, x: FloatArray, y: FloatArray, count: int) -> None:
        self.x, self.y = _aligned(*x.shape), _aligned(*y.shape)
        self.x[:], self.y[:] = x, y
        self.half_w1 = _aligned(count, HIDDEN, INPUTS)
        self.half_w2 = _aligned(count, OUTPUTS, HIDDEN + 1)
        # The last row of the hidden layer stays 1: it carries the constant half of the sigmoid.
        self.hidden = _aligned(count, HIDDEN + 1, EXAMPLES)
        self.hidden[:, HIDDEN] = 1
        self.tanh, self.slope = self.hidden[:, :HIDDEN], _aligned(count, HIDDEN, EXAMPLES)
        self.back = _aligned(count, HIDDEN, EXAMPLES)
        self.error = _aligned(count, OUTPUTS, EXAMPLES)
        self.flat_error = self.error.reshape(count, -1)
        self.error_hidden = _aligned(count, OUTPUTS, HIDDEN + 1)
        self.back_x = _aligned(count, HIDDEN, INPUTS)

    def gradient(self, weights: FloatArray, gradient: FloatArray, square_error: FloatArray) -> None:
        """Write the gradient (replicas, 440) and the sum of squared errors (replicas,)."""
        count = len(weights)
        w2 = weights[:, W1_SIZE:].reshape(count, OUTPUTS, HIDDEN)
        np.multiply(weights[:, :W1_SIZE].reshape(count, HIDDEN, INPUTS), np.float32(0.5), out=self.half_w1)
        np.multiply(w2, np.float32(0.5), out=self.half_w2[:, :, :HIDDEN])
        np.add.reduce(self.half_w2[:, :, :HIDDEN], axis=2, out=self.half_w2[:, :, HIDDEN])
        np.matmul(self.half_w1, self.x, out=self.tanh)
        np.tanh(self.tanh, out=self.tanh)
        np.matmul(self.half_w2, self.hidden, out=self.error)
        np.subtract(self.error, self.y, out=self.error)
        np.vecdot(self.flat_error, self.flat_error, out=square_error)
        np.matmul(self.error, self.hidden.transpose(0, 2, 1), out=self.error_hidden)
        np.matmul(self.half_w2[:, :, :HIDDEN].transpose(0, 2, 1), self.error, out=self.back)
        np.multiply(self.tanh, self.tanh, out=self.slope)
        np.subtract(np.float32(1), self.slope, out=self.slope)
        np.multiply(self.slope, self.back, out=self.slope)
        np.matmul(self.slope, self.x.T, out=self.back_x)
        # Both parts are twice the gradient of half the squared error: dW2 = E (t + 1)' and dW1 = (W2' E (1 - t^2) / 2) X'.
        gradient[:, :W1_SIZE] = self.back_x.reshape(count, W1_SIZE)
        w2_part = gradient[:, W1_SIZE:].reshape(count, OUTPUTS, HIDDEN)
        np.add(self.error_hidden[:, :, :HIDDEN], self.error_hidden[:, :, HIDDEN:], out=w2_part)


def _aligned(*shape: int) -> FloatArray:
    """Return an empty array on a cache line: NumPy's own alignment makes products of two arrays half as fast."""
    size = 4 * int(np.prod(shape))
    raw = np.empty(size + 64, np.uint8)
    first = -raw.ctypes.data % 64
    return raw[first : first + size].view(np.float32).reshape(shape)


def _ziggurat(generator: np.random.Generator, shape: tuple[int, ...]) -> Iterator[FloatArray]:
    """Yield arrays of normal numbers, each valid until the next."""
    values = np.empty(shape, np.float32)
    while True:
        yield generator.standard_normal(dtype=np.float32, out=values)


def _box_muller(generator: np.random.Generator, shape: tuple[int, ...], block: int = 16) -> Iterator[FloatArray]:
    """Yield arrays of normal numbers, drawn for `block` steps at once; the first axis of the shape is 2."""
    radius, angle, cosine = (_aligned(block, *shape[1:]) for _ in range(3))
    values = _aligned(block, *shape)
    while True:
        generator.random(dtype=np.float32, out=radius)
        generator.random(dtype=np.float32, out=angle)
        np.subtract(np.float32(1), radius, out=radius)
        np.log(radius, out=radius)
        np.multiply(radius, np.float32(-2), out=radius)
        np.sqrt(radius, out=radius)
        np.multiply(angle, np.float32(2 * np.pi), out=angle)
        np.cos(angle, out=cosine)
        np.sin(angle, out=angle)
        np.multiply(radius, cosine, out=values[:, 0])
        np.multiply(radius, angle, out=values[:, 1])
        yield from values


# ------------------------------------------------------------------------------------------------------------------ PyTorch


def _torch_eager_losses(problem: Problem, steps: int, seed: int) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    with torch.inference_mode():
        weights, lengths = _torch_state(problem)
        network = _TorchGradient(torch.from_numpy(problem.x), torch.from_numpy(problem.y), len(weights))
        directions = torch.empty(3, len(weights), WEIGHTS)
        gradient, noise = directions[0], directions[1:]
        norms = torch.empty(3, len(weights))
        losses = torch.empty(steps, len(weights))
        for error_norm in losses.unbind(0):
            network.gradient(weights, gradient, error_norm)
            noise.normal_()
            torch.linalg.vector_norm(directions, dim=2, out=norms)
            torch.div(lengths, norms, out=norms)
            weights += directions.mul_(norms[:, :, None]).sum(0)
        return (losses.square_() / (OUTPUTS * EXAMPLES)).numpy()


def _torch_state(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights (replicas, 440) and the signed lengths (3, replicas) of the three parts of an update."""
    import torch  # noqa: PLC0415

    weights = torch.cat([torch.from_numpy(problem.w1).flatten(1), torch.from_numpy(problem.w2).flatten(1)], dim=1)
    lengths = np.stack([-np.asarray(problem.gamma1), np.asarray(problem.gamma2), np.asarray(problem.eps)])
    return weights, torch.from_numpy(lengths)


class _TorchGradient:
    """The gradient of a chunk of networks, up to a positive factor, in buffers allocated once."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, count: int) -> None:
        import torch  # noqa: PLC0415

        self.torch = torch
        self.x, self.x_transposed, self.y = x, x.T, y
        self.half_w1 = torch.empty(count, HIDDEN, INPUTS)
        self.half_w2 = torch.empty(count, OUTPUTS, HIDDEN + 1)
        self.potential = torch.empty(count, HIDDEN, EXAMPLES)
        # The last row of the hidden layer stays 1: it carries the constant half of the sigmoid.
        self.hidden = torch.ones(count, HIDDEN + 1, EXAMPLES)
        self.tanh, self.hidden_transposed = self.hidden[:, :HIDDEN], self.hidden.mT
        self.error = torch.empty(count, OUTPUTS, EXAMPLES)
        self.error_hidden = torch.empty(count, OUTPUTS, HIDDEN + 1)
        self.back = torch.empty(count, HIDDEN, EXAMPLES)
        self.back_x = torch.empty(count, HIDDEN, INPUTS)
        self.half_w2_transposed = self.half_w2[:, :, :HIDDEN].mT

    def gradient(self, weights: torch.Tensor, gradient: torch.Tensor, error_norm: torch.Tensor) -> None:
        """Write the gradient (replicas, 440) and the norm of the errors (replicas,)."""
        torch, count = self.torch, len(weights)
        half_w2 = self.half_w2[:, :, :HIDDEN]
        torch.mul(weights[:, :W1_SIZE].view(count, HIDDEN, INPUTS), 0.5, out=self.half_w1)
        torch.mul(weights[:, W1_SIZE:].view(count, OUTPUTS, HIDDEN), 0.5, out=half_w2)
        torch.sum(half_w2, dim=2, out=self.half_w2[:, :, HIDDEN])
        torch.mm(self.half_w1.view(-1, INPUTS), self.x, out=self.potential.view(-1, EXAMPLES))
        torch.tanh(self.potential, out=self.tanh)
        torch.bmm(self.half_w2, self.hidden, out=self.error)
        self.error.sub_(self.y)
        torch.linalg.vector_norm(self.error.flatten(1), dim=1, out=error_norm)
        torch.bmm(self.error, self.hidden_transposed, out=self.error_hidden)
        torch.bmm(self.half_w2_transposed, self.error, out=self.back)
        torch.ops.aten.tanh_backward(self.back, self.tanh, grad_input=self.back)
        torch.mm(self.back.view(-1, EXAMPLES), self.x_transposed, out=self.back_x.view(-1, INPUTS))
        # Both parts are twice the gradient of half the squared error: dW2 = E (t + 1)' and dW1 = (W2' E (1 - t^2) / 2) X'.
        gradient[:, :W1_SIZE].copy_(self.back_x.flatten(1))
        w2_part = gradient[:, W1_SIZE:].view(count, OUTPUTS, HIDDEN)
        torch.add(self.error_hidden[:, :, :HIDDEN], self.error_hidden[:, :, HIDDEN:], out=w2_part)


def _torch_compiled_losses(problem: Problem, steps: int, seed: int, steps_per_call: int = 4) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    with torch.inference_mode():
        weights, lengths = _torch_state(problem)
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


def _report(replicas: int = 96, steps: int = 200, repeats: int = 5) -> None:
    """Print the microseconds per replica-step of each rival."""
    problem = make_problem(0)
    rivals = {
        "numpy_chunked": numpy_chunked,
        "numpy_chunked, Box-Muller": functools.partial(numpy_chunked, box_muller=True),
        "torch_eager": torch_eager,
        "torch_compiled": torch_compiled,
    }
    for name, rival in rivals.items():
        times = [1e6 * rival(problem, replicas, steps)[1] / (replicas * steps) for _ in range(repeats)]
        print(f"{name:26} {min(times):6.1f} us per replica-step at best, {statistics.median(times):6.1f} in the median")


if __name__ == "__main__":
    _report()
