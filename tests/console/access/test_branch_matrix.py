"""Writing and revealing on protected and unprotected branches, by role (guarantee 14).

Each row of a save has its own outcome: a row without permission is `denied` in the batch (422).
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from console.models import AuditOutcome, Branch, Member
from secrets_app.models import Secret
from tests.factories import set_secret
from tests.fixtures.people import World

PLACES = ("dev", "main", "all")  # main is protected; only maintainers write for All branches
# gina is a developer through a group; dan is a developer on d*, max a maintainer on main only; fay
# is a developer on d*, and a maintainer on main and x* through a group
TABLE = """
                dev        main       all
        vera    no         no         no
        bob     yes        no         no
        mia     yes        yes        yes
        alice   yes        yes        yes
        gina    yes        no         no
        dan     yes        no         no
        max     no         yes        no
        fay     yes        yes        no
"""
ROWS = [line.split() for line in TABLE.splitlines()[2:]]
CASES = {  # by place: who may
    place: {name: answers[number] == "yes" for name, *answers in ROWS}
    for number, place in enumerate(PLACES)
}
every_place = pytest.mark.parametrize("place", PLACES)


@pytest.fixture(autouse=True)
def _branch_roles(world: World) -> None:
    for name, role, patterns in (
        ("dan", "developer", "d*"),
        ("max", "maintainer", "main"),
        ("fay", "developer", "d*"),
    ):
        fields = {"user": world.person(name), "role": role, "patterns": patterns}
        Member.objects.create(app=world.app, **fields)
    group = Group.objects.create(name="releases")
    group.user_set.add(world.person("fay"))
    Member.objects.create(app=world.app, group=group, role="maintainer", patterns="main\nx*")


@pytest.fixture
def branch(world: World, place: str) -> Branch | None:
    """Return the branch of the case."""
    return {"dev": world.dev, "main": world.main, "all": None}[place]


@pytest.fixture
def secret(world: World, branch: Branch | None) -> Secret:
    """Return a secret on that branch."""
    return set_secret(world, "API_KEY", "the value of a secret", branch)


def url(what: str) -> str:
    """Return the URL of a page of secrets."""
    return f"/apps/d1shop/hosting/secrets/{what}"


@every_place
def test_reveal(request_as: Callable[..., Any], secret: Secret, place: str) -> None:
    for name, may in CASES[place].items():
        response = request_as(name, "POST", url(f"{secret.pk}/reveal/"))
        assert response.status_code == (200 if may else 403), name
        assert ("the value of a secret" in response.text) == may, name


@pytest.mark.parametrize("place", ["dev", "main"])
def test_repair_mirror(request_as: Callable[..., Any], secret: Secret, place: str) -> None:
    for name, may in CASES[place].items():
        response = request_as(name, "POST", url(f"{secret.pk}/mirror/"), {"shown": "1:1"})
        assert response.status_code == (302 if may else 403), name


@pytest.mark.parametrize("place", ["all"])
def test_all_branches_has_no_mirror(request_as: Callable[..., Any], secret: Secret) -> None:
    for name, status in {"vera": 403, "bob": 403, "mia": 422, "alice": 422}.items():
        response = request_as(name, "POST", url(f"{secret.pk}/mirror/"), {"shown": "1:1"})
        assert response.status_code == status, name


@every_place
def test_add(request_as: Callable[..., Any], branch: Branch | None, place: str) -> None:
    post = {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": branch.pk if branch else ""}
    assert_saved_by_those_who_may(request_as, post, place)


@every_place
def test_change(request_as: Callable[..., Any], secret: Secret, place: str) -> None:
    post = {f"value-{secret.pk}": "new", f"base-{secret.pk}": secret.version}
    assert_saved_by_those_who_may(request_as, post, place)


@every_place
def test_remove(request_as: Callable[..., Any], secret: Secret, place: str) -> None:
    post = {f"remove-{secret.pk}": "on", f"base-{secret.pk}": secret.version}
    assert_saved_by_those_who_may(request_as, post, place)


def assert_saved_by_those_who_may(
    request_as: Callable[..., Any], post: dict[str, Any], place: str
) -> None:
    """Check that a save succeeds, or that its only row is denied and says why."""
    for name, may in CASES[place].items():
        response = request_as(name, "POST", url("manage/"), post)
        assert response.status_code == (302 if may else 422), name
        if not may:
            outcomes = [row.outcome for row in response.context["listing"].rows]
            outcomes += [row.outcome for row in response.context["new_rows"]]
            [outcome] = filter(None, outcomes)
            assert outcome.outcome == "denied", name
            assert "Your role in this app" in outcome.message, name


@pytest.mark.parametrize("name", ["vera", "bob"])
def test_other_rows_of_a_batch_are_saved(world: World, client_for: Any, name: str) -> None:
    protected, free = (
        set_secret(world, "API_KEY", "the value of a secret", world.main),
        set_secret(world, "API_KEY", "the value of a secret", world.dev),
    )
    post = {f"value-{secret.pk}": "new" for secret in (protected, free)}
    post |= {f"base-{secret.pk}": secret.version for secret in (protected, free)}
    assert client_for(name).post(url("manage/"), post).status_code == 422
    assert [Secret.objects.get(pk=s.pk).version for s in (protected, free)] == (
        [1, 2] if name == "bob" else [1, 1]
    )
    denied = AuditOutcome.objects.filter(outcome="denied")
    assert denied.count() == (1 if name == "bob" else 2)


@every_place
def test_row_shows_permitted_actions(
    request_as: Callable[..., Any], secret: Secret, place: str
) -> None:
    for name, may in CASES[place].items():
        [row] = request_as(name, "GET", url("")).context["listing"].rows
        assert (row.may_write, row.may_reveal) == (may, may), name
