"""Tables use narrow windows well, and bars leave room for the page at 400 % zoom."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt, conclude
from tests.browser.steps import LIST, MANAGE, tab_to
from tests.factories import set_secret
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ACTIVITY = "/apps/d1shop/activity/"
WIDTHS = (768, 900, 1024, 1440)


def height_of(page: Page, selector: str) -> float:
    """Return the height of an element in pixels."""
    box = page.locator(selector).first.bounding_box()
    assert box
    return box["height"]


def test_it_works(world: World, alice: Page) -> None:
    event = attempt(
        Actor("web", "bob@example.org"), Action.SECRET_CHANGED, Target("d1shop", "main", "KEY")
    )
    conclude(event.pk, Outcome.SUCCEEDED)
    for width in WIDTHS:
        alice.set_viewport_size({"width": width, "height": 900})
        alice.goto(ACTIVITY)
        box = alice.locator(".entry .say").first.bounding_box()
        assert box
        assert box["width"] > 280, width


def test_a_usual_key_fits_on_a_line(world: World, alice: Page) -> None:
    set_secret(world, "GOOGLE_CLIENT_SECRET")
    for width in WIDTHS:
        alice.set_viewport_size({"width": width, "height": 900})
        alice.goto(LIST)
        assert height_of(alice, "a.key") < 40, width


def test_bars_scroll_away_at_400_percent(world: World, open_page: Callable[..., Page]) -> None:
    """A window of 1280 by 1024 pixels has 320 by 256 at this zoom."""
    for number in range(5):
        set_secret(world, f"KEY_{number}")
    alice = open_page(user=world.person("alice"), width=320, height=256)
    for path in (LIST, MANAGE):
        alice.goto(path)
        alice.mouse.wheel(0, 400)
        expect(alice.locator(".top")).not_to_be_in_viewport()
        stuck = "element => getComputedStyle(element).position"
        for bar in alice.locator(".top, .edit-foot").all():
            assert bar.evaluate(stuck) == "static", path


def test_sorting_a_narrow_list_with_the_keyboard(
    world: World, open_page: Callable[..., Page]
) -> None:
    set_secret(world, "KEY")
    alice = open_page(user=world.person("alice"), width=390)
    alice.goto(LIST)
    sort = alice.locator("#sort-changed")
    tab_to(alice, sort)
    covering = "(link) => { const { x, y } = link.getBoundingClientRect();"
    seen = f"{covering} return link.contains(document.elementFromPoint(x + 4, y + 4)); }}"
    assert sort.evaluate(seen), "the focus is on something that can't be seen"
    alice.keyboard.press("Enter")
    expect(alice.locator("th[aria-sort]")).to_contain_text("Last changed")
