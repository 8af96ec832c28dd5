"""What roles permit: direct and through groups, limited to branches, with protected branches."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from console.access.policy import Permission, find_app, memberships
from console.catalog.services import change_branch, delete_branch
from console.models import Branch, Member, User
from tests.factories import (
    access_of,
    add_group,
    create_branch,
    create_command,
    save_secrets,
    set_role,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
WRITE, REVEAL = Permission.WRITE, Permission.REVEAL


def writable_branches(world: World, name: str) -> list[str]:
    """Return the branches on which a person may write and reveal; "-" is All branches."""
    access = access_of(world, name)
    places: list[Branch | None] = [None, *world.app.branches.order_by("pk")]
    found = [place.name if place else "-" for place in places if access.may_on(WRITE, place)]
    assert found == [
        place.name if place else "-" for place in places if access.may_on(REVEAL, place)
    ]
    return found


def test_it_works(world: World) -> None:
    create_branch(world, "feature/login")
    set_role(world, "bob", "developer", "feature/*")
    assert writable_branches(world, "bob") == ["feature/login"]
    assert access_of(world, "bob").may(Permission.VIEW)
    assert not access_of(world, "bob").may(Permission.MANAGE)


def test_limited_maintainer_has_protected_branches_but_not_all(world: World) -> None:
    create_branch(world, "release/1", protected=True)
    set_role(world, "mia", "maintainer", "release/*", "main")
    assert writable_branches(world, "mia") == ["main", "release/1"]


@pytest.mark.parametrize("pattern", ["*", "main"])
def test_no_pattern_covers_all_branches(world: World, pattern: str) -> None:
    """A value for All branches reaches every branch, future ones included."""
    Branch.objects.update(protected=False)
    set_role(world, "bob", "developer", pattern)
    assert "-" not in writable_branches(world, "bob")


def test_all_branches_is_protected_if_a_branch_is(world: World) -> None:
    assert writable_branches(world, "vera") == []
    assert writable_branches(world, "bob") == ["dev"]
    Branch.objects.filter(app=world.app).update(protected=False)
    assert writable_branches(world, "bob") == ["-", "main", "dev"]
    world.dev.refresh_from_db()
    change_branch(
        actor=world.actor("alice"), app_id="d1shop", pk=world.dev.pk, fields={"protected": True}
    )
    assert writable_branches(world, "bob") == ["main"]
    assert writable_branches(world, "mia") == ["-", "main", "dev"]


def test_protection_of_another_app(world: World) -> None:
    Branch.objects.filter(app=world.app).update(protected=False)
    Branch.objects.filter(app=world.other_app).update(protected=True)
    assert writable_branches(world, "bob") == ["-", "main", "dev"]


def test_deleted_branch_still_protects(world: World) -> None:
    """Deleting it must not let developers read the values of All branches."""
    delete_branch(actor=world.actor("alice"), app_id="d1shop", pk=world.main.pk)
    assert writable_branches(world, "bob") == ["dev"]


def test_services_enforce_it(world: World) -> None:
    feature = create_branch(world, "feature/login")
    set_role(world, "bob", "developer", "feature/*")
    [saved] = save_secrets(world, create_command("A", branch=feature), by="bob")
    [denied] = save_secrets(world, create_command("A", branch=world.dev), by="bob")
    assert (saved.outcome, denied.outcome) == ("saved", "denied")
    assert denied.message == (
        "Your role in this app (developer on feature/*) does not allow changes on the branch "
        "dev. Ask an owner of the app for a role that does."
    )


# Groups


def test_group_gives_access(world: World) -> None:
    group = add_group(world, "web", "developer", people=("charlie",))
    assert writable_branches(world, "charlie") == ["dev"]
    assert [member.app for member in memberships(world.actor("charlie"))] == [world.app]
    group.user_set.clear()
    with pytest.raises(Http404):
        access_of(world, "charlie")
    assert not memberships(world.actor("charlie")).exists()


def test_highest_role_counts(world: World) -> None:
    add_group(world, "web", "maintainer", people=("vera",))
    add_group(world, "qa", "viewer", people=("vera", "mia"))
    assert access_of(world, "vera").role == "maintainer"
    assert writable_branches(world, "vera") == ["-", "main", "dev"]
    assert writable_branches(world, "mia") == ["-", "main", "dev"]


def test_roles_combine_per_branch(world: World) -> None:
    create_branch(world, "release/1", protected=True)
    add_group(world, "release", "maintainer", "release/*", people=("bob",))
    assert writable_branches(world, "bob") == ["dev", "release/1"]


def test_group_as_owner(world: World) -> None:
    add_group(world, "owners", "owner", people=("charlie",))
    assert access_of(world, "charlie").may(Permission.MANAGE)


def test_disabled_person_in_a_group(world: World) -> None:
    add_group(world, "web", "owner", people=("ivan", "charlie"))
    with pytest.raises(Http404):
        access_of(world, "ivan")
    User.objects.filter(pk=world.person("charlie").pk).update(is_active=False)
    with pytest.raises(Http404):
        access_of(world, "charlie")


def test_group_of_another_app(world: World) -> None:
    group = add_group(world, "web", "owner", people=("charlie",))
    Member.objects.filter(group=group).update(app=world.other_app)
    with pytest.raises(Http404):
        access_of(world, "charlie")


def test_empty_group(world: World) -> None:
    add_group(world, "web", "owner")
    with pytest.raises(Http404):
        access_of(world, "olga")


def test_denial_names_every_role(world: World) -> None:
    add_group(world, "web", "viewer", people=("vera",))
    with pytest.raises(
        PermissionDenied, match=r"viewer and viewer, through the group web\) does not"
    ):
        access_of(world, "vera").require(Permission.MANAGE)


def test_query_count(world: World, django_assert_num_queries: Any) -> None:
    for number in range(5):
        add_group(world, f"group {number}", "developer", "x/*", people=("bob",))
        create_branch(world, f"branch {number}", protected=True)
    actor = world.actor("bob")
    with django_assert_num_queries(2):  # the second reads the branches, which may share parameters
        access = find_app(actor, "d1shop")
        access.may_on(WRITE, world.dev)
    with django_assert_num_queries(0):
        access.may_on(WRITE, None)
        access.may_on(REVEAL, None)
    assert len(access.grants) == 6
