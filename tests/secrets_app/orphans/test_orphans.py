"""The page of orphans: everything that no branch uses, with preview, the recycle bin and Undo.

Guarantee 13.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.access.actors import OUTSIDE
from console.access.policy import find_app
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.lib.naming.names import PathProfile
from console.models import Branch
from secrets_app.models import BinEntry
from secrets_app.orphans import groups
from secrets_app.paths import OneBranch, locate
from secrets_app.reveal import reveal
from secrets_app.store import parameter_store
from tests.factories import (
    messages_of,
    reconcile_now,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

ROOT = "/amplify/d1shop"
URL = "/apps/d1shop/hosting/secrets/unknown/"
MOVE = f"{URL}move/"


def delete_branch(branch: Branch, **fields: Any) -> Branch:
    """Mark a branch as deleted. Its secrets stay."""
    Branch.objects.filter(pk=branch.pk).update(deleted_at=timezone.now(), **fields)
    branch.refresh_from_db()
    return branch


def found(world: World, by: str = "alice") -> list[groups.Group]:
    return groups.find(find_app(world.actor(by), "d1shop"))


def words(response: Any) -> str:
    return " ".join(response.text.split())


def leave_some(world: World) -> None:
    """Leave two secrets on a deleted branch, and two parameters in unknown folders."""
    set_secret(world, "ONE", "one", world.dev)
    set_secret(world, "TWO", "two", world.dev)
    write_outside(f"{ROOT}/old/THREE", "three")
    write_outside(f"{ROOT}/old/FOUR", "four")
    delete_branch(world.dev)
    reconcile_now(world)


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    """Two clicks move what a branch left, and a third brings it back."""
    leave_some(world)
    alice = client_for("alice")
    page = alice.get(URL)
    assert 'Deleted branch <span class="key">dev</span>' in words(page)
    assert words(page).count("Move 2 to the recycle bin") == 2
    before = parameter_store().current(all_paths(world))
    for group in found(world):
        sent = {"change_set": page.context["change_set"], "all": group.tokens}
        moved = alice.post(MOVE, sent, follow=True)
        assert messages_of(moved) == ["2 parameters moved to the recycle bin."]
    assert found(world) == []
    assert parameter_store().current(all_paths(world)) == {}
    assert BinEntry.objects.filter(state="kept").count() == 4
    undo = next(iter(moved.context["messages"])).extra_tags
    assert messages_of(alice.post(undo, follow=True)) == ["Undid 4 changes."]
    assert {*parameter_store().current(before)} == {*before}
    assert [len(group.orphans) for group in found(world)] == [2, 2]
    assert stored_values(world, "ONE", world.dev)[0] == "one"
    path = f"{ROOT}/old/THREE"
    assert parameter_store().read([path])[path].value.reveal() == "three"
    assert not BinEntry.objects.filter(state="kept").exists()


def all_paths(world: World) -> list[str]:
    return [orphan.path for group in found(world) for orphan in group.orphans]


def test_kinds(world: World) -> None:
    set_secret(world, "ONE", branch=world.dev)
    preview = Branch.objects.create(app=world.app, name="pr-1")
    set_secret(world, "TWO", branch=preview)
    write_outside(f"{ROOT}/dev/AMPLIFY_x_KEY")
    for path in ("old/A", "old/AMPLIFY_x_KEY", "x-sandbox-0123456789/A", "A", "main/deep/A"):
        write_outside(f"{ROOT}/{path}")
    for branch, action in (
        (world.dev, Action.BRANCH_DELETED),
        (preview, Action.FOUND_BRANCH_DELETED),
    ):
        delete_branch(branch)
        event = attempt(OUTSIDE, action, Target("d1shop", branch.name))
        conclude(event.pk, Outcome.SUCCEEDED)
    reconcile_now(world)
    groups = found(world)
    kinds = {(it.kind, it.branch, it.orphans[0].key, bool(it.refusal)) for it in groups}
    gen1 = [it.folders for it in groups if it.kind == "gen1"]
    assert gen1 == [[f"{ROOT}/dev"], [f"{ROOT}/old"]]
    assert kinds == {
        ("deleted", "dev", "ONE", False),
        ("not_in_amplify", "pr-1", "TWO", False),
        ("branch", "old", "A", False),
        ("gen1", "", "AMPLIFY_x_KEY", True),
        ("sandbox", "", "A", True),
        ("foreign", "", "A", True),
        ("deeper", "", "A", True),
    }


def test_both_folders_of_a_branch(world: World) -> None:
    """They are one group, so that one click moves all that the branch left."""
    write_outside(f"{ROOT}/old/A")
    write_outside(locate(OneBranch("d1shop", "old"), "A", PathProfile.BACKEND).primary)
    reconcile_now(world)
    [group] = found(world)
    assert (group.branch, len(group.folders), len(group.orphans)) == ("old", 2, 2)


def test_mirrors(world: World, client_for: Callable[[str], Client]) -> None:
    """Their folder is listed, too: someone who knows the store looks for it."""
    set_secret(world, "ONE", branch=world.dev)
    delete_branch(world.dev)
    [group] = found(world)
    assert (group.folders[0], len(group.folders), group.mirrors) == (f"{ROOT}/dev", 2, 1)
    assert "1 parameter with 1 mirror" in words(client_for("vera").get(URL))


def test_nothing(world: World, client_for: Callable[[str], Client]) -> None:
    set_secret(world, "ONE", branch=world.dev)
    assert "No orphans" in client_for("vera").get(URL).text


def test_last_revealed(world: World) -> None:
    secret = set_secret(world, "ONE", branch=world.dev)
    reveal(actor=world.actor("mia"), app_id="d1shop", pk=secret.pk)
    leave_some(world)
    used = {it.key: it.used is not None for group in found(world) for it in group.orphans}
    assert used == {"ONE": True, "TWO": False, "THREE": False, "FOUR": False}


def test_queries_and_calls(
    world: World, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    leave_some(world)
    counts = []
    for number in range(2):
        store_calls.clear()
        access = find_app(world.actor("alice"), "d1shop")
        with CaptureQueriesContext(connection) as queries:
            groups.find(access)
        counts.append(len(queries))
        assert store_calls.operations == []
        for index in range(5):
            write_outside(f"{ROOT}/old{number}/KEY_{index}")
        reconcile_now(world)
    assert counts == [6, 6]
