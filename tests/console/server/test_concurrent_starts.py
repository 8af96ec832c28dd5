"""Replicas that start concurrently on an empty database migrate one at a time."""

import os
import uuid
from pathlib import Path

import pytest

from tests.console.backup.databases import postgres
from tests.soak.replicas.server import Server, copy_started_to

CONSOLES = 2
SETTINGS = {
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
}
pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.mark.usefixtures("transactional_db")
def test_it_works(tmp_path: Path) -> None:
    copy = copy_started_to(tmp_path / "console")
    with postgres(f"at_once_{uuid.uuid4().hex}") as place:
        server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]
        shared = {"DATABASE_URL": f"{server}/{place['NAME']}", "STATIC_ROOT": str(tmp_path)}
        consoles = [Server(copy, SETTINGS | shared) for _ in range(CONSOLES)]
        try:
            for console in consoles:
                console.start()
            for console in consoles:
                console.wait()  # fails if a replica ended
        finally:
            for console in consoles:
                console.kill()
