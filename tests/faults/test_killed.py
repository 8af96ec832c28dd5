"""kill -9 between store and commit loses nothing and leaves nothing unaudited (guarantee 8)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.moto import Moto

ROUNDS = {"embedded": 50, "ssm": 20}


@pytest.mark.slow
@pytest.mark.both_databases
@pytest.mark.parametrize("kind", ROUNDS)
def test_it_works(kind: str, moto: Moto, tmp_path: Path) -> None:
    rounds = ROUNDS[kind]
    endpoint = [moto.url] if kind == "ssm" else []
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killing", str(rounds), *endpoint],
        env=os.environ | {"TESTS_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])  # Django tells of the cache table before
    ends = {end.rpartition(" ")[2] for end in found.pop("ends")}
    assert {"succeeded", "settled"} <= ends <= {"succeeded", "settled", "failed"}
    assert found.pop("left_open") >= rounds / 10  # else they were killed at harmless moments
    assert found == {
        "still_open": 0,
        "claims": 0,
        **{name: [] for name in ("found", "gaps", "lost", "differing")},
    }
