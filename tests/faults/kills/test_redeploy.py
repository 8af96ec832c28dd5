"""kill -9 at any step of a redeploy starts no second job, leaves nothing open (guarantee 8)."""

import pytest

from tests.faults.kills.findings import findings_of


@pytest.mark.slow
def test_it_works(folder_of_process: str) -> None:
    found = findings_of("redeploy", folder=folder_of_process)
    assert found["wrong"] == []
    assert found["kills"] >= 15
    assert found["ends"].keys() == {
        "no attempt",
        "settled, not started",
        "settled, started",
        "succeeded, started",
    }
