"""Tuned rivals of the benchmark: the fastest exact reformulations of the figure-5 loop in NumPy and PyTorch that we know.

With t = tanh(W1 X / 2), sigmoid(W1 X) = (1 + t) / 2, so that W2 H = [W2 / 2, rowsum(W2) / 2] [t; 1], and
H (1 - H) = (1 - t^2) / 4: the sigmoid costs one pass over the hidden layer, not four. A gradient scaled to norm 1 may be
computed up to a positive factor. Buffers are allocated once; NumPy's noise comes from vectorised Box-Muller.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from rivals import EXAMPLES, HIDDEN, INPUTS, OUTPUTS, W1_SIZE, W2_SIZE, WEIGHTS, FloatArray, Problem, run, torch_state

if TYPE_CHECKING:
    import torch


def numpy_tuned(problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 4) -> tuple[FloatArray, float]:
    """Train with reformulated NumPy; arguments and results as `rivals.numpy_chunked`."""
    return run(_numpy_losses, problem, replicas, steps, processes=processes, chunk=chunk)


def torch_tuned(problem: Problem, replicas: int, steps: int, processes: int = 2, chunk: int = 12) -> tuple[FloatArray, float]:
    """Train with reformulated PyTorch, eager; arguments and results as `rivals.numpy_chunked`."""
    return run(_torch_losses, problem, replicas, steps, processes=processes, chunk=chunk)


def _numpy_losses(problem: Problem, steps: int, seed: int) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    count = len(problem.w1)
    network = _NumpyGradient(problem.x, problem.y, count)
    weights = np.concatenate([problem.w1.reshape(count, W1_SIZE), problem.w2.reshape(count, W2_SIZE)], axis=1)
    directions = np.empty((3, count, WEIGHTS), np.float32)
    lengths = np.stack([-np.asarray(problem.gamma1), np.asarray(problem.gamma2), np.asarray(problem.eps)])
    squares, update = np.empty((3, count), np.float32), np.empty((count, 1, WEIGHTS), np.float32)
    by_replica = directions.transpose(1, 0, 2)
    losses = np.empty((steps, count), np.float32)
    noise = _box_muller(np.random.Generator(np.random.SFC64(seed)), (2, count, WEIGHTS))
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


def _torch_losses(problem: Problem, steps: int, seed: int) -> FloatArray:
    """Return the losses (steps, replicas) of a chunk of replicas."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    with torch.inference_mode():
        weights, lengths = torch_state(problem)
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
