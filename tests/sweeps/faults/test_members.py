"""Members that hurt their worker: each costs itself only."""

import numpy as np
import pytest
from fault_experiments import BAD, HARMLESS
from fault_tools import bench, errors_of, finish, lines_of_errors, report

from plastodyn import sweeps
from plastodyn.sweeps import store as stores

KILLS = (11, 19, 27, 67, 83)
"""Points whose second member ends its worker."""
MOST_TIMES = 12
"""A member that kills is tried until it has killed often enough, twice before it is known which of its chunk it is."""


@pytest.mark.parametrize("count", [pytest.param(count, marks=pytest.mark.slow) for count in (60, 1000)])
def test_each_costs_itself(count, record_property, capsys, tmp_path, monkeypatch):
    """Two members in each chunk, of which the second one is bad at some points."""
    with bench(tmp_path, count) as place:
        process = place.start("experiment=misbehaves")
        finish(process)
        (line,) = lines_of_errors(process)
        bad = sorted(point for point in BAD if point < count and point not in HARMLESS)
        assert f"{len(bad)} members failed" in line, errors_of(process)
        status = stores.member_statuses(place.store)
        assert np.argwhere(~np.isin(status, (1,))).tolist() == [[point, 1] for point in bad]
        kinds = {each.coordinates["a"]: each.kind for each in sweeps.failures(place.store)}
        assert [point for point in bad if kinds[point] == "killed its worker"] == [p for p in KILLS if p in bad]
        assert np.isfinite(np.asarray(stores.dataset(place.store).noise)[status == 1]).all()
        assert sweeps.verify(place.store) == []
        assert sweeps.status(place.store).claimed == {}
        twice = place.twice()
    report(record_property, capsys, f"members that hurt, {count}", faults=len(bad), lost=0, twice=twice)
    kills = sum(point in KILLS for point in bad)
    assert twice <= kills * MOST_TIMES
