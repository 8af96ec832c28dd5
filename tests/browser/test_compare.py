"""The page that compares branches, in Chromium."""

import pytest
from playwright.sync_api import Locator, Page, expect

from console.models import Branch
from tests.browser.steps import set_secrets
from tests.factories.compare import COMPARE, add_branches
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Counts what a pointer clicked, on all pages
COUNT_CLICKS = """
addEventListener("click", ({ detail }) => {
  if (detail > 0) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, { capture: true });
"""


@pytest.fixture
def branches(world: World) -> list[Branch]:
    """Add branches, and keys that some of them lack."""
    added = add_branches(world, 3)
    set_secrets(world, {"API_KEY": "k", "SHARED_LATER": "s"}, world.main)
    set_secrets(world, {"API_KEY": "other"}, added[1])
    set_secrets(world, {"SHARED": "s"})
    return added


def cells(page: Page, key: str) -> Locator:
    """Return the cells of a key."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=key)).locator("td")


def test_it_works(alice: Page, branches: list[Branch]) -> None:
    """One click shows which branches lack a key."""
    alice.add_init_script(COUNT_CLICKS)
    alice.goto("/apps/d1shop/")
    alice.get_by_role("link", name="Compare").click()
    expect(cells(alice, "API_KEY")).to_have_text(
        ["Not set", "Own", "Missing", "Missing", "Own", "Missing"]
    )
    assert alice.evaluate("sessionStorage.clicks") == "1"
    heads = alice.get_by_role("columnheader").locator("a")
    expect(heads).to_have_text(["All branches", "main", "dev", *(b.name for b in branches)])


def test_a_filter_replaces_the_matrix(alice: Page, branches: list[Branch]) -> None:
    alice.goto(COMPARE)
    alice.get_by_role("searchbox").fill("later")
    expect(alice.get_by_role("link", name="Missing anywhere 1")).to_be_visible()
    alice.get_by_role("link", name="Missing anywhere 1").click()
    expect(alice.get_by_role("link", name="Missing anywhere 1")).to_have_attribute(
        "aria-current", "true"
    )
    alice.get_by_role("searchbox").fill("")  # the chip stays
    expect(cells(alice, "API_KEY")).to_have_count(6)
    expect(cells(alice, "SHARED").first).to_have_text("Not set")  # SHARED_LATER alone
    expect(alice).to_have_url(f"{COMPARE}?q=&kind=&since=7&show=missing")
