"""kill -9 at any step of a redeploy starts no second job, leaves nothing open (guarantee 8)."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.both_databases
def test_it_works(folder_of_process: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killing_redeploy"],
        env=os.environ | {"TESTS_FOLDER": folder_of_process},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert found["kills"] > 20
    assert found["ends"].keys() == {
        "no attempt",
        "settled, not started",
        "settled, started",
        "succeeded, started",
    }
