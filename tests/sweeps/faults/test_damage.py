"""Files cut, deleted and replaced, while a sweep runs and after it: found by `verify`, computed again by the next call."""

import random
import shutil

import pytest
from fault_tools import SLOW_SIZES, bench, errors_of, finish, missing, report, wait_for

from plastodyn import sweeps

PARTS = ("noise", "double", "member_status", "chunk_status", "chunk_seconds", "chunk_checksum")


def _cut(path, source):
    path.write_bytes(path.read_bytes()[: source.randrange(4)])


def _replace(path, source):
    """By a sound file of another chunk, or of an earlier sweep: its own checksum agrees."""
    others = [each for each in path.parent.parent.rglob("*") if each.is_file() and each.read_bytes() != path.read_bytes()]
    if others:
        shutil.copyfile(source.choice(others), path)


DAMAGES = {"cut": _cut, "deleted": lambda path, source: path.unlink(), "replaced": _replace}


def _damage(store, source, times, hurt):
    """Some files of chunks that are there, none twice; adds the chunks that are concerned, and what was done to each."""
    for _ in range(times):
        name = source.choice(PARTS)
        # A second damage might undo the first: the sound file of another chunk's status is that of this one.
        once = {place for place, kinds in hurt.items() if name in dict(kinds)}
        files = [path for path in (store / name / "c").rglob("*") if path.is_file() and _is_done(store, name, path)]
        files = [path for path in files if _place(store, name, path) not in once]
        if not files:
            continue
        path = source.choice(files)
        before = path.read_bytes()
        how = source.choice(list(DAMAGES))
        DAMAGES[how](path, source)
        if not path.exists() or path.read_bytes() != before:
            hurt.setdefault(_place(store, name, path), set()).add((name, how))


def _place(store, name, path):
    return int(path.relative_to(store / name / "c").parts[0])


def _costly(hurt):
    """Chunks that have to be computed again: where the status alone is gone, and the values are sound, it is written again."""
    return {place for place, kinds in hurt.items() if kinds != {("chunk_status", "deleted")}}


def _is_done(store, name, path):
    """Whether a file belongs to a chunk that is done: what is being written is written over, or refused."""
    return path.suffix != ".partial" and (store / "chunk_status" / "c" / str(_place(store, name, path))).exists()


@pytest.mark.filterwarnings("ignore:.*is damaged in:UserWarning")
@pytest.mark.parametrize("count", SLOW_SIZES)
def test_damage_in_the_middle_and_after(count, whole, record_property, capsys, tmp_path):
    source = random.Random(5)
    with bench(tmp_path, count) as place:
        process = place.start()
        hurt, after = {}, {}
        for part in (0.25, 0.5, 0.75):
            wait_for(lambda part=part: place.done() >= part * count - 5, process)
            _damage(place.store, source, count // 15, hurt)
        assert finish(process) == 0, errors_of(process)
        found = {each.place[0] for each in sweeps.verify(place.store) if each.place is not None}
        # A chunk whose status is gone is one that is not done, and is none of a sound store.
        assert found | set(missing(place.store)) == set(hurt)
        process = place.start()
        assert finish(process) == 0, errors_of(process)
        place.check(whole(count))
        assert place.twice() == len(_costly(hurt))
        _damage(place.store, source, count // 10, after)
        process = place.start()
        assert finish(process) == 0, errors_of(process)
        place.check(whole(count))
        twice = place.twice()
    faults = len(hurt) + len(after)
    report(record_property, capsys, f"damaged, {count}", faults=faults, lost=0, twice=twice)
    assert twice == len(_costly(hurt)) + len(_costly(after))
