"""A restore brings back every row, or changes nothing."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from console.audit import triggers
from console.backup import archive
from console.backup.archive import Contents
from console.backup.restore import FILLED_AT_START, ID_GAP
from console.backup.tables import LEFT_OUT, kept, table_of
from console.db.versions import models_at
from console.models import App, AuditEvent, Member, User
from secrets_app.models import EmbeddedParameter
from secrets_app.store import parameter_store
from tests.console.backup.conftest import KEY
from tests.console.backup.conftest import OTHER_KEY as OTHER_BACKUP_KEY
from tests.console.backup.databases import audit_tables, rows, sqlite, using, without_audit
from tests.console.backup.sample_rows import fill, first_version
from tests.factories import (
    audit_rows,
    expire_leases,
    outcomes_of,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    stored_values,
    write_outside,
)
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import empty_tables
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db(transaction=True)
Manage = Callable[..., CommandResult]
OtherDatabase = Callable[[], AbstractContextManager[None]]
NOT_FILLED = {*FILLED_AT_START, "console_auditseal"}  # a made-up link would break the chain
OTHER_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def entries(action: str) -> list[tuple[str, str, str]]:
    """Return (subject, outcome, detail) of the audit events of an action."""
    ends = AuditEvent.objects.filter(action=action).order_by("pk", "outcomes__pk")
    return list(ends.values_list("subject", "outcomes__outcome", "outcomes__detail"))


def create_tables() -> None:
    """Create the tables in the present database, as a start does."""
    if connection.vendor == "sqlite":
        shutil.copy(empty_tables(), connection.settings_dict["NAME"])
    else:
        call_command("migrate", verbosity=0)


def tables() -> list[str]:
    """Return the names of the tables."""
    return connection.introspection.table_names()


@pytest.mark.both_databases
def test_it_works(world: World, manage: Manage, file: Path, other_database: OtherDatabase) -> None:
    write_outside("/amplify/d1shop/gone/KEY")
    highest = EmbeddedParameter.objects.latest("pk").pk
    parameter_store().remove(["/amplify/d1shop/gone/KEY"])
    before = rows()
    assert manage("backup", str(file)).code == 0
    with other_database():
        restored = manage("restore", str(file))
        assert restored.code == 0
        assert "All users must sign in again." in restored.out
        assert "rows verified" in restored.out
        after = rows()
        assert stored_values(world, "API_KEY") == ("second value", None)
        assert stored_values(world, "TOKEN", world.main)[0] == "a token"
        assert triggers.missing(connection) == []
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AuditEvent.objects.update(actor="nobody")
        assert entries("backup.make") == [
            (
                "console.backup",
                "settled",
                "The backup was completed: it has since been restored.",
            )
        ]
        [(subject, outcome, detail)] = entries("backup.restore")
        assert (subject, outcome) == ("console.backup", "succeeded")
        assert f"on {connection.vendor}: " in detail
        write_outside("/amplify/d1shop/new/KEY")  # no id is used again
        assert EmbeddedParameter.objects.latest("pk").pk > highest + ID_GAP
        assert App.objects.create(app_id="d3", name="", region="").pk > ID_GAP
        assert User.objects.create_user("new@example.org").pk > ID_GAP
    assert without_audit(after) == without_audit(before)
    assert [after[name] for name in LEFT_OUT] == [[]] * len(LEFT_OUT)
    for name, written in audit_tables(before).items():
        assert after[name][: len(written)] == written


@pytest.mark.exhaustive_on_postgres
def test_every_column_of_every_table(
    manage: Manage, file: Path, other_database: OtherDatabase, settings: Any
) -> None:
    settings.PARAMETER_STORE = "ssm"  # otherwise restore checks the keys of its ciphertexts
    fill(it for it in kept(apps) if it._meta.db_table not in NOT_FILLED)
    before = rows()
    assert manage("backup", str(file)).code == 0
    with other_database():
        create_tables()
        assert manage("restore", str(file)).code == 0
        after = rows()
    assert without_audit(after) == without_audit(before)
    assert after["console_auditevent"][:2] == before["console_auditevent"][:2]


@pytest.mark.exhaustive
def test_unfinished_save_is_settled(
    world: World, manage: Manage, file: Path, other_database: OtherDatabase, interrupted: Any
) -> None:
    row = secret_row(world, "API_KEY")
    interrupted.before("put", lambda: manage("backup", str(file)))
    save_secrets(world, set_command(row, "third value"))
    with other_database():
        assert manage("restore", str(file)).code == 0
        assert secret_row(world, "API_KEY").claim_id
        expire_leases()
        reconcile_now(world)
        assert secret_row(world, "API_KEY").claim_id is None
        assert (
            outcomes_of(AuditEvent.objects.filter(action="secret.change").latest("pk"))[-1]
            == "settled"
        )
        assert stored_values(world, "API_KEY")[0] == "second value"
    assert stored_values(world, "API_KEY")[0] == "third value"


@pytest.mark.exhaustive
def test_first_reconcile_reports_newer_parameters(
    world: World, manage: Manage, file: Path, other_database: OtherDatabase
) -> None:
    reconcile_now(world)
    assert manage("backup", str(file)).code == 0
    with other_database():
        assert manage("restore", str(file)).code == 0
        write_outside(
            secret_paths(world, "API_KEY")[0]
        )  # like SSM, which has what was saved since the backup
        write_outside(f"{secret_paths(world, 'API_KEY')[0]}_2")
        reconcile_now(world)
        assert secret_row(world, "API_KEY").version == 3
        actor = "Someone outside Branchkeep"
        assert audit_rows(world, "found.") == [
            (actor, "found.change", "API_KEY", 2, "succeeded", 3),
            (actor, "found.add", "API_KEY_2", None, "succeeded", 1),
        ]


def test_check_option_writes_nothing(
    world: World, manage: Manage, file: Path, other_database: OtherDatabase
) -> None:
    assert manage("backup", str(file)).code == 0
    with other_database():
        checked = manage("restore", "--check", str(file))
        assert (checked.code, tables()) == (0, [])
    assert checked.out.startswith("The backup is complete: ")


def cut(file: Path) -> None:
    """Cut off the end of a file."""
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda file, settings: cut(file), "changed or cut off"),
        (lambda file, settings: file.unlink(), "Can't read the backup"),
        (lambda file, settings: file.write_text("hello"), "not a Branchkeep backup"),
        (lambda file, settings: setattr(settings, "BACKUP_KEYS", []), "BACKUP_KEY is not set"),
        (
            lambda file, settings: setattr(settings, "BACKUP_KEYS", [OTHER_BACKUP_KEY]),
            "None of the keys in BACKUP_KEY opens this backup",
        ),
        (
            lambda file, settings: setattr(settings, "ENCRYPTION_KEYS", [OTHER_KEY]),
            "ENCRYPTION_KEYS is missing 1 of the keys",
        ),
    ],
)
def test_unsuitable_backups(
    world: World,
    manage: Manage,
    file: Path,
    other_database: OtherDatabase,
    settings: Any,
    spoil: Any,
    why: str,
) -> None:
    assert manage("backup", str(file)).code == 0
    spoil(file, settings)
    with other_database():
        refused = manage("restore", str(file))
        assert (refused.code, tables()) == (1, [])
    assert why in refused.err


@pytest.mark.both_databases
def test_database_in_use(world: World, manage: Manage, file: Path) -> None:
    assert manage("backup", str(file)).code == 0
    before = rows()
    refused = manage("restore", str(file))
    assert refused.code == 1
    assert "The database is not empty" in refused.err
    assert rows() == before
    assert triggers.missing(connection) == []


def test_audit_log_alone_counts_as_in_use(
    world: World, manage: Manage, file: Path, other_database: OtherDatabase
) -> None:
    assert manage("backup", str(file)).code == 0
    with other_database():
        create_tables()
        AuditEvent.objects.create(action="session.sign_in", actor_kind="web", actor="somebody")
        assert "console_auditevent has rows" in manage("restore", str(file)).err
        assert AuditEvent.objects.count() == 1


def test_tables_of_another_program(
    world: World, manage: Manage, file: Path, other_database: OtherDatabase
) -> None:
    assert manage("backup", str(file)).code == 0
    with other_database():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE theirs (id integer)")
        refused = manage("restore", str(file))
        assert (refused.code, tables()) == (1, ["theirs"])
    assert "tables that don't belong to Branchkeep: theirs" in refused.err


@pytest.mark.exhaustive
def test_lost_audit_key_is_a_warning(
    world: World, manage: Manage, file: Path, other_database: OtherDatabase, settings: Any
) -> None:
    assert manage("backup", str(file)).code == 0
    settings.AUDIT_KEYS = ["another key of the trail, for this test alone"]
    with other_database():
        restored = manage("restore", str(file))
        assert restored.code == 1
        assert "The backup was restored, but check the following" in restored.err
        assert "which is not in AUDIT_KEYS" in restored.err
        assert User.objects.exists()


def written(file: Path, migrations: Iterable[tuple[str, str]], models: Any) -> None:
    """Write a backup as the version with these migrations would."""
    contents = Contents(
        made_at="2026-01-01T00:00:00+00:00",
        database=connection.vendor,
        migrations=[[*key] for key in sorted(migrations)],
        tables=[table_of(model) for model in models],
    )
    with file.open("wb") as out:
        archive.write(out, KEY, contents, _all_rows(models))


def _all_rows(models: Any) -> Iterator[Any]:
    for model in models:
        names = [field.attname for field in model._meta.concrete_fields]
        yield from model._base_manager.order_by("pk").values_list(*names)


def test_backup_of_a_newer_version(
    manage: Manage, file: Path, other_database: OtherDatabase
) -> None:
    known = sorted(MigrationLoader(connection).applied_migrations)
    written(file, [*known, ("console", "9999_of_the_future")], [])
    with other_database():
        refused = manage("restore", str(file))
        assert (refused.code, tables()) == (1, [])
    assert "was made by a newer version of Branchkeep" in refused.err
    assert "console.9999_of_the_future" in refused.err


@pytest.mark.exhaustive_on_postgres
def test_backup_of_an_older_version_is_migrated(
    manage: Manage, file: Path, other_database: OtherDatabase, settings: Any, tmp_path: Path
) -> None:
    settings.PARAMETER_STORE = "ssm"
    with using(sqlite(tmp_path / "old.sqlite3")):
        executor, done = first_version()
        models = kept(models_at(executor.loader, done))
        fill(models)
        written(file, done, models)
    with other_database():
        assert manage("restore", str(file)).code == 0
        assert [app.name for app in App.objects.order_by("pk")] == [
            "name 1 é\n\t'☃",
            "name 2 é\n\t'☃",
        ]
        assert Member.objects.filter(group=None, patterns="").count() == 2  # columns added later
        assert manage("migrate", "--check").code == 0
        assert triggers.missing(connection) == []
