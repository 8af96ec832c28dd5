"""The theme and the time zone of pages, in the browser."""

from typing import Any

import pytest
from playwright.sync_api import Page

from console.models import User
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PREFERENCES = "/accounts/preferences/"


def background(page: Page) -> str:
    """Return the color behind the page."""
    return str(page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor"))


def test_it_works(alice: Page) -> None:
    alice.goto(PREFERENCES)
    light = background(alice)
    alice.get_by_label("Dark").check()
    alice.get_by_role("button", name="Save").click()
    alice.get_by_text("Preferences saved.").wait_for()
    dark = background(alice)
    assert dark != light
    alice.emulate_media(color_scheme="light")
    assert background(alice) == dark
    alice.get_by_label("As the system").check()
    alice.get_by_role("button", name="Save").click()
    alice.get_by_text("Preferences saved.").wait_for()
    assert background(alice) == light
    alice.emulate_media(color_scheme="dark")
    assert background(alice) == dark


@pytest.mark.parametrize(
    ("zone", "shown"), [("Asia/Tokyo", "GMT+9"), ("", "GMT"), ("Mars/Olympus", "GMT")]
)
def test_time_zone(world: World, open_page: Any, zone: str, shown: str) -> None:
    User.objects.filter(pk=world.person("alice").pk).update(time_zone=zone)
    alice = open_page(user=world.person("alice"))
    alice.goto("/accounts/sessions/")
    time = alice.locator("time.exact").first
    local = alice.evaluate(
        """([moment, timeZone]) => new Intl.DateTimeFormat("en", {
          dateStyle: "medium", timeStyle: "short", hourCycle: "h23", timeZone,
        }).format(new Date(moment.replace(" ", "T")))""",
        [time.get_attribute("datetime"), "Asia/Tokyo" if shown == "GMT+9" else "UTC"],
    )
    assert time.inner_text() == local
    assert time.get_attribute("title") == f"{local} ({time.get_attribute('datetime')[:-1]} UTC)"
