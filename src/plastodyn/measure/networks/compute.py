"""The report itself: a plan, two passes over the minibatches, Lanczos iterations, and what follows from them."""

import hashlib
import math
import sys
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from plastodyn import checks
from plastodyn.measure.networks import summary
from plastodyn.measure.networks.jax_network import jax_network
from plastodyn.measure.networks.krylov import Ritz, Sample, iterated
from plastodyn.measure.networks.memo import Memo
from plastodyn.measure.networks.network import Batch, Network, Vector
from plastodyn.measure.networks.plan import LEAST, Plan, planned
from plastodyn.measure.networks.probes import paired, probed
from plastodyn.measure.networks.result import Report
from plastodyn.measure.networks.slopes import mean_slope, without_direction
from plastodyn.measure.networks.torch_network import torch_network
from plastodyn.runtime.progress import Bar
from plastodyn.theory.bounds import Plasticity
from plastodyn.types import Key

_TRIED = 3
"""Minibatches whose losses tell whether a checkpoint is of the same loss and data."""


def report(
    loss: Callable[..., Any] | Network,
    weights: Any = None,
    batches: Iterable[Batch] | None = None,
    *,
    key: Key,
    update: Any = None,
    plasticity: Plasticity | None = None,
    precision: float = math.inf,
    budget: int = 1000,
    checkpoint: str | Path | None = None,
) -> Report:
    """Everything that this library can say of a trained network, from a number of products of its Hessian with vectors.

    One pass over the minibatches for the loss and the gradient; one for quadratic forms, ``E v'H_b v = tr H`` over random signs
    v, each on a minibatch of its own, so that the scatter holds the noise of both, and ``n'H_b n`` along the gradient; pairs of
    minibatches that share a probe, for tr H^2 and for what part of the scatter is the probe's; Lanczos iterations of a sample
    of minibatches for the largest curvatures and their density. A product costs about two gradients. Memory is that of the
    weights and a few vectors, never more than six times that of the weights beside what one minibatch needs.

    Args:
        loss: scalar function ``loss(weights, batch)``, a mean over the examples of a minibatch, or ``loss(weights)`` without
            data; for a PyTorch module ``loss(outputs, targets)``.
        weights: pytree of finite floating-point arrays, an equinox module, or a ``torch.nn.Module`` (extra ``torch``), which is
            run in eval mode; for another mode, give a `torch_network` as ``loss`` and None as ``weights``.
        batches: minibatches: a list, or a loader that can be gone through more than once. For PyTorch pairs of inputs and
            targets.
        key: random key.
        update: a direction, such as the last step of an optimiser: a pytree like the weights, or a dict of tensors by name.
        plasticity: gamma1, gamma2, gamma3 and T for `theory.bounds`; unless given the exact gradient step that lowers the loss
            most.
        precision: gamma1 / gamma2 of a noisy gradient rule, above 0; infinite for the exact gradient.
        budget: Hessian-vector products, at least 60, each on one minibatch.
        checkpoint: a file ``.npz`` that keeps what is known, so that a report that was stopped goes on from there. The
            minibatches must come in the same order again.

    Returns:
        `Report`: each quantity an `Estimate`.

    Raises:
        ValueError: if an argument is out of range, the loss fails, or the checkpoint is another report's.

    Source: Hutchinson (1990); Ubaru, Chen and Saad (2017); Raman and O'Leary (2021); Raman, Rotondo and O'Leary (2019); for the
    sharpness of minibatches Andreyev and Beneventano (2024).

    >>> import jax.numpy as jnp
    >>> found = report(lambda w, x: 0.5 * jnp.mean((x @ w) ** 2), jnp.ones(2), [2 * np.eye(2)] * 4, key=jax.random.key(0))
    >>> float(found.hessian_trace.value), round(float(found.eigenvalues.value[0]), 4), round(float(found.greedy_ratio.value), 4)
    (4.0, 2.0, 1.0)
    """
    checks.key("key", key)
    network = _in_random_order(_network(loss, weights, batches), key)
    checks.count("budget", budget, at_least=LEAST)
    checks.one_number("precision", precision, above=0, infinite=True)
    if plasticity is not None:
        checks.instance("plasticity", plasticity, Plasticity, "a pd.theory.bounds.Plasticity")
        for name, value in plasticity._asdict().items():
            checks.one_number(f"plasticity.{name}", value)
    along = None if update is None else _direction(network, update)
    plan = planned(budget, network.size, network.count(budget + 1), 3 + (along is not None))
    path = _path(checkpoint)
    # What a checkpoint belongs to costs a few gradients, and is asked where there is one.
    memo = Memo(path, "" if path is None else _question(network, key, plan, along))
    try:
        found = _measured(network, plan, along, key, memo)
    finally:
        memo.write()
    return summary.summarized(network, plan, found, plasticity, precision)


def _network(loss: Any, weights: Any, batches: Iterable[Batch] | None) -> Network:
    if isinstance(loss, Network):
        if weights is not None or batches is not None:
            checks.refuse("weights", weights, "None beside a network, which has its own, and so its batches")
        return loss
    # Who has a PyTorch module has imported PyTorch.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(weights, torch.nn.Module):
        if batches is None:
            raise ValueError("batches must be given for a PyTorch module: pairs (inputs, targets); got None")
        return torch_network(loss, weights, batches)
    return jax_network(loss, weights, batches)


def _in_random_order(network: Network, key: Key) -> Network:
    """The network with its minibatches shuffled, if they are a list: those seen first are to stand for all."""
    if not isinstance(network.batches, list | tuple):
        return network
    order = np.asarray(jax.random.permutation(jax.random.fold_in(key, 1), len(network.batches)))
    shuffled = copy(network)
    shuffled.batches = [network.batches[place] for place in order]
    return shuffled


def _direction(network: Network, update: Any) -> Vector:
    """The update as a unit vector of the network's own arrays."""
    named = isinstance(update, dict) and set(update) == set(network.names)
    try:
        leaves = [update[name] for name in network.names] if named else jax.tree.leaves(update)
        arrays = [np.asarray(leaf) for leaf in leaves]
    except Exception as error:
        raise ValueError(f"update must be arrays like the weights; got {checks.shown(update)}") from error
    plain = all(array.dtype.kind in "fiub" and np.isfinite(array).all() for array in arrays)
    if tuple(array.size for array in arrays) != network.sizes or not plain:
        sizes = [array.size for array in arrays]
        raise ValueError(f"update must be finite arrays like the weights, of {list(network.sizes)} numbers; got {sizes}")
    vector = network.read(
        [array.reshape(shape).astype(np.float32) for array, shape in zip(arrays, network.shapes, strict=True)]
    )
    length = network.norm(vector)
    if not length > 0:
        raise ValueError("update must not be zero: a zero vector has no curvature")
    return network.scaled(vector, 1 / length)


def _path(checkpoint: str | Path | None) -> Path | None:
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, str | Path) or Path(checkpoint).suffix != ".npz":
        checks.refuse("checkpoint", checkpoint, "a file whose name ends in .npz")
    path = Path(checkpoint)
    if path.is_dir() or not path.resolve().parent.is_dir():
        checks.refuse("checkpoint", str(path), "a file in a directory that is there")
    return path


def _question(network: Network, key: Key, plan: Plan, along: Vector | None) -> str:
    """What a checkpoint belongs to: weights, update, key and plan, and the losses of the first minibatches."""
    losses = [network.slope(batch)[0] for batch in network.minibatches(0, min(_TRIED, plan.minibatches))]
    digest = hashlib.sha256(repr((network.names, network.sizes, tuple(plan), losses)).encode())
    digest.update(np.asarray(jax.random.key_data(key)).tobytes())
    for vector in (network.weights, along):
        for array in network.written(vector) if vector is not None else []:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _measured(network: Network, plan: Plan, along: Vector | None, key: Key, memo: Memo) -> summary.Measured:
    keys = jax.random.split(key, 5)
    products = plan.products(3 + (along is not None))
    with Bar("report", plan.minibatches + products) as bar:
        slopes = mean_slope(network, plan, memo, bar)
        probes = probed(network, slopes.direction, along, key=keys[0], count=plan.probes, memo=memo, bar=bar)
        direction = slopes.direction
        images = paired(network, lambda _: direction, key=keys[3], count=plan.pairs, part="images", memo=memo, bar=bar)
        # What is needed no more is given back: memory is that of the part that needs most.
        slopes, direction = without_direction(slopes, memo), None
        signs = partial(_signs, network, keys[1])
        pairs = paired(network, signs, key=keys[4], count=plan.pairs, part="pairs", memo=memo, bar=bar)
        whole, parts = _iterations(network, plan, keys[2], memo, bar)
    return summary.Measured(slopes, probes, images, pairs, whole, parts, products)


def _signs(network: Network, key: Key, number: int) -> Vector:
    return network.signs(jax.random.fold_in(key, number))


def _iterations(network: Network, plan: Plan, key: Key, memo: Memo, bar: Bar) -> tuple[list[Ritz], list[Ritz]]:
    """Lanczos iterations of the whole sample, and of its parts."""
    sample = Sample(network, network.spread(plan.sample))
    everywhere = list(range(plan.sample))

    def one(number: int, places: list[int]) -> Ritz:
        own = jax.random.fold_in(key, number)
        return iterated(sample, places, lambda: network.normal(own), plan.depth, f"lanczos{number}", memo, bar)

    whole = [one(number, everywhere) for number in range(plan.starts)]
    cuts = np.array_split(everywhere, plan.groups) if plan.groups else []
    parts = [one(plan.starts + number, list(map(int, places))) for number, places in enumerate(cuts)]
    return whole, parts
