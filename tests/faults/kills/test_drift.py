"""kill -9 after any call of what puts a secret back leaves one of both values (guarantee 8)."""

import pytest

from tests.faults.kills.findings import findings_of
from tests.fixtures.moto import Moto


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_works(moto: Moto, folder_of_process: str) -> None:
    found = findings_of("drift", moto.url, folder=folder_of_process)
    kills = found.pop("kills")
    assert kills >= 4
    ends = {end.rpartition(" ")[2] for end in found.pop("ends")}
    assert ends == {"succeeded", "settled"}
    assert found == {
        "still_open": 0,
        "leases": 0,
        "found": {"found.change": kills + 1},  # ours are no drift
        **{name: [] for name in ("lost", "gaps", "projection_errors")},
    }
