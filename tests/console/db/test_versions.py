"""Which migrations and tables only a newer version can have made."""

from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from console.db.versions import newer_database
from envvars_app.models import VariableVersion
from tests.console.backup.databases import sqlite, using
from tests.console.backup.sample_rows import first_version

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.both_databases
def test_it_works() -> None:
    assert newer_database() == ""
    recorder = MigrationRecorder(connection)
    recorder.record_applied("console", "9999_of_the_future")
    try:
        assert "the migration console.9999_of_the_future" in newer_database()
    finally:
        recorder.record_unapplied("console", "9999_of_the_future")


def test_empty_database(tmp_path: Path) -> None:
    with using(sqlite(tmp_path / "empty.sqlite3")):
        assert newer_database() == ""


def test_older_database(tmp_path: Path) -> None:
    with using(sqlite(tmp_path / "older.sqlite3")):
        first_version()
        assert newer_database() == ""


def test_table_that_a_migration_has_yet_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This version has no model for it anymore, but the database is still at an earlier one."""
    models = [it for it in apps.get_models(include_auto_created=True) if it is not VariableVersion]
    with using(sqlite(tmp_path / "older.sqlite3")):
        first_version()
        monkeypatch.setattr(apps, "get_models", lambda **_: models)
        assert newer_database() == ""
        MigrationRecorder(connection).record_unapplied("envvars_app", "0001_initial")
        assert "the table envvars_app_variableversion" in newer_database()
