"""Warnings: on the Overview, in lists, on a key's page, and dismissed."""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from console.environment.warnings import WarningKind
from console.models import DismissedWarning
from console.workflows.warnings.dismissing import dismiss, show_again
from console.workflows.warnings.finding import WarningGroup, of_app
from tests.factories import (
    access_of,
    audit_entries,
    change_variable,
    create_branch,
    messages_of,
    set_secret,
    set_variable,
    variable_row,
)
from tests.factories.collisions import COLLISIONS
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

URL = "/apps/d1shop/warnings/"
LIST = "/apps/d1shop/hosting/environment-variables/"


def found(world: World) -> list[tuple[str, str, str]]:
    """Return kind, key and text of what is shown."""
    every = [it for it in of_app(access_of(world, "vera")) if not it.dismissed]
    return [(str(it.kind), it.key, it.text) for one in every for it in one.warnings]


def fields(one: WarningGroup) -> dict[str, str]:
    return {
        "noun": one.first.noun,
        "kind": one.first.kind,
        "key": one.first.key,
        "about": one.about,
    }


def test_it_works(world: World, alice: Client, store_calls: StoreCalls) -> None:
    row = set_variable(world, "MAIL_FROM", "changeme")
    store_calls.clear()
    text = "The value looks like a placeholder."
    assert found(world) == [("placeholder", "MAIL_FROM", text)]
    overview = " ".join(alice.get("/apps/d1shop/").text.split())
    assert '1 warning about variables: <span class="key">MAIL_FROM</span>' in overview
    assert f'href="{URL}"' in overview
    assert f'href="{row.pk}/#warning-placeholder"' in alice.get(LIST).text
    page = alice.get(f"{LIST}{row.pk}/").text
    assert text in page
    [one] = alice.get(URL).context["found"]
    done = alice.post(URL, {**fields(one), "pk": str(row.pk)})
    assert done["Location"] == f"{LIST}{row.pk}/"
    assert found(world) == []
    for address in ("/apps/d1shop/", LIST, f"{LIST}{row.pk}/"):
        assert not re.search("1 warning |warning-placeholder", alice.get(address).text)
    assert "1 dismissed warning<" in alice.get("/apps/d1shop/").text
    assert "alice@example.org dismissed it" in " ".join(alice.get(URL).text.split())
    assert audit_entries()[-1] == ("alice", "warning.dismiss", "MAIL_FROM", "succeeded")
    alice.post(URL, {**fields(one), "again": "on"})
    assert found(world) == [("placeholder", "MAIL_FROM", text)]
    assert audit_entries()[-1] == ("alice", "warning.show", "MAIL_FROM", "succeeded")
    assert store_calls() == 0


def test_it_comes_back_with_another_value_or_scope(world: World, alice: Client) -> None:
    row = set_variable(world, "MAIL_FROM", "changeme", world.main)
    set_variable(world, "MAIL_FROM", "changeme", world.dev)
    [one] = of_app(access_of(world, "alice"))
    alice.post(URL, fields(one))
    assert found(world) == []
    change_variable(world, row, "replace me")
    assert len(found(world)) == 1
    [open_one] = alice.get(URL).context["found"]
    assert [it.pk for it in open_one.warnings] == [row.pk]
    alice.post(URL, fields(open_one))
    assert found(world) == []  # both are dismissed now
    set_variable(world, "MAIL_FROM", "changeme")
    assert len(found(world)) == 1


def test_only_what_the_page_showed_is_dismissed(world: World) -> None:
    row = set_variable(world, "KEY", "changeme")
    [one] = of_app(access_of(world, "alice"))
    change_variable(world, row, "TODO")
    name: dict[str, Any] = {"noun": "variable", "kind": WarningKind.PLACEHOLDER, "key": "KEY"}
    actor = world.actor("alice")
    assert not dismiss(actor=actor, app_id="d1shop", about=one.about.split(), **name)
    assert not dismiss(actor=actor, app_id="d1shop", about=["no such thing"], **name)
    assert not DismissedWarning.objects.exists()
    assert len(found(world)) == 1


def test_two_people_at_once(world: World) -> None:
    """The other one decides after the first page was read, and nothing of that is lost."""
    scopes = (None, world.main, world.dev)
    rows = [set_variable(world, "KEY", "changeme", scope) for scope in scopes]
    both = (world.actor("alice"), world.actor("mia"))
    first, second, third = ([f"{row.pk}:{row.version}"] for row in rows)
    name: dict[str, Any] = {"app_id": "d1shop", "noun": "variable", "key": "KEY"}
    name["kind"] = WarningKind.PLACEHOLDER

    def at_once(act: Callable[..., bool], other: Callable[..., bool], *about: list[str]) -> None:
        waiting = [partial(other, actor=both[1], about=about[1], **name)]

        def interrupt(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            if waiting and sql.startswith("SAVEPOINT"):
                assert waiting.pop()()
            return execute(sql, *rest)

        with connection.execute_wrapper(interrupt):
            assert act(actor=both[0], about=about[0], **name)
        assert not waiting

    def dismissed() -> set[str]:
        return {it for row in DismissedWarning.objects.all() for it in row.about.split()}

    at_once(dismiss, dismiss, first, second)
    assert dismissed() == {*first, *second}
    at_once(show_again, dismiss, first, third)
    assert dismissed() == {*second, *third}
    at_once(dismiss, show_again, first, second)
    assert dismissed() == {*first, *third}
    at_once(show_again, show_again, first, third)
    assert not DismissedWarning.objects.exists()


def test_values(world: World) -> None:
    set_variable(world, "LONG", "a" * 4_950)
    set_variable(world, "SHORT", "a" * 4_949)
    set_variable(world, "TABLE", "Todo", world.dev)
    said = "The value has 4,950 of at most 5,500 characters."
    assert found(world) == [("nearly-full", "LONG", said)]


def test_hosts_of_other_environments(world: World) -> None:
    set_variable(world, "API_URL", "https://api-dev.example.com")
    set_variable(world, "WEB_URL", "https://dev.example.com")
    set_variable(world, "WEB_URL", "https://www.example.com", world.main)
    set_variable(world, "OWN_URL", "https://dev.example.com", world.dev)
    staging = create_branch(world, "staging")
    set_variable(world, "SAME_URL", "https://a.example.com", world.main)
    set_variable(world, "SAME_URL", "https://a.example.com/x", staging)
    set_variable(world, "SAME_URL", "https://b.example.com", world.dev)
    for branch in (world.main, world.dev, staging):
        set_variable(world, "LOG_URL", "https://log.example.com", branch)
    assert found(world) == [
        ("host", "API_URL", "main gets api-dev.example.com, which names dev."),
        ("host", "SAME_URL", "main has the same host as staging: a.example.com."),
    ]
    world.main.production = False
    world.main.save()
    assert found(world) == []  # nobody knows what is production


def test_names_of_branches(world: World, alice: Client) -> None:
    for name in ("fix#12", "feature/login", "feature-login", "日本", "Dev"):
        create_branch(world, name)
    no_builds = (
        "Builds don't get the secrets of this branch: Parameter Store doesn't allow “{}” in paths. "
        "Deployed backends do."
    )
    similar = (
        "The folders of feature-login, feature/login in Parameter Store differ only in a hash."
    )
    every = [
        ("no-path", "fix#12", no_builds.format("#")),
        ("no-path", "日本", no_builds.format("日 本")),
        ("alike", "feature-login", similar),
    ]
    assert found(world) == every
    [first, *_] = of_app(access_of(world, "alice"))
    alice.post(URL, fields(first))
    assert found(world) == every[1:]
    alice.post(URL, {**fields(first), "again": "on"})
    assert found(world) == every
    world.app.path_profile = "backend"
    world.app.save()
    assert found(world) == every[2:]
    world.app.path_profile = "documented"
    world.app.save()
    assert "Secrets can't be saved on this branch" in found(world)[0][2]
    page = " ".join(alice.get("/apps/d1shop/").text.split())
    assert '2 warnings about branches: <span class="key">fix#12</span>' in page


def test_branches_that_share_a_folder(world: World) -> None:
    for name in COLLISIONS[0][1:]:
        create_branch(world, name)
    [(kind, _, text)] = found(world)
    assert (kind, text.partition(" share ")[2]) == (
        "alike",
        "a folder in Parameter Store. Rename one of them.",
    )


def test_name_of_a_new_branch(world: World, alice: Client) -> None:
    create_branch(world, "fix#12")
    url = "/apps/d1shop/settings/branches/add/"
    typed = {"stage": "NONE", "protected": "on"}
    added = alice.post(url, {"name": "fix-12", **typed}, follow=True)
    [message] = messages_of(added)
    assert message == (
        "Saved the branch fix-12. The folders of fix#12, fix-12 in Parameter Store differ only "
        "in a hash."
    )
    assert messages_of(alice.post(url, {"name": "new", **typed}, follow=True)) == [
        "Saved the branch new."
    ]


def test_deleted_branches_do_not_count(world: World, alice: Client) -> None:
    branch = create_branch(world, "fix#12")
    set_variable(world, "KEY", "changeme", branch)
    assert len(found(world)) == 2
    alice.post(f"/apps/d1shop/settings/branches/{branch.pk}/delete/", {"name": "fix#12"})
    branch.refresh_from_db()
    assert branch.deleted_at
    assert found(world) == []
    assert alice.get(f"{LIST}{variable_row(world, 'KEY', branch).pk}/").status_code == 200


def test_viewers_only_look(world: World, client_for: Callable[[str], Client]) -> None:
    row = set_variable(world, "KEY", "changeme")
    vera = client_for("vera")
    [one] = vera.get(URL).context["found"]
    for address in (URL, f"{LIST}{row.pk}/"):
        page = vera.get(address).text
        assert "looks like a placeholder" in page
        assert "Dismiss" not in page
    assert vera.post(URL, fields(one)).status_code == 403
    assert audit_entries()[-1] == ("vera", "warning.dismiss", "", "denied")
    assert not DismissedWarning.objects.exists()


@pytest.mark.parametrize(
    ("posted", "status"),
    [
        ({}, 404),
        ({"kind": "\0"}, 404),
        ({"kind": "host"}, 302),
        ({"kind": "host", "key": "\0", "again": "on"}, 404),
        ({"kind": "host", "noun": "variable", "pk": "9" * 20}, 302),
    ],
)
def test_bad_posts(alice: Client, posted: dict[str, str], status: int) -> None:
    assert alice.post(URL, posted).status_code == status


def test_queries_do_not_grow(world: World, alice: Client, django_assert_num_queries: Any) -> None:
    """Two of them are for warnings: variables, and what was dismissed."""
    for number in range(10):
        set_variable(world, f"KEY{number}", "changeme")
        set_variable(world, f"URL{number}", "https://dev.example.com", world.main)
    with django_assert_num_queries(7):
        assert len(alice.get(URL).context["found"]) == 20


def test_stored_secrets_have_none(world: World) -> None:
    """Their values are unknown until somebody compares them."""
    set_secret(world, "KEY", "changeme")
    assert found(world) == []


def test_command(world: World, manage: Callable[..., Any]) -> None:
    world.person("vera")
    set_variable(world, "KEY", "changeme", world.dev)
    create_branch(world, "fix#12")
    run = ("warnings", "--app", "d1shop", "--as", "vera@example.org")
    shown = manage(*run)
    assert shown.code == 0
    assert shown.out.splitlines()[0] == (
        "variable KEY (dev): Placeholder. The value looks like a placeholder."
    )
    assert "branch fix#12: Not in builds." in shown.out
    [one, _] = of_app(access_of(world, "alice"))
    dismiss(
        actor=world.actor("alice"),
        app_id="d1shop",
        noun="variable",
        kind=one.first.kind,
        key="KEY",
        about=one.about.split(),
    )
    assert "KEY" not in manage(*run).out
    every = json.loads(manage(*run, "--all", "--format", "json").out)
    assert every[0] == {
        "kind": "variable",
        "key": "KEY",
        "branch": "dev",
        "warning": "placeholder",
        "message": "The value looks like a placeholder.",
        "dismissed_by": "alice@example.org",
    }
