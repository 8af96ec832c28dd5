"""The page of what changed outside Branchkeep (guarantee 13)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from secrets_app.drift.changes import Drift
from secrets_app.models import EmbeddedVersion, Revalidation
from tests.factories import (
    audit_rows,
    messages_of,
    reconcile_now,
    secret_paths,
    set_secret,
    stored_values,
    write_outside,
)
from tests.factories.drift import (
    KEY,
    change_outside,
    drifts,
    ignore,
    ours,
    put_back,
    remove_outside,
    take,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

pytestmark = pytest.mark.django_db
URL = "/apps/d1shop/hosting/secrets/drift/"
ClientFor = Callable[[str], Client]


def post(client: Client, found: Drift, act: str, page: Any) -> Any:
    token = re.search(r'name="change_set" value="([^"]+)"', page.text)
    fields = {"state": found.state, "change_set": token[1] if token else ""}
    return client.post(f"{URL}{found.secret.pk}/{act}/", fields, follow=True)


def test_it_works(either_store: str, world: World, client_for: ClientFor) -> None:
    ours(world, world.main, "one", "two")
    change_outside(world, world.main)
    change_outside(world, world.main, "theirs, too")
    [found] = drifts(world)
    assert (found.change, found.before, found.secret.version, found.times) == ("changed", 2, 4, 2)
    mia = client_for("mia")
    page = mia.get(URL)
    text = " ".join(page.text.split())
    assert "Version 2 to 4, in 2 changes." in text
    assert 'To decide <span class="n">1</span>' in text
    answer = post(mia, found, "put-back", page)
    assert messages_of(answer) == ["API_KEY was put back."]
    assert stored_values(world, KEY, world.main) == ("two", "two")
    assert drifts(world) == []
    assert audit_rows(world)[-2:] == [
        ("mia", "secret.restore_version", KEY, 2, "succeeded", None),
        ("mia", "secret.change", KEY, 4, "succeeded", 5),
    ]
    reconcile_now(world)
    assert drifts(world) == []
    [undo] = re.findall(r'action="([^"]*/changes/[^"]+)"', answer.text)
    client_for("mia").post(undo)
    assert stored_values(world, KEY, world.main) == ("theirs, too", "theirs, too")


def test_store_calls(world: World, store_calls: StoreCalls, client_for: ClientFor) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    [found] = drifts(world)
    store_calls.clear()
    client_for("vera").get(URL)
    take(world, found)
    assert store_calls.operations == []
    change_outside(world, world.main, "again")
    [found] = drifts(world)
    store_calls.clear()
    put_back(world, found)
    assert store_calls.operations == ["read_version", "current", "put", "put"]


def test_queries(world: World, client_for: ClientFor) -> None:
    vera, numbers = client_for("vera"), []
    for keys in (["A"], ["B", "C", "D", "E"]):
        for key in keys:
            for branch in (world.main, None):
                set_secret(world, key, branch=branch)
        reconcile_now(world)
        for key in keys:
            for branch in (world.main, None):
                write_outside(secret_paths(world, key, branch)[0])
        reconcile_now(world)
        vera.get(URL)
        with CaptureQueriesContext(connection) as queries:
            vera.get(URL)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 24


@pytest.mark.parametrize("act", [take, ignore])
def test_overview(world: World, client_for: ClientFor, act: Callable[..., Any]) -> None:
    ours(world, world.main, "one")
    change_outside(world, world.main)
    vera = client_for("vera")
    assert "was changed outside Branchkeep" in " ".join(vera.get("/apps/d1shop/").text.split())
    act(world, drifts(world)[0])
    assert "changed outside" not in vera.get("/apps/d1shop/").text


def test_overview_without_a_removal_that_is_ignored(world: World, client_for: ClientFor) -> None:
    ours(world, world.main, "one")
    remove_outside(world, secret_paths(world, KEY, world.main)[0])
    vera = client_for("vera")
    assert "was removed outside Branchkeep" in " ".join(vera.get("/apps/d1shop/").text.split())
    ignore(world, drifts(world)[0])
    assert "removed outside" not in vera.get("/apps/d1shop/").text


def test_posted_twice(world: World, client_for: ClientFor) -> None:
    ours(world, world.dev, "one")
    change_outside(world, world.dev)
    [found] = drifts(world)
    bob = client_for("bob")
    page = bob.get(URL)
    first, second = (messages_of(post(bob, found, "put-back", page)) for _ in range(2))
    assert first == second == ["API_KEY was put back."]
    assert len(audit_rows(world, "secret.restore")) == 1


def test_version_that_the_store_no_longer_has(world: World, client_for: ClientFor) -> None:
    ours(world, world.dev, "one")
    change_outside(world, world.dev)
    [found] = drifts(world)
    EmbeddedVersion.objects.filter(version=1).delete()
    bob = client_for("bob")
    [message] = messages_of(post(bob, found, "put-back", bob.get(URL)))
    assert message.startswith("API_KEY stays as it is. The parameter store no longer keeps")


def test_check(world: World, client_for: ClientFor) -> None:
    ours(world, world.dev, "one")
    vera, headers = client_for("vera"), {"HX-Request": "true"}
    fields = {"shown": vera.get(URL).context["shown"]}
    write_outside(secret_paths(world, KEY, world.dev)[0])
    same = vera.post(f"{URL}check/", fields, headers=headers)  # checked a moment ago
    assert same.headers["HX-Retarget"] == "#drift-checked"
    assert "To decide" not in same.text
    Revalidation.objects.update(started_at=timezone.now() - timedelta(hours=1))
    answer = vera.post(f"{URL}check/", fields, headers=headers)
    assert 'To decide <span class="n">1</span>' in answer.text
    assert "<html" not in answer.text
    assert vera.post(f"{URL}check/").status_code == 302


def test_branches_that_are_chosen(world: World, client_for: ClientFor) -> None:
    for branch in (world.main, world.dev):
        set_secret(world, KEY, "one", branch)
    reconcile_now(world)
    for branch in (world.main, world.dev):
        write_outside(secret_paths(world, KEY, branch)[0])
    reconcile_now(world)
    vera = client_for("vera")
    assert len(vera.get(URL).context["rows"]) == 2
    [(found, _)] = vera.get(f"{URL}?branch={world.dev.pk}").context["rows"]
    assert found.scope == "dev"
    assert "You can't edit this branch." in vera.get(URL).text
    shown = f"?branch={world.dev.pk}&page=1"  # where a decision leads back to
    bob, fields = client_for("bob"), {"state": found.state}
    response = bob.post(f"{URL}{found.secret.pk}/take/{shown}", fields)
    assert response.headers["Location"] == f"{URL}{shown}"


def test_former_member_knows_the_version(world: World, client_for: ClientFor) -> None:
    set_secret(world, KEY, "one", world.dev, by="bob")
    reconcile_now(world)
    change_outside(world, world.dev)
    world.app.members.filter(user=world.person("bob")).delete()
    page = " ".join(client_for("alice").get(URL).text.split())
    assert "The value that would come back:" in page
    assert "If you put back one of them, they know the secret again" in " ".join(page.split())
    assert "Known to bob@example.org, who left" in page
