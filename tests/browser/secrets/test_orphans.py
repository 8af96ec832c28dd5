"""Orphans: two clicks move what a branch left, a third brings it back. Some go after a preview."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from console.models import Branch
from secrets_app.store import parameter_store
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import clicks, count_clicks, follow, set_secrets, tab_to
from tests.factories import reconcile_now, write_outside
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATHS = [f"/amplify/d1shop/old/KEY_{number:02}" for number in range(12)]
UNNAMED = [f"/amplify/d1shop/x-branch-{number}123456789/KEY" for number in range(2)]


def fill(world: World) -> None:
    """Leave one secret on a deleted branch, and 12 parameters of a branch that is unknown.

    Two more branches have no name that can be found out.
    """
    set_secrets(world, {"LEFT": "x"}, world.dev)
    for path in (*PATHS, *UNNAMED):
        write_outside(path)
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    reconcile_now(world)


def test_it_works(world: World, alice: Page) -> None:
    """More than ten are moved in parts."""
    fill(world)
    count_clicks(alice)
    alice.goto("/apps/d1shop/hosting/secrets/bin/")
    alice.get_by_role("link", name="Orphans").click()
    alice.get_by_role("button", name="Move 12 to the recycle bin").click()
    expect(alice.get_by_text("12 parameters moved to the recycle bin.")).to_be_visible()
    assert clicks(alice) == 2
    assert parameter_store().current(PATHS) == {}
    follow(alice.locator("#toasts").get_by_role("button", name="Undo"))
    expect(alice.get_by_text("Undid 12 changes.")).to_be_visible()
    assert {*parameter_store().current(PATHS)} == {*PATHS}


@pytest.mark.exhaustive
def test_some_with_the_keyboard(world: World, alice: Page) -> None:
    fill(world)
    alice.set_viewport_size({"width": 320, "height": 800})
    alice.goto("/apps/d1shop/hosting/secrets/unknown/")
    group = alice.get_by_role("region", name="Branch old")
    unnamed = "A branch whose name is unknown /amplify/d1shop/x-branch-1123456789/"
    expect(alice.get_by_role("region", name=unnamed)).to_have_count(1)
    tab_to(alice, group.get_by_text("Names, to move some of them"))
    alice.keyboard.press("Enter")
    box = group.get_by_role("checkbox", name="KEY_03")
    expect(box).to_be_visible()
    assert alice.evaluate("document.documentElement.scrollWidth") == 320
    assert accessibility_problems(alice) == []
    tab_to(alice, box)
    alice.keyboard.press("Space")
    expect(box).to_be_checked()
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("heading", name="Preview")).to_be_visible()
    assert accessibility_problems(alice) == []
    tab_to(alice, alice.get_by_role("button", name="Move 1 to the recycle bin"))
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("1 parameter moved to the recycle bin.")).to_be_visible()
    assert {*PATHS} - {*parameter_store().current(PATHS)} == {PATHS[3]}
