"""A deployment from before there was a chain keeps its trail, sealed as it stood."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it makes a database file of its own"),
]
ROOT = Path(__file__).resolve().parents[2]
BEFORE_THE_CHAIN = "0002"
ROWS = """
INSERT INTO console_auditevent
  (at, action, actor_kind, actor, app_id, branch, subject, address, agent, request_id)
  VALUES ('2026-01-01 00:00:00', 'secret.reveal', 'web', 'bob', 'd1', 'main', 'K', '', '', '');
INSERT INTO console_auditoutcome (at, event_id, outcome, detail)
  VALUES ('2026-01-01 00:00:00', 1, 'succeeded', '');
"""


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a management command on a database of its own."""
    database = f"sqlite:///{tmp_path}/old.sqlite3"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "DATABASE_URL": database,
    }

    def manage(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )

    return manage


def test_it_works(manage: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    assert manage("migrate", "console", BEFORE_THE_CHAIN).returncode == 0
    with sqlite3.connect(tmp_path / "old.sqlite3") as old:
        old.executescript(ROWS)
    old.close()
    assert manage("migrate").returncode == 0
    checked = manage("verify_audit")
    assert "2 rows are as they were written. 2 were sealed now." in checked.stdout
    with sqlite3.connect(tmp_path / "old.sqlite3") as new:
        new.execute("DROP TRIGGER console_auditevent_no_update")
        new.execute("UPDATE console_auditevent SET actor = 'mia'")
    new.close()
    broken = manage("verify_audit")
    assert broken.returncode == 1
    assert "trigger console_auditevent_no_update: It is missing or disabled" in broken.stderr
    assert "auditevent 1: It, or what stood before it, is not what was sealed" in broken.stderr
