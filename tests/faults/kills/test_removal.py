"""kill -9 at any step of a removal loses nothing that Undo can't bring back (guarantees 8, 51)."""

import pytest

from tests.faults.kills.findings import findings_of


@pytest.mark.slow
def test_it_works(folder_of_process: str) -> None:
    found = findings_of("removal", folder=folder_of_process)
    assert found.pop("kills") >= 8
    assert found == {
        "still_open": 0,
        "leases": 0,
        **{name: [] for name in ("wrong", "gaps", "projection_errors")},
    }
