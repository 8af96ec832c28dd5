"""A person who knows a value also knows its copies: on other branches, and restored from the bin.

Links follow from audit events alone: no value, and no hash of one, is compared or stored.
"""

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from console.access.policy import find_app
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.catalog import services
from console.environment.keys import ReadValue
from console.environment.sources import source_of
from console.lib.naming.names import PathProfile
from console.members import exposure
from console.models import AuditEvent, Branch, Member, User, scope_name
from console.workflows import copying, undoing
from console.workflows.copying import Value
from envvars_app.secrets_bridge import move_to_secrets
from secrets_app.history import bin_actions
from secrets_app.history.restoring import restore
from secrets_app.models import Secret
from secrets_app.recycle_bin import kept
from secrets_app.reveal import reveal
from secrets_app.store import parameter_store
from tests.factories import (
    change_variable,
    create_branch,
    delete_secret,
    reconcile_now,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    set_variable,
    variable_row,
    write_outside,
)
from tests.factories.collisions import COLLISIONS
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, lose_response

KEY = "API_KEY"
KNOWN = "/apps/d1shop/settings/members/people/{}/known/"


@pytest.fixture
def bob(world: World) -> User:
    return world.person("bob")


@pytest.fixture
def other(world: World) -> Branch:
    return create_branch(world, "other")


def copied(world: World, origin: Branch | None, *to: Branch | None, by: str = "alice") -> uuid.UUID:
    """Copy the secret to other scopes, as Compare does."""
    access, change_set = find_app(world.actor(by), "d1shop"), uuid.uuid4()
    value = Value(source_of("secret"), KEY, secret_row(world, KEY, origin).pk, origin)
    rows = {row.branch_id: row for row in Secret.objects.filter(app=world.app, key=KEY)}
    targets = [
        copying.Target(str(scope), value, pk, rows[pk].version if pk in rows else 0, None)
        for scope in to
        for pk in [scope.pk if scope else None]
    ]
    outcomes = copying.copy(access, targets, change_set, may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} <= {"saved", "unknown"}, outcomes
    return change_set


def revealed(
    world: World, branch: Branch | None, *, by: str = "bob", version: int | None = None
) -> None:
    pk = secret_row(world, KEY, branch).pk
    reveal(actor=world.actor(by), app_id="d1shop", pk=pk, version=version)


def removed(world: World, branch: Branch | None) -> None:
    delete_secret(world, KEY, branch)


def from_bin(world: World, scope: str, to: Branch | None, number: int = -1) -> None:
    """Restore what was removed from a scope, the last of it unless a number is given."""
    entry = [it for it in kept(world.app).order_by("pk") if it.scope == scope][number]
    there = Secret.objects.filter(app=world.app, branch=to, key=KEY).first()
    access = find_app(world.actor("alice"), "d1shop")
    base = (there.version if there else 0, None)
    assert bin_actions.restore(access, entry, uuid.uuid4(), to=to, base=base).outcome == "saved"


def version_restored(world: World, branch: Branch | None, version: int) -> None:
    row = secret_row(world, KEY, branch)
    outcome = restore(
        actor=world.actor("alice"),
        app_id="d1shop",
        pk=row.pk,
        version=version,
        base=(row.version, None),
        change_set=uuid.uuid4(),
    )
    assert outcome.outcome == "saved"


def undone(world: World, change_set: uuid.UUID) -> uuid.UUID:
    access, new = find_app(world.actor("alice"), "d1shop"), uuid.uuid4()
    source, before = source_of("secret"), AuditEvent.objects.filter(subject=str(change_set))
    earlier = [event.change_set for event in before if event.change_set]
    tokens = [row.token for row in source.undo_plan(access, change_set, earlier)]
    outcomes = undoing.undo(access, change_set, tokens, new, may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} <= {"saved", "removed"}, outcomes
    return new


def last_change_set(world: World) -> uuid.UUID:
    change_set = AuditEvent.objects.filter(change_set__isnull=False).latest("pk").change_set
    assert change_set
    return change_set


def rotate(world: World, person: User, *branches: Branch | None) -> None:
    """Mark the secret as rotated, in some scopes or all."""
    names = {scope_name(branch) for branch in branches}
    found = exposure.exposed_secrets(person.pk, "d1shop")
    entries = [it.last for it in found if not names or it.branch in names]
    exposure.mark_rotated(
        actor=world.actor("alice"), person=person, entries=entries, app_id="d1shop"
    )


def known(person: User, *, is_rotated: bool = False) -> set[str]:
    """Return the scopes in which the person knows the secret."""
    found = exposure.exposed_secrets(person.pk, "d1shop")
    return {it.branch for it in found if it.is_rotated == is_rotated}


def known_versions(world: World, branch: Branch | None) -> dict[int, list[str]]:
    """Return who left and knows which version, as the secret's page says."""
    client, row = Client(), secret_row(world, KEY, branch)
    client.force_login(world.person("alice"))
    page = client.get(reverse("secret_versions", args=["d1shop", row.pk]))
    return {it.number: [*it.known_to] for it in page.context["versions"].rows if it.known_to}


def test_it_works(
    world: World, bob: User, other: Branch, client_for: Callable[[str], Client]
) -> None:
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    set_secret(world, KEY, "unrelated", other)
    assert known(bob) == {"dev"}
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}
    [it] = [it for it in exposure.exposed_secrets(bob.pk, "d1shop") if it.branch == "other"]
    assert (it.revealed_at, it.written_at, it.since) == (None, None, None)
    assert it.copy
    assert it.copy.save
    assert (it.copy.source, it.copy.save.actor) == ("dev", "alice@example.org")
    Member.objects.get(user=bob).delete()
    [former] = exposure.former_members(find_app(world.actor("alice"), "d1shop"))
    assert (former.total, former.open) == (2, 2)
    assert known_versions(world, other) == {2: ["bob@example.org"]}
    alice = client_for("alice")
    page = " ".join(alice.get(KNOWN.format(bob.pk)).text.split())
    assert 'Same value as on <span class="any">dev</span>' in page
    assert "Saved by alice@example.org" in page
    export = alice.post(KNOWN.format(bob.pk), {"action": "export"}).content.decode()
    lines = [line.rsplit(",", 1)[1] for line in export.split("\r\n") if line]
    assert lines == ['"Same value as on"', '""', '"dev"']
    rotate(world, bob, other)
    assert known(bob) == {"dev"}
    assert known(bob, is_rotated=True) == {"other"}


# What is done before and after bob reveals the value "one" on dev, and where that leaves it known.
# Each step is a function of the world and the other branch.

Step = Callable[[World, Branch], object]


def bob_reveals(world: World, other: Branch) -> None:
    revealed(world, world.dev)


def bob_reveals_there(world: World, other: Branch) -> None:
    revealed(world, other)


def is_copied(world: World, other: Branch) -> None:
    copied(world, world.dev, other)


def is_copied_to_all(world: World, other: Branch) -> None:
    copied(world, world.dev, None)


def is_copied_on(world: World, other: Branch) -> None:
    copied(world, other, None)


def is_copied_from_all(world: World, other: Branch) -> None:
    copied(world, None, other)


def is_copied_back(world: World, other: Branch) -> None:
    copied(world, other, world.dev)


def is_rotated(world: World, other: Branch) -> None:
    set_secret(world, KEY, "two", world.dev)


def is_rotated_there(world: World, other: Branch) -> None:
    set_secret(world, KEY, "three", other)


def is_removed(world: World, other: Branch) -> None:
    removed(world, world.dev)


def is_removed_there(world: World, other: Branch) -> None:
    removed(world, other)


def is_restored_there(world: World, other: Branch) -> None:
    from_bin(world, "dev", other)


def is_restored(world: World, other: Branch) -> None:
    from_bin(world, "dev", world.dev)


def is_undone(world: World, other: Branch) -> None:
    undone(world, last_change_set(world))


def first_version_is_restored(world: World, other: Branch) -> None:
    version_restored(world, world.dev, 1)


CASES: dict[str, tuple[Iterable[Step], set[str]]] = {
    "learned after the copy": ([is_copied, bob_reveals], {"dev", "other"}),
    "learned from the copy": ([is_copied, bob_reveals_there], {"dev", "other"}),
    "copy of a copy": ([bob_reveals, is_copied, is_copied_on], {"dev", "other", "All branches"}),
    "copy of a copy, learned from the last": (
        [is_copied_to_all, is_copied_from_all, bob_reveals_there],
        {"dev", "other", "All branches"},
    ),
    "copy after rotation": ([bob_reveals, is_rotated, is_copied], {"dev"}),
    "copy of an earlier version, restored": (
        [bob_reveals, is_rotated, first_version_is_restored, is_copied],
        {"dev", "other"},
    ),
    "rotated before it was learned": ([is_copied, is_rotated_there, bob_reveals], {"dev"}),
    "removed before it was learned": ([is_copied, is_removed_there, bob_reveals], {"dev"}),
    "renamed: copied, then removed": ([bob_reveals, is_copied, is_removed], {"dev", "other"}),
    "removed, then restored elsewhere": (
        [bob_reveals, is_removed, is_restored_there],
        {"dev", "other"},
    ),
    "rotated, removed, then restored elsewhere": (
        [bob_reveals, is_rotated, is_removed, is_restored_there],
        {"dev"},
    ),
    "restored elsewhere, then copied back": (
        [bob_reveals, is_removed, is_restored_there, is_copied_back],
        {"dev", "other"},
    ),
    "another value at the same version": (
        [
            bob_reveals,
            is_removed,
            lambda world, _: set_secret(world, KEY, "new", world.dev),
            is_copied,
        ],
        {"dev"},
    ),
    "a copy that was removed and restored": (
        [bob_reveals, is_copied, is_removed_there, lambda w, it: from_bin(w, "other", w.main)],
        {"dev", "other", "main"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_where_it_is_known(world: World, bob: User, other: Branch, case: str) -> None:
    steps, expected = CASES[case]
    set_secret(world, KEY, "one", world.dev)
    for step in steps:
        step(world, other)
    assert known(bob) == expected
    Member.objects.get(user=bob).delete()
    [former] = exposure.former_members(find_app(world.actor("alice"), "d1shop"))
    assert former.total == len(expected)


REOPENED: dict[str, tuple[Iterable[Step], set[str]]] = {
    "copied once more": ([is_copied], {"other"}),
    "undo of the copy's removal": ([is_removed_there, is_undone], {"other"}),
    "undo of the undo": ([is_removed_there, is_undone, is_undone, is_undone], {"other"}),
    "another value": ([is_rotated_there], set()),
    "another value, copied": ([is_rotated, is_copied], set()),
    "a rotation, undone": ([is_rotated, is_undone], {"dev"}),
    "a removal, undone": ([is_removed, is_undone], {"dev"}),
}


@pytest.mark.parametrize("case", REOPENED)
def test_what_makes_it_known_again(world: World, bob: User, other: Branch, case: str) -> None:
    """Everything is marked as rotated. What bob knows counts again where it is written again."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    copied(world, world.dev, other)
    rotate(world, bob)
    assert known(bob) == set()
    steps, expected = REOPENED[case]
    for step in steps:
        step(world, other)
    assert known(bob) == expected


def test_undo_of_a_copy(world: World, bob: User, other: Branch) -> None:
    """The value from before comes back, which bob never knew."""
    set_secret(world, KEY, "one", world.dev)
    set_secret(world, KEY, "before", other)
    revealed(world, world.dev)
    change_set = copied(world, world.dev, other)
    Member.objects.get(user=bob).delete()
    undo = undone(world, change_set)
    assert known_versions(world, other) == {2: ["bob@example.org"]}
    [row] = source_of("secret").undo_plan(find_app(world.actor("alice"), "d1shop"), undo, [])
    assert (row.after, row.known_to) == ("Back to version 2", ["bob@example.org"])


def test_removals_of_one_version(world: World, bob: User) -> None:
    """The recycle bin holds two values that were both version 1. Bob knows the first."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    removed(world, world.dev)
    set_secret(world, KEY, "two", world.dev)
    removed(world, world.dev)
    rotate(world, bob)
    from_bin(world, "dev", world.dev)
    assert known(bob) == set()
    removed(world, world.dev)
    from_bin(world, "dev", world.dev, 0)
    assert known(bob) == {"dev"}


def test_versions_of_an_earlier_secret(world: World, bob: User) -> None:
    """Bob knows version 1 of a secret that was removed. Another one has the same numbers."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    removed(world, world.dev)
    for value in ("two", "three"):
        set_secret(world, KEY, value, world.dev)
    Member.objects.get(user=bob).delete()
    assert known_versions(world, world.dev) == {}
    rotate(world, bob)
    version_restored(world, world.dev, 1)
    assert known(bob) == set()


@pytest.mark.parametrize("pause", [timedelta(days=2), timedelta(0)])
def test_replaced_outside(
    world: World, bob: User, other: Branch, clock: Any, pause: timedelta
) -> None:
    """Somebody removes the secret in AWS and adds another one, which has version 1 again.

    A reveal shortly before that was noticed may have read the new one, so it counts for both.
    """
    set_secret(world, KEY, "one", world.dev)
    reconcile_now(world)
    revealed(world, world.dev)
    clock.shift(pause + timedelta(minutes=10))
    paths = secret_paths(world, KEY, world.dev)
    parameter_store().remove(paths)
    write_outside(paths[0])
    reconcile_now(world)
    copied(world, world.dev, other)
    assert known(bob) == ({"dev"} if pause else {"dev", "other"})


def test_mirror_changed_outside(world: World, bob: User, other: Branch) -> None:
    """The secret itself still has the version and the value that bob knows."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    reconcile_now(world)
    write_outside(secret_paths(world, KEY, world.dev)[1])
    reconcile_now(world)
    assert AuditEvent.objects.filter(action="found.change").exists()
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


def test_undo_names_who_knew_the_removed_value(world: World, bob: User) -> None:
    """The value in the recycle bin has the number of one that bob never knew, and the reverse."""
    set_secret(world, KEY, "one", world.dev)
    removed(world, world.dev)
    change_set = last_change_set(world)
    set_secret(world, KEY, "two", world.dev)
    revealed(world, world.dev)
    removed(world, world.dev)
    later = last_change_set(world)
    Member.objects.get(user=bob).delete()
    access, source = find_app(world.actor("alice"), "d1shop"), source_of("secret")
    assert [row.known_to for row in source.undo_plan(access, later, [])] == [["bob@example.org"]]
    assert [row.known_to for row in source.undo_plan(access, change_set, [])] == [()]


def test_restored_from_its_mirror(world: World, bob: User, other: Branch) -> None:
    """In the profile `both`, a lost secret that is restored from its mirror has the value again."""
    row = set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    reconcile_now(world)
    parameter_store().remove([secret_paths(world, KEY, world.dev)[0]])
    reconcile_now(world)
    repair_secret_mirror(world, row)
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


def test_removed_while_only_the_mirror_was_left(world: World, bob: User, other: Branch) -> None:
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    reconcile_now(world)
    parameter_store().remove([secret_paths(world, KEY, world.dev)[0]])
    reconcile_now(world)
    removed(world, world.dev)
    from_bin(world, "dev", other)
    assert known(bob) == {"dev", "other"}


def test_other_path_profile(world: World, bob: User, other: Branch) -> None:
    """The documented path counts versions of its own. Its value is the same."""
    set_secret(world, KEY, "zero", world.dev)
    parameter_store().remove([secret_paths(world, KEY, world.dev)[1]])
    reconcile_now(world)
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)  # version 2, and version 1 of the mirror
    switch_profile(world, PathProfile.DOCUMENTED)
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


@pytest.mark.parametrize("profile", [PathProfile.BACKEND, PathProfile.DOCUMENTED])
def test_an_earlier_version_in_another_profile(
    world: World, bob: User, profile: PathProfile
) -> None:
    """A mirror usually has the numbers of its secret. In doubt, people are named."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    set_secret(world, KEY, "two", world.dev)
    switch_profile(world, profile)
    rotate(world, bob)
    version_restored(world, world.dev, 1)
    assert known(bob) == {"dev"}


def test_replaced_by_an_encrypted_parameter(world: World, bob: User) -> None:
    """A replacement counts from 1 again, and has the value of the version before."""
    dev, other = Target("d1shop", "dev", KEY), Target("d1shop", "other", KEY)

    def recorded(name: str, action: Action, target: Target, *versions: int, **more: Any) -> int:
        before, after = versions
        actor = world.actor(name)
        event = attempt(actor, action, target, version_before=before, **more)
        conclude(event.pk, Outcome.SUCCEEDED, version_after=after)
        return event.pk

    recorded("bob", Action.SECRET_REVEALED, dev, 2, 2)
    recorded("alice", Action.SECRET_ENCRYPTED, dev, 2, 1)
    read = recorded("alice", Action.SECRET_REVEALED, dev, 1, 1)
    recorded("alice", Action.SECRET_CREATED, other, 0, 1, origin=read)
    assert known(bob) == {"dev", "other"}
    recorded("alice", Action.SECRET_CHANGED, dev, 1, 2)  # not the version 2 that bob knows
    read = recorded("alice", Action.SECRET_REVEALED, dev, 2, 2)
    all_branches = Target("d1shop", "All branches", KEY)
    recorded("alice", Action.SECRET_CREATED, all_branches, 0, 1, origin=read)
    assert known(bob) == {"dev", "other"}


def test_read_while_it_was_replaced(world: World, bob: User) -> None:
    """A reveal that was running while another secret was added may have read either."""
    dev = Target("d1shop", "dev", KEY)
    reading = attempt(world.actor("bob"), Action.SECRET_REVEALED, dev, version_before=1)
    removal = attempt(world.actor("alice"), Action.SECRET_REMOVED, dev, version_before=1)
    conclude(removal.pk, Outcome.SUCCEEDED)
    added = attempt(world.actor("alice"), Action.SECRET_CREATED, dev, version_before=0)
    conclude(added.pk, Outcome.SUCCEEDED, version_after=1)
    conclude(reading.pk, Outcome.SUCCEEDED, version_after=1)
    read = attempt(world.actor("alice"), Action.SECRET_REVEALED, dev, version_before=1)
    conclude(read.pk, Outcome.SUCCEEDED, version_after=1)
    other = Target("d1shop", "other", KEY)
    copy = attempt(
        world.actor("alice"), Action.SECRET_CREATED, other, version_before=0, origin=read.pk
    )
    conclude(copy.pk, Outcome.SUCCEEDED, version_after=1)
    assert known(bob) == {"dev", "other"}


def switch_profile(world: World, profile: PathProfile) -> None:
    services.change_app(
        actor=world.actor("alice"), app_id="d1shop", fields={"path_profile": profile}
    )
    world.app.refresh_from_db()
    reconcile_now(world)


def test_copy_whose_response_is_lost(
    world: World, bob: User, other: Branch, interrupted: InterruptedStore
) -> None:
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    interrupted.after("put", lose_response)
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


def test_branches_that_share_parameters(world: World, bob: User) -> None:
    """The audit trail names both of them, but a change from outside only one."""
    collision = COLLISIONS[0]
    one = create_branch(world, collision.one)
    set_secret(world, KEY, "one", one)
    revealed(world, one, by="alice")
    create_branch(world, collision.other)
    set_secret(world, KEY, "two", one, by="bob")
    copied(world, one, world.dev)
    assert "dev" in known(bob)


def test_branch_whose_name_looks_like_two(world: World, bob: User, other: Branch) -> None:
    """It shares nothing with them, so its events are no events of theirs."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    set_secret(world, KEY, "two", create_branch(world, "dev + other"))
    rotate(world, bob)
    copied(world, world.dev, other)
    assert known(bob) == {"other"}
    assert known(bob, is_rotated=True) == {"dev"}


def test_variable_that_became_a_secret(world: World, bob: User, other: Branch) -> None:
    """Bob wrote the variable's value. Who only read it isn't recorded."""
    variable = set_variable(world, KEY, "earlier", world.dev, by="alice")
    change_variable(world, variable, "one", by="bob")
    variable = variable_row(world, KEY, world.dev)
    move_to_secrets(
        actor=world.actor("mia"), app_id="d1shop", pk=variable.pk, base=variable.version
    )
    [it] = exposure.exposed_secrets(bob.pk, "d1shop")
    assert it.copy
    assert (it.branch, it.copy.was_variable, it.copy.source) == ("dev", True, "")
    assert known(world.person("alice")) == set()
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


@pytest.mark.parametrize("way", ["page", "command"])
def test_imported_into_several_scopes(
    world: World, bob: User, other: Branch, tmp_path: Path, manage: Any, way: str
) -> None:
    """One import writes the same value to each. Values of one save of the form may differ."""
    if way == "page":
        alice = Client()
        alice.force_login(world.person("alice"))
        url, scopes = reverse("import", args=["d1shop"]), [str(world.dev.pk), str(other.pk)]
        text = {"text": f"{KEY}=one", "scope": scopes}
        token = {"change_set": alice.post(url, text | {"action": "preview"}).context["change_set"]}
        for scope in scopes:  # in two parts
            row = {"row": f"secret {scope} 0 {KEY}", "action": "save"}
            assert alice.post(url, text | token | row).status_code == 302
    else:
        (tmp_path / "values.env").write_text(f"{KEY}=hunter2")
        where = ("--branch", "dev", "--branch", "other", "--as", world.person("alice").email)
        done = manage("import", str(tmp_path / "values.env"), "--app", "d1shop", "--yes", *where)
        assert done.code == 0, done
    revealed(world, world.dev)
    assert known(bob) == {"dev", "other"}
    save_secrets(
        world,
        set_command(secret_row(world, KEY, world.dev), "two"),
        set_command(secret_row(world, KEY, other), "three"),
    )
    rotate(world, bob)
    revealed(world, world.dev)
    assert known(bob) == {"dev"}


def test_imported_into_one_scope_after_another(world: World, bob: User, other: Branch) -> None:
    """These are two imports, and no value is compared."""
    alice = Client()
    alice.force_login(world.person("alice"))
    url = reverse("import", args=["d1shop"])
    for branch in (world.dev, other):
        text = {"text": f"{KEY}=one", "scope": [str(branch.pk)]}
        page = alice.post(url, text | {"action": "preview"})
        row = {"row": f"secret {branch.pk} 0 {KEY}", "change_set": page.context["change_set"]}
        assert alice.post(url, text | row | {"action": "save"}).status_code == 302
    revealed(world, world.dev)
    assert known(bob) == {"dev"}
    assert not AuditEvent.objects.filter(origin__isnull=False).exists()


def test_a_value_that_is_typed_again(world: World, bob: User, other: Branch) -> None:
    """No value is compared, so Known secrets can't say that these are the same."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    set_secret(world, KEY, "one", other)
    assert known(bob) == {"dev"}


def test_nothing_but_events_is_stored(world: World, other: Branch) -> None:
    """The copy names the event that read the value: its scope, its version and no more."""
    set_secret(world, KEY, "one", world.dev)
    copied(world, world.dev, other)
    save = AuditEvent.objects.get(action="secret.create", branch="other")
    origin = AuditEvent.objects.get(pk=save.origin or 0)
    assert (origin.action, origin.branch, origin.version_before) == ("secret.reveal", "dev", 1)
    removed(world, other)
    from_bin(world, "other", None)
    restored = AuditEvent.objects.get(action="bin.restore")
    removal = AuditEvent.objects.get(pk=restored.origin or 0)
    assert (removal.action, removal.branch, removal.version_before) == ("secret.remove", "other", 1)
    assert "one" not in repr(ReadValue("one", 1))


def test_reveals_that_say_nothing_new(world: World, bob: User, other: Branch) -> None:
    """The copy was made by a reveal that repeats another one."""
    set_secret(world, KEY, "one", world.dev)
    for person in ("bob", "alice", "bob"):
        revealed(world, world.dev, by=person)
    copied(world, world.dev, other)
    removed(world, other)
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


def test_query_count(world: World, bob: User, other: Branch) -> None:
    """The number of queries doesn't depend on the number of copies."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    copied(world, world.dev, other)
    with CaptureQueriesContext(connection) as few:
        assert len(exposure.exposed_secrets(bob.pk, "d1shop")) == 2
    for number in range(5):
        copied(world, world.dev, create_branch(world, f"b{number}"))
    with CaptureQueriesContext(connection) as many:
        assert len(exposure.exposed_secrets(bob.pk, "d1shop")) == 7
    assert len(many) == len(few)
    assert sum(query["sql"].startswith("SELECT") for query in many) == 7
