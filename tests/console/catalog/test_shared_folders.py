"""A branch that would have the folder of another one is refused (guarantee 32)."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone

from console.catalog.services import add_branch, change_app
from console.lib.naming.names import AMPLIFY_PROFILES, PathProfile
from console.models import App, Branch, Member
from tests.factories import audit_entries, create_branch, create_standalone, form_errors
from tests.factories.collisions import COLLISIONS, STANDALONE, Collision
from tests.fixtures.people import World
from tests.fixtures.waiting import LONGEST

PAIRS = [pair for pair in COLLISIONS if pair.app_id == "d1shop"]
PAIR = PAIRS[0]


def add(world: World, name: str, app_id: str = "d1shop", by: str = "alice") -> Branch:
    """Add a branch."""
    return add_branch(actor=world.actor(by), app_id=app_id, fields={"name": name})


def change_profile(world: World, profile: PathProfile) -> App:
    """Change the app's path profile."""
    return change_app(
        actor=world.actor("alice"), app_id="d1shop", fields={"path_profile": profile.value}
    )


@pytest.mark.parametrize("pair", COLLISIONS, ids=ascii)
@pytest.mark.parametrize("profile", AMPLIFY_PROFILES)
def test_it_works(world: World, pair: Collision, profile: PathProfile) -> None:
    App.objects.update(path_profile=profile.value)
    Member.objects.create(app=world.other_app, user=world.person("alice"), role="owner")
    for first, second in ((pair.one, pair.other), (pair.other, pair.one)):
        branch = add(world, first, pair.app_id)
        with pytest.raises(ValidationError) as refusal:
            add(world, second, pair.app_id)
        [message] = refusal.value.message_dict["name"]
        assert f"in the folder of {first} (/amplify/{pair.app_id}/" in message
        assert not Branch.objects.filter(name=second).exists()
        branch.delete()


def test_the_page_says_why(alice: Client, world: World) -> None:
    add(world, PAIR.one)
    response = alice.post(
        "/apps/d1shop/settings/branches/add/", {"name": PAIR.other, "stage": "NONE"}
    )
    [says] = form_errors(response)["name"]
    assert says.endswith("where each could read and change the other's. Rename the branch in Git.")
    assert audit_entries("branch.add")[-1] == ("alice", "branch.add", "", "failed")


@pytest.mark.parametrize("pair", PAIRS, ids=ascii)
def test_a_deleted_branch_counts(world: World, pair: Collision) -> None:
    create_branch(world, pair.one, deleted_at=timezone.now())
    with pytest.raises(ValidationError, match="in the folder of"):
        add(world, pair.other)
    assert add(world, pair.one).deleted_at is None  # its own folder


@pytest.mark.parametrize("pair", PAIRS, ids=ascii)
def test_adding_a_deleted_branch_again(world: World, pair: Collision) -> None:
    create_branch(world, pair.one)
    create_branch(world, pair.other, deleted_at=timezone.now())
    with pytest.raises(ValidationError, match="in the folder of"):
        add(world, pair.other)


def test_the_other_app_may_have_the_name(world: World) -> None:
    add(world, PAIR.one)
    assert add(world, PAIR.other, "d2other", by="oscar").name == PAIR.other


@pytest.mark.parametrize("profile", [PathProfile.BOTH, PathProfile.BACKEND])
def test_a_path_profile_that_makes_them_share(world: World, profile: PathProfile) -> None:
    App.objects.filter(pk=world.app.pk).update(path_profile=PathProfile.DOCUMENTED.value)
    create_branch(world, PAIR.one)
    create_branch(world, PAIR.other, deleted_at=timezone.now())
    with pytest.raises(ValidationError) as refusal:
        change_profile(world, profile)
    [message] = refusal.value.message_dict["path_profile"]
    assert PAIR.one in message
    assert PAIR.other in message
    world.app.refresh_from_db()
    assert world.app.path_profile == PathProfile.DOCUMENTED
    assert audit_entries("app.change")[-1][3] == "failed"


@pytest.mark.parametrize("profile", AMPLIFY_PROFILES)
def test_a_path_profile_that_makes_nothing_worse(world: World, profile: PathProfile) -> None:
    create_branch(world, PAIR.one)
    create_branch(world, PAIR.other)
    assert change_profile(world, profile).path_profile == profile


def test_the_page_of_the_path_profile_says_why(alice: Client, world: World) -> None:
    App.objects.filter(pk=world.app.pk).update(path_profile=PathProfile.DOCUMENTED.value)
    for name in (PAIR.one, PAIR.other):
        create_branch(world, name)
    post = {"name": "Shop", "path_profile": "both"}
    response = alice.post("/apps/d1shop/settings/general/", post)
    assert "would have the same folder" in form_errors(response)["path_profile"][0]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pair", [(("d1shop", PAIR.one), ("d1shop", PAIR.other)), STANDALONE])
def test_both_at_the_same_moment(world: World, pair: tuple[tuple[str, str], ...]) -> None:
    actor, together = world.actor("alice"), Barrier(2)
    for identifier, _ in pair:
        if identifier != "d1shop":
            create_standalone(world, identifier)

    def add_one(branch: tuple[str, str]) -> None:
        together.wait(timeout=LONGEST)
        fields: dict[str, Any] = {"name": branch[1]}
        try:
            with suppress(ValidationError):
                add_branch(actor=actor, app_id=branch[0], fields=fields)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add_one, pair))
    assert Branch.objects.filter(name__in=[name for _, name in pair]).count() == 1
