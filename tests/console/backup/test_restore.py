"""A backup becomes a database again, row by row, or nothing happens."""

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
from console.backup.tables import LEFT_OUT, kept, models_at, table_of
from console.models import App, AuditEvent, Member, User
from secrets_app.models import EmbeddedParameter
from tests.console.backup.conftest import KEY
from tests.console.backup.conftest import OTHER_KEY as OTHER_BACKUP_KEY
from tests.console.backup.databases import kept as kept_of
from tests.console.backup.databases import rows, sqlite, trail, using
from tests.console.backup.filling import fill, first_version
from tests.console.cli.conftest import Ended
from tests.secrets_app.writes.desk import Desk

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
Manage = Callable[..., Ended]
Elsewhere = Callable[[], AbstractContextManager[None]]
NOT_FILLED = {*FILLED_AT_START, "console_auditseal"}  # no seal is one that nobody made
OTHER_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def entries(action: str) -> list[tuple[str, str, str]]:
    """Return the entries of an action: subject, outcome, detail."""
    ends = AuditEvent.objects.filter(action=action).order_by("pk", "outcomes__pk")
    return list(ends.values_list("subject", "outcomes__outcome", "outcomes__detail"))


def tables() -> list[str]:
    """Return what tables there are."""
    return connection.introspection.table_names()


def test_it_works(desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere) -> None:
    before = rows()
    assert manage("backup", str(file)).code == 0
    with elsewhere():
        restored = manage("restore", str(file))
        assert restored.code == 0
        assert "All users must sign in again." in restored.out
        assert "rows verified" in restored.out
        after = rows()
        assert desk.values("API_KEY") == ("second value", None)
        assert desk.values("TOKEN", desk.world.main)[0] == "a token"
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
    assert kept_of(after) == kept_of(before)
    assert [after[name] for name in LEFT_OUT] == [[]] * len(LEFT_OUT)
    for name, written in trail(before).items():
        assert after[name][: len(written)] == written


def test_every_column_of_every_table_comes_back(
    manage: Manage, file: Path, elsewhere: Elsewhere, settings: Any
) -> None:
    settings.PARAMETER_STORE = "ssm"  # else it is asked whether the ciphertexts' keys are there
    fill(it for it in kept(apps) if it._meta.db_table not in NOT_FILLED)
    before = rows()
    assert manage("backup", str(file)).code == 0
    with elsewhere():
        call_command("migrate", verbosity=0)  # as a start does, before anybody comes by
        assert manage("restore", str(file)).code == 0
        after = rows()
    assert kept_of(after) == kept_of(before)
    assert after["console_auditevent"][:2] == before["console_auditevent"][:2]


def test_no_number_is_given_again(
    desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere
) -> None:
    desk.outside("/amplify/d1shop/gone/KEY")
    highest = EmbeddedParameter.objects.latest("pk").pk
    desk.store.remove(["/amplify/d1shop/gone/KEY"])
    assert manage("backup", str(file)).code == 0
    with elsewhere():
        assert manage("restore", str(file)).code == 0
        desk.outside("/amplify/d1shop/new/KEY")
        assert EmbeddedParameter.objects.latest("pk").pk > highest + ID_GAP
        assert App.objects.create(app_id="d3", name="", region="").pk > ID_GAP
        assert User.objects.create_user("new@example.org").pk > ID_GAP


def test_a_save_that_was_under_way_is_settled(
    desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere, interrupted: Any
) -> None:
    row = desk.row("API_KEY")
    interrupted.before("put", lambda: manage("backup", str(file)))
    desk.save("alice", desk.change(row, "third value"))
    with elsewhere():
        assert manage("restore", str(file)).code == 0
        assert desk.row("API_KEY").claim_id
        desk.expire_claims()
        desk.check()
        assert desk.row("API_KEY").claim_id is None
        assert desk.outcomes()[-1] == "settled"
        assert desk.values("API_KEY")[0] == "second value"
    assert desk.values("API_KEY")[0] == "third value"


def test_the_first_look_names_what_the_store_has_and_the_trail_does_not(
    desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere
) -> None:
    desk.check()
    assert manage("backup", str(file)).code == 0
    with elsewhere():
        assert manage("restore", str(file)).code == 0
        desk.outside(desk.paths("API_KEY")[0])  # as SSM has what was saved since the backup
        desk.outside(f"{desk.paths('API_KEY')[0]}_2")
        desk.check()
        assert desk.row("API_KEY").version == 3
        who = "Someone outside Branchkeep"
        assert desk.trail("found.") == [
            (who, "found.change", "API_KEY", 2, "succeeded", 3),
            (who, "found.add", "API_KEY_2", None, "succeeded", 1),
        ]


def test_check_alone_writes_nothing(
    desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere
) -> None:
    assert manage("backup", str(file)).code == 0
    with elsewhere():
        checked = manage("restore", "--check", str(file))
        assert (checked.code, tables()) == (0, [])
    assert checked.out.startswith("The backup is complete: ")


def cut(file: Path) -> None:
    """Take the end away."""
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
def test_nothing_is_written_of_what_does_not_fit(
    desk: Desk,
    manage: Manage,
    file: Path,
    elsewhere: Elsewhere,
    settings: Any,
    spoil: Any,
    why: str,
) -> None:
    assert manage("backup", str(file)).code == 0
    spoil(file, settings)
    with elsewhere():
        refused = manage("restore", str(file))
        assert (refused.code, tables()) == (1, [])
    assert why in refused.err


def test_a_database_in_use_is_left_alone(desk: Desk, manage: Manage, file: Path) -> None:
    assert manage("backup", str(file)).code == 0
    before = rows()
    refused = manage("restore", str(file))
    assert refused.code == 1
    assert "The database is not empty" in refused.err
    assert rows() == before
    assert triggers.missing(connection) == []


def test_one_entry_of_the_trail_is_enough_to_be_in_use(
    desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere
) -> None:
    assert manage("backup", str(file)).code == 0
    with elsewhere():
        call_command("migrate", verbosity=0)
        AuditEvent.objects.create(action="session.sign_in", actor_kind="web", actor="somebody")
        assert "console_auditevent has rows" in manage("restore", str(file)).err
        assert AuditEvent.objects.count() == 1


def test_others_tables_are_left_alone(
    desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere
) -> None:
    assert manage("backup", str(file)).code == 0
    with elsewhere():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE theirs (id integer)")
        refused = manage("restore", str(file))
        assert (refused.code, tables()) == (1, ["theirs"])
    assert "tables that don't belong to Branchkeep: theirs" in refused.err


def test_a_lost_audit_key_is_told_and_stops_nothing(
    desk: Desk, manage: Manage, file: Path, elsewhere: Elsewhere, settings: Any
) -> None:
    assert manage("backup", str(file)).code == 0
    settings.AUDIT_KEYS = ["another key of the trail, for this test alone"]
    with elsewhere():
        restored = manage("restore", str(file))
        assert restored.code == 1
        assert "The backup was restored, but check the following" in restored.err
        assert "which is not in AUDIT_KEYS" in restored.err
        assert User.objects.exists()


def written(file: Path, migrations: Iterable[tuple[str, str]], models: Any) -> None:
    """Write a backup as the version with these migrations would have."""
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


def test_one_of_a_newer_version_is_refused(
    manage: Manage, file: Path, elsewhere: Elsewhere
) -> None:
    known = sorted(MigrationLoader(connection).applied_migrations)
    written(file, [*known, ("console", "9999_of_the_future")], [])
    with elsewhere():
        refused = manage("restore", str(file))
        assert (refused.code, tables()) == (1, [])
    assert "was made by a newer version of Branchkeep" in refused.err
    assert "console.9999_of_the_future" in refused.err


def test_one_of_an_older_version_comes_forward(
    manage: Manage, file: Path, elsewhere: Elsewhere, settings: Any, tmp_path: Path
) -> None:
    settings.PARAMETER_STORE = "ssm"
    with using(sqlite(tmp_path / "old.sqlite3")):
        executor, done = first_version()
        models = kept(models_at(executor.loader, done))
        fill(models)
        written(file, done, models)
    with elsewhere():
        assert manage("restore", str(file)).code == 0
        assert [app.name for app in App.objects.order_by("pk")] == [
            "name 1 é\n\t'☃",
            "name 2 é\n\t'☃",
        ]
        assert (
            Member.objects.filter(group=None, patterns="").count() == 2
        )  # columns that came later
        assert manage("migrate", "--check").code == 0
        assert triggers.missing(connection) == []
