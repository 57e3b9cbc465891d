"""plastodyn status: counts, failures, who is at work, and what to do next."""

import json
import os

import pytest

from plastodyn.sweeps import claims


def test_failed_members_are_named_and_make_exit_code_1(made, run_here):
    store = made("curves")
    ran = run_here("status", store, "--json", cwd=store.parent)
    found = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert [found[name] for name in ("chunks", "done", "failed", "missing")] == [2, 1, 1, 0]
    assert [found[name] for name in ("members", "members_done", "members_failed", "members_diverged")] == [24, 18, 6, 6]
    assert (found["workers"], found["next"]) == ([], f"plastodyn work {store}")
    first = found["failures"][0]
    assert first["coordinates"] == {"ratio": 1.0, "precision": 1.0, "seed": 0}
    assert (first["kind"], first["reason"]) == ("failed", "ValueError: [/] no value over lines")
    assert len(found["failures"]) == 10
    every = json.loads(run_here("status", store, "--json", "--all", cwd=store.parent).stdout)
    assert len(every["failures"]) == 12


def test_the_table_has_the_first_failures_and_says_how_many_more(made, run_here):
    store = made("curves")
    said = run_here("status", store, cwd=store.parent).stdout
    assert "1 of 2 done, 1 with failures, 0 left" in said
    assert "and 2 more: --all lists them" in said
    assert "[/] no value" in said
    assert "and 2 more" not in run_here("status", store, "--all", cwd=store.parent).stdout


def test_a_sound_store_has_nothing_left(made, run_here):
    store = made("maps")
    ran = run_here("status", store, "--watch", cwd=store.parent)
    assert ran.returncode == 0
    assert f"Next: plastodyn show {store}" in ran.stdout
    assert "1 of 1 done" in ran.stdout


def test_what_is_left_and_who_is_at_work(copied, run_here):
    store = copied("curves")
    (store / "chunk_status" / "c" / "1" / "0" / "0").unlink()
    left = json.loads(run_here("status", store, "--json", cwd=store.parent).stdout)
    assert (left["missing"], left["next"]) == (1, f"plastodyn work {store}")
    assert left["seconds_left"] > 0
    claim = claims.take(store, (1, 0, 0))
    try:
        found = json.loads(run_here("status", store, "--json", cwd=store.parent).stdout)
        table = run_here("status", store, cwd=store.parent).stdout
    finally:
        claim.drop()
    assert found["workers"] == [{"host": os.uname().nodename, "pid": os.getpid(), "chunk": [1, 0, 0]}]
    assert found["next"] == f"plastodyn status --watch {store}"
    assert "At work" in table
    assert str(os.getpid()) in table


def test_watching_repaints_until_nothing_is_left(copied, run_here, monkeypatch):
    from plastodyn.app.commands import stores

    store = copied("maps")
    status = store / "chunk_status" / "c" / "0" / "0"
    kept, looks = status.read_bytes(), []
    status.unlink()

    def between(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            status.write_bytes(kept)

    monkeypatch.setattr(stores.time, "sleep", between)
    monkeypatch.setattr(stores.output, "_force_terminal", True)
    ran = run_here("status", store, "--watch", cwd=store.parent)
    assert ran.returncode == 0
    assert len(looks) == 3
    assert "1 of 1 done" in ran.stdout


@pytest.mark.parametrize("arguments", [[], ["--watch"]])
def test_a_pipe_gets_one_look(copied, run_here, monkeypatch, arguments):
    from plastodyn.app.commands import stores

    store = copied("maps")
    (store / "chunk_status" / "c" / "0" / "0").unlink()
    monkeypatch.setattr(stores.time, "sleep", lambda _: pytest.fail("it waited"))
    assert "1 left" in run_here("status", store, *arguments, cwd=store.parent).stdout
