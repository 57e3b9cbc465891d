"""Several clients on one store at once, on one machine and as if on several; some are killed, some stopped for good."""

import itertools
import signal

import pytest
from fault_tools import SIZES, bench, errors_of, finish, hurt, members_of, report, wait_for

# The clients look for claims that nobody touched for so long, in seconds; a claim is touched ten times in that time.
PATIENCE = {"patience": "5", "environment": {"FAULTS_BEAT": "0.5"}}
WORKERS = 2
MACHINES = {"here": ("",) * 3, "elsewhere": ("one", "two", "three")}
QUICK = ("here", "killed", 60)
"""It stands for the others by default."""
CASES = list(itertools.product(MACHINES, ["killed", "stopped"], [60, 1000]))
TAKEN_OVER = [case if case == QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in CASES]


def _start(place, *words, machine=None):
    environment = {**PATIENCE["environment"], **({"FAULTS_MACHINE": machine} if machine else {})}
    return place.start(f"patience={PATIENCE['patience']}", *words, environment=environment)


@pytest.mark.parametrize("count", SIZES)
def test_two_sweeps_and_one_work_share(count, whole, record_property, capsys, tmp_path):
    """Two begin the same new store at once, a third goes on with it."""
    with bench(tmp_path, count) as place:
        clients = [_start(place, "workers=1") for _ in range(2)]
        wait_for(lambda: place.done() > 0, clients[0])
        clients.append(_start(place, "workers=1", "call=work"))
        for client in clients:
            assert finish(client) == 0, errors_of(client)
        place.check(whole(count))
        twice, computed = place.twice(), {pid for pid, _ in place.lines()}
    report(record_property, capsys, f"three clients, {count} chunks", faults=0, lost=0, twice=twice, processes=len(computed))
    # Both that begin compute the first member, to learn its shapes.
    assert twice <= 1
    assert len(computed) >= 2


@pytest.mark.parametrize(("where", "kind", "count"), TAKEN_OVER)
def test_what_one_had_is_taken_over(where, kind, count, whole, record_property, capsys, tmp_path):
    """One of three is killed, or stopped with SIGSTOP and never heard of again, with its workers."""
    with bench(tmp_path, count) as place:
        machines = MACHINES[where]
        clients = [_start(place, machine=machines[0])]
        wait_for(lambda: place.done() > 0, clients[0])
        clients += [_start(place, *words, machine=name) for name, words in zip(machines[1:], [(), ("call=work",)], strict=True)]
        wait_for(lambda: place.done() >= count // 3, clients[0])
        stricken = members_of(clients[0].pid)
        number = signal.SIGKILL if kind == "killed" else signal.SIGSTOP
        faults = sum(hurt(pid, number) for pid in [clients[0].pid, *stricken[1:]])
        for client in clients[1:]:
            assert finish(client) == 0, errors_of(client)
        twice = place.twice()
        if kind == "stopped":
            # Come back when all is done, it finds that out; nothing that it writes does harm.
            for pid in stricken:
                hurt(pid, signal.SIGCONT)
            assert finish(clients[0]) == 0, errors_of(clients[0])
            assert place.twice() - twice <= WORKERS
        place.check(whole(count))
    report(record_property, capsys, f"one of three {kind}, {where}, {count}", faults=faults, lost=0, twice=twice)
    assert faults >= 2
    # What it had under way; and the first member, if two began at once.
    assert twice <= WORKERS + 1
