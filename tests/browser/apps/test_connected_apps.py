"""Importing apps from Amplify, and branches that follow it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.models import Branch, Connection, Member
from console.workflows.connected_apps import importing
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import follow
from tests.factories.collisions import COLLISIONS
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account(console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return an account with two apps, of which the world has one."""
    amplify = console_on_amplify
    amplify.add_app("d1shop", "Shop", production_branch="main")
    amplify.add_app("dweb", "Web shop", production_branch="main")
    for app_id in ("d1shop", "dweb"):
        amplify.add_branch(app_id, "main")
        amplify.add_branch(app_id, "ma\u200bin", stage="BETA")
        for name in COLLISIONS[0][1:]:
            amplify.add_branch(app_id, name)
        request = {"source_branch": "fix/" + "long-" * 30, "destination_branch": "main"}
        amplify.add_branch(app_id, "pr-1", stage="PULL_REQUEST", **request)
    return amplify


def test_it_works(world: World, account: AmplifyServer, open_page: Callable[..., Page]) -> None:
    olga = open_page(user=world.person("olga"))
    olga.goto("/")
    follow(olga.get_by_role("link", name="Import apps"))
    expect(olga.get_by_role("checkbox", name="Web shop", exact=True)).to_be_visible()
    assert accessibility_problems(olga) == []
    for name in ("Shop", "Web shop"):
        olga.get_by_role("checkbox", name=name, exact=True).check()
    olga.get_by_role("button", name="Preview").click()
    expect(olga.get_by_role("heading", name="Web shop")).to_be_visible()
    assert accessibility_problems(olga) == []
    olga.get_by_role("button", name="Import 2 apps").click()
    expect(olga.get_by_text("Imported 2 apps.")).to_be_visible()
    olga.get_by_role("link", name="Web shop").click()
    expect(olga.get_by_text("Connected to Amplify, synced")).to_be_visible()
    expect(olga.get_by_role("link", name="pr-1")).to_be_visible()


@pytest.mark.exhaustive
def test_a_problem_stops_it(
    world: World, account: AmplifyServer, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("422")
    olga = open_page(user=world.person("olga"))
    olga.goto("/apps/import/")
    for box in olga.get_by_role("checkbox").all():
        box.check()
    follow(olga.get_by_role("button", name="Preview"))
    account.next("denied", on="GetApp")
    olga.get_by_role("button", name="Import 2 apps").click()
    expect(olga.get_by_role("alert")).to_contain_text("d1shop was not imported.")
    expect(olga.get_by_role("status")).to_contain_text(["Imported 0 of 2 apps."])
    olga.get_by_role("button", name="Continue").click()
    expect(olga.get_by_text("Imported 2 apps.")).to_be_visible()


@pytest.mark.exhaustive
def test_without_scripts(
    world: World, account: AmplifyServer, open_page: Callable[..., Page]
) -> None:
    olga = open_page(user=world.person("olga"), javascript=False)
    olga.goto("/apps/import/")
    olga.get_by_role("checkbox", name="Web shop").check()
    follow(olga.get_by_role("button", name="Preview"))
    olga.get_by_role("button", name="Import 1 app").click()
    expect(olga.get_by_text("Imported 1 app.")).to_be_visible()
    Connection.objects.update(attempted_at=None)
    account.add_branch("dweb", "beta")
    follow(olga.get_by_role("link", name="Web shop"))
    olga.locator("#amplify").get_by_role("button", name="Check now").click()
    expect(olga.get_by_role("link", name="beta")).to_be_visible()


@pytest.mark.exhaustive
def test_branches_appear_by_themselves(
    world: World, account: AmplifyServer, open_page: Callable[..., Page]
) -> None:
    importing.connect(actor=world.actor("olga"), app_id="d1shop")
    Member.objects.create(app=world.app, user=world.person("olga"), role="owner")
    olga = open_page(user=world.person("olga"))
    for number, path in enumerate(("", "settings/branches/", "settings/general/")):
        account.add_branch("d1shop", f"new-{number}")
        Connection.objects.update(attempted_at=None)
        olga.goto(f"/apps/d1shop/{path}")
        expect(olga.locator("#amplify[hx-post]")).to_have_count(0)
        expect(olga.get_by_text("Connected to Amplify, synced")).to_be_visible()
        if "general" not in path:
            expect(olga.get_by_text(f"new-{number}", exact=True)).to_be_visible()
        assert accessibility_problems(olga) == []
    expect(olga.get_by_role("button", name="Disconnect")).to_be_visible()
    assert Branch.objects.filter(name="new-2").exists()


def test_connecting(world: World, account: AmplifyServer, open_page: Callable[..., Page]) -> None:
    Member.objects.create(app=world.app, user=world.person("olga"), role="owner")
    olga = open_page(user=world.person("olga"))
    olga.goto("/apps/d1shop/settings/general/")
    assert accessibility_problems(olga) == []
    follow(olga.get_by_role("link", name="Connect to Amplify"))
    expect(olga.get_by_role("button", name="Connect")).to_be_visible()
    assert accessibility_problems(olga) == []
    olga.get_by_role("button", name="Connect").click()
    expect(olga.get_by_role("button", name="Disconnect")).to_be_visible()
