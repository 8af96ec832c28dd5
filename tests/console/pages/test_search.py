"""The search: apps, branches, keys, pages and actions that a person may see."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from console.models import App, Branch, Member
from envvars_app.models import Variable
from secrets_app.models import Secret
from tests.factories import (
    access_of,
    connect,
    deploy,
    look,
    set_role,
    set_secret,
    set_variable,
)
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

HERE = {"app": "d1shop"}
HTMX = {"HX-Request": "true"}


def results(client: Client, q: str, **more: str) -> dict[str, list[tuple[str, str]]]:
    """Return (label, where) of each result, by kind."""
    response = client.get("/search/", {"q": q, **HERE, **more})
    assert response.status_code == 200
    return {
        group.name: [(item.label, item.where) for item in group.items]
        for group in response.context["groups"]
    }


def labels(client: Client, q: str, **more: str) -> list[str]:
    """Return the labels of all results."""
    return [label for items in results(client, q, **more).values() for label, _ in items]


def url_of(client: Client, label: str, q: str, **more: str) -> str:
    """Return where a result leads to."""
    groups = client.get("/search/", {"q": q, **HERE, **more}).context["groups"]
    [url] = [item.url for group in groups for item in group.items if item.label == label]
    return unquote(str(url))


def test_it_works(alice: Client, world: World) -> None:
    Branch.objects.create(app=world.app, name="feature/login")
    blog = App.objects.create(app_id="d3blog", name="Blog", region="us-east-1")
    Member.objects.create(app=blog, user=world.person("alice"), role="viewer")
    Secret.objects.create(app=blog, key="BLOG_TOKEN", version=1, touched_at="2026-01-01T00:00Z")
    set_variable(world, "LOG_LEVEL", "debug")
    set_variable(world, "LOG_LEVEL", "info", world.main)
    assert results(alice, "log") == {
        "Keys": [
            ("LOG_LEVEL", "Variable: All branches, main"),
            ("BLOG_TOKEN", "Secret in Blog"),
        ],
        "Branches": [("feature/login", "0 secrets")],
        "Actions": [
            ("Edit LOG_LEVEL for All branches", ""),
            ("Override LOG_LEVEL on a branch", ""),
            ("Add secret log", ""),
            ("Add variable log", ""),
        ],
        "Apps": [("Blog", "d3blog")],
    }
    page, fragment = (alice.get("/search/", {"q": "log", **HERE}, headers=it) for it in ({}, HTMX))
    for text in ("<mark>LOG</mark>_LEVEL", "feature/<mark>log</mark>in", "B<mark>log</mark>"):
        assert text in page.text
        assert text in fragment.text
    assert "<html" in page.text
    assert "<html" not in fragment.text
    assert fragment.text.count('role="option"') == 8


def test_where_results_lead(alice: Client, world: World) -> None:
    one = set_secret(world, "ONE_KEY", "value", world.dev)
    base = set_secret(world, "TWO_KEY", "value")
    set_secret(world, "TWO_KEY", "value", world.dev)
    secrets = "/apps/d1shop/hosting/secrets/"
    assert url_of(alice, "ONE_KEY", "one_key") == f"{secrets}{one.pk}/"
    assert url_of(alice, "TWO_KEY", "two_key") == f"{secrets}?q=TWO_KEY"
    assert url_of(alice, "Edit ONE_KEY on dev", "one_key") == f"{secrets}{one.pk}/edit/"
    override = url_of(alice, "Override TWO_KEY on a branch", "two_key")
    assert override == f"{secrets}{base.pk}/edit/#override-{base.pk}"
    assert url_of(alice, "dev", "dev") == f"{secrets}?branch={world.dev.pk}"
    assert url_of(alice, "Shop", "shop") == "/apps/d1shop/"
    assert url_of(alice, "Add secret NEW", "NEW") == f"{secrets}?key=NEW#add-value"
    for group in alice.get("/search/", HERE).context["groups"]:
        for item in group.items:
            page = alice.get(item.url)
            assert page.status_code == 200, item
            _, _, fragment = item.url.partition("#")
            assert not fragment or f'id="{fragment}"' in page.text
    assert 'value="NEW"' in alice.get(f"{secrets}?key=NEW").text


def test_best_results_come_first(alice: Client, world: World) -> None:
    for key in ("UNTOKENED", "A_TOKEN", "TOKEN_A", "TOKEN"):
        set_secret(world, key, "value")
    set_variable(world, "TOKEN_B", "value")
    names = [label for label, _ in results(alice, "token")["Keys"]]
    assert names == ["TOKEN", "TOKEN_A", "TOKEN_B", "A_TOKEN", "UNTOKENED"]


def test_numbers_of_a_branch(
    alice: Client, world: World, django_assert_num_queries: Callable[..., Any]
) -> None:
    for key, branch in {"A": None, "B": world.main, "C": world.dev, "D": world.main}.items():
        set_secret(world, key, "value", branch)
    assert results(alice, "dev")["Branches"] == [("dev", "2 secrets, 2 missing")]
    with django_assert_num_queries(2 + 8):  # as below, without scopes of keys, and its values
        assert results(alice, "main")["Branches"] == [("main", "3 secrets, 1 missing")]


def test_no_match(alice: Client, world: World) -> None:
    response = alice.get("/search/", {"q": "nothing", **HERE}, headers=HTMX)
    assert "No matches for “nothing”" in response.text
    assert labels(alice, "nothing") == ["Add secret nothing", "Add variable nothing"]
    assert "No matches for “&lt;b&gt;”" in alice.get("/search/", {"q": "<b>", **HERE}).text
    assert labels(alice, "<b>") == []  # can't be a key


def test_without_text(alice: Client, world: World) -> None:
    set_secret(world, "API_KEY", "value")
    found = results(alice, "")
    assert [*found] == ["Pages", "Actions", "Apps"]
    assert ("Secrets", "Shop") in found["Pages"]
    assert ("Invite a member", "") in found["Actions"]
    assert found["Apps"] == [("Shop", "d1shop")]


def test_values_are_not_searched(alice: Client, world: World) -> None:
    set_variable(world, "API_URL", "needle")
    set_secret(world, "API_KEY", "needle")
    assert "Keys" not in results(alice, "needle")
    assert [label for label, _ in results(alice, "API")["Keys"]] == ["API_KEY", "API_URL"]


def test_outsiders(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "SHOP_KEY", "value")
    set_variable(world, "SHOP_URL", "value")
    Branch.objects.create(app=world.app, name="shop")
    for name in ("charlie", "oscar", "olga"):
        client = client_for(name)
        for q in ("shop", "SHOP_KEY", "d1shop", ""):
            response = client.get("/search/", {"q": q, **HERE})
            elsewhere = client.get("/search/", {"q": q, "app": "d1shpo"})
            assert response.context["groups"] == elsewhere.context["groups"]
            assert "Shop" not in str(response.context["groups"])


def test_what_roles_may_do(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "MAIN_KEY", "value", world.main)
    set_secret(world, "DEV_KEY", "value", world.dev)
    vera, bob = client_for("vera"), client_for("bob")
    assert labels(vera, "main_key") == ["MAIN_KEY"]
    assert labels(vera, "variables") == ["Environment variables", "Download variables"]
    assert "Restore from the recycle bin" in labels(vera, "recycle")
    assert "Edit MAIN_KEY on main" not in labels(bob, "main_key")  # main is protected
    assert "Edit DEV_KEY on dev" in labels(bob, "dev_key")
    assert "Add secret" not in labels(vera, "")
    assert "Members" not in labels(bob, "")
    assert "Doctor" in labels(client_for("olga"), "")
    set_role(world, "bob", "developer", "feature/*")
    assert labels(bob, "NEW_KEY") == []  # there is no such branch yet


def test_redeploying(
    world: World, console_on_amplify: AmplifyServer, client_for: Callable[[str], Client]
) -> None:
    connect(world, console_on_amplify)
    deploy(world, console_on_amplify, "main")
    look(world)
    set_secret(world, "API_KEY", "value", world.main)
    alice = client_for("alice")
    found = results(alice, "main")
    assert ("Redeploy main", "1 key changed since") in found["Actions"]
    assert ("Deployments", "Shop") in results(alice, "deploy")["Pages"]
    assert "Redeploy dev" in labels(alice, "dev")
    url = url_of(alice, "Redeploy main", "main")
    assert f'id="{url.partition("#")[2]}"' in alice.get(url).text
    assert "Redeploy main" not in labels(client_for("bob"), "main")  # it is protected


def test_removed_keys_and_branches(alice: Client, world: World) -> None:
    gone = Branch.objects.create(app=world.app, name="gone")
    set_secret(world, "GONE_KEY", "value", gone)
    Branch.objects.filter(pk=gone.pk).update(deleted_at="2026-01-01T00:00Z")
    row = set_variable(world, "GONE_URL", "value")
    Variable.objects.filter(pk=row.pk).update(removed_at="2026-01-01T00:00Z")
    found = results(alice, "gone")
    assert found["Keys"] == [("GONE_KEY", "Secret: gone (deleted)")]
    assert "Branches" not in found


@pytest.mark.both_databases
def test_number_of_queries(
    alice: Client, world: World, django_assert_num_queries: Callable[..., Any]
) -> None:
    apps = [App(app_id=f"d9app{n}", name=f"App {n}", region="us-east-1") for n in range(30)]
    App.objects.bulk_create(apps)
    Member.objects.bulk_create(
        Member(app=app, user=world.person("alice"), role="owner") for app in apps
    )
    Secret.objects.bulk_create(
        Secret(app=app, key=f"KEY_{n}", version=1, touched_at="2026-01-01T00:00Z")
        for app in apps
        for n in (*range(20, 32), *range(290, 300))
    )
    Variable.objects.bulk_create(
        Variable(app=app, key="KEY_28", changed_at="2026-01-01T00:00Z") for app in apps
    )
    alice.get("/search/", headers=HTMX)
    # The session and its person; memberships, branches of the app, branches, and two per source
    with django_assert_num_queries(2 + 7):
        response = alice.get("/search/", {"q": "key_2", "app": "d9app7"}, headers=HTMX)
    assert "Secret: All branches" in response.text
    assert response.text.count('role="option"') < 30
    assert "All results" in response.text
    found = results(alice, "key_29", app="d9app7")["Keys"]
    assert found[:2] == [("KEY_29", "Secret: All branches"), ("KEY_290", "Secret: All branches")]
    assert found[11] == ("KEY_29", "Secret in App 0")
    assert len(found) == 50


def test_scopes_of_a_source(world: World) -> None:
    from console.environment.sources import sources

    set_secret(world, "API_KEY", "value", world.main)
    shared = set_secret(world, "API_KEY", "value")
    [source] = [source for source in sources() if source.noun == "secret"]
    [found] = source.search([access_of(world, "vera")], "api", 5)
    assert [*found.scopes] == [None, world.main.pk]
    assert found.scopes[None] == shared.pk
    assert source.search([], "api", 5) == []
