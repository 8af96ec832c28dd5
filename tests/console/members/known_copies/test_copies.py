"""A person who knows a value also knows its copies: on other branches, or restored ones.

Links follow from audit events alone: no value, and no hash of one, is compared or stored.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from console.access.policy import find_app
from console.environment.keys import ReadValue
from console.members import exposure
from console.models import AuditEvent, Branch, Member, User
from envvars_app.secrets_bridge import move_to_secrets
from tests.console.members.known_copies.steps import (
    KEY,
    copied,
    from_bin,
    known,
    known_versions,
    removed,
    revealed,
    rotate,
)
from tests.factories import (
    change_variable,
    create_branch,
    remove_variable,
    save_secrets,
    secret_row,
    set_command,
    set_secret,
    set_variable,
    variable_row,
)
from tests.factories.collisions import COLLISIONS
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, lose_response

KNOWN = "/apps/d1shop/settings/members/people/{}/known/"


def test_one_is_rotated_and_not_its_copy(world: World, bob: User, other: Branch) -> None:
    """One reveal taught both. Marking one says nothing of the other."""
    set_secret(world, KEY, "one", world.dev)
    copied(world, world.dev, other)
    revealed(world, world.dev)
    assert known(bob) == {"dev", "other"}
    rotate(world, bob, world.dev)
    assert known(bob) == {"other"}
    assert known(bob, is_rotated=True) == {"dev"}


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


def test_variable_that_was_renamed_first(world: World, bob: User) -> None:
    """Alice wrote another variable of the same name, which is gone."""
    earlier = set_variable(world, KEY, "another", world.dev, by="alice")
    remove_variable(world, earlier)
    variable = set_variable(world, "OLD_NAME", "one", world.dev, by="bob")
    change_variable(world, variable, "one", key=KEY, by="mia")
    variable = variable_row(world, KEY, world.dev)
    move_to_secrets(
        actor=world.actor("mia"), app_id="d1shop", pk=variable.pk, base=variable.version
    )
    [it] = exposure.exposed_secrets(bob.pk, "d1shop")
    assert (it.branch, it.copy and it.copy.was_variable) == ("dev", True)
    assert known(world.person("alice")) == set()


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
