"""The filter of a list stays in edit mode, after Cancel and after Save."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import LIST
from tests.factories import set_secret, set_variable
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
VARIABLES = "/apps/d1shop/hosting/environment-variables/"


@pytest.mark.parametrize("url", [LIST, pytest.param(VARIABLES, marks=pytest.mark.exhaustive)])
def test_it_works(alice: Page, world: World, url: str) -> None:
    add = set_secret if url == LIST else set_variable
    for number in range(17):
        add(world, f"KEY_{number:02}", "value", world.dev)
    alice.goto(url)
    alice.locator("#search-q").fill("KEY")
    expect(alice).to_have_url(re.compile("q=KEY"))
    alice.locator("#search-branch").select_option("dev")
    expect(alice).to_have_url(re.compile(f"branch={world.dev.pk}"))
    alice.locator("#sort-variable").click()
    expect(alice).to_have_url(re.compile("sort=variable"))
    alice.locator("#sort-variable").click()
    expect(alice).to_have_url(re.compile("sort=-variable"))
    alice.get_by_role("link", name="Next page").click()
    expect(alice).to_have_url(re.compile("page=2"))
    expect(alice.locator("#listing a.key")).to_have_text(["KEY_01", "KEY_00"])

    alice.get_by_role("link", name=re.compile("^Manage")).click()
    expect(alice.locator("#manage.ready")).to_be_visible()
    expect(alice.locator("#rows .edit-row")).to_have_count(2)
    expect(alice.locator("#search-sort")).to_have_value("-variable")
    alice.get_by_role("link", name="Cancel").click()
    expect(alice.locator("#listing a.key")).to_have_text(["KEY_01", "KEY_00"])

    alice.get_by_role("link", name=re.compile("^Manage")).click()
    expect(alice.locator("#manage.ready")).to_be_visible()
    alice.locator("#rows textarea").first.fill("changed")
    alice.get_by_role("button", name="Save", exact=True).click()
    expect(alice.locator("#toasts")).to_contain_text("saved")
    expect(alice.locator("#listing a.key")).to_have_text(["KEY_01", "KEY_00"])
