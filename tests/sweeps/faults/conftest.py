"""What an uninterrupted run of each size holds."""

import pytest
from fault_tools import bench, errors_of, finish

from plastodyn import sweeps


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The fingerprint of a sweep of so many chunks that nothing disturbs; computed once."""
    known = {}

    def of(count):
        if count not in known:
            with bench(tmp_path_factory.mktemp("whole"), count, FAULTS_SECONDS="0") as quiet:
                process = quiet.start()
                assert finish(process) == 0, errors_of(process)
                assert quiet.twice() == 0
                known[count] = sweeps.fingerprint(quiet.store)
        return known[count]

    return of
