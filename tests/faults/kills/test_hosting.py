"""kill -9 after any call for a hosting value leaves the old or the new one (guarantee 8)."""

import pytest

from tests.faults.kills.findings import findings_of
from tests.fixtures.moto import Moto


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_works(moto: Moto, folder_of_process: str) -> None:
    found = findings_of("hosting", moto.url, folder=folder_of_process)
    kills = found["kills"]
    assert kills == {
        "secret create": 4,  # look up, restore, store, make current
        "secret change": 3,
        "secret remove": 2,
        "config change": 3,
    }
    assert found["wrong"] == []
    assert found["ends"].keys() <= {"succeeded", "failed", "unknown"}
    assert found["ends"]["unknown"] >= len(kills)
