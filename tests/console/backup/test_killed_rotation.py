"""kill -9 in the middle of a rotation: the next run continues, and no value is lost."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from console.lib.paths import BASE_DIR
from secrets_app.store.embedded.rotation import BATCH
from tests.fixtures.machine import KEYS, Machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="it makes a database file of its own"),
]
OLD = KEYS["ENCRYPTION_KEYS"]
NEW = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KILLS = 2
ROWS = 4_000
PREPARE = """
import django; django.setup()
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from secrets_app.models import EmbeddedParameter, EmbeddedVersion
from secrets_app.store.base import SecretValue
from secrets_app.store.embedded.store import ciphertext_context
from secrets_app.store.embedded.encryption import Keyring, Ciphertext
keyring, now = Keyring(settings.ENCRYPTION_KEYS), timezone.now()
"""
FILL = """
def version(row, number):
    place = ciphertext_context(row.pk, row.path, number)
    sealed = keyring.encrypt(SecretValue(f"value {row.pk} {number}"), place)
    return EmbeddedVersion(parameter=row, version=number, key_id=sealed.key_id, modified=now,
                           nonce=sealed.nonce, ciphertext=sealed.ciphertext)
with transaction.atomic():
    for number in range(40):
        path = f"/amplify/x/{number}"
        row = EmbeddedParameter.objects.create(path=path, version=100, modified=now)
        EmbeddedVersion.objects.bulk_create(version(row, 1 + each) for each in range(100))
"""
# Kills the rotation in the middle of its second transaction
KILLED = f"""
import os, signal
from django.core.management import call_command
from django.db import connection
updates = 0
def run(execute, sql, *arguments):
    global updates
    updates += sql.startswith("UPDATE") and "embeddedversion" in sql
    if updates > {BATCH + BATCH // 2}:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, *arguments)
with connection.execute_wrapper(run):
    call_command("rotate_keys")
"""
READ = """
for it in EmbeddedVersion.objects.select_related("parameter"):
    place = ciphertext_context(it.parameter_id, it.parameter.path, it.version)
    stored = Ciphertext(it.key_id, bytes(it.nonce), bytes(it.ciphertext))
    value = keyring.decrypt(stored, place).reveal()
    assert value == f"value {it.parameter_id} {it.version}", value
print(EmbeddedVersion.objects.count())
"""


def run(machine: Machine, script: str) -> "subprocess.CompletedProcess[str]":
    """Run Python on the machine."""
    environment = machine.environment | {"DJANGO_SETTINGS_MODULE": "console.settings"}
    command = [sys.executable, "-c", PREPARE + script]
    return subprocess.run(
        command, cwd=BASE_DIR, env=environment, check=False, capture_output=True, text=True
    )


def left(folder: Path) -> int:
    """Return how many versions are not under the newest key yet."""
    with closing(sqlite3.connect(folder / "console.sqlite3")) as database:
        counts = database.execute(
            "SELECT count(*) FROM secrets_app_embeddedversion GROUP BY key_id ORDER BY min(id)"
        ).fetchall()
    return ROWS - counts[0][0] if len(counts) > 1 else ROWS


@pytest.mark.exhaustive
def test_it_works(machine: Machine) -> None:
    assert run(machine, FILL).returncode == 0
    machine.environment["ENCRYPTION_KEYS"] = f"{NEW},{OLD}"
    found = [ROWS]
    for _ in range(KILLS):
        assert run(machine, KILLED).returncode == -signal.SIGKILL
        found.append(left(machine.folder))
    assert found == [ROWS, ROWS - BATCH, ROWS - 2 * BATCH]  # each run continued, none started over
    rotated = machine("rotate_keys")
    assert rotated.code == 0, rotated.err
    assert f"secret versions: {found[-1]:,}," in rotated.out
    machine.environment["ENCRYPTION_KEYS"] = OLD
    refused = machine("check", "--database", "default")
    assert "ENCRYPTION_KEYS is missing 1 of the keys" in refused.err
    machine.environment["ENCRYPTION_KEYS"] = NEW
    assert run(machine, READ).stdout == f"{ROWS}\n"
