"""Deployments in Chromium: progress without a reload, redeploy by keyboard, no JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from console.models import Connection
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import follow
from tests.factories import connect, deploy, look, set_secret
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

URL = "/apps/d1shop/hosting/deployments/"


@pytest.fixture
def amplify(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return the account: main is deployed and has changed since, dev is being deployed."""
    amplify = console_on_amplify
    connect(world, amplify)
    deploy(world, amplify, "main")
    deploy(world, amplify, "main", "FAILED")
    deploy(world, amplify, "dev")
    amplify.start_job("d1shop", "dev", "RELEASE", "Add gift cards")
    for _ in range(3):
        amplify.advance_job("d1shop", "dev")
    look(world)
    set_secret(world, "API_KEY", "value", world.main)
    return amplify


def test_it_works(world: World, amplify: AmplifyServer, open_page: Callable[..., Page]) -> None:
    page = open_page(user=world.person("alice"))
    page.goto(URL)
    expect(page.get_by_role("heading", name="dev, deployment 2")).to_be_visible()
    assert accessibility_problems(page) == []
    redeploy = page.get_by_role("button", name="Redeploy main")
    redeploy.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Started deployment 3 of main.")).to_be_visible()
    expect(page.get_by_role("heading", name="main, deployment 3")).to_be_visible()
    expect(page.locator("#main")).to_contain_text("Includes every change")
    page.get_by_role("button", name="Stop deployment 3 of main").click()
    expect(page.get_by_text("Stopping deployment 3.")).to_be_visible()


def test_progress_without_a_reload(
    world: World, amplify: AmplifyServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(user=world.person("alice"))
    page.clock.install()
    page.goto(URL)
    expect(page.locator(".job-steps .busy")).to_contain_text("Deploy")
    amplify.finish_job("d1shop", "dev")
    Connection.objects.update(jobs_attempted_at=None)
    page.clock.run_for(16_000)
    expect(page.locator(".run-card")).to_have_count(0)
    expect(page.get_by_role("button", name="Redeploy dev")).to_be_visible()


@pytest.mark.exhaustive
def test_overview(world: World, amplify: AmplifyServer, open_page: Callable[..., Page]) -> None:
    page = open_page(user=world.person("alice"))
    page.goto("/apps/d1shop/")
    expect(page.get_by_text("1 key changed since the last deployment")).to_be_visible()
    assert accessibility_problems(page) == []
    page.get_by_text("1 key changed since the last deployment").click()
    page.wait_for_url("**/activity/?since=*")


@pytest.mark.exhaustive
def test_without_javascript(
    world: World, amplify: AmplifyServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(URL)
    Connection.objects.update(jobs_attempted_at=None)
    follow(page.get_by_role("button", name="Check now"))
    page.get_by_role("button", name="Redeploy main").click()
    expect(page.get_by_text("Started deployment 3 of main.")).to_be_visible()
