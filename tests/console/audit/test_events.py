"""Each change, reveal and denial is exactly one audit event with all its facts (guarantee 9)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from console.models import App, AuditEvent, Branch, Member, User
from secrets_app.models import Secret
from tests.factories import audit_events, last_event_id, only_event, outcomes_of, summarize
from tests.fixtures.people import World

FROM = {"REMOTE_ADDR": "203.0.113.7", "headers": {"User-Agent": "Lynx/2.9"}}
SECRETS = "/apps/d1shop/hosting/secrets"
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def post(client_for: Callable[[str], Client]) -> Callable[..., tuple[Any, list[AuditEvent]]]:
    """Return a function that posts as a person; it gives the response and the events recorded."""

    def post(name: str, url: str, data: dict[str, Any] | None = None) -> Any:
        client = client_for(name)
        start = last_event_id()
        response = client.post(url, data or {}, **FROM)  # type: ignore[arg-type]
        return response, audit_events(start)

    return post


def test_it_works(post: Any, world: World, secret: Secret) -> None:
    before = timezone.now()
    response, events = post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    assert response.status_code == 200
    [event] = events
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


def test_request_id_is_the_one_in_the_log(post: Any, secret: Secret, caplog: Any) -> None:
    _, events = post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    [event] = events
    asked = [record.msg for record in caplog.records if f"{secret.pk}/reveal/" in str(record.msg)]
    assert {entry["request_id"] for entry in asked if isinstance(entry, dict)} == {event.request_id}


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
def test_saved_row(post: Any, secret: Secret, what: str) -> None:
    data, (action, key, before, after) = SAVES[what]
    response, events = post("bob", f"{SECRETS}/manage/", data(secret))
    assert response.status_code == 302
    event, *copies = events
    assert [it.action for it in copies] == (["bin.fill"] if what == "remove" else [])
    assert (event.action, event.subject, event.branch) == (action, key, "dev")
    assert (event.version_before, event.outcomes.get().version_after) == (before, after)
    assert isinstance(event.change_set, UUID)
    assert event.address == "203.0.113.7"


def test_secret_for_all_branches(post: Any) -> None:
    _, events = post(
        "mia", f"{SECRETS}/manage/", {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": ""}
    )
    [event] = events
    assert (event.branch, event.app_id) == ("All branches", "d1shop")


def test_batch_is_one_change_set(post: Any, world: World) -> None:
    data: dict[str, Any] = {}
    for number in (1, 2, 3):
        data |= {f"new-{number}-key": f"K{number}", f"new-{number}-value": "v"}
        data |= {f"new-{number}-branch": world.dev.pk}
    _, events = post("bob", f"{SECRETS}/manage/", data)
    assert [event.subject for event in events] == ["K1", "K2", "K3"]
    assert len({event.change_set for event in events}) == 1


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
def test_change_of_the_app(post: Any, world: World, what: str) -> None:
    url, data, (action, branch, subject) = CHANGES[what]
    response, events = post("alice", url.format(dev=world.dev.pk), data)
    assert response.status_code == 302
    [event] = events
    assert (event.action, event.app_id, event.branch, event.subject) == (
        action, "d1shop", branch, subject,
    )  # fmt: skip
    assert (event.actor, event.address, outcomes_of(event)) == (
        "alice@example.org", "203.0.113.7", ["succeeded"],
    )  # fmt: skip


def test_restored_branch(post: Any, world: World) -> None:
    Branch.objects.filter(pk=world.main.pk).update(deleted_at=timezone.now(), production=False)
    _, events = post(
        "alice", "/apps/d1shop/settings/branches/add/", {"name": "main", "stage": "PRODUCTION"}
    )
    [event] = events
    assert event.subject == "added again, still protected"


def test_long_name_hides_no_other_change(post: Any) -> None:
    data = {"name": "x" * 255, "repository": "y" * 1000, "path_profile": "backend"}
    _, events = post("alice", "/apps/d1shop/settings/general/", data)
    [event] = events
    assert event.subject.endswith("path_profile: both to backend")


def test_new_app(post: Any) -> None:
    data = {"name": "New", "app_id": "d3new", "path_profile": "both"}
    response, events = post("olga", "/apps/new/", data)
    assert response.status_code == 302
    [event] = events
    assert summarize(events) == [("olga@example.org", "app.create", "New", ["succeeded"])]
    assert event.app_id == "d3new"


def test_rejected_change(post: Any) -> None:
    data = {"name": "dev", "stage": "NONE"}
    response, events = post("alice", "/apps/d1shop/settings/branches/add/", data)
    assert response.status_code == 422
    [event] = events
    assert summarize(events) == [
        ("alice@example.org", "branch.add", "stage: DEVELOPMENT to NONE", ["failed"])
    ]
    assert "already has a branch with this name" in event.outcomes.get().detail


ADMIN: dict[str, tuple[str, dict[str, Any], tuple[str, str]]] = {
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
    "add a member": (
        "console/member/add/",
        {"app": "{app}", "user": "{charlie}", "role": "viewer"},
        ("member.set_by_operator", "charlie@example.org: viewer"),
    ),
    "change a role": (
        "console/member/{member}/change/",
        {"role": "maintainer"},
        ("member.set_by_operator", "bob@example.org: maintainer"),
    ),
    "remove a member": (
        "console/member/{member}/delete/",
        {"post": "yes"},
        ("member.remove", "bob@example.org"),
    ),
}


@pytest.mark.parametrize("what", ADMIN)
def test_change_by_an_operator(post: Any, world: World, what: str) -> None:
    url, data, (action, subject) = ADMIN[what]
    ids = {
        "bob": world.person("bob").pk,
        "charlie": world.person("charlie").pk,
        "app": world.app.pk,
        "member": Member.objects.get(user=world.person("bob")).pk,
    }
    filled = {name: value.format(**ids) for name, value in data.items()}
    response, events = post("olga", f"/admin/{url.format(**ids)}", filled)
    assert response.status_code == 302
    [event] = events
    assert summarize(events) == [("olga@example.org", action, subject, ["succeeded"])]
    assert event.address == "203.0.113.7"


def test_new_user(post: Any, world: World) -> None:
    response, events = post("olga", "/admin/console/user/add/", {"email": "new@example.org"})
    assert response.status_code == 200
    link = "new@example.org: a new password, shown to the operator"
    assert summarize(events) == [
        ("olga@example.org", "user.change", "new@example.org: email", ["succeeded"]),
        ("olga@example.org", "account.link", link, ["succeeded"]),
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
def test_denied(post: Any, world: World, secret: Secret, what: str) -> None:
    name, url, data, (action, branch, subject) = DENIED[what]
    ids = {"secret": secret.pk, "dev": world.dev.pk}
    filled = {field.format(**ids): value.format(**ids) for field, value in data.items()}
    state = [list(it.objects.values()) for it in (App, Branch, Secret)]
    response, events = post(name, url.format(**ids), filled)
    assert response.status_code in {403, 422}
    [event] = events
    assert (event.actor, event.action) == (f"{name}@example.org", action)
    assert (event.branch, event.subject, event.address) == (branch, subject, "203.0.113.7")
    assert outcomes_of(event) == ["denied"]
    assert [list(it.objects.values()) for it in (App, Branch, Secret)] == state


@pytest.mark.parametrize("page", ["", "manage/", "{secret}/"])
def test_viewing_is_no_event(client_for: Any, secret: Secret, page: str) -> None:
    client = client_for("alice")
    start = last_event_id()
    assert client.get(f"{SECRETS}/{page.format(secret=secret.pk)}").status_code == 200
    assert audit_events(start) == []


def test_command_line_actor(world: World) -> None:
    start = last_event_id()
    world.person("olga")
    call_command("sample_app", owner="olga@example.org", verbosity=0)
    assert {(event.actor_kind, event.actor) for event in audit_events(start)} == {
        ("command", "olga@example.org")
    }
    assert all(outcomes_of(event) == ["succeeded"] for event in audit_events(start))


def test_long_user_agent_is_truncated(client_for: Any, secret: Secret) -> None:
    client = client_for("bob")
    start = last_event_id()
    agent = {"User-Agent": "x" * 5000}
    url = f"{SECRETS}/{secret.pk}/reveal/"
    assert client.post(url, headers=agent).status_code == 200
    assert only_event(start).agent == "x" * 200


def test_times_are_utc(post: Any, secret: Secret, settings: Any) -> None:
    _, events = post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    [event] = events
    assert event.at.utcoffset() == timedelta(0)


def test_deleted_users_stay_in_the_log(post: Any, world: World, secret: Secret) -> None:
    _, events = post("bob", f"{SECRETS}/{secret.pk}/reveal/")
    [event] = events
    pk = world.person("bob").pk
    User.objects.filter(pk=pk).delete()
    event = AuditEvent.objects.get(pk=event.pk)
    assert (event.actor, event.actor_id) == ("bob@example.org", pk)
