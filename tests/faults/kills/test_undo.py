"""kill -9 after any call of an undo loses nothing; the next undo goes on (guarantees 8, 51)."""

import pytest

from tests.faults.kills.findings import findings_of
from tests.fixtures.moto import Moto


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_works(moto: Moto, folder_of_process: str) -> None:
    found = findings_of("undo", moto.url, folder=folder_of_process)
    assert found.pop("kills") >= 10
    ends = {end.rpartition(" ")[2] for end in found.pop("ends")}
    assert ends == {"succeeded", "settled"}
    assert found == {
        "still_open": 0,
        "leases": 0,
        **{name: [] for name in ("lost", "found", "gaps", "projection_errors")},
    }
