"""A backup is one complete file, readable by its owner only, and audited (guarantee 40)."""

import errno
import resource
import stat
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from console.backup import archive
from console.backup.atomic_file import whole_file
from console.backup.errors import BackupError
from console.backup.tables import LEFT_OUT
from console.db.versions import models_of
from console.models import AuditEvent
from tests.console.backup.conftest import KEY
from tests.factories import set_secret
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World
from tests.leaks.canary import Canary

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
Manage = Callable[..., CommandResult]

# A new table must be added here, or to LEFT_OUT with the reason
KEPT = """
account_emailaddress auth_group auth_group_permissions auth_permission console_app
console_auditevent console_auditoutcome console_auditseal console_branch
console_branchconnection console_connection console_deployment console_dismissedwarning
console_invitation console_keynote console_member console_noticesread console_previewcopy
console_previewrule console_subscription console_suspension
console_suspension_confirmed console_user console_user_groups console_user_user_permissions
django_admin_log django_content_type envvars_app_buildspec envvars_app_buildspecversion
envvars_app_mapversion
envvars_app_syncedbuildspec envvars_app_syncedscope envvars_app_syncedvariable
envvars_app_variable envvars_app_variableversion mfa_authenticator secrets_app_binentry
secrets_app_embeddedparameter
secrets_app_embeddedversion secrets_app_revalidation secrets_app_secret
secrets_app_unknownparameter socialaccount_socialaccount socialaccount_socialapp
"""


def entries() -> list[tuple[str, str, str, str]]:
    """Return (actor kind, subject, outcome, detail) of the audit events of backups."""
    events = AuditEvent.objects.filter(action="backup.make").order_by("pk")
    return [
        (event.actor_kind, event.subject, end.outcome, end.detail)
        for event in events
        for end in event.outcomes.all()
    ]


def test_it_works(world: World, manage: Manage, file: Path) -> None:
    made = manage("backup", str(file))
    assert (made.code, made.out) == (0, "")
    assert made.err.startswith(f"Wrote {file}: ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file] or connection.vendor == "sqlite"
    [(kind, subject, outcome, detail)] = entries()
    assert (kind, subject, outcome) == ("command", "console.backup", "succeeded")
    assert detail in made.err


def test_every_table_is_in_it_or_left_out_for_a_reason() -> None:
    tables = {model._meta.db_table for model in models_of(apps)}
    assert tables == {*KEPT.split(), *LEFT_OUT}


def test_file_in_a_folder_is_named_by_the_time(
    world: World, manage: Manage, tmp_path: Path
) -> None:
    assert manage("backup", str(tmp_path)).code == 0
    [made] = tmp_path.glob("console-*Z.backup")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def opened(file: Path) -> bytes:
    """Return everything that BACKUP_KEY reveals: the rows, with base64 decoded too."""
    with file.open("rb") as encrypted, archive.opened(encrypted, [KEY]) as (_contents, rows):
        cells = [cell for _table, row in rows for cell in row]
    return b"\0".join(_bytes(cell) for cell in cells)


def _bytes(cell: Any) -> bytes:
    """Return a cell as bytes, plain and decoded from base64."""
    text = str(cell).encode()
    try:
        return text + b" " + b64decode(text, validate=True)
    except ValueError:
        return text


def test_contains_no_value_and_no_key(
    world: World, manage: Manage, file: Path, settings: Any
) -> None:
    canary = Canary()
    for way, value in canary.shapes("backup").items():
        set_secret(world, f"KEY_{way}", value)
    assert manage("backup", str(file)).code == 0
    assert list(canary.found_in(file.read_bytes())) == []
    inside = opened(file)
    assert b"KEY_plain" in inside
    assert list(canary.found_in(inside)) == []
    own = [
        settings.SECRET_KEY,
        *settings.ENCRYPTION_KEYS,
        *settings.AUDIT_KEYS,
        *settings.BACKUP_KEYS,
    ]
    assert [key for key in own if key.encode() in inside] == []


def test_contains_no_plain_text(world: World, manage: Manage, file: Path) -> None:
    assert manage("backup", str(file)).code == 0
    data = file.read_bytes()
    assert [word for word in (b"alice", b"API_KEY", b"console_") if word in data] == []


def test_no_backup_key(manage: Manage, file: Path, settings: Any) -> None:
    settings.BACKUP_KEYS = []
    refused = manage("backup", str(file))
    assert (refused.code, file.exists(), entries()) == (1, False, [])
    assert "BACKUP_KEY is not set. Make a key" in refused.err


@pytest.mark.parametrize("own", ["SECRET_KEY", "ENCRYPTION_KEYS", "AUDIT_KEYS"])
def test_backup_key_equals_another_key(manage: Manage, file: Path, settings: Any, own: str) -> None:
    key = getattr(settings, own)
    settings.BACKUP_KEYS = [
        KEY,
        *([key] if own == "SECRET_KEY" else key),
    ]
    assert "also used as another key" in manage("backup", str(file)).err
    assert not file.exists()


@pytest.mark.parametrize("there", ["a file", "a link to nothing"])
def test_existing_file(manage: Manage, file: Path, there: str) -> None:
    if there == "a file":
        file.write_text("precious")
    else:
        file.symlink_to("nowhere")
    refused = manage("backup", str(file))
    assert refused.code == 1
    assert "Nothing was overwritten" in refused.err
    assert file.is_symlink() or file.read_text() == "precious"
    assert [entry[2] for entry in entries()] == ["failed"]


def test_missing_folder(manage: Manage, tmp_path: Path) -> None:
    refused = manage("backup", str(tmp_path / "nowhere" / "x"))
    assert refused.code == 1
    assert "Can't write the backup (No such file or directory)" in refused.err


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Limit the size of files; `limit` is the process's limit to restore."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill_up(path: Path) -> None:
    """Write more than the disk has space for."""
    with disk_of(100_000), whole_file(path) as file:
        file.write(bytes(1_000_000))


def fail(path: Path) -> None:
    """Fail after the first bytes."""
    with whole_file(path) as file:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("act", "why"), [(fill_up, "File too large"), (fail, "No space left on device")]
)
def test_full_disk_leaves_no_file(tmp_path: Path, act: Any, why: str) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(BackupError, match=why):
        act(folder / "x")
    assert list(folder.iterdir()) == []


def be_late(path: Path) -> None:
    """Write a file that another process creates at the same time."""
    with whole_file(path) as file:
        file.write(b"ours")
        path.write_bytes(b"theirs")


def test_concurrent_backups_to_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(BackupError, match="Nothing was overwritten"):
        be_late(folder / "x")
    assert [it.read_bytes() for it in folder.iterdir()] == [b"theirs"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (MigrationRecorder.record_unapplied, "has not been migrated to this version"),
        (MigrationRecorder.record_applied, "was made by a newer version of Branchkeep"),
    ],
)
def test_database_of_another_version(manage: Manage, file: Path, change: Any, why: str) -> None:
    older = change is MigrationRecorder.record_unapplied
    name = "0003_audit_chain" if older else "9999_of_the_future"
    recorder = MigrationRecorder(connection)
    change(recorder, "console", name)
    try:
        refused = manage("backup", str(file))
    finally:
        (recorder.record_applied if older else recorder.record_unapplied)("console", name)
    assert refused.code == 1
    assert why in refused.err
    assert not file.exists()
