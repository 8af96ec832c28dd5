"""kill -9 at any step of a restore leaves one of the two values, and nothing open (guarantee 8)."""

import pytest

from tests.faults.kills.findings import findings_of
from tests.fixtures.moto import Moto


# tests/faults/kills/test_saves.py has the other two of the four pairs of store and database.
@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("embedded", marks=pytest.mark.postgres), "ssm"])
def test_it_works(kind: str, moto: Moto, folder_of_process: str) -> None:
    endpoint = [moto.url] if kind == "ssm" else []
    found = findings_of("restore", *endpoint, folder=folder_of_process)
    assert found.pop("kills") >= {"embedded": 15, "ssm": 8}[kind]
    ends = {end.rpartition(" ")[2] for end in found.pop("ends")}
    assert ends == {"succeeded", "settled"}
    assert found == {
        "still_open": 0,
        "leases": 0,
        **{name: [] for name in ("lost", "found", "gaps", "projection_errors")},
    }
