"""Pages render before their scripts load, and don't shift when they do."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import LIST
from tests.fixtures.people import World

pytestmark = pytest.mark.browser
KINDS = (".js-only", ".no-js")
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length === 1"


def block_scripts(page: Page) -> list[str]:
    """Let no more scripts load; the list fills with the URLs that were requested."""
    requested: list[str] = []
    page.route("**/*.js", lambda route: requested.append(route.request.url))
    return requested


def test_it_works(alice: Page) -> None:
    requested = block_scripts(alice)
    alice.goto(LIST, wait_until="commit")
    alice.wait_for_function(PAINTED)
    expect(alice.get_by_role("heading", name="Secret management")).to_be_visible()
    assert len(requested) > 1  # and none was answered


def test_the_navigation_stays_collapsed(alice: Page) -> None:
    alice.goto(LIST)
    alice.get_by_text("Collapse the navigation").locator("..").click()
    expect(alice.get_by_role("link", name="Environment variables")).to_be_hidden()
    block_scripts(alice)
    alice.goto(LIST, wait_until="commit")
    alice.wait_for_function(PAINTED)
    expect(alice.get_by_role("link", name="Environment variables")).to_be_hidden()
    alice.unroute("**/*.js")
    alice.goto(LIST)
    expect(alice.get_by_role("link", name="Environment variables")).to_be_hidden()
    alice.get_by_text("Collapse the navigation").locator("..").click()
    expect(alice.get_by_role("link", name="Environment variables")).to_be_visible()
    alice.reload()
    expect(alice.get_by_role("link", name="Environment variables")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_controls_that_need_scripts_are_hidden_without_them(
    world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    page = open_page(user=world.person("alice"), javascript=javascript)
    page.goto(f"{LIST}manage/?new=1")
    shown = [page.locator(f"main {kind}").filter(visible=True).count() for kind in KINDS]
    assert [count > 0 for count in shown] == [javascript, not javascript]


def test_buttons_that_would_leave_the_page_wait_for_the_scripts(alice: Page) -> None:
    block_scripts(alice)
    alice.goto(f"{LIST}manage/?new=1", wait_until="commit")
    alice.wait_for_function(PAINTED)
    alice.get_by_label("Variable").first.fill("API_KEY")
    alice.locator("#add").click(force=True)
    expect(alice.get_by_label("Variable").first).to_have_value("API_KEY")
    expect(alice).to_have_url(re.compile(r"\?new=1$"))
