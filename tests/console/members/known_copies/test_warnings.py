"""Before a value comes back that somebody who left knows, the page says who knows it.

For values in the recycle bin, values that Compare copies, and Undo in the message after a save.
Versions and the page of a change set: `tests/secrets_app/history/test_known_values.py`.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from console.models import Branch, Member, User
from secrets_app.models import BinEntry, Secret
from secrets_app.store import parameter_store
from tests.console.members.known_copies.steps import (
    KEY,
    copied,
    from_bin,
    known,
    last_change_set,
    removed,
    revealed,
    rotate,
)
from tests.factories import (
    delete_secret,
    messages_of,
    reconcile_now,
    secret_paths,
    secret_row,
    set_secret,
    set_variable,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

BIN = "/apps/d1shop/hosting/secrets/bin/"
COPY = "/apps/d1shop/compare/copy/"
KNOWN = "Known to bob@example.org, who left"


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    return client_for("alice")


def text_of(response: Any) -> str:
    return " ".join(response.text.split())


def leave(person: User) -> None:
    Member.objects.get(user=person).delete()


def in_bin(client: Client) -> dict[str, list[str]]:
    """Return who left and knows each removed value, as the recycle bin says. By name of the row."""
    rows = client.get(BIN).context["rows"]
    return {row.name: [*row.known_to] for row in rows if row.known_to}


def copies(client: Client, origin: Branch, *to: Branch | None) -> Any:
    """Return the preview of copying the secret."""
    value = f"secret:{Secret.objects.get(branch=origin, key=KEY).pk}"
    scopes = [str(it.pk) if it else "" for it in to]
    return client.post(COPY, {"action": "preview", "value": [value], "scope": scopes})


def test_it_works(world: World, bob: User, alice: Client, store_calls: StoreCalls) -> None:
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    leave(bob)
    removed(world, world.dev)
    rotate(world, bob)
    assert known(bob) == set()
    entry = BinEntry.objects.get()
    store_calls.clear()
    page = alice.get(BIN)
    assert store_calls() == 0
    assert KNOWN in text_of(page)
    assert "People who left know some of these values. If you restore one" in text_of(page)
    assert "they know the secret again, and it no longer counts as rotated." in text_of(page)
    alice.post(f"{BIN}secret/{entry.pk}/restore/")
    assert known(bob) == {"dev"}


def test_copy(world: World, bob: User, other: Branch, alice: Client, store_calls: Any) -> None:
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    leave(bob)
    set_secret(world, KEY, "two", world.main)
    store_calls.clear()
    page = copies(alice, world.dev, other, None)
    assert store_calls() == 0
    assert [row["known_to"] for row in page.context["rows"]] == [["bob@example.org"]] * 2
    assert text_of(page).count(KNOWN) == 2
    assert "If you copy one of them, they know the copy, too, and it doesn't count" in text_of(page)
    assert KNOWN not in text_of(copies(alice, world.main, other))
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}
    removed(world, other)  # the copy is in the recycle bin
    assert [*in_bin(alice).values()] == [["bob@example.org"]]


def test_other_values_under_the_same_number(world: World, bob: User, alice: Client) -> None:
    """Both were version 1 of the secret when they were removed. Bob knows the first."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    removed(world, world.dev)
    first = BinEntry.objects.get()
    set_secret(world, KEY, "two", world.dev)
    removed(world, world.dev)
    set_secret(world, KEY, "three", world.dev)
    assert in_bin(alice) == {}  # a member is not named
    leave(bob)
    assert in_bin(alice) == {f"secret-{first.pk}": ["bob@example.org"]}
    rotate(world, bob)
    from_bin(world, "dev", world.main, 0)
    assert known(bob) == {"main"}


def test_mirror_without_its_secret(world: World, bob: User, alice: Client) -> None:
    """What is removed then has no version. It counts as the last value of the secret."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    leave(bob)
    parameter_store().remove(secret_paths(world, KEY, world.dev)[:1])
    reconcile_now(world)
    removed(world, world.dev)
    entry = BinEntry.objects.get()
    assert entry.version == 0
    for value in ("two", "three"):
        set_secret(world, KEY, value, world.dev)
    assert in_bin(alice) == {f"secret-{entry.pk}": ["bob@example.org"]}


def test_deleted_branch(world: World, bob: User, other: Branch, alice: Client) -> None:
    """Restoring asks for a scope, beside the warning."""
    set_secret(world, KEY, "one", other)
    revealed(world, other)
    leave(bob)
    removed(world, other)
    Branch.objects.filter(pk=other.pk).update(deleted_at="2026-01-01T00:00Z")
    page = alice.get(f"{BIN}?restore=secret-{BinEntry.objects.get().pk}")
    assert "The branch other was deleted." in text_of(page)
    assert KNOWN in text_of(page)


@pytest.mark.parametrize("scripts", [True, False])
def test_undo_in_a_message(world: World, bob: User, alice: Client, scripts: bool) -> None:
    """It leads to the page that says who knows the value, and that undoes."""
    row = set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    leave(bob)
    set_secret(world, KEY, "two", world.dev)
    undo = reverse("change_set", args=["d1shop", last_change_set(world)])
    rotate(world, bob)
    headers = {"HX-Request": "true", "HX-Target": "undo"} if scripts else {}
    answer = alice.post(undo, {"back": "secrets", "query": ""}, headers=headers)
    assert answer.headers["HX-Redirect" if scripts else "Location"] == undo
    row.refresh_from_db()
    assert (row.version, known(bob)) == (2, set())
    page = alice.get(undo)
    assert messages_of(page) == [
        "Nothing is undone yet. Read below who knows what would come back."
    ]
    assert "bob@example.org left and knows 1 of the values to be restored." in text_of(page)
    alice.post(undo, {"rows": " ".join(page.context["tokens"])})
    assert known(bob) == {"dev"}


def test_nobody_to_name(world: World, bob: User, alice: Client) -> None:
    """Values that bob never knew, a variable, and a message whose Undo acts at once."""
    set_secret(world, KEY, "one", world.dev)
    leave(bob)
    removed(world, world.dev)
    assert in_bin(alice) == {}
    assert "People who left" not in alice.get(BIN).text
    undo = reverse("change_set", args=["d1shop", last_change_set(world)])
    alice.post(undo, {"back": "secrets"})
    assert secret_row(world, KEY, world.dev).version == 1
    variable = set_variable(world, "API_URL", "https://example.org", world.dev)
    data = {"action": "preview", "value": [f"variable:{variable.pk}"], "scope": [""]}
    assert "left" not in alice.post(COPY, data).content.decode().partition("<table")[2]


def test_people_who_may_not_restore(
    world: World, bob: User, client_for: Callable[[str], Client]
) -> None:
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    leave(bob)
    removed(world, world.dev)
    page = text_of(client_for("vera").get(BIN))
    assert "If you restore one" not in page


def test_query_count(world: World, bob: User, other: Branch, alice: Client) -> None:
    """The number doesn't depend on how many values are shown, and is less if nobody left."""
    for number in range(12):
        for branch in (other, world.dev):
            set_secret(world, f"K{number}", "one", branch, by="bob")
        delete_secret(world, f"K{number}", other)
    values = [f"secret:{row.pk}" for row in Secret.objects.filter(version__gt=0)]
    data = {"action": "preview", "scope": [str(world.main.pk)]}

    def queries(*, keys: str, values: list[str]) -> tuple[int, int]:
        with CaptureQueriesContext(connection) as in_bin:
            assert alice.get(BIN, {"q": keys}).context["rows"]
        with CaptureQueriesContext(connection) as copying:
            assert alice.post(COPY, data | {"value": values}).context["rows"]
        return len(in_bin), len(copying)

    queries(keys="K", values=values)  # what a session loads once
    in_bin, copying = queries(keys="K", values=values)
    leave(bob)  # now the trail is read, with three queries
    assert queries(keys="K7", values=values[:1]) == (in_bin + 3, copying + 3)
    assert queries(keys="K", values=values) == (in_bin + 3, copying + 3)
    assert alice.get(BIN).text.count(KNOWN) == 12
