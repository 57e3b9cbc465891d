"""A full disk and one that cannot be written to: said in one line, nothing damaged, and the same call goes on."""

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager

import pytest
from fault_tools import SLOW_SIZES, bench, errors_of, finish, hurt, lines_of_errors, report, wait_for

from plastodyn import sweeps


@contextmanager
def small_disk(path, megabytes):
    """A file system of its own, in memory; skips where this process may not make one."""
    path.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,nr_inodes=100k", "none", path], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"mount: {made.stderr.decode().strip()}")
    try:
        yield path
    finally:
        # Lazily: what a failing test has left open must not keep it here.
        subprocess.run(["umount", "-l", path], check=True)


def _remount(path, *options):
    subprocess.run(["mount", "-o", ",".join(["remount", *options]), path], check=True)


def _is_read_only(path):
    return subprocess.run(["mount", "-o", "remount,ro", path], capture_output=True, check=False).returncode == 0


def _fill(path):
    """Write until nothing more goes in."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\1" * 4096)
        except OSError:
            return


@pytest.mark.parametrize("count", SLOW_SIZES)
def test_a_full_disk(count, whole, record_property, capsys, tmp_path):
    """Filled by a file of somebody else, then by the sweep itself; each time there is room again later."""
    with bench(tmp_path, count) as place, small_disk(tmp_path / "disk", 1) as disk:
        place.store = disk / "s.zarr"
        _fill(disk / "other")
        process = place.start()
        assert finish(process) == 1
        said = lines_of_errors(process)
        assert not place.store.exists()
        assert [each.name for each in disk.iterdir()] == ["other"]
        _remount(disk, "size=200m")
        os.unlink(disk / "other")
        process = place.start()
        wait_for(lambda: place.done() >= count // 3, process)
        _fill(disk / "other")
        assert finish(process) == 1
        said += lines_of_errors(process)
        before = place.done()
        assert count // 3 <= before < count
        assert sweeps.status(place.store).done == before

        # Now so much room as lets the sweep fill it itself.
        os.unlink(disk / "other")
        used = sum(each.stat().st_blocks * 512 for each in disk.rglob("*") if each.is_file())
        _remount(disk, f"size={used // 1024 + 4 * (count - before) // 3 * 4}k")
        process = place.start()
        assert finish(process) == 1
        said += lines_of_errors(process)
        assert before < place.done() < count
        assert [each for each in sweeps.verify(place.store) if "chunk_status" not in each.what] == []
        _remount(disk, "size=200m")
        process = place.start()
        assert finish(process) == 0, errors_of(process)
        place.check(whole(count))
        twice = place.twice()
    assert len(said) == 3, said
    assert all("No space left on device" in line for line in said), said
    report(record_property, capsys, f"full disk, {count}", faults=3, lost=0, twice=twice)
    # Each time what two workers had under way is lost, and the first member, which is computed before its store is made.
    assert twice <= 2 * 2 + 1


@pytest.mark.parametrize("count", SLOW_SIZES)
def test_a_store_that_becomes_read_only(count, whole, record_property, capsys, tmp_path):
    with bench(tmp_path, count) as place, small_disk(tmp_path / "disk", 200) as disk:
        place.store = disk / "s.zarr"
        process = place.start("workers=1")
        wait_for(lambda: place.done() >= count // 3, process)
        # The kernel refuses while any file is open to be written to, as the claim of a chunk is: between two chunks none is.
        wait_for(lambda: _is_read_only(disk), process)
        assert finish(process) == 1
        said = lines_of_errors(process)
        for words in ((), ("call=work",)):
            process = place.start(*words)
            assert finish(process) == 1
            said += lines_of_errors(process)
        _remount(disk, "rw")
        process = place.start()
        assert finish(process) == 0, errors_of(process)
        place.check(whole(count))
        _remount(disk, "ro")
        for words in ((), ("call=work",)):
            # A finished one is still opened.
            process = place.start(*words)
            assert finish(process) == 0, errors_of(process)
        place.check(whole(count))
        twice = place.twice()
    assert len(said) == 3, said
    assert all("Read-only file system" in line for line in said), said
    report(record_property, capsys, f"read-only, {count}", faults=3, lost=0, twice=twice)
    assert twice <= 2


@pytest.mark.slow
def test_a_directory_without_permission(whole, tmp_path):
    """Refused in one line where it is not done, opened where it is; root is first stripped of what lets it write anywhere."""
    become = []
    if os.getuid() == 0:
        become = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
        if shutil.which("setpriv") is None or subprocess.run([*become, "true"], check=False).returncode:
            pytest.skip("root may write anywhere here")
    with bench(tmp_path, 12) as place:
        (tmp_path / "inside").mkdir()
        place.store = tmp_path / "inside" / "s.zarr"
        process = place.start(environment={"FAULTS_SECONDS": "0.3"})
        wait_for(lambda: place.done() >= 3, process)
        hurt(process.pid, signal.SIGINT)
        assert finish(process) == 130, errors_of(process)
        try:
            _permit(place.store.parent, False)
            before = sorted(place.store.rglob("*"))
            said = []
            for words in ((), ("call=work",)):
                process = place.start(*words, program=become)
                assert finish(process) == 1, errors_of(process)
                said += lines_of_errors(process)
            assert len(said) == 2
            assert all("store must be in a directory that can be written to" in line for line in said), said
            assert sorted(place.store.rglob("*")) == before
            _permit(place.store.parent, True)
            assert finish(place.start(program=become)) == 0
            _permit(place.store.parent, False)
            process = place.start(program=become)
            assert finish(process) == 0, errors_of(process)
        finally:
            _permit(place.store.parent, True)
        place.check(whole(12))


def _permit(path, writing):
    for each in [path, *path.rglob("*")]:
        if each.is_dir():
            each.chmod(0o755 if writing else 0o555)
