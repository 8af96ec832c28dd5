"""A restored value that somebody who left knows doesn't count as rotated, and the page warns."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from console.access.policy import Access, find_app
from console.members import exposure
from console.models import AuditEvent, Branch, Member, User
from secrets_app.history.comparing import compare
from secrets_app.history.restoring import restore
from secrets_app.models import Secret
from secrets_app.reveal import reveal
from tests.factories import (
    delete_secret,
    expire_leases,
    reconcile_now,
    secret_paths,
    secret_row,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, lose_response

KEY = "API_KEY"


@pytest.fixture
def bob(world: World) -> User:
    """Return bob, who leaves."""
    return world.person("bob")


def written(world: World, *values: str, branch: Branch | None = None) -> Secret:
    for value in values:
        row = set_secret(world, KEY, value, branch or world.dev)
    return row


def restored(world: World, version: int, *, by: str = "alice") -> str:
    row = secret_row(world, KEY, world.dev)
    outcome = restore(
        actor=world.actor(by),
        app_id=world.app.app_id,
        pk=row.pk,
        version=version,
        base=(row.version, None),
        change_set=uuid.uuid4(),
    )
    return str(outcome.outcome)


def revealed(world: World, row: Secret, version: int | None = None, *, by: str = "bob") -> None:
    reveal(actor=world.actor(by), app_id=world.app.app_id, pk=row.pk, version=version)


def rotate(world: World, person: User) -> None:
    """Mark everything that the person knows as rotated."""
    entries = [it.token for it in exposure.exposed_secrets(person.pk, world.app.app_id)]
    exposure.mark_rotated(
        actor=world.actor("alice"), person=person, entries=entries, app_id=world.app.app_id
    )


def find(world: World) -> Access:
    return find_app(world.actor("alice"), world.app.app_id)


def is_rotated(world: World, person: User) -> bool:
    [it] = exposure.exposed_secrets(person.pk, world.app.app_id)
    return it.is_rotated


def known_to(client: Client, row: Secret) -> dict[int, list[str]]:
    """Return, by version, which former members know it, as the page says."""
    page = client.get(reverse("secret_versions", args=["d1shop", row.pk]))
    return {it.number: [*it.known_to] for it in page.context["versions"].rows if it.known_to}


def test_it_works(world: World, bob: User, client_for: Callable[[str], Client]) -> None:
    alice = client_for("alice")
    row = written(world, "one")
    revealed(world, row)
    Member.objects.get(user=bob).delete()
    written(world, "two")
    rotate(world, bob)
    assert is_rotated(world, bob)
    [former] = exposure.former_members(find(world))
    assert (former.total, former.open) == (1, 0)
    assert known_to(alice, row) == {1: ["bob@example.org"]}
    page = " ".join(alice.get(reverse("secret_versions", args=["d1shop", row.pk])).text.split())
    assert "Known to bob@example.org, who left" in page
    assert "If you restore one of them, they know the secret again" in page
    assert restored(world, 1) == "saved"
    [it] = exposure.exposed_secrets(bob.pk, "d1shop")
    assert (it.is_rotated, it.since) == (False, None)
    assert it.copy is not None
    assert it.copy.save is not None
    assert it.copy.save.actor == "alice@example.org"
    [former] = exposure.former_members(find(world))
    assert (former.total, former.open) == (1, 1)
    assert known_to(alice, row) == {3: ["bob@example.org"], 1: ["bob@example.org"]}
    page = alice.get(f"/apps/d1shop/settings/members/people/{bob.pk}/known/").text
    page = " ".join(page.split())
    assert "A value they know was restored by alice@example.org" in page
    rotate(world, bob)
    assert is_rotated(world, bob)


@pytest.mark.parametrize("way", ["change", "removal"])
def test_undo(world: World, bob: User, client_for: Callable[[str], Client], way: str) -> None:
    """An undone rotation or removal makes the value known again, and the page warns before."""
    row = written(world, "one")
    revealed(world, row)
    Member.objects.get(user=bob).delete()
    if way == "change":
        written(world, "two")
    else:
        delete_secret(world, KEY, world.dev)
    rotate(world, bob)
    assert is_rotated(world, bob)
    saved = AuditEvent.objects.filter(subject=KEY, action__startswith="secret.c").latest("pk")
    if way == "removal":
        saved = AuditEvent.objects.filter(action="secret.remove").latest("pk")
    address = f"/apps/d1shop/changes/{saved.change_set}/"
    alice = client_for("alice")
    page = " ".join(alice.get(address).text.split())
    assert "bob@example.org left and knows 1 of the values to be restored." in page
    assert "the secret no longer counts as rotated." in page
    alice.post(address)
    assert not is_rotated(world, bob)


def test_a_value_that_they_never_knew(world: World, bob: User) -> None:
    row = written(world, "one", "two")
    revealed(world, row)  # version 2
    written(world, "three")
    rotate(world, bob)
    assert restored(world, 1) == "saved"
    assert is_rotated(world, bob)


def test_a_restore_of_a_restore(world: World, bob: User) -> None:
    row = written(world, "one")
    revealed(world, row)
    written(world, "two")
    assert restored(world, 1) == "saved"  # version 3
    written(world, "four")
    rotate(world, bob)
    assert restored(world, 3) == "saved"
    assert not is_rotated(world, bob)


def test_what_they_wrote(world: World, bob: User) -> None:
    set_secret(world, KEY, "bob's", world.dev, by="bob")
    written(world, "two")
    rotate(world, bob)
    assert restored(world, 1) == "saved"
    assert not is_rotated(world, bob)


def test_an_old_version_that_they_revealed(world: World, bob: User) -> None:
    row = written(world, "one", "two", "three")
    revealed(world, row, 1)
    rotate(world, bob)
    assert restored(world, 2) == "saved"
    assert is_rotated(world, bob)
    assert restored(world, 1) == "saved"
    assert not is_rotated(world, bob)


def test_versions_that_they_compared(world: World, bob: User) -> None:
    row = written(world, "one", "two", "three")
    compare(actor=world.actor("bob"), app_id="d1shop", pk=row.pk, versions={1, 2})
    rotate(world, bob)
    assert restored(world, 2) == "saved"
    assert not is_rotated(world, bob)


def test_restore_that_was_not_carried_out(world: World, bob: User) -> None:
    row = written(world, "one")
    revealed(world, row)
    written(world, "two")
    rotate(world, bob)
    write_outside(secret_paths(world, KEY, world.dev)[0])
    assert restored(world, 1) == "conflict"
    assert is_rotated(world, bob)


def test_restore_whose_response_is_lost(
    world: World, bob: User, interrupted: InterruptedStore
) -> None:
    row = written(world, "one")
    revealed(world, row)
    written(world, "two")
    rotate(world, bob)
    interrupted.after("put", lose_response)
    assert restored(world, 1) == "unknown"
    assert not is_rotated(world, bob)
    expire_leases()
    reconcile_now(world)
    assert not is_rotated(world, bob)


def test_restore_that_never_arrived(world: World, bob: User, interrupted: InterruptedStore) -> None:
    row = written(world, "one")
    revealed(world, row)
    written(world, "two")
    rotate(world, bob)
    interrupted.before("put", lose_response)
    assert restored(world, 1) == "unknown"
    expire_leases()
    reconcile_now(world)
    assert is_rotated(world, bob)


def test_members_are_not_named(
    world: World, bob: User, client_for: Callable[[str], Client]
) -> None:
    row = written(world, "one", "two")
    revealed(world, row, 1)
    assert known_to(client_for("alice"), row) == {}
