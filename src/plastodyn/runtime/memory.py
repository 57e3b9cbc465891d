"""How much memory is free: for this process on the host, and on an accelerator."""

import os
import sys
from pathlib import Path

_LARGE = 2**60
"""A limit that is none: what kernels write where there is no limit."""


def free_on_host(root: Path = Path("/")) -> int | None:
    """Bytes that this process can still take without others being put out, or being killed; None where nobody tells.

    The smaller of what the system has available and what the limits of control groups (containers, batch systems) leave.

    Args:
        root: of the file system that is asked.

    >>> free_on_host() is None or free_on_host() > 0
    True
    """
    left = [_available(root), *(_left_in(group) for group in _groups(root))]
    return min((each for each in left if each is not None), default=None)


def free_on_device() -> int | None:
    """Bytes that are free on the first accelerator; None where JAX computes on the host, or the device does not tell.

    >>> free_on_device() is None or free_on_device() > 0
    True
    """
    import jax  # noqa: PLC0415 - the command line's help does without

    device = jax.local_devices()[0]
    told = None if device.platform == "cpu" else device.memory_stats()
    return None if not told or "bytes_limit" not in told else told["bytes_limit"] - told.get("bytes_in_use", 0)


def most_held(root: Path = Path("/")) -> int:
    """Bytes, the most that this process has held so far; 0 where the system does not tell.

    Args:
        root: of the file system that is asked.

    >>> most_held() == 0 or most_held() > 1e6
    True
    """
    # Not what getrusage says on Linux: there a process begins with the most of the one that started it.
    for line in (_text(root / "proc/self/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return 0
    # Kilobytes, but on a Mac.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def readable(size: float) -> str:
    """A number of bytes in words.

    >>> readable(12.3e12), readable(4.1e6)
    ('12.3 TB', '4.1 MB')
    """
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size / 1e3:.3g} kB"


def _available(root: Path) -> int | None:
    for line in (_text(root / "proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    names = os.sysconf_names if hasattr(os, "sysconf_names") else {}
    known = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in names else "SC_PHYS_PAGES"
    return os.sysconf(known) * os.sysconf("SC_PAGE_SIZE") if known in names else None


def _groups(root: Path) -> list[Path]:
    """The directories of the control groups that hold this process, from its own to the outermost."""
    found = []
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        top = root / "sys/fs/cgroup" / ("memory" if "memory" in controllers.split(",") else "")
        if not controllers or "memory" in controllers.split(","):
            own = top / path.strip("/")
            found += [group for group in (own, *own.parents) if group.is_relative_to(top)]
    return found


def _left_in(group: Path) -> int | None:
    """What the limit of a control group leaves; files that the kernel only keeps in memory to be quick do not count."""
    for limit_name, used_name, cache_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit, used = (_text(group / name) for name in (limit_name, used_name))
        if limit and used and limit.strip().isdigit() and int(limit) < _LARGE:
            cached = dict(line.split() for line in (_text(group / "memory.stat") or "").splitlines()).get(cache_name, 0)
            return max(0, int(limit) - int(used) + int(cached))
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
