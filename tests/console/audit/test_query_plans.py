"""PostgreSQL reuses one plan per statement, except for searches of the audit log."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from console.models import App

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

OFTEN = 15  # psycopg prepares the sixth; PostgreSQL may choose a generic plan after five of those


def plans_of(words: str) -> list[tuple[int, int]]:
    """Return (generic plans, custom plans) of each prepared statement that contains `words`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements "
            "WHERE statement LIKE %s",
            [f"%{words}%"],
        )
        return cursor.fetchall()


def test_it_works() -> None:
    for number in range(OFTEN):
        App.objects.filter(app_id=f"d{number}", name="planned").exists()
    [(generic, custom)] = plans_of('AND "console_app"."name" = ')
    assert generic > 0 < custom


def test_search_of_the_log_is_planned_for_its_values(
    client_for: Callable[[str], Client],
) -> None:
    client = client_for("olga")
    for number in range(OFTEN):
        assert client.get(f"/activity/?person=p{number}@example.org").status_code == 200
    found = plans_of('"console_auditevent"."actor" IN')
    assert found
    assert {generic for generic, _ in found} == {0}
