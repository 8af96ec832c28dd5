"""kill -9 at any step of an import loses nothing that the same import can't write (guarantee 8)."""

import pytest

from tests.faults.kills.findings import findings_of


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_works(folder_of_process: str) -> None:
    found = findings_of("imports", folder=folder_of_process)
    assert found.pop("kills") >= 20
    assert found.pop("kills_of_gen1") >= 10
    assert found == {
        "still_open": 0,
        "leases": 0,
        **{name: [] for name in ("missing", "gaps", "projection_errors")},
    }
