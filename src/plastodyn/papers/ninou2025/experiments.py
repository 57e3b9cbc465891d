"""What is computed at a point of each sweep: top-level functions, so that worker processes can import them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree

import plastodyn as pd
from plastodyn.circuits import LinearStudentTeacher, Matched, StudentTeacher
from plastodyn.papers.ninou2025.setups import LAYERS, TanhNetworks, curl_descent, linear_networks, tanh_networks, tested
from plastodyn.rules import Moment, Rule

Point = dict[str, np.ndarray]

_SETTLED_ERROR = 1e-16
_CHECK_EVERY = 1000
_PEAK_EVERY = 5
_TANGENT_EVERY = 10
_ORDER_WINDOW = 999
_ORDER_WEIGHTS = 400
CONVERGED = 1e-3
"""Training error at which a network of figure 5 has converged."""
_FINE_EPOCHS = 1000
_COARSE_EVERY = 25


def training_error(moment: Moment) -> Array:
    """``1/2 mean (y - y*)^2`` on the training inputs."""
    return moment.loss()


def test_error(moment: Moment) -> Array:
    """``1/2 mean (y - y*)^2`` on the test inputs."""
    return cast(LinearStudentTeacher, moment.circuit).test_error(moment.weights)


def settled(moment: Moment) -> Array:
    """At machine precision and not about to leave: the training error is no longer rising."""
    assert moment.rule is not None
    velocity = moment.rule.velocity(moment, moment.state)
    rise = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, moment.gradient(), velocity)))
    return (moment.loss() < _SETTLED_ERROR) & (rise <= 0)


def some_weights(moment: Moment) -> Array:
    """Evenly spaced weights of both layers: enough for means over weights, without a history of all of them."""
    flat = ravel_pytree(moment.weights)[0]
    return flat[np.linspace(0, flat.size - 1, min(_ORDER_WEIGHTS, flat.size)).astype(int)]


def phase_point(point: Point, key: Array, *, layer: str, start: str, seeds: int, epochs: int) -> xr.Dataset:
    """Test error at the end, and highest training error on the way, of linear networks (figures 3a, 4a and 4b).

    Args:
        point: one ``compression`` and any number of ``fraction``.
        key: of this point.
        layer: which holds the flipped neurons, ``hidden`` or ``readout``.
        start: ``random`` or ``teacher``.
        seeds: networks at each point.
        epochs: at most; networks that have settled at machine precision, or diverged, retire.
    """
    record: list[Any] = [pd.observe(test_error, start=-1)]
    if start == "teacher":
        record.append(pd.observe(training_error, every=_PEAK_EVERY))
    key_networks, key_run = jax.random.split(key)
    learn = functools.partial(_learn, key=key_run, epochs=epochs, record=record)
    with jax.enable_x64(True):
        networks = linear_networks(float(point["compression"][0]), seeds, start, key_networks)
        run = _FLIPS[layer](networks, point["fraction"], learn)
    found = {"test_error": run.test_error.isel(step=-1, drop=True), "status": run.status, "steps_taken": run.steps_taken}
    if start == "teacher":
        found["peak_error"] = run.training_error.max("step_training_error")
    return _at_compression(xr.Dataset(found), point)


def order_point(point: Point, key: Array, *, layer: str, seeds: int, epochs: int) -> xr.Dataset:
    """The order parameter q over the last 999 epochs, started next to the solution manifold (figure 3b)."""
    record = [pd.observe(some_weights, start=-_ORDER_WINDOW)]
    key_networks, key_run = jax.random.split(key)
    with jax.enable_x64(True):
        networks = linear_networks(float(point["compression"][0]), seeds, "normalised", key_networks)
        rule = curl_descent(pd.axis("fraction", point["fraction"]), layer)
        run = _learn(networks, rule, key=key_run, epochs=epochs, record=record)
    q = pd.measure.order_parameter(run.some_weights.rename(some_weights_0="weight").transpose(..., "step", "weight"))
    return _at_compression(xr.Dataset({"order_parameter": q, "status": run.status}), point)


def _flipped_inputs(
    networks: list[LinearStudentTeacher], fractions: np.ndarray, learn: Callable[..., xr.Dataset]
) -> xr.Dataset:
    """Exactly equivalent networks: flipped inputs leave the hidden units their rotations."""
    reached = [pd.circuits.reachable(network) for network in networks]
    return learn(reached, curl_descent(pd.axis("fraction", fractions), "hidden"))


def _flipped_hidden(
    networks: list[LinearStudentTeacher], fractions: np.ndarray, learn: Callable[..., xr.Dataset]
) -> xr.Dataset:
    """Exactly equivalent networks: flipped hidden units leave the inputs their rotations, and units of one sign theirs."""
    turned = pd.circuits.principal_axes(networks)
    runs = []
    for fraction in fractions:
        signs = pd.rules.presynaptic(fraction, LAYERS["readout"]).signs(networks[0].weights).kernels[1][0]
        reached, (kept, *_) = zip(*(pd.circuits.reachable_by_sign(network, signs) for network in turned), strict=True)
        runs.append(learn(list(reached), curl_descent(kept, "readout")))
    return cast(xr.Dataset, xr.concat(runs, xr.DataArray(fractions, dims="fraction", name="fraction")))


_FLIPS = {"hidden": _flipped_inputs, "readout": _flipped_hidden}


def _learn(
    networks: list[LinearStudentTeacher], rule: Rule, *, key: Array, epochs: int, record: Sequence[object]
) -> xr.Dataset:
    return pd.simulate(
        networks,
        rule,
        steps=epochs,
        key=key,
        record=record,
        # A question costs what some hundred steps of a single network do.
        until=pd.observe(settled, every=max(_CHECK_EVERY, epochs // 20)),
        progress=False,
    )


def _at_compression(found: xr.Dataset, point: Point) -> xr.Dataset:
    """The result with its one compression ratio as the leading dimension."""
    return found.expand_dims(compression=point["compression"]).transpose("compression", "fraction", "replica", ...)


def squared_error(moment: Moment) -> Array:
    """``1/2 mean (y - y*)^2`` of a tanh network, whatever loss it descends."""
    return cast(Matched, moment.circuit).task_error(moment.weights)


def converged(moment: Moment) -> Array:
    """The training error has come below 1e-3."""
    return squared_error(moment) < CONVERGED


def epochs_to_converge(
    point: Point, key: Array, *, varied: str, fixed: dict[str, float], seeds: int, epochs: int
) -> xr.Dataset:
    """Epochs until the training error of tanh networks is below 1e-3, for gradient and curl descent (figure 5c-f).

    Read at 100 log-spaced epochs, as published; a network that never gets there has the last epoch and is censored.

    Args:
        point: ``flipped`` neurons of the readout (0: gradient descent), any number; and one value of ``varied``.
        key: of this point.
        varied: a field of `TanhNetworks`, or ``none``.
        fixed: its other fields.
        seeds: networks at each point.
        epochs: at most.
    """
    key_networks, key_run = jax.random.split(key)
    changes: dict[str, Any] = dict(fixed) if varied == "none" else {**fixed, varied: point[varied][0].item()}
    networks = tanh_networks(TanhNetworks()._replace(**changes), seeds, key_networks)
    rule = curl_descent(pd.axis("flipped", point["flipped"]) / 10, "readout")
    fine = min(_FINE_EPOCHS, epochs)
    run = pd.simulate(
        networks,
        rule,
        steps=epochs,
        key=key_run,
        record=[
            pd.observe(squared_error, every=1, stop=fine, name="fine"),
            pd.observe(squared_error, every=_COARSE_EVERY, name="coarse"),
        ],
        until=pd.observe(converged, every=500),
        progress=False,
    )
    instants = np.unique(np.geomspace(1, epochs, 100).astype(int))
    error = _read(run, instants, fine)
    below = error < CONVERGED
    first = xr.where(below.any("epoch"), error.epoch[below.argmax("epoch")], epochs)
    found = xr.Dataset({"epochs": first.astype(float), "censored": ~below.any("epoch"), "error": error})
    if varied != "none":
        found = found.expand_dims({varied: point[varied]})
    return found.transpose(*(name for name in point), "replica", "epoch")


def _read(run: xr.Dataset, instants: np.ndarray, fine: int) -> xr.DataArray:
    """The recorded error at given epochs: the last record at or before each."""
    early = run.fine.sel(step=instants[instants <= fine]).rename(step="epoch")
    late = instants[instants > fine]
    if not len(late):
        return early
    coarse = run.coarse.sel(step_coarse=late // _COARSE_EVERY * _COARSE_EVERY).rename(step_coarse="epoch")
    return cast(xr.DataArray, xr.concat([early, coarse.assign_coords(epoch=late)], "epoch"))


def learning_curve(key: Array, *, seeds: int, epochs: int) -> xr.Dataset:
    """Training and test error against epoch of tanh networks on 2000 inputs, for gradient and curl descent (figure 5b).

    Args:
        key: random key.
        seeds: networks.
        epochs: to run.
    """
    key_networks, key_test, key_run = jax.random.split(key, 3)
    networks = tanh_networks(TanhNetworks(), seeds, key_networks)
    every = epochs // 100
    run = pd.simulate(
        networks,
        curl_descent(pd.axis("flipped", [0, 1]) / 10, "readout"),
        steps=epochs,
        key=key_run,
        record=[pd.observe(squared_error, every=every, name="training_error"), pd.observe("weights", every=every)],
    )
    paths = run.weights_recorded.transpose("replica", "flipped", "step", "weight").values
    test = [tested(network, key_test) for network in networks]
    errors = np.stack([error_along(one, path) for one, path in zip(test, paths, strict=True)], axis=1)
    found = xr.Dataset({"training_error": run.training_error, "test_error": (("flipped", "replica", "step"), errors)})
    return found.assign_coords(run.coords).drop_vars("weight", errors="ignore").rename(step="epoch")


def error_along(circuit: StudentTeacher, weights: np.ndarray) -> np.ndarray:
    """The error of a circuit at raveled weights of shape (..., N)."""
    unravel = ravel_pytree(circuit.weights)[1]
    errors = jax.jit(lambda rows: jax.lax.map(lambda one: circuit.loss_at(unravel(one)), rows, batch_size=16))
    return np.asarray(errors(jnp.asarray(weights.reshape(-1, weights.shape[-1])))).reshape(weights.shape[:-1])


def exponent_point(
    point: Point, key: Array, *, layer: str, compression: float, fraction: float, start: str, steps: int, warm_up: int
) -> xr.Dataset:
    """The largest Lyapunov exponent, per epoch, of networks that learn by curl descent at fixed norms.

    Args:
        point: ``seed``: one network for each.
        key: of this point.
        layer: which holds the flipped neurons.
        compression: c = inputs / hidden units.
        fraction: of flipped neurons.
        start: ``random`` or ``teacher``.
        steps: epochs that count.
        warm_up: epochs before them.
    """
    count = len(point["seed"])
    key_networks, key_tangent = jax.random.split(key)
    with jax.enable_x64(True):
        networks = linear_networks(compression, count, start, key_networks)
        rule = curl_descent(fraction, layer)
        arrays, static = zip(*(eqx.partition(pd.measure.rule_map(n, rule), eqx.is_array) for n in networks), strict=True)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays)

        def one(own: Any, each: Array) -> Any:
            step = eqx.combine(own, static[0])
            return pd.measure.lyapunov_exponents(
                step, step.circuit.weights, key=each, steps=steps, warm_up=warm_up, every=_TANGENT_EVERY
            )

        found = jax.jit(jax.vmap(one))(stacked, jax.random.split(key_tangent, count))
    columns = {"exponent": found.value, "exponent_error": found.standard_error}
    units = {"units": "1 / epoch"}
    return xr.Dataset({name: ("seed", np.asarray(values)[:, 0], units) for name, values in columns.items()}, dict(point))
