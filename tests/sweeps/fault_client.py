"""A process that fills a store, as a user's script would: ``python fault_client.py STORE COUNT [WORD=VALUE ...]``.

Errors are one line on standard error, as on the command line.
"""

import functools
import json
import os
import sys

import fault_experiments

import plastodyn as pd
from plastodyn.sweeps import claims


def main(store, count, *words):
    given = dict(word.split("=", 1) for word in words)
    if "patience" in given:
        claims.Watch = functools.partial(claims.Watch, float(given["patience"]))
    options = {"progress": False}
    if "dask" in given:
        options["executor"] = _dask(given["dask"], given.get("kind", "client"))
    else:
        options["workers"] = int(given.get("workers", 2))
    if given.get("call") == "work":
        print(json.dumps(pd.sweeps.work(store, **options)._asdict()))
        return
    experiment = getattr(fault_experiments, given.get("experiment", "draws"))
    axes, chunk = {"a": list(range(int(count)))}, {"a": 1}
    if experiment is fault_experiments.misbehaves:
        axes["b"] = [0, 1]
    pd.sweep(experiment, axes, store=store, seed=14, chunk=chunk, **options)


def _dask(address, kind):
    import distributed

    client = distributed.Client(address, timeout=30)
    return client if kind == "client" else client.get_executor()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (RuntimeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as stop:
        print(f"interrupted: {stop}", file=sys.stderr)
        # Not to wait for threads of an executor.
        sys.stderr.flush()
        os._exit(130)
