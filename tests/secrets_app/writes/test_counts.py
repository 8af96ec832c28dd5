"""What a page and a save cost: store calls and queries."""

from math import ceil
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from secrets_app.models import Secret
from secrets_app.reveal import reveal
from tests.secrets_app.writes.desk import Desk

AT_MOST = 10  # queries of a page
# Queries of a saved row: claim and attempt, outcome and projection, begin and commit of both
A_ROW = {"create": 10, "change": 9, "remove": 9}
# On the embedded store its own are in the second transaction: for two paths to write, or to remove
ITS_OWN = {"create": 8, "change": 4, "remove": 4}


def _fill(desk: Desk, number: int) -> None:
    branches = (None, desk.world.main, desk.world.dev)
    Secret.objects.all().delete()
    Secret.objects.bulk_create(
        Secret(
            app=desk.app,
            branch=branches[index % 3],
            key=f"KEY_{index:04}",
            version=1,
            mirror_version=index % 2,
            mirror_of=index % 2,
            changed_at=timezone.now(),
            changed_by="alice@example.org",
            touched_at=timezone.now(),
        )
        for index in range(number)
    )


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
@pytest.mark.parametrize("query", ["", "?per_page=100", "?q=KEY&sort=-changed", "?branch={dev}"])
@pytest.mark.parametrize("page", ["secrets", "secrets_manage"])
def test_it_works(
    desk: Desk, as_: Any, calls: Any, page: str, query: str, headers: dict[str, str]
) -> None:
    url = reverse(page, args=[desk.app.app_id]) + query.format(dev=desk.world.dev.pk)
    client = as_("alice")
    client.get(url, headers=headers)
    counts = []
    for number in (10, 1000):
        _fill(desk, number)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.get(url, headers=headers)
        assert response.status_code == 200
        assert b"KEY_0" in response.content
        counts.append(len(queries))
    assert calls() == 0
    assert counts[0] == counts[1] <= AT_MOST


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("number", [1, 10, 11, 25])
def test_a_save(desk: Desk, calls: Any, number: int) -> None:
    desk.check()
    main = desk.world.main
    news = [desk.new(f"KEY_{index}", branch=main) for index in range(number)]
    reads, puts = calls("current"), calls("put")
    assert {outcome.outcome for outcome in desk.save("alice", *news)} == {"saved"}
    assert calls("current") - reads == ceil(number / 10)
    assert calls("put") - puts == 2 * number

    changes = [desk.change(row) for row in Secret.objects.filter(branch=main)]
    reads, puts = calls("current"), calls("put")
    assert {outcome.outcome for outcome in desk.save("alice", *changes)} == {"saved"}
    assert calls("current") - reads == ceil(number / 10)
    assert calls("put") - puts == 2 * number

    removals = [desk.removal(row) for row in Secret.objects.filter(branch=main)]
    reads, removes = calls("current"), calls("remove")
    assert {outcome.outcome for outcome in desk.save("alice", *removals)} == {"removed"}
    assert calls("current") - reads == ceil(number / 10)
    assert calls("remove") - removes == number
    assert calls("read") == 0  # nothing was decrypted


@pytest.mark.parametrize("act", A_ROW)
def test_queries_of_a_saved_row(desk: Desk, either_store: str, act: str) -> None:
    counts = [_queries(desk, act, number) for number in (1, 21)]
    embedded = either_store == "embedded"
    a_row, reads = A_ROW[act] + embedded * ITS_OWN[act], embedded * 2  # three for 21 rows, not one
    assert (counts[1] - counts[0] - reads) / 20 <= a_row
    assert counts[0] <= a_row + 6


def _queries(desk: Desk, act: str, number: int) -> int:
    keys = [f"{act}_{number}_{index}" for index in range(number)]
    changes = [desk.new(key, branch=desk.world.main) for key in keys]
    if act != "create":
        desk.save("alice", *changes)
        rows = [desk.row(key, desk.world.main) for key in keys]
        changes = [desk.change(row) if act == "change" else desk.removal(row) for row in rows]
    desk.world.actor("alice")
    with CaptureQueriesContext(connection) as queries:
        desk.save("alice", *changes)
    return len(queries)


def test_a_refused_save_asks_the_store_nothing(desk: Desk, calls: Any) -> None:
    desk.save("vera", desk.new("A"), desk.new("B", branch=desk.world.dev))
    desk.save("alice", desk.new("b a d"), desk.new("EMPTY", ""))
    assert calls() == 0


def test_a_reveal_is_one_read(desk: Desk, calls: Any) -> None:
    row = desk.put("A", branch=desk.world.main)
    before = calls()
    reveal(actor=desk.world.actor("alice"), app_id=desk.app.app_id, pk=row.pk)
    assert (calls() - before, calls("read")) == (1, 1)


def test_a_check_after_a_save_is_one_listing(desk: Desk, calls: Any) -> None:
    desk.put("A", branch=desk.world.main)
    desk.check()
    before = calls()
    desk.save("alice", desk.change(desk.row("A", desk.world.main)))
    saved = calls() - before
    desk.check()
    assert calls() - before - saved == 1
