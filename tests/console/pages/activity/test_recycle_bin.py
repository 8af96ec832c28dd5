"""The page of the recycle bin: what was removed is restored at once, or deleted (guarantee 51)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from time_machine import Traveller

from console.models import AuditEvent, Branch
from secrets_app.models import BinEntry
from secrets_app.store import parameter_store
from tests.factories import (
    delete_secret,
    messages_of,
    remove_variable,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
BIN = "/apps/d1shop/hosting/secrets/bin/"
OTHER = "/apps/d2other/hosting/secrets/bin/"


def removed_secret(world: World, key: str = "API_KEY", branch: Branch | None = None) -> BinEntry:
    set_secret(world, key, "canary", branch)
    delete_secret(world, key, branch)
    return BinEntry.objects.get(key=key, branch=branch)


def post(client: Client, act: str, entry: Any, noun: str = "secret", **data: Any) -> Any:
    return client.post(f"{BIN}{noun}/{entry.pk}/{act}/", data, follow=True)


def test_it_works(world: World, alice: Client) -> None:
    assert "Nothing removed in the last 30 days." in alice.get(BIN).text
    entry = removed_secret(world, branch=world.main)
    variable = set_variable(world, "API_URL", "https://example.org")
    remove_variable(world, variable)
    page = alice.get(BIN)
    for words in ("API_KEY", "API_URL", "30 days left", "by alice@example.org", "of 2"):
        assert words in page.text
    assert "canary" not in page.text
    answer = post(alice, "restore", entry)
    assert answer.redirect_chain == [(BIN, 302)]
    assert messages_of(answer) == ["Restored API_KEY on main."]
    assert stored_values(world, "API_KEY", world.main)[0] == "canary"
    undo = f"/apps/d1shop/changes/{AuditEvent.objects.latest('pk').change_set}/"
    assert f'action="{undo}"' in answer.text
    assert messages_of(post(alice, "restore", variable, "variable")) == [
        "Restored API_URL for All branches."
    ]
    assert variable_values(world) == {("", "API_URL"): "https://example.org"}
    assert "Nothing removed" in alice.get(BIN).text


@pytest.mark.parametrize(
    ("sort", "keys"),
    [
        ("", ["B", "C", "A"]),
        ("-left", ["A", "C", "B"]),
        ("key", ["A", "B", "C"]),
        ("branch", ["B", "A", "C"]),
        ("-removed", ["A", "C", "B"]),
        ("nonsense", ["B", "C", "A"]),
    ],
)
def test_sort(world: World, alice: Client, clock: Traveller, sort: str, keys: list[str]) -> None:
    for key, branch in (("B", None), ("C", world.main), ("A", world.dev)):
        removed_secret(world, key, branch)
        clock.shift(60)
    page = alice.get(BIN, {"sort": sort, "q": "@example"})
    assert [row.value.key for row in page.context["rows"]] == keys
    assert 'href="?q=%40example&amp;sort=branch"' in page.text or sort == "branch"


def test_number_in_the_navigation(world: World, alice: Client) -> None:
    """On every page of the app."""
    removed_secret(world, branch=world.main)
    remove_variable(world, set_variable(world, "API_URL", "https://example.org"))
    for address in ("/apps/d1shop/", BIN):
        page = " ".join(alice.get(address).text.split())
        assert '<span class="n" id="bin-count" >2</span>' in page


def test_restored_in_the_meantime(world: World, alice: Client) -> None:
    """A double click, or somebody else."""
    entry = removed_secret(world)
    post(alice, "restore", entry)
    for act in ("restore", "delete"):
        assert "no longer in the recycle bin" in messages_of(post(alice, act, entry))[0]
    assert stored_values(world, "API_KEY")[0] == "canary"


def test_it_exists_again(world: World, alice: Client) -> None:
    entry = removed_secret(world)
    row = set_secret(world, "API_KEY", "later")
    page = alice.get(BIN)
    assert "The key exists again. Restoring adds a version." in page.text
    [shown] = page.context["rows"]
    set_secret(world, "API_KEY", "later still")
    [message] = messages_of(post(alice, "restore", entry, base=shown.value.base))
    assert "API_KEY was not restored. alice@example.org changed this secret" in message
    assert stored_values(world, "API_KEY")[0] == "later still"
    [shown] = alice.get(BIN).context["rows"]
    post(alice, "restore", entry, base=shown.value.base)
    row.refresh_from_db()
    assert (row.version, stored_values(world, "API_KEY")[0]) == (3, "canary")


def test_delete_for_good(world: World, alice: Client) -> None:
    entry = removed_secret(world)
    page = alice.get(f"{BIN}?delete=secret-{entry.pk}")
    assert "Delete API_KEY for good?" in page.text
    assert "You can't undo this." in page.text.replace("&#x27;", "'")
    answer = post(alice, "delete", entry)
    assert messages_of(answer) == ["Deleted API_KEY for good."]
    assert not BinEntry.objects.exists()
    assert [*parameter_store().list(["/amplify"])] == []


def test_delete_a_variable_for_good(world: World, alice: Client) -> None:
    variable = set_variable(world, "API_URL", "https://example.org")
    remove_variable(world, variable)
    post(alice, "delete", variable, "variable")
    assert not world.app.variables.exists()


@pytest.fixture
def on_deleted_branch(world: World) -> BinEntry:
    old = Branch.objects.create(app=world.app, name="old", protected=True)
    entry = removed_secret(world, branch=old)
    Branch.objects.filter(pk=old.pk).update(deleted_at="2026-01-01T00:00Z")
    return entry


def test_branch_was_deleted(world: World, alice: Client, on_deleted_branch: BinEntry) -> None:
    entry = on_deleted_branch
    page = post(alice, "restore", entry)
    assert page.redirect_chain == [(f"{BIN}?restore=secret-{entry.pk}", 302)]
    assert "Choose where to restore API_KEY" in page.text
    assert page.context["scopes"][0] == (str(entry.branch_id), "old (add the branch again)")
    answer = post(alice, "restore", entry, to=entry.branch_id)
    assert messages_of(answer) == ["Restored API_KEY on old."]
    branch = Branch.objects.get(name="old")
    assert (branch.deleted_at, branch.protected) == (None, True)
    assert stored_values(world, "API_KEY", branch)[0] == "canary"


def test_branch_was_deleted_and_another_one_is_chosen(
    world: World, alice: Client, on_deleted_branch: BinEntry
) -> None:
    answer = post(alice, "restore", on_deleted_branch, to=world.dev.pk)
    assert messages_of(answer) == ["Restored API_KEY on dev."]
    assert stored_values(world, "API_KEY", world.dev)[0] == "canary"
    assert Branch.objects.get(name="old").deleted_at is not None


def test_a_developer_takes_no_protected_value(
    world: World, client_for: Callable[..., Client], on_deleted_branch: BinEntry
) -> None:
    bob = client_for("bob")
    assert post(bob, "restore", on_deleted_branch, to=world.dev.pk).status_code == 403
    assert stored_values(world, "API_KEY", world.dev)[0] is None


def test_limited_to_branches(world: World, client_for: Callable[..., Client]) -> None:
    set_role(world, "bob", "developer", "feature/*")
    entry = removed_secret(world, branch=world.dev)
    bob = client_for("bob")
    assert [row.may_write for row in bob.get(BIN).context["rows"]] == [False]
    assert post(bob, "restore", entry).status_code == 403


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("q=api", ["API_KEY"]),
        ("q=mia", []),
        ("branch=all", ["API_KEY"]),
        ("branch=DEV", ["OTHER"]),
        ("page=99", ["API_KEY", "OTHER"]),
        ("q=%00&page=x&branch=x&delete=x&restore=x", []),
    ],
)
def test_filters(world: World, alice: Client, query: str, keys: list[str]) -> None:
    removed_secret(world)
    removed_secret(world, "OTHER", world.dev)
    page = alice.get(f"{BIN}?{query.replace('DEV', str(world.dev.pk))}")
    assert [row.value.key for row in page.context["rows"]] == keys


def test_of_another_app(world: World, client_for: Callable[..., Client]) -> None:
    entry = removed_secret(world)
    oscar = client_for("oscar")
    for act in ("restore", "delete"):
        answer = oscar.post(f"{OTHER}secret/{entry.pk}/{act}/", follow=True)
        assert "no longer in the recycle bin" in messages_of(answer)[0]
        assert oscar.post(f"{OTHER}no/{entry.pk}/{act}/").status_code == 404
    assert BinEntry.objects.get().state == "kept"


def test_queries_do_not_grow(world: World, alice: Client) -> None:
    alice.get(BIN)
    counts = []
    for number in (2, 20):
        for n in range(number):
            removed_secret(world, f"K{number}-{n}", world.dev)
            remove_variable(world, set_variable(world, f"V{number}_{n}", branch=world.main))
        with CaptureQueriesContext(connection) as queries:
            assert alice.get(BIN).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14


def test_the_question_is_on_the_second_page(
    world: World, alice: Client, on_deleted_branch: BinEntry
) -> None:
    """The page with the row is shown, whatever page Restore was pressed on."""
    entry = on_deleted_branch
    for number in range(50):
        sooner = BinEntry.objects.get(pk=entry.pk)
        sooner.pk, sooner.copy_id, sooner.key = None, str(number), f"K{number}"
        sooner.expires_at = timezone.now() + timedelta(days=1)
        sooner.save()
    assert entry.key not in {row.value.key for row in alice.get(BIN).context["rows"]}
    page = post(alice, "restore", entry)
    assert page.context["page"].number == 2
    assert f"Choose where to restore {entry.key}" in page.text


def test_another_deleted_branch_stays_deleted(world: World, alice: Client) -> None:
    """The restore there may ask for re-authentication, which says that nothing was done yet."""
    entry = removed_secret(world, branch=world.main)
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    answer = post(alice, "restore", entry, to=str(world.dev.pk))
    assert answer.status_code == 404
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is not None
    assert BinEntry.objects.filter(pk=entry.pk).exists()
