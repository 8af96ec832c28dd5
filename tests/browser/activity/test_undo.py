"""Undo: from the message after a save, and from the page of the change set."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from console.models import AuditEvent
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import (
    LIST,
    MANAGE,
    SHARED,
    clicks,
    count_clicks,
    expect_saved,
    follow,
    set_secrets,
    stored_value,
    wait_for_reconcile,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_works(alice: Page, world: World) -> None:
    """One click opens an edit in the list, one undoes it, and the filter stays."""
    set_secrets(world, {"API_KEY": "old"})
    count_clicks(alice)
    alice.goto(f"{LIST}?q=API")
    wait_for_reconcile(alice)
    alice.get_by_role("link", name="Edit API_KEY on All branches").click()
    edit = alice.get_by_role("form", name="Edit API_KEY on All branches")
    edit.get_by_label("Value").first.fill("new")
    alice.keyboard.press("Enter")
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "new"
    follow(alice.locator("#toasts").get_by_role("button", name="Undo"))
    expect(alice.get_by_text("Undid the change of API_KEY.")).to_be_visible()
    assert clicks(alice) == 2
    expect(alice).to_have_url(re.compile(re.escape(f"{LIST}?q=API") + "$"))
    assert stored_value(f"{SHARED}/API_KEY") == "old"
    follow(alice.locator("#toasts").get_by_role("button", name="Undo"))  # the undo, too
    expect(alice.get_by_text("Undid the change of API_KEY.")).to_be_visible()
    assert stored_value(f"{SHARED}/API_KEY") == "new"


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    set_secrets(world, {"API_KEY": "old"})
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(MANAGE)
    page.get_by_label("Value").first.fill("new")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("1 secret saved.")).to_be_visible()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undid the change of API_KEY.")).to_be_visible()
    assert stored_value(f"{SHARED}/API_KEY") == "old"


@pytest.mark.exhaustive
def test_page_of_a_change_set(alice: Page, world: World) -> None:
    """More secrets than one response undoes: the page goes on by itself."""
    keys = [f"KEY_{number}" for number in range(12)]
    set_secrets(world, dict.fromkeys(keys, "old"))
    saved = AuditEvent.objects.filter(subject="KEY_0").latest("pk").change_set
    alice.goto(f"/apps/d1shop/changes/{saved}/")
    assert accessibility_problems(alice) == []
    alice.get_by_role("button", name="Undo 12 changes").focus()
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("Undid 12 changes.")).to_be_visible()
    expect(alice.get_by_role("link", name="Undoes an earlier change set")).to_be_visible()
    expect(alice.get_by_role("heading", name="12 changes on All branches")).to_be_visible()
    assert not world.app.secrets.exists()
