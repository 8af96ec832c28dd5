"""Drift in the browser: what a check finds after loading is put back, ignored, or taken."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from secrets_app.models import Revalidation
from tests.browser.accessibility import accessibility_problems
from tests.factories import (
    reconcile_now,
    reconciled_secret,
    secret_paths,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DRIFT = "/apps/d1shop/hosting/secrets/drift/"
NAME = "API_KEY on dev"


def change_outside(world: World) -> None:
    reconciled_secret(world, "API_KEY", world.dev)
    write_outside(secret_paths(world, "API_KEY", world.dev)[0])


def test_it_works(world: World, alice: Page) -> None:
    change_outside(world)
    Revalidation.objects.update(started_at=timezone.now() - timedelta(hours=1))
    alice.goto(DRIFT)
    button = alice.get_by_role("button", name=f"Put ours back: {NAME}")
    expect(button).to_be_visible()  # found by the check after loading
    assert accessibility_problems(alice) == []
    button.focus()
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("API_KEY was put back.")).to_be_visible()
    assert stored_values(world, "API_KEY", world.dev) == ("first", "first")
    undo = alice.get_by_role("button", name="Undo")
    expect(undo).to_be_enabled()
    undo.click()
    expect(alice.get_by_text("Undid the change of API_KEY.")).to_be_visible()
    assert stored_values(world, "API_KEY", world.dev)[0] == "from outside"


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    change_outside(world)
    reconcile_now(world)
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(DRIFT)
    page.get_by_role("button", name=f"Ignore: {NAME}").click()
    page.get_by_role("link", name="Ignored 1").click()
    page.get_by_role("button", name=f"Take theirs: {NAME}").click()
    expect(page.get_by_text("The change of API_KEY is accepted.")).to_be_visible()
    expect(page.get_by_text("No change is ignored.")).to_be_visible()
