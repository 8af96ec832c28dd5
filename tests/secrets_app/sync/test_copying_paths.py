"""Secrets are copied to the paths of a new profile, and the old ones can go (guarantee 41)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from console.access.acts import ConfirmationRequired
from console.access.policy import find_app
from secrets_app.models import Secret
from secrets_app.pages import copying
from secrets_app.sync import mirrors
from tests.factories import (
    audit_rows,
    reconcile_now,
    secret_paths,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, deny_access, kill_process

URL = "/apps/d1shop/hosting/secrets/copy/"
GENERAL = "/apps/d1shop/settings/general/"
LIST = "/apps/d1shop/hosting/secrets/"


def fill(world: World, profile: str, number: int = 3) -> None:
    """Save secrets of dev and main while the app has another profile, then change it to both."""
    world.app.path_profile = profile
    world.app.save()
    for index in range(number):
        set_secret(world, f"KEY_{index}", f"value {index}", world.dev)
    set_secret(world, "MAIN", "of main", world.main)
    reconcile_now(world)
    world.app.path_profile = "both"
    world.app.save()
    reconcile_now(world)


def copy(world: World, by: str = "alice") -> mirrors.Repairs:
    actor = world.actor(by)
    return mirrors.copy_to_both_paths(actor=actor, app_id="d1shop", may_go_on=lambda: True)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("profile", ["documented", "backend"])
def test_it_works(world: World, client_for: Callable[[str], Client], profile: str) -> None:
    fill(world, profile)
    alice = client_for("alice")
    assert "4 secrets exist at only one" in " ".join(alice.get(LIST).text.split())
    assert "Copy 4 secrets" in alice.get(URL).text
    response = alice.post(URL, follow=True)
    assert "Copied 4 secrets." in response.text
    assert "exist at only one" not in response.text
    assert stored_values(world, "MAIN", world.main) == ("of main", "of main")
    assert stored_values(world, "KEY_2", world.dev) == ("value 2", "value 2")
    events = audit_rows(world, "secret.mirror")
    assert [(it.actor, it.outcome) for it in events] == [("alice", "succeeded")] * 4
    assert audit_rows(world, "found.") == []


def test_from_one_profile_to_another(world: World, client_for: Callable[[str], Client]) -> None:
    """By way of both: then what the new profile doesn't use is offered for removal."""
    fill(world, "documented")
    alice = client_for("alice")
    for profile, status in (("documented", 302), ("backend", 422), ("both", 302)):
        fields = {"name": "Shop", "path_profile": profile}
        assert alice.post(GENERAL, fields).status_code == status
    reconcile_now(world)
    alice.post(URL)
    assert alice.post(GENERAL, {"name": "Shop", "path_profile": "backend"}).status_code == 302
    reconcile_now(world)
    assert set(Secret.objects.values_list("version", flat=True)) == {1}
    text = " ".join(alice.get(LIST).text.split())
    assert "4 parameters are at paths that the app's path profile doesn't use." in text


def test_in_parts(
    world: World, client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "FRAGMENT_PATIENCE", timedelta(0))
    fill(world, "documented", 2)
    alice, header = client_for("alice"), {"HX-Request": "true"}
    assert "Copied 1 of 3 secrets." in alice.post(URL, headers=header).text
    second = alice.post(URL, {"done": "1"}, headers=header)
    assert "Copied 2 of 3 secrets." in second.text
    assert alice.post(URL, {"done": "2"}, headers=header)["HX-Redirect"] == LIST


def test_in_two_tabs(world: World, interrupted: InterruptedStore) -> None:
    fill(world, "documented")
    interrupted.before("put", lambda: copy(world))  # while the first tab copies its first secret
    result = copy(world)
    assert (result.finished, result.left) == (1, 0)  # the other tab copied the rest
    assert mirrors.at_one_path(find_app(world.actor("alice"), "d1shop")) == []


def test_interrupted(world: World, interrupted: InterruptedStore) -> None:
    fill(world, "documented")
    interrupted.before("put", kill_process)
    with pytest.raises(Killed):
        copy(world)
    result = copy(world)
    assert (result.finished, result.left) == (3, 0)  # the killed one keeps its lease


def test_the_store_fails(world: World, interrupted: InterruptedStore) -> None:
    fill(world, "documented")
    interrupted.before("put", deny_access)
    result = copy(world)
    assert (result.finished, result.left) == (0, 4)
    assert "denied" in result.problem
    assert copy(world).finished == 4


@pytest.mark.parametrize("name", ["mia", "bob", "vera"])
def test_only_owners(world: World, client_for: Callable[[str], Client], name: str) -> None:
    fill(world, "documented")
    with pytest.raises(PermissionDenied):
        copy(world, by=name)
    assert "exist at only one" not in client_for(name).get(LIST).text
    assert stored_values(world, "MAIN", world.main) == (None, "of main")


def test_asks_for_reauthentication(world: World) -> None:
    fill(world, "documented")
    with pytest.raises(ConfirmationRequired):
        mirrors.copy_to_both_paths(
            actor=world.old_actor("alice"), app_id="d1shop", may_go_on=lambda: True
        )
    assert audit_rows(world, "secret.mirror") == []


def test_a_value_that_differs_is_left(world: World, client_for: Any) -> None:
    fill(world, "documented", 1)
    write_outside(secret_paths(world, "KEY_0", world.dev)[0], "another")
    reconcile_now(world)
    assert copy(world).finished == 1
    assert stored_values(world, "KEY_0", world.dev) == ("another", "value 0")
