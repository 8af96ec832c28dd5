"""A console moves from SQLite to PostgreSQL and back without losing anything."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from console.models import App
from tests.console.backup.databases import (
    audit_tables,
    postgres,
    rows,
    sqlite,
    using,
    without_audit,
)
from tests.factories import set_secret, stored_values
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.mark.exhaustive
def test_it_works(manage: Callable[..., CommandResult], tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with using(sqlite(tmp_path / "first.sqlite3")):
        call_command("migrate", verbosity=0)
        world = World()
        set_secret(world, "API_KEY", "é\n\t☃", world.main)
        first = rows()
        assert manage("backup", str(one)).code == 0
    with postgres("moved") as database, using(database):
        assert manage("restore", str(one)).code == 0
        assert connection.vendor == "postgresql"
        assert stored_values(world, "API_KEY", world.main)[0] == "é\n\t☃"
        second = rows()
        assert manage("backup", str(other)).code == 0
    with using(sqlite(tmp_path / "last.sqlite3")):
        assert manage("restore", str(other)).code == 0
        assert stored_values(world, "API_KEY", world.main)[0] == "é\n\t☃"
        last = rows()
    assert without_audit(first) == without_audit(second) == without_audit(last)
    for earlier, later in ((first, second), (second, last)):
        for name, written in audit_tables(earlier).items():
            assert later[name][: len(written)] == written


@pytest.mark.exhaustive
def test_values_that_postgresql_rejects(
    manage: Callable[..., CommandResult], tmp_path: Path
) -> None:
    files = []
    with using(sqlite(tmp_path / "first.sqlite3")):
        call_command("migrate", verbosity=0)
        app = App.objects.create(app_id="d1", region="us-east-1")
        for name in ("not for PostgreSQL\0", "longer than its column" * 100):
            App.objects.filter(pk=app.pk).update(name=name)
            files.append(str(tmp_path / name[:6]))
            assert manage("backup", files[-1]).code == 0
    with postgres("moved") as database, using(database):
        for file in files:
            refused = manage("restore", file)
            assert (refused.code, connection.introspection.table_names()) == (1, [])
            assert "rejected the backup's rows of console_app (DataError)" in refused.err
