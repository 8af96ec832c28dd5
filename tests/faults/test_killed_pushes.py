"""kill -9 during a push to Amplify loses nothing, and pushes nothing twice (guarantee 50)."""

import json
import os
import subprocess
import sys

import pytest

from tests.fixtures.amplify import AmplifyServer


@pytest.mark.slow
def test_it_works(amplify: AmplifyServer, folder_of_process: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killing_pushes", amplify.url],
        env=os.environ | {"TESTS_FOLDER": folder_of_process},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("kills") >= 50
    assert found.pop("writes").keys() == {"1"}
    ends = found.pop("ends")
    assert ends.keys() == {"settled", "succeeded"}
    assert ends["succeeded"] == 2 * (found.pop("steps") + 1)  # each change once, and the first
    assert found == {"lost": [], "open": 0, "waiting": 0, "versions": True}
