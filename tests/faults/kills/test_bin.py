"""kill -9 between any two calls leaves a removed value in one place (guarantees 8 and 51).

With SSM, a step is the start or end of a store call; with the embedded store, every fifth SQL
statement, because many are in one transaction.
"""

import pytest

from tests.faults.kills.findings import findings_of
from tests.fixtures.moto import Moto


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["embedded", pytest.param("ssm", marks=pytest.mark.exhaustive)])
def test_it_works(kind: str, moto: Moto, folder_of_process: str) -> None:
    endpoint = [moto.url] if kind == "ssm" else []
    found = findings_of("bin", *endpoint, folder=folder_of_process)
    kills = found.pop("kills")
    assert kills.keys() == {"remove", "restore", "delete", "purge"}
    assert min(kills.values()) >= 2
    assert found == {"wrong": [], "open": 0}
