"""Each change, reveal and refusal is exactly one event: who, what, from where (guarantee 9)."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from console.models import App, AuditEvent, Branch, Member, User
from secrets_app.models import Secret
from tests.console.audit.conftest import Trail, outcomes
from tests.fixtures.people import World

FROM = {"REMOTE_ADDR": "203.0.113.7", "headers": {"User-Agent": "Lynx/2.9"}}
SECRETS = "/apps/d1shop/hosting/secrets"
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def post(as_: Callable[[str], Client], trail: Trail) -> Callable[..., Any]:
    """Return a function that posts as somebody, with the trail looked at from there on."""

    def post(name: str, url: str, data: dict[str, Any] | None = None) -> Any:
        client = as_(name)
        trail.forget()
        return client.post(url, data or {}, **FROM)  # type: ignore[arg-type]

    return post


def test_it_works(post: Any, world: World, secret: Secret, trail: Trail) -> None:
    before = timezone.now()
    answer = post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    assert answer.status_code == 200
    event = trail.one
    assert (event.action, event.app_id, event.branch, event.subject) == (
        "secret.reveal", "d1shop", "dev", "API_KEY",
    )  # fmt: skip
    assert (event.actor_kind, event.actor, event.actor_id) == (
        "web", "bob@example.org", world.person("bob").pk,
    )  # fmt: skip
    assert (event.address, event.agent) == ("203.0.113.7", "Lynx/2.9")
    assert REQUEST_ID.fullmatch(event.request_id)
    assert before <= event.at <= timezone.now()
    [outcome] = event.outcomes.all()
    assert (outcome.outcome, outcome.version_after, event.version_before) == ("succeeded", 1, 1)
    assert event.at <= outcome.at


def test_the_request_id_is_the_logs(post: Any, secret: Secret, trail: Trail, caplog: Any) -> None:
    post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    asked = [record.msg for record in caplog.records if f"{secret.pk}/reveal/" in str(record.msg)]
    assert {entry["request_id"] for entry in asked if isinstance(entry, dict)} == {
        trail.one.request_id
    }


SAVES: dict[str, tuple[Callable[[Secret], dict[str, Any]], tuple[str, str, int, int | None]]] = {
    "add": (
        lambda it: {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": it.branch_id},
        ("secret.create", "NEW", 0, 1),
    ),
    "change": (
        lambda it: {f"value-{it.pk}": "second", f"base-{it.pk}": 1},
        ("secret.change", "API_KEY", 1, 2),
    ),
    "remove": (
        lambda it: {f"remove-{it.pk}": "on", f"base-{it.pk}": 1},
        ("secret.remove", "API_KEY", 1, None),
    ),
}


@pytest.mark.parametrize("what", SAVES)
def test_a_saved_row(post: Any, secret: Secret, trail: Trail, what: str) -> None:
    data, (action, key, before, after) = SAVES[what]
    assert post("bob", f"{SECRETS}/manage/", data(secret)).status_code == 302
    event = trail.one
    assert (event.action, event.subject, event.branch) == (action, key, "dev")
    assert (event.version_before, event.outcomes.get().version_after) == (before, after)
    assert isinstance(event.change_set, UUID)
    assert event.address == "203.0.113.7"


def test_a_secret_for_all_branches_says_so(post: Any, trail: Trail) -> None:
    post("mia", f"{SECRETS}/manage/", {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": ""})
    assert (trail.one.branch, trail.one.app_id) == ("All branches", "d1shop")


def test_a_batch_is_one_change_set(post: Any, world: World, trail: Trail) -> None:
    data: dict[str, Any] = {}
    for number in (1, 2, 3):
        data |= {f"new-{number}-key": f"K{number}", f"new-{number}-value": "v"}
        data |= {f"new-{number}-branch": world.dev.pk}
    post("bob", f"{SECRETS}/manage/", data)
    assert [event.subject for event in trail.events] == ["K1", "K2", "K3"]
    assert len({event.change_set for event in trail.events}) == 1


CHANGES: dict[str, tuple[str, dict[str, Any], tuple[str, str, str]]] = {
    "general": (
        "/apps/d1shop/settings/general/",
        {"name": "Renamed", "path_profile": "both"},
        ("app.change", "", "name: Shop to Renamed"),
    ),
    "add a branch": (
        "/apps/d1shop/settings/branches/add/",
        {"name": "new", "stage": "NONE"},
        ("branch.add", "new", ""),
    ),
    "change a branch": (
        "/apps/d1shop/settings/branches/{dev}/",
        {"stage": "BETA"},
        ("branch.change", "dev", "stage: DEVELOPMENT to BETA"),
    ),
    "make a branch production": (
        "/apps/d1shop/settings/branches/{dev}/",
        {"stage": "DEVELOPMENT", "production": "on", "protected": "on"},
        (
            "branch.change",
            "dev",
            "production: no to yes, protected: no to yes, no longer production: main",
        ),
    ),
    "read-only": (
        "/apps/d1shop/settings/branches/{dev}/",
        {"stage": "DEVELOPMENT"},
        ("branch.change", "dev", "no change"),
    ),
    "delete a branch": (
        "/apps/d1shop/settings/branches/{dev}/delete/",
        {},
        ("branch.delete", "dev", ""),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_the_app(post: Any, world: World, trail: Trail, what: str) -> None:
    url, data, (action, branch, subject) = CHANGES[what]
    assert post("alice", url.format(dev=world.dev.pk), data).status_code == 302
    event = trail.one
    assert (event.action, event.app_id, event.branch, event.subject) == (
        action, "d1shop", branch, subject,
    )  # fmt: skip
    assert (event.actor, event.address, outcomes(event)) == (
        "alice@example.org", "203.0.113.7", ["succeeded"],
    )  # fmt: skip


def test_a_branch_that_comes_back(post: Any, world: World, trail: Trail) -> None:
    Branch.objects.filter(pk=world.main.pk).update(deleted_at=timezone.now(), production=False)
    post("alice", "/apps/d1shop/settings/branches/add/", {"name": "main", "stage": "PRODUCTION"})
    assert trail.one.subject == "added again, still protected"


def test_a_long_name_hides_no_other_change(post: Any, trail: Trail) -> None:
    data = {"name": "x" * 255, "repository": "y" * 1000, "path_profile": "backend"}
    post("alice", "/apps/d1shop/settings/general/", data)
    assert trail.one.subject.endswith("path_profile: both to backend")


def test_a_new_app(post: Any, trail: Trail) -> None:
    data = {"name": "New", "app_id": "d3new", "path_profile": "both"}
    assert post("olga", "/apps/new/", data).status_code == 302
    assert trail.brief == [("olga@example.org", "app.create", "New", ["succeeded"])]
    assert trail.one.app_id == "d3new"


def test_a_change_that_was_refused(post: Any, trail: Trail) -> None:
    data = {"name": "dev", "stage": "NONE"}
    assert post("alice", "/apps/d1shop/settings/branches/add/", data).status_code == 422
    assert trail.brief == [
        ("alice@example.org", "branch.add", "stage: DEVELOPMENT to NONE", ["failed"])
    ]
    assert "already has a branch with this name" in trail.one.outcomes.get().detail


ADMIN: dict[str, tuple[str, dict[str, Any], tuple[str, str]]] = {
    "add a user": (
        "console/user/add/",
        {"email": "new@example.org", "usable_password": "false"},
        ("user.change", "new@example.org: email, usable_password"),
    ),
    "disable a user": (
        "console/user/{bob}/change/",
        {"email": "bob@example.org"},
        ("user.change", "bob@example.org: is_active: yes to no"),
    ),
    "make an operator": (
        "console/user/{bob}/change/",
        {"email": "bob@example.org", "is_active": "on", "is_superuser": "on"},
        ("user.change", "bob@example.org: is_superuser: no to yes"),
    ),
    "set a password": (
        "console/user/{bob}/password/",
        {"usable_password": "true", "password1": "long enough 1", "password2": "long enough 1"},
        ("user.change", "bob@example.org: password"),
    ),
    "add a member": (
        "console/member/add/",
        {"app": "{app}", "user": "{charlie}", "role": "viewer"},
        ("member.set", "charlie@example.org: viewer"),
    ),
    "change a role": (
        "console/member/{member}/change/",
        {"role": "maintainer"},
        ("member.set", "bob@example.org: maintainer"),
    ),
    "remove a member": (
        "console/member/{member}/delete/",
        {"post": "yes"},
        ("member.remove", "bob@example.org"),
    ),
}


@pytest.mark.parametrize("what", ADMIN)
def test_an_operators_change(post: Any, world: World, trail: Trail, what: str) -> None:
    url, data, (action, subject) = ADMIN[what]
    ids = {
        "bob": world.person("bob").pk,
        "charlie": world.person("charlie").pk,
        "app": world.app.pk,
        "member": Member.objects.get(user=world.person("bob")).pk,
    }
    filled = {name: value.format(**ids) for name, value in data.items()}
    assert post("olga", f"/admin/{url.format(**ids)}", filled).status_code == 302
    assert trail.brief == [("olga@example.org", action, subject, ["succeeded"])]
    assert trail.one.address == "203.0.113.7"


def test_a_password_that_was_refused(post: Any, world: World, trail: Trail) -> None:
    data = {"usable_password": "true", "password1": "short", "password2": "short"}
    url = f"/admin/console/user/{world.person('bob').pk}/password/"
    assert post("olga", url, data).status_code == 200
    assert trail.brief == [
        ("olga@example.org", "user.change", "bob@example.org: password", ["failed"])
    ]


DENIED: dict[str, tuple[str, str, dict[str, Any], tuple[str, str, str]]] = {
    "reveal": ("vera", SECRETS + "/{secret}/reveal/", {}, ("secret.reveal", "dev", "API_KEY")),
    "mirror": (
        "vera",
        SECRETS + "/{secret}/mirror/",
        {"shown": "1:1"},
        ("secret.mirror", "dev", "API_KEY"),
    ),
    "add": (
        "vera",
        SECRETS + "/manage/",
        {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": "{dev}"},
        ("secret.create", "dev", "NEW"),
    ),
    "change": (
        "vera",
        SECRETS + "/manage/",
        {"value-{secret}": "second", "base-{secret}": "1"},
        ("secret.change", "dev", "API_KEY"),
    ),
    "remove": (
        "vera",
        SECRETS + "/manage/",
        {"remove-{secret}": "on", "base-{secret}": "1"},
        ("secret.remove", "dev", "API_KEY"),
    ),
    "general": (
        "mia",
        "/apps/d1shop/settings/general/",
        {"name": "Renamed", "path_profile": "both"},
        ("app.change", "", ""),
    ),
    "add a branch": (
        "mia",
        "/apps/d1shop/settings/branches/add/",
        {"name": "new", "stage": "NONE"},
        ("branch.add", "", ""),
    ),
    "change a branch": (
        "mia",
        "/apps/d1shop/settings/branches/{dev}/",
        {"stage": "BETA"},
        ("branch.change", "", ""),
    ),
    "delete a branch": (
        "mia",
        "/apps/d1shop/settings/branches/{dev}/delete/",
        {},
        ("branch.delete", "", ""),
    ),
    "create an app": (
        "alice",
        "/apps/new/",
        {"name": "New", "app_id": "d3new", "path_profile": "both"},
        ("app.create", "", ""),
    ),
}


@pytest.mark.parametrize("what", DENIED)
def test_a_denied_attempt(post: Any, world: World, secret: Secret, trail: Trail, what: str) -> None:
    name, url, data, (action, branch, subject) = DENIED[what]
    ids = {"secret": secret.pk, "dev": world.dev.pk}
    filled = {field.format(**ids): value.format(**ids) for field, value in data.items()}
    state = [list(it.objects.values()) for it in (App, Branch, Secret)]
    assert post(name, url.format(**ids), filled).status_code in {403, 422}
    event = trail.one
    assert (event.actor, event.action) == (f"{name}@example.org", action)
    assert (event.branch, event.subject, event.address) == (branch, subject, "203.0.113.7")
    assert outcomes(event) == ["denied"]
    assert [list(it.objects.values()) for it in (App, Branch, Secret)] == state


@pytest.mark.parametrize("name", ["charlie", "oscar", "olga"])
def test_an_outsider_leaves_no_trace_in_an_app(
    post: Any, secret: Secret, trail: Trail, name: str
) -> None:
    assert post(name, f"{SECRETS}/{secret.pk}/reveal/").status_code == 404
    assert trail.events == []


@pytest.mark.parametrize("page", ["", "manage/", "{secret}/"])
def test_looking_is_no_entry(as_: Any, secret: Secret, trail: Trail, page: str) -> None:
    client = as_("alice")
    trail.forget()
    assert client.get(f"{SECRETS}/{page.format(secret=secret.pk)}").status_code == 200
    assert trail.events == []


def test_the_command_line_is_named_as_such(world: World, trail: Trail) -> None:
    world.person("olga")
    call_command("sample_app", owner="olga@example.org", verbosity=0)
    assert {(event.actor_kind, event.actor) for event in trail.events} == {
        ("command", "olga@example.org")
    }
    assert all(outcomes(event) == ["succeeded"] for event in trail.events)


def test_a_long_agent_is_cut(as_: Any, secret: Secret, trail: Trail) -> None:
    client = as_("bob")
    trail.forget()
    agent = {"User-Agent": "x" * 5000}
    url = f"{SECRETS}/{secret.pk}/reveal/"
    assert client.post(url, headers=agent).status_code == 200
    assert trail.one.agent == "x" * 200


def test_times_are_utc(post: Any, secret: Secret, trail: Trail, settings: Any) -> None:
    post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    assert trail.one.at.utcoffset() == timezone.timedelta(0)


def test_people_who_are_gone_stay_in_the_trail(
    post: Any, world: World, secret: Secret, trail: Trail
) -> None:
    post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    pk = world.person("bob").pk
    User.objects.filter(pk=pk).delete()
    event = AuditEvent.objects.get(pk=trail.one.pk)
    assert (event.actor, event.actor_id) == ("bob@example.org", pk)
