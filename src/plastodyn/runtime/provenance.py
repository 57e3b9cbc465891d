"""Where a result came from: versions, commit, machine and time, as plain strings for a Dataset's attributes."""

import functools
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


@functools.cache
def commit() -> str:
    """The git commit of the running source tree, ``+`` appended when it has local changes; ``unknown`` outside git.

    >>> isinstance(commit(), str)
    True
    """
    here = Path(__file__).resolve().parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()


@functools.cache
def versions() -> dict[str, str]:
    """Versions of plastodyn and of what it computes with.

    >>> sorted(versions())[:2]
    ['diffrax', 'equinox']
    """
    names = ("plastodyn", "jax", "jaxlib", "equinox", "diffrax", "matfree", "numpy", "xarray", "zarr")
    return {name: version(name) for name in names}


def attributes() -> dict[str, str]:
    """The attributes that every result carries.

    >>> "commit" in attributes()
    True
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }
