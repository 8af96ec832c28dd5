"""Add, change, reveal, remove and restore values of self-managed hosting in the browser."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from secrets_app.hosting.places import Kind, Place
from secrets_app.hosting.values import set_value
from secrets_app.store.base import SecretValue
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import follow
from tests.fixtures.moto import Moto
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/apps/d1shop/hosting/self-managed/"
CANARY = "a typed value"


@pytest.fixture
def hosted(world: World, console_on_ssm: Moto) -> World:
    """Return the world, whose app has a project."""
    world.app.hosting_project = "web-shop"
    world.app.save()
    return world


def add(page: Page, section: Locator, stage: str, key: str, value: str) -> None:
    """Add a value by keyboard, and wait for its row."""
    section.get_by_label("Stage").fill(stage)
    section.get_by_label("Name").fill(key)
    section.get_by_label("Value", exact=True).fill(value)
    section.get_by_role("button", name="Add").press("Enter")
    expect(page.locator("#toasts")).to_contain_text(f"Saved {key}")


def test_it_works(alice: Page, hosted: World, complaints: Any) -> None:
    complaints.expect("422")
    alice.goto("/apps/d1shop/")
    follow(alice.get_by_role("link", name="Self-managed hosting"))
    secrets = alice.get_by_role("region", name="Secrets")
    expect(secrets).to_contain_text("There are no values yet.")
    add(alice, secrets, "", "STRIPE_KEY", "shared")
    add(alice, alice.get_by_role("region", name="Configuration"), "prod", "DOMAIN", "example.org")
    expect(alice.get_by_role("cell", name="example.org")).to_be_visible()
    add(alice, secrets, "prod", "STRIPE_KEY", "of prod")
    expect(secrets).to_contain_text("Overrides the shared value")
    expect(secrets.get_by_label("Name")).to_be_focused()
    assert accessibility_problems(alice) == []

    row = secrets.get_by_role("row").filter(has_text="Overrides")
    row.get_by_role("button", name="Reveal STRIPE_KEY").click()
    expect(row.get_by_label("Value of STRIPE_KEY", exact=True)).to_have_text("of prod")
    row.get_by_role("button", name="Hide STRIPE_KEY").click()
    expect(row).not_to_contain_text("of prod")

    place = Place(Kind.SECRET, "prod", "STRIPE_KEY")
    who: Any = {"actor": hosted.actor("mia"), "app_id": "d1shop"}
    set_value(**who, place=place, value=SecretValue("by mia"))
    row.get_by_text("Edit").click()
    field = row.get_by_label("New value of STRIPE_KEY of prod")
    field.fill(CANARY)
    row.get_by_role("button", name="Save").click()
    expect(row.get_by_role("alert")).to_contain_text("has changed since you opened it")
    expect(field).to_have_value(CANARY)  # a refused value stays in its field
    expect(field).to_be_focused()

    alice.reload()
    row.get_by_role("button", name="Remove STRIPE_KEY of prod").click()
    expect(secrets).to_contain_text("Scheduled for deletion")
    alice.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(secrets).not_to_contain_text("Scheduled for deletion")
    expect(alice.locator("#toasts")).to_contain_text("Restored STRIPE_KEY")
