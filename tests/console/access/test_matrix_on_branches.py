"""Writing and revealing on protected and unprotected branches, by role (guarantee 14).

In a save each row answers for itself: one without the right is `denied` inside the batch (422).
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from console.models import AuditOutcome, Branch, Member
from secrets_app.models import Secret
from tests.console.access.conftest import VALUE, Asking
from tests.fixtures.people import World

PLACES = ("dev", "main", "all")  # main is protected; only maintainers write for All branches
# gina is a developer by a group; dan a developer on d*, max a maintainer on main alone; fay is
# dan's like, and in a group that maintains main and what begins with x
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
CASES = [
    (name, place, answer == "yes")
    for name, *answers in map(str.split, TABLE.splitlines()[2:])
    for place, answer in zip(PLACES, answers, strict=True)
]
everyone_everywhere = pytest.mark.parametrize(("name", "place", "may"), CASES)


@pytest.fixture(autouse=True)
def _narrowed(world: World) -> None:
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
    """Return the branch that a case is about."""
    return {"dev": world.dev, "main": world.main, "all": None}[place]


@pytest.fixture
def secret(make_secret: Callable[..., Secret], branch: Branch | None) -> Secret:
    """Return a secret there."""
    return make_secret(branch)


def url(what: str) -> str:
    """Return the address of a page about secrets."""
    return f"/apps/d1shop/hosting/secrets/{what}"


@everyone_everywhere
def test_reveal(ask: Asking, secret: Secret, name: str, may: bool) -> None:
    answer = ask(name, "POST", url(f"{secret.pk}/reveal/"))
    assert answer.status_code == (200 if may else 403)
    assert (VALUE in answer.text) == may


@pytest.mark.parametrize(("name", "place", "may"), [case for case in CASES if case[1] != "all"])
def test_put_the_mirror_right(ask: Asking, secret: Secret, name: str, may: bool) -> None:
    answer = ask(name, "POST", url(f"{secret.pk}/mirror/"), {"shown": "1:1"})
    assert answer.status_code == (302 if may else 403)


@pytest.mark.parametrize("place", ["all"])
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("vera", 403),
        ("bob", 403),
        ("mia", 422),
        ("alice", 422),
    ],
)
def test_all_branches_have_no_mirror(ask: Asking, secret: Secret, name: str, status: int) -> None:
    assert ask(name, "POST", url(f"{secret.pk}/mirror/"), {"shown": "1:1"}).status_code == status


@everyone_everywhere
def test_add(ask: Asking, branch: Branch | None, name: str, may: bool) -> None:
    post = {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": branch.pk if branch else ""}
    assert_saved(ask(name, "POST", url("manage/"), post), may)


@everyone_everywhere
def test_change(ask: Asking, secret: Secret, name: str, may: bool) -> None:
    post = {f"value-{secret.pk}": "new", f"base-{secret.pk}": secret.version}
    assert_saved(ask(name, "POST", url("manage/"), post), may)


@everyone_everywhere
def test_remove(ask: Asking, secret: Secret, name: str, may: bool) -> None:
    post = {f"remove-{secret.pk}": "on", f"base-{secret.pk}": secret.version}
    assert_saved(ask(name, "POST", url("manage/"), post), may)


def assert_saved(answer: Any, may: bool) -> None:
    """Check that a save went through, or that its one row was denied and says why."""
    if may:
        assert answer.status_code == 302
        return
    assert answer.status_code == 422
    outcomes = [row.outcome for row in answer.context["listing"].rows]
    outcomes += [row.get("outcome") for row in answer.context["new_rows"]]
    [outcome] = filter(None, outcomes)
    assert outcome.outcome == "denied"
    assert "Your role in this app" in outcome.message


@pytest.mark.parametrize("name", ["vera", "bob"])
def test_the_rest_of_a_batch_is_saved(
    make_secret: Callable[..., Secret], world: World, as_: Any, name: str
) -> None:
    protected, free = make_secret(world.main), make_secret(world.dev)
    post = {f"value-{secret.pk}": "new" for secret in (protected, free)}
    post |= {f"base-{secret.pk}": secret.version for secret in (protected, free)}
    assert as_(name).post(url("manage/"), post).status_code == 422
    assert [Secret.objects.get(pk=s.pk).version for s in (protected, free)] == (
        [1, 2] if name == "bob" else [1, 1]
    )
    denied = AuditOutcome.objects.filter(outcome="denied")
    assert denied.count() == (1 if name == "bob" else 2)


@pytest.mark.parametrize("place", PLACES)
def test_a_row_shows_what_its_reader_may_do(ask: Asking, secret: Secret, place: str) -> None:
    for name, where, may in CASES:
        if where == place:
            [row] = ask(name, "GET", url("")).context["listing"].rows
            assert (row.may_write, row.may_reveal) == (may, may), name
