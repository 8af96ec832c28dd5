"""A console moves from SQLite to PostgreSQL and back, and nothing is lost on the way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from console.models import App
from tests.console.backup.databases import kept, postgres, rows, sqlite, trail, using
from tests.console.cli.conftest import Ended
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_it_works(manage: Callable[..., Ended], tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with using(sqlite(tmp_path / "first.sqlite3")):
        call_command("migrate", verbosity=0)
        desk = Desk(World())
        desk.put("API_KEY", "é\n\t☃", desk.world.main)
        first = rows()
        assert manage("backup", str(one)).code == 0
    with postgres("moved") as place, using(place):
        assert manage("restore", str(one)).code == 0
        assert connection.vendor == "postgresql"
        assert desk.values("API_KEY", desk.world.main)[0] == "é\n\t☃"
        second = rows()
        assert manage("backup", str(other)).code == 0
    with using(sqlite(tmp_path / "last.sqlite3")):
        assert manage("restore", str(other)).code == 0
        assert desk.values("API_KEY", desk.world.main)[0] == "é\n\t☃"
        last = rows()
    assert kept(first) == kept(second) == kept(last)
    for earlier, later in ((first, second), (second, last)):
        for name, written in trail(earlier).items():
            assert later[name][: len(written)] == written


@pytest.mark.parametrize("name", ["what no PostgreSQL holds\0", "longer than its column" * 100])
def test_what_the_other_database_does_not_take(
    manage: Callable[..., Ended], tmp_path: Path, name: str
) -> None:
    with using(sqlite(tmp_path / "first.sqlite3")):
        call_command("migrate", verbosity=0)
        App.objects.create(app_id="d1", name=name, region="us-east-1")
        assert manage("backup", str(tmp_path / "x")).code == 0
    with postgres("moved") as place, using(place):
        refused = manage("restore", str(tmp_path / "x"))
        assert (refused.code, connection.introspection.table_names()) == (1, [])
    assert "rejected the backup's rows of console_app (DataError)" in refused.err
