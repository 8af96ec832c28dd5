"""Drift: what changed outside Branchkeep, and deciding about it (guarantee 13)."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.lib.results import RowOutcome
from console.models import AuditEvent, Branch
from secrets_app.history import drift_decisions as decisions
from secrets_app.history.drift import Drift, changed_outside, describe
from secrets_app.history.drift_plan import NEVER_OURS, Change, PutBack
from secrets_app.models import EmbeddedVersion, Revalidation, Secret
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict, Rejected
from secrets_app.sync import worker
from tests.factories import (
    access_of,
    audit_rows,
    delete_secret,
    messages_of,
    reconcile_now,
    repair_secret_mirror,
    secret_paths,
    secret_row,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

pytestmark = pytest.mark.django_db
KEY, URL = "API_KEY", "/apps/d1shop/hosting/secrets/drift/"
ClientFor = Callable[[str], Client]


def drifts(world: World, *, ignored: bool = False) -> list[Drift]:
    access = access_of(world, "alice")
    return describe(access, [row for row, it in changed_outside(access) if it is ignored])


def ours(world: World, branch: Branch | None, *values: str) -> None:
    """Save a secret with these values, one version each, and reconcile."""
    for value in values:
        set_secret(world, KEY, value, branch)
    reconcile_now(world)


def change(world: World, branch: Branch | None, value: str = "theirs") -> None:
    write_outside(secret_paths(world, KEY, branch)[0], value)
    reconcile_now(world)


def remove(world: World, *paths: str) -> None:
    parameter_store().remove(paths)
    reconcile_now(world)


def put_back(world: World, found: Drift, by: str = "mia") -> RowOutcome:
    return decisions.put_back(access_of(world, by), found.secret.pk, found.state, uuid.uuid4())


def take(world: World, found: Drift, by: str = "mia") -> RowOutcome:
    return decisions.take(access_of(world, by), found.secret.pk, found.state, uuid.uuid4())


def ignore(world: World, found: Drift, by: str = "mia") -> RowOutcome:
    return decisions.ignore(access_of(world, by), found.secret.pk, found.state)


def post(client: Client, found: Drift, act: str, page: Any) -> Any:
    token = re.search(r'name="change_set" value="([^"]+)"', page.text)
    fields = {"state": found.state, "change_set": token[1] if token else ""}
    return client.post(f"{URL}{found.secret.pk}/{act}/", fields, follow=True)


def test_it_works(either_store: str, world: World, client_for: ClientFor) -> None:
    ours(world, world.main, "one", "two")
    change(world, world.main)
    change(world, world.main, "theirs, too")
    [found] = drifts(world)
    assert (found.change, found.before, found.secret.version, found.times) == ("changed", 2, 4, 2)
    mia = client_for("mia")
    page = mia.get(URL)
    text = " ".join(page.text.split())
    assert "Version 2 to 4, in 2 changes." in text
    assert 'To decide <span class="n">1</span>' in text
    answer = post(mia, found, "put-back", page)
    assert messages_of(answer) == ["API_KEY is back as it was."]
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
    change(world, world.main)
    [found] = drifts(world)
    store_calls.clear()
    client_for("vera").get(URL)
    take(world, found)
    assert store_calls.operations == []
    change(world, world.main, "again")
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


def test_take_theirs(world: World) -> None:
    ours(world, world.main, "one")
    change(world, world.main)
    [found] = drifts(world)
    take(world, found)
    assert audit_rows(world, "drift.") == [("mia", "drift.take", KEY, 1, "succeeded", 2)]
    assert drifts(world) == drifts(world, ignored=True) == []
    worker.run_once()  # the mirror still held what we wrote
    assert stored_values(world, KEY, world.main) == ("theirs", "theirs")
    change(world, world.main, "theirs, too")
    [found] = drifts(world)
    assert found.before == 2  # what was taken is ours now
    put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("theirs", "theirs")


@pytest.mark.parametrize("act", [take, ignore])
def test_overview(world: World, client_for: ClientFor, act: Callable[..., Any]) -> None:
    ours(world, world.main, "one")
    change(world, world.main)
    vera = client_for("vera")
    assert "was changed outside Branchkeep" in " ".join(vera.get("/apps/d1shop/").text.split())
    act(world, drifts(world)[0])
    assert "changed outside" not in vera.get("/apps/d1shop/").text


def test_overview_without_a_removal_that_is_ignored(world: World, client_for: ClientFor) -> None:
    ours(world, world.main, "one")
    remove(world, secret_paths(world, KEY, world.main)[0])
    vera = client_for("vera")
    assert "was removed outside Branchkeep" in " ".join(vera.get("/apps/d1shop/").text.split())
    ignore(world, drifts(world)[0])
    assert "removed outside" not in vera.get("/apps/d1shop/").text


def test_ignore(world: World, client_for: ClientFor) -> None:
    ours(world, world.dev, "one")
    change(world, world.dev)
    [found] = drifts(world)
    bob = client_for("bob")
    answer = post(bob, found, "ignore", bob.get(URL))
    assert messages_of(answer) == ["The change of API_KEY is ignored until it changes again."]
    assert "Nothing to decide." in answer.text
    assert "Put ours back" in bob.get(f"{URL}?show=ignored").text
    assert [it.before for it in drifts(world, ignored=True)] == [1]
    reconcile_now(world)
    assert drifts(world) == []
    change(world, world.dev, "theirs, too")
    assert drifts(world, ignored=True) == []
    [found] = drifts(world)
    assert (found.before, found.times) == (1, 2)
    put_back(world, found, by="bob")
    assert stored_values(world, KEY, world.dev) == ("one", "one")


def test_added(world: World) -> None:
    ours(world, world.dev, "one")
    write_outside(secret_paths(world, "ADDED", world.main)[0])
    reconcile_now(world)
    [found] = drifts(world)
    assert (found.change, found.put_back, found.before) == (Change.ADDED, PutBack.REMOVE, 0)
    assert put_back(world, found).outcome == "removed"
    assert stored_values(world, "ADDED", world.main) == (None, None)
    assert world.app.bin_entries.get().key == "ADDED"
    assert drifts(world) == []


def test_added_without_a_recycle_bin(world: World, settings: Any) -> None:
    reconcile_now(world)
    change(world, world.main)
    settings.BIN_DAYS = 0
    [found] = drifts(world)
    assert found.put_back is None
    with pytest.raises(Rejected, match="There is no recycle bin"):
        put_back(world, found)
    assert stored_values(world, KEY, world.main)[0] == "theirs"


def test_removed_but_for_the_mirror(world: World) -> None:
    ours(world, world.main, "one")
    remove(world, secret_paths(world, KEY, world.main)[0])
    [found] = drifts(world)
    assert (found.change, found.put_back, found.before) == (Change.REMOVED, PutBack.MIRROR, 1)
    put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("one", "one")
    assert drifts(world) == []
    reconcile_now(world)
    assert drifts(world) == []


def test_removed(world: World) -> None:
    ours(world, world.main, "one")
    remove(world, *secret_paths(world, KEY, world.main))
    [found] = drifts(world)
    assert (found.change, found.put_back) == (Change.REMOVED, None)
    with pytest.raises(Rejected, match="keeps nothing of a removed parameter"):
        put_back(world, found)
    assert take(world, found).outcome == "removed"
    assert not Secret.objects.exists()
    assert drifts(world) == []


def test_taking_a_removal_keeps_the_mirror_in_the_recycle_bin(world: World) -> None:
    ours(world, world.main, "one")
    remove(world, secret_paths(world, KEY, world.main)[0])
    [found] = drifts(world)
    take(world, found)
    assert stored_values(world, KEY, world.main) == (None, None)
    assert world.app.bin_entries.count() == 1


def test_removed_with_a_copy_in_the_recycle_bin(world: World) -> None:
    ours(world, world.main, "kept")
    delete_secret(world, KEY, world.main)
    ours(world, world.main, "lost")
    remove(world, *secret_paths(world, KEY, world.main))
    [found] = drifts(world)
    assert found.put_back is PutBack.BIN
    put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("kept", "kept")
    assert drifts(world) == []


def test_added_and_removed_again(world: World) -> None:
    ours(world, world.main, "in the bin")
    delete_secret(world, KEY, world.main)
    change(world, world.main)
    remove(world, *secret_paths(world, KEY, world.main))
    [found] = drifts(world)
    assert (found.change, found.put_back, found.before) == (Change.REMOVED, None, 0)
    assert found.reason == NEVER_OURS
    take(world, found)
    assert drifts(world) == []


def test_removed_and_added_again(world: World) -> None:
    ours(world, world.main, "one", "two")
    remove(world, *secret_paths(world, KEY, world.main))
    change(world, world.main)
    [found] = drifts(world)
    assert (found.change, found.before, found.put_back) == (Change.CHANGED, 2, None)
    with pytest.raises(Rejected, match="forgot the version before"):
        put_back(world, found)
    take(world, found)
    assert drifts(world) == []


def test_mirror(world: World) -> None:
    ours(world, world.main, "one")
    write_outside(secret_paths(world, KEY, world.main)[1])
    reconcile_now(world)
    [found] = drifts(world)
    assert (found.change, found.put_back) == (Change.MIRROR, PutBack.MIRROR)
    with pytest.raises(Rejected, match="The backend path decides"):
        take(world, found)
    put_back(world, found)
    assert stored_values(world, KEY, world.main) == ("one", "one")
    assert drifts(world) == []


def test_repaired_mirror_decides_nothing_about_the_secret(world: World) -> None:
    ours(world, world.main, "one")
    change(world, world.main)
    repair_secret_mirror(world, secret_row(world, KEY, world.main))
    [found] = drifts(world)
    assert (found.change, found.before) == (Change.CHANGED, 1)


def test_what_there_was_before_is_no_drift(world: World, client_for: ClientFor) -> None:
    write_outside(secret_paths(world, KEY)[0])
    reconcile_now(world)
    assert drifts(world) == []
    change(world, None)
    [found] = drifts(world)
    assert (found.change, found.before) == (Change.CHANGED, 1)
    put_back(world, found)
    assert stored_values(world, KEY) == ("from outside", None)


def test_saved_since(world: World) -> None:
    ours(world, world.main, "one")
    change(world, world.main)
    set_secret(world, KEY, "two", world.main)
    assert drifts(world) == []
    change(world, world.main)
    [found] = drifts(world)
    assert (found.before, found.times) == (3, 1)


@pytest.mark.parametrize("act", [put_back, take, ignore])
def test_changed_after_the_page_was_opened(world: World, act: Callable[..., Any]) -> None:
    ours(world, world.main, "one")
    change(world, world.main)
    [found] = drifts(world)
    change(world, world.main, "theirs, too")
    with pytest.raises(Conflict):
        act(world, found)
    assert stored_values(world, KEY, world.main)[0] == "theirs, too"
    assert [it.times for it in drifts(world)] == [2]


def test_changed_before_the_next_check(world: World) -> None:
    ours(world, world.main, "one")
    change(world, world.main)
    [found] = drifts(world)
    write_outside(secret_paths(world, KEY, world.main)[0], "theirs, too")
    assert put_back(world, found).outcome == "conflict"
    assert stored_values(world, KEY, world.main)[0] == "theirs, too"


@pytest.mark.parametrize("act", [put_back, take, ignore])
def test_without_permission(world: World, act: Callable[..., Any]) -> None:
    ours(world, world.main, "one")
    change(world, world.main)
    [found] = drifts(world)
    with pytest.raises(PermissionDenied):
        act(world, found, by="bob")  # main is protected
    [refused] = AuditEvent.objects.filter(outcomes__outcome="denied")
    assert refused.subject == KEY
    assert [it.state for it in drifts(world)] == [found.state]


def test_posted_twice(world: World, client_for: ClientFor) -> None:
    ours(world, world.dev, "one")
    change(world, world.dev)
    [found] = drifts(world)
    bob = client_for("bob")
    page = bob.get(URL)
    first, second = (messages_of(post(bob, found, "put-back", page)) for _ in range(2))
    assert first == second == ["API_KEY is back as it was."]
    assert len(audit_rows(world, "secret.restore")) == 1


def test_version_that_the_store_no_longer_has(world: World, client_for: ClientFor) -> None:
    ours(world, world.dev, "one")
    change(world, world.dev)
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


def test_former_member_knows_the_version(world: World, client_for: ClientFor) -> None:
    set_secret(world, KEY, "one", world.dev, by="bob")
    reconcile_now(world)
    change(world, world.dev)
    world.app.members.filter(user=world.person("bob")).delete()
    page = " ".join(client_for("alice").get(URL).text.split())
    assert "Version 1 is known to bob@example.org, who left" in page
