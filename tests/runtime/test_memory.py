"""Free memory as a system and its control groups tell it, read from a small file system of the test's own."""

import pytest

from plastodyn.runtime import memory


def _written(root, files):
    for name, text in {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 4000 kB\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = {"proc/self/cgroup": "0::/outer/inner\n"}
V1 = {"proc/self/cgroup": "5:cpu:/x\n4:memory:/job\n"}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 4000 * 1024),
        (V2, 4000 * 1024),
        (
            {
                **V2,
                "sys/fs/cgroup/outer/memory.max": "1000\n",
                "sys/fs/cgroup/outer/memory.current": "900\n",
                "sys/fs/cgroup/outer/memory.stat": "anon 5\ninactive_file 300\n",
            },
            400,
        ),
        (
            {**V2, "sys/fs/cgroup/outer/inner/memory.max": "max\n", "sys/fs/cgroup/outer/inner/memory.current": "7\n"},
            4000 * 1024,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "5000\n",
                "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "6000\n",
            },
            0,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "6000\n",
            },
            4000 * 1024,
        ),
    ],
)
def test_the_smallest_of_what_is_left_counts(tmp_path, files, free):
    assert memory.free_on_host(_written(tmp_path, files)) == free
