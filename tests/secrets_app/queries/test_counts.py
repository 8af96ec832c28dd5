"""How many queries and store calls a page and a save take."""

from math import ceil
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from console.models import KeyNote
from secrets_app.models import Secret
from secrets_app.reveal import reveal
from secrets_app.writes import batches
from secrets_app.writes.batches import BATCH
from tests.factories import (
    create_command,
    delete_command,
    reconcile_now,
    save_secrets,
    secret_row,
    set_command,
    set_secret,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

MAX_PAGE_QUERIES = 17  # four of them for what a branch lacks and copied, one for the navigation
# Queries of a save: at most four per row and twenty more. With SSM, a row takes the mark before its
# call; the embedded store has a statement for each path instead, or two for all paths of a removal.
ROW_QUERIES = {"moto": 1, "embedded": 2}
# A removal also takes the mark before the copy for the recycle bin, and the embedded store's copy
COPY_QUERIES = {"moto": 1, "embedded": 5}
# Of a batch: events and leases, outcomes and projection; a third of it are transactions
BATCH_QUERIES = {"moto": 12, "embedded": 14}
SAVE_QUERIES = 9  # once, with the names of ten rows per query of the embedded store


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that takes long commits in between, so the numbers would depend on the machine."""
    monkeypatch.setattr(batches, "COMMIT_AFTER", 600.0)


def fill(world: World, number: int) -> None:
    branches = (None, world.main, world.dev)
    Secret.objects.all().delete()
    KeyNote.objects.all().delete()
    KeyNote.objects.bulk_create(
        KeyNote(
            app=world.app,
            key=f"KEY_{index:04}",
            version=1,
            note="A note",
            labels=" payments ",
            changed_at=timezone.now(),
            changed_by="alice@example.org",
        )
        for index in range(number)
    )
    Secret.objects.bulk_create(
        Secret(
            app=world.app,
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
    world: World,
    client_for: Any,
    store_calls: StoreCalls,
    page: str,
    query: str,
    headers: dict[str, str],
) -> None:
    url = reverse(page, args=[world.app.app_id]) + query.format(dev=world.dev.pk)
    client = client_for("alice")
    client.get(url, headers=headers)
    counts = []
    for number in (10, 200):
        fill(world, number)
        with CaptureQueriesContext(connection) as queries:
            response = client.get(url, headers=headers)
        assert response.status_code == 200
        assert b"KEY_0" in response.content
        counts.append(len(queries))
    assert store_calls() == 0
    assert counts[0] == counts[1] <= MAX_PAGE_QUERIES


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("number", [1, 10, 11])
def test_a_save(world: World, store_calls: StoreCalls, number: int) -> None:
    reconcile_now(world)
    main = world.main
    news = [create_command(f"KEY_{index}", branch=main) for index in range(number)]
    reads, puts = store_calls("current"), store_calls("put")
    assert {outcome.outcome for outcome in save_secrets(world, *news)} == {"saved"}
    assert store_calls("current") - reads == ceil(number / 10)
    assert store_calls("put") - puts == 2 * number

    changes = [set_command(row) for row in Secret.objects.filter(branch=main)]
    reads, puts = store_calls("current"), store_calls("put")
    assert {outcome.outcome for outcome in save_secrets(world, *changes)} == {"saved"}
    assert store_calls("current") - reads == ceil(number / 10)
    assert store_calls("put") - puts == 2 * number

    removals = [delete_command(row) for row in Secret.objects.filter(branch=main)]
    assert store_calls("read") == 0
    reads, removes = store_calls("current"), store_calls("remove")
    assert {outcome.outcome for outcome in save_secrets(world, *removals)} == {"removed"}
    assert store_calls("current") - reads == ceil(number / 10)
    assert store_calls("remove") - removes == number
    assert store_calls("read") == number  # for the recycle bin; nothing else was decrypted


@pytest.mark.parametrize("act", ["create", "change", "remove"])
@pytest.mark.parametrize("number", [1, BATCH, BATCH + 1])
def test_queries_of_a_save(world: World, either_store: str, act: str, number: int) -> None:
    queries = count_queries(world, act, number)
    copies = COPY_QUERIES[either_store] * number if act == "remove" else 0
    assert queries - copies <= 4 * number + 20
    by_batch = ceil(number / BATCH) * BATCH_QUERIES[either_store]
    reads = ceil(number / 10) if either_store == "embedded" else 0
    by_row = ROW_QUERIES[either_store] * number + copies
    assert queries <= by_row + by_batch + reads + SAVE_QUERIES


@pytest.mark.parametrize("act", ["create", "change", "remove"])
def test_queries_of_a_page(world: World, client_for: Any, act: str) -> None:
    fields = {}
    for number in range(50):
        if act == "create":
            fields |= {f"new-{number}-key": f"NEW_{number}", f"new-{number}-branch": world.main.pk}
            fields |= {f"new-{number}-value": "x"}
        else:
            row = set_secret(world, f"KEY_{number}", branch=world.main)
            name, value = ("value", "second") if act == "change" else ("remove", "on")
            fields |= {f"{name}-{row.pk}": value, f"base-{row.pk}": "1"}
    url = reverse("secrets_manage", args=[world.app.app_id])
    client = client_for("alice")
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        response = client.post(url, fields)
    assert response.status_code == 302
    copies = COPY_QUERIES["embedded"] * 50 if act == "remove" else 0
    assert len(queries) - copies <= 4 * 50 + 20


def count_queries(world: World, act: str, number: int) -> int:
    keys = [f"{act}_{number}_{index}" for index in range(number)]
    changes = [create_command(key, branch=world.main) for key in keys]
    if act != "create":
        save_secrets(world, *changes)
        rows = [secret_row(world, key, world.main) for key in keys]
        changes = [set_command(row) if act == "change" else delete_command(row) for row in rows]
    world.actor("alice")
    with CaptureQueriesContext(connection) as queries:
        save_secrets(world, *changes)
    return len(queries)


def test_a_refused_save_calls_no_store(world: World, store_calls: StoreCalls) -> None:
    save_secrets(world, create_command("A"), create_command("B", branch=world.dev), by="vera")
    save_secrets(world, create_command("b a d"), create_command("EMPTY", ""))
    assert store_calls() == 0


def test_a_reveal_is_one_read(world: World, store_calls: StoreCalls) -> None:
    row = set_secret(world, "A", branch=world.main)
    before = store_calls()
    reveal(actor=world.actor("alice"), app_id=world.app.app_id, pk=row.pk)
    assert (store_calls() - before, store_calls("read")) == (1, 1)


def test_reconciling_after_a_save_is_one_listing(world: World, store_calls: StoreCalls) -> None:
    set_secret(world, "A", branch=world.main)
    reconcile_now(world)
    before = store_calls()
    save_secrets(world, set_command(secret_row(world, "A", world.main)))
    saved = store_calls() - before
    reconcile_now(world)
    assert store_calls() - before - saved == 1
