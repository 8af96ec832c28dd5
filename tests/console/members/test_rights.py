"""What roles come to: own and groups', narrowed to branches, with and without protection."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from console.access.policy import Permission, find_app, memberships
from console.catalog.services import change_branch, delete_branch
from console.models import Branch, Member, User
from tests.console.members.conftest import Team
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
WRITE, REVEAL = Permission.WRITE, Permission.REVEAL


def writes(team: Team, name: str) -> list[str]:
    """Return where somebody may write, All branches as "-"; where he may reveal is the same."""
    access = team.access(name)
    places: list[Branch | None] = [None, *team.world.app.branches.order_by("pk")]
    found = [place.name if place else "-" for place in places if access.may_on(WRITE, place)]
    assert found == [
        place.name if place else "-" for place in places if access.may_on(REVEAL, place)
    ]
    return found


def test_it_works(team: Team) -> None:
    team.branch("feature/login")
    team.give("bob", "developer", "feature/*")
    assert writes(team, "bob") == ["feature/login"]
    assert team.access("bob").may(Permission.VIEW)
    assert not team.access("bob").may(Permission.MANAGE)


def test_a_narrowed_maintainer_has_protected_branches_but_not_all(team: Team) -> None:
    team.branch("release/1", protected=True)
    team.give("mia", "maintainer", "release/*", "main")
    assert writes(team, "mia") == ["main", "release/1"]


@pytest.mark.parametrize("pattern", ["*", "main"])
def test_no_pattern_reaches_all_branches(team: Team, pattern: str) -> None:
    """What is set there goes to every branch, to those that come later too."""
    Branch.objects.update(protected=False)
    team.give("bob", "developer", pattern)
    assert "-" not in writes(team, "bob")


def test_all_branches_is_protected_as_soon_as_a_branch_is(team: Team, world: World) -> None:
    assert writes(team, "vera") == []
    assert writes(team, "bob") == ["dev"]
    Branch.objects.filter(app=world.app).update(protected=False)
    assert writes(team, "bob") == ["-", "main", "dev"]
    world.dev.refresh_from_db()
    change_branch(
        actor=world.actor("alice"), app_id="d1shop", pk=world.dev.pk, fields={"protected": True}
    )
    assert writes(team, "bob") == ["main"]
    assert writes(team, "mia") == ["-", "main", "dev"]


def test_another_apps_protection_is_its_own(team: Team, world: World) -> None:
    Branch.objects.filter(app=world.app).update(protected=False)
    Branch.objects.filter(app=world.other_app).update(protected=True)
    assert writes(team, "bob") == ["-", "main", "dev"]


def test_a_deleted_branch_protects_still(team: Team, world: World) -> None:
    """Deleting one is no way to let developers read what stands on All branches."""
    delete_branch(actor=world.actor("alice"), app_id="d1shop", pk=world.main.pk)
    assert writes(team, "bob") == ["dev"]


def test_the_services_ask_it(desk: Desk, team: Team) -> None:
    feature = team.branch("feature/login")
    team.give("bob", "developer", "feature/*")
    [saved] = desk.save("bob", desk.new("A", branch=feature))
    [denied] = desk.save("bob", desk.new("A", branch=desk.world.dev))
    assert (saved.outcome, denied.outcome) == ("saved", "denied")
    assert denied.message == (
        "Your role in this app (developer on feature/*) does not allow changes on the branch "
        "dev. Ask an owner of the app for a role that does."
    )


# Groups


def test_a_group_lets_its_people_in(team: Team, world: World) -> None:
    group = team.group("web", "developer", people=("charlie",))
    assert writes(team, "charlie") == ["dev"]
    assert [member.app for member in memberships(world.actor("charlie"))] == [world.app]
    group.user_set.clear()
    with pytest.raises(Http404):
        team.access("charlie")
    assert not memberships(world.actor("charlie")).exists()


def test_the_strongest_counts(team: Team) -> None:
    team.group("web", "maintainer", people=("vera",))
    team.group("qa", "viewer", people=("vera", "mia"))
    assert team.access("vera").role == "maintainer"
    assert writes(team, "vera") == ["-", "main", "dev"]
    assert writes(team, "mia") == ["-", "main", "dev"]


def test_roles_add_up_branch_by_branch(team: Team) -> None:
    team.branch("release/1", protected=True)
    team.group("release", "maintainer", "release/*", people=("bob",))
    assert writes(team, "bob") == ["dev", "release/1"]


def test_a_group_may_own(team: Team) -> None:
    team.group("owners", "owner", people=("charlie",))
    assert team.access("charlie").may(Permission.MANAGE)


def test_a_disabled_person_in_a_group(team: Team, world: World) -> None:
    team.group("web", "owner", people=("ivan", "charlie"))
    with pytest.raises(Http404):
        team.access("ivan")
    User.objects.filter(pk=world.person("charlie").pk).update(is_active=False)
    with pytest.raises(Http404):
        team.access("charlie")


def test_a_group_of_another_app(team: Team, world: World) -> None:
    group = team.group("web", "owner", people=("charlie",))
    Member.objects.filter(group=group).update(app=world.other_app)
    with pytest.raises(Http404):
        team.access("charlie")


def test_nobody_is_in_no_group(team: Team) -> None:
    team.group("web", "owner")
    with pytest.raises(Http404):
        team.access("olga")


def test_a_role_that_was_lowered_says_so(team: Team) -> None:
    team.group("web", "viewer", people=("vera",))
    with pytest.raises(
        PermissionDenied, match=r"viewer and viewer, through the group web\) does not"
    ):
        team.access("vera").require(Permission.MANAGE)


def test_it_is_one_query_and_one_for_all_branches(
    team: Team, world: World, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        team.group(f"group {number}", "developer", "x/*", people=("bob",))
        team.branch(f"branch {number}", protected=True)
    actor = world.actor("bob")
    with django_assert_num_queries(1):
        access = find_app(actor, "d1shop")
        access.may_on(WRITE, world.dev)
    with django_assert_num_queries(1):
        access.may_on(WRITE, None)
        access.may_on(REVEAL, None)
    assert len(access.grants) == 6
