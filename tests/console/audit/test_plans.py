"""PostgreSQL plans a statement once a connection, but for those that search the trail."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from console.models import App

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

OFTEN = 15  # the sixth is prepared, and from the sixth of those on one plan may serve for all


def plans_of(words: str) -> list[tuple[int, int]]:
    """Return how often each prepared statement with these words was planned for all, and anew."""
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
    [(once, anew)] = plans_of('AND "console_app"."name" = ')
    assert once > 0 < anew


def test_a_search_in_the_trail_is_planned_for_who_is_searched(
    as_: Callable[[str], Client],
) -> None:
    client = as_("olga")
    for number in range(OFTEN):
        assert client.get(f"/activity/?person=p{number}@example.org").status_code == 200
    found = plans_of('"console_auditevent"."actor" IN')
    assert found
    assert {once for once, _ in found} == {0}
