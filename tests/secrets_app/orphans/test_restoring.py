"""Orphans come back from the recycle bin, and by Undo (guarantees 8, 51)."""

import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.test import Client
from django.utils import timezone

from console.access.policy import find_app
from console.environment.undo import UndoState
from console.models import Branch
from secrets_app.history import parameter_bin
from secrets_app.models import BinEntry, UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.sync import bin_upkeep
from tests.factories import (
    audit_rows,
    messages_of,
    reconcile_now,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import (
    InterruptedStore,
    Killed,
    StoreCalls,
    kill_process,
    lose_response,
)
from tests.secrets_app.orphans.test_orphans import MOVE, ROOT, URL, delete_branch, found

BIN = "/apps/d1shop/hosting/secrets/bin/"
PATH = f"{ROOT}/old/THREE"


def moved_entry(world: World, alice: Client) -> BinEntry:
    """Move a parameter of an unknown branch to the recycle bin, and return its entry."""
    write_outside(PATH, "three")
    reconcile_now(world)
    alice.post(MOVE, {"all": found(world)[0].tokens})
    return BinEntry.objects.get()


def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    """A parameter goes back to the path that it had."""
    alice = client_for("alice")
    entry = moved_entry(world, alice)
    assert PATH in alice.get(BIN).text
    response = alice.post(f"{BIN}secret/{entry.pk}/restore/", follow=True)
    assert messages_of(response)[-1] == f"Restored THREE at {PATH}."
    assert parameter_store().read([PATH])[PATH].value.reveal() == "three"
    assert not BinEntry.objects.exists()
    [row] = audit_rows(world, "parameter.restore")
    assert (row.key, row.outcome, row.version_after) == (PATH, "succeeded", 1)
    assert [orphan.path for group in found(world) for orphan in group.orphans] == [PATH]


def test_undo_of_many(
    world: World, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    """The store allows few calls per second: each entry takes one read and one write."""
    alice = client_for("alice")
    for number in range(12):
        write_outside(f"{ROOT}/old/KEY_{number}", str(number))
    reconcile_now(world)
    form = {"change_set": alice.get(URL).context["change_set"], "all": found(world)[0].tokens}
    moved = alice.post(MOVE, form, follow=True)
    store_calls.clear()
    undo = next(iter(moved.context["messages"])).extra_tags
    assert messages_of(alice.post(undo, follow=True)) == ["Undid 12 changes."]
    calls = Counter(store_calls.operations)
    assert calls == {"read": 12, "put": 12, "current": 2, "remove": 2}
    assert [len(group.orphans) for group in found(world)] == [12]
    values = parameter_store().read(f"{ROOT}/old/KEY_{number}" for number in range(12))
    assert {it.value.reveal() for it in values.values()} == {str(it) for it in range(12)}
    assert not BinEntry.objects.exists()


def test_its_branch_was_added_again(world: World, client_for: Callable[[str], Client]) -> None:
    """What is restored then becomes a secret of that branch."""
    alice = client_for("alice")
    entry = moved_entry(world, alice)
    old = Branch.objects.create(app=world.app, name="old", protected=True)
    response = alice.post(f"{BIN}secret/{entry.pk}/restore/", follow=True)
    assert messages_of(response)[-1] == f"Restored THREE at {PATH}."
    assert stored_values(world, "THREE", old) == ("three", "three")


def test_its_branch_was_added_and_deleted(
    world: World, client_for: Callable[[str], Client]
) -> None:
    """What is restored then is an orphan of that branch."""
    alice = client_for("alice")
    entry = moved_entry(world, alice)
    delete_branch(Branch.objects.create(app=world.app, name="old"))
    response = alice.post(f"{BIN}secret/{entry.pk}/restore/", follow=True)
    assert messages_of(response)[-1] == f"Restored THREE at {PATH}."
    reconcile_now(world)
    assert [(group.kind, group.orphans[0].path) for group in found(world)] == [("deleted", PATH)]


@pytest.mark.parametrize("act", ["restore", "delete"])
@pytest.mark.parametrize("name", ["mia", "bob"])
def test_only_owners_restore_it(
    world: World, client_for: Callable[[str], Client], act: str, name: str
) -> None:
    entry = moved_entry(world, client_for("alice"))
    url = f"{BIN}secret/{entry.pk}/{act}/"
    bin_page = client_for(name).get(BIN)
    assert [row.may_write for row in bin_page.context["rows"]] == [False]
    assert client_for(name).post(url).status_code == 403
    assert BinEntry.objects.get().state == "kept"


def test_the_path_is_taken_again(world: World, client_for: Callable[[str], Client]) -> None:
    alice = client_for("alice")
    entry = moved_entry(world, alice)
    write_outside(PATH, "theirs")
    url = f"{BIN}secret/{entry.pk}/restore/"
    assert "There is a parameter at its path again" in messages_of(alice.post(url, follow=True))[-1]
    assert BinEntry.objects.get().state == "kept"
    assert parameter_store().read([PATH])[PATH].value.reveal() == "theirs"


def test_a_late_removal_cannot_take_what_was_restored(
    world: World, client_for: Callable[[str], Client], interrupted: InterruptedStore
) -> None:
    """What somebody wrote to the path since is being removed, and nobody knows how that ended."""
    alice = client_for("alice")
    entry = moved_entry(world, alice)
    write_outside(PATH, "theirs")
    reconcile_now(world)
    interrupted.after("remove", lose_response)
    alice.post(MOVE, {"all": found(world)[0].tokens})
    assert not parameter_store().current([PATH])
    response = alice.post(f"{BIN}secret/{entry.pk}/restore/", follow=True)
    assert "An earlier removal may still reach" in messages_of(response)[-1]
    entry.refresh_from_db()
    assert entry.state == "kept"
    assert not parameter_store().current([PATH])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", [lose_response, kill_process])
def test_a_restore_that_is_cut_off(
    world: World,
    client_for: Callable[[str], Client],
    interrupted: InterruptedStore,
    when: str,
    how: Callable[[], None],
) -> None:
    entry = moved_entry(world, client_for("alice"))
    getattr(interrupted, when)("put", how)
    access = find_app(world.actor("alice"), "d1shop")
    with suppress(Killed):
        parameter_bin.restore(access, entry, uuid.uuid4())
    BinEntry.objects.update(due_at=timezone.now())
    bin_upkeep.finish_due()
    there = bool(parameter_store().current([PATH]))
    assert there == (when == "after")
    assert BinEntry.objects.filter(state="kept").exists() == (not there)
    [row] = audit_rows(world, "parameter.restore")
    assert (row.outcome, row.version_after) == ("settled", 1 if there else None)


def test_undo_twice(world: World, client_for: Callable[[str], Client]) -> None:
    alice = client_for("alice")
    entry = moved_entry(world, alice)
    first = f"/apps/d1shop/changes/{entry.change_set}/"
    for there in (True, False, True):
        response = alice.post(first, follow=True)
        assert response.context["found"].changes
        first = response.redirect_chain[-1][0]
        assert bool(parameter_store().current([PATH])) == there
        assert UnknownParameter.objects.exists() == there


def test_undo_needs_an_owner(world: World, client_for: Callable[[str], Client]) -> None:
    entry = moved_entry(world, client_for("alice"))
    response = client_for("mia").post(f"/apps/d1shop/changes/{entry.change_set}/", follow=True)
    assert not parameter_store().current([PATH])
    assert "Nothing was undone. The table says why." in messages_of(response)
    assert "does not allow" in response.text


def test_a_mirror_without_its_secret(world: World, client_for: Callable[[str], Client]) -> None:
    """It had no version. It comes back as a secret of its deleted branch."""
    write_outside(f"{ROOT}/dev/MIRROR", "copy")
    delete_branch(world.dev)
    reconcile_now(world)
    alice = client_for("alice")
    moved = alice.post(MOVE, {"all": found(world)[0].tokens}, follow=True)
    assert messages_of(moved) == ["1 parameter moved to the recycle bin."]
    assert stored_values(world, "MIRROR", world.dev) == (None, None)
    change_set = next(iter(moved.context["messages"])).extra_tags
    assert alice.get(change_set).context["found"].changes[0].what == "Removed"
    undone = alice.post(change_set, follow=True)
    assert messages_of(undone) == ["Undid the change of MIRROR."]
    assert stored_values(world, "MIRROR", world.dev) == ("copy", "copy")
    [change] = alice.get(change_set).context["found"].changes
    assert (change.what, change.undo.state) == ("Removed", UndoState.UNDONE)
