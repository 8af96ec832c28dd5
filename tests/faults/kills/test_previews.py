"""kill -9 while copies on a preview are made leaves no wrong mark, and the next copy mends it."""

import pytest

from tests.faults.kills.findings import findings_of


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_works(folder_of_process: str) -> None:
    found = findings_of("previews", folder=folder_of_process)
    assert found.pop("kills") >= 6
    assert found == {"wrong": [], "missing": [], "leases": 0}
