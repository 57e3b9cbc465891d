"""Valid calls of what is asked of sweeps, their stores, and experiments as files."""

from collections.abc import Mapping

from kinds import count, flag, nothing, one_number, optional, seed
from things import FRESH, STORE, Argument, left, name_of_file

from plastodyn import sweeps
from plastodyn.sweeps.example import noisy_bowl


def _empty(value):
    return value is None or (isinstance(value, Mapping) and not value)


def _of_a_sweep(**more):
    return {
        "experiment": Argument(noisy_bowl, nothing),
        "axes": Argument({"rate": [0.1], "noise": [0.0]}, nothing),
        "seed": Argument(0, seed),
        "parameters": Argument({"steps": 2, "replicas": 1}, _empty),
        "batch": left(_empty),
        "chunk": left(_empty),
        "workers": Argument(1, optional(count(1))),
        **more,
    }


_store = {"store": Argument(STORE, name_of_file)}
_new = {"store": Argument(FRESH, name_of_file), "attributes": left(_empty)}

CALLS = {
    sweeps.sweep: _of_a_sweep(**_new, executor=left(optional(nothing)), progress=left(flag)),
    sweeps.begin: _of_a_sweep(**_new),
    sweeps.cost: _of_a_sweep(),
    sweeps.work: {
        **_store,
        "workers": Argument(1, optional(count(1))),
        "executor": left(optional(nothing)),
        "seconds": left(optional(one_number(above=0))),
        "progress": left(flag),
    },
    sweeps.recompute: {
        **_store,
        "members": Argument(1, count(1)),
        "seed": left(seed),
        "workers": Argument(1, optional(count(1))),
        "progress": left(flag),
    },
    sweeps.verify: _store,
    sweeps.status: _store,
    sweeps.failures: _store,
    sweeps.fingerprint: _store,
    sweeps.cores: {},
    sweeps.one_core: {},
    sweeps.LocalWorkers: {"count": Argument(1, count(1))},
}
