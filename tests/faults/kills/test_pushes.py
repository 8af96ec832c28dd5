"""kill -9 during a push to Amplify loses nothing, and pushes nothing twice (guarantee 50)."""

import pytest

from tests.faults.kills.findings import findings_of
from tests.fixtures.amplify import AmplifyServer


@pytest.mark.exhaustive
@pytest.mark.slow
def test_it_works(amplify: AmplifyServer, folder_of_process: str) -> None:
    found = findings_of("pushes", amplify.url, folder=folder_of_process)
    assert found.pop("kills") >= 35
    assert found.pop("writes").keys() == {"1"}
    ends = found.pop("ends")
    assert ends.keys() == {"settled", "succeeded"}
    assert ends["succeeded"] == 2 * (found.pop("steps") + 1)  # each change once, and the first
    assert found == {"lost": [], "open": 0, "waiting": 0, "versions": True}
