"""The recycle bin: restore with one click, and delete for good after a question below the row."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from secrets_app.models import BinEntry
from tests.browser.accessibility import accessibility_problems
from tests.factories import delete_secret, set_secret, stored_values
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SECRETS = "/apps/d1shop/hosting/secrets/"


def fill(world: World) -> None:
    for key in ("API_KEY", "OTHER"):
        set_secret(world, key, branch=world.dev)
        delete_secret(world, key, world.dev)


def test_it_works(world: World, alice: Page) -> None:
    fill(world)
    alice.goto(SECRETS)
    alice.get_by_role("link", name="Recycle bin").click()
    alice.get_by_role("button", name="Restore API_KEY on dev").click()
    expect(alice.get_by_text("Restored API_KEY on dev.")).to_be_visible()
    assert stored_values(world, "API_KEY", world.dev)[0] == "first"


@pytest.mark.exhaustive
def test_delete_with_the_keyboard(world: World, alice: Page) -> None:
    fill(world)
    alice.goto(f"{SECRETS}bin/")
    opener = alice.get_by_role("link", name="Delete for good: OTHER on dev")
    opener.focus()
    alice.keyboard.press("Enter")
    question = alice.get_by_role("alertdialog")
    expect(question.get_by_role("link", name="Cancel")).to_be_focused()
    assert accessibility_problems(alice) == []
    alice.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(opener).to_be_focused()
    assert BinEntry.objects.count() == 2
    alice.keyboard.press("Enter")
    expect(question.get_by_role("link", name="Cancel")).to_be_focused()
    alice.keyboard.press("Tab")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("Deleted OTHER for good.")).to_be_visible()
    assert [entry.key for entry in BinEntry.objects.all()] == ["API_KEY"]


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    fill(world)
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(f"{SECRETS}bin/")
    page.get_by_role("link", name="Delete for good: OTHER on dev").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Deleted OTHER for good.")).to_be_visible()
    page.get_by_role("button", name="Restore API_KEY on dev").click()
    expect(page.get_by_text("Restored API_KEY on dev.")).to_be_visible()


def test_edit_mode_asks(
    world: World, alice: Page, interrupted: InterruptedStore, complaints: Any
) -> None:
    """No copy can be made, so the row asks."""
    complaints.expect("422")
    set_secret(world, "API_KEY", branch=world.dev)
    interrupted.before("put", deny_access)
    alice.goto(f"{SECRETS}manage/")
    group = alice.get_by_role("group", name="API_KEY, dev")
    group.get_by_role("button", name="Remove").click()
    alice.get_by_role("button", name="Save").click()
    expect(group.get_by_text("Nothing is removed yet.")).to_be_visible()
    assert stored_values(world, "API_KEY", world.dev)[0] == "first"
    group.get_by_role("button", name="Remove without a copy").click()
    expect(alice.get_by_text("API_KEY removed.")).to_be_visible()
    assert stored_values(world, "API_KEY", world.dev)[0] is None
