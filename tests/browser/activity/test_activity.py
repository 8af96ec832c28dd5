"""Activity in the browser: filter while typing, export the filtered entries, all activity."""

import csv
from collections.abc import Callable

import pytest
import time_machine
from playwright.sync_api import Page, expect

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt, conclude
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ACTIVITY = "/apps/d1shop/activity/"
TO = "\N{EN DASH}"


@pytest.fixture
def entries(world: World) -> None:
    """Record 60 reveals by bob and one change by mia."""
    for number in range(60):
        _record("bob@example.org", Action.SECRET_REVEALED, f"KEY_{number:02}")
    _record("mia@example.org", Action.SECRET_CHANGED, "OTHER")


def _record(actor: str, action: Action, key: str) -> None:
    event = attempt(Actor("web", actor), action, Target("d1shop", "main", key))
    conclude(event.pk, Outcome.SUCCEEDED)


@pytest.mark.usefixtures("entries")
def test_it_works(alice: Page) -> None:
    alice.goto(ACTIVITY)
    expect(alice.get_by_text(f"1{TO}50 of 61")).to_be_visible()
    alice.get_by_label("Action").select_option("secret.reveal")
    expect(alice.get_by_text("of 60")).to_be_visible()
    alice.get_by_role("link", name="Next page").click()
    expect(alice.get_by_text(f"51{TO}60 of 60")).to_be_visible()
    alice.get_by_label("Search activity").fill("key_4")
    expect(alice.get_by_text(f"1{TO}10 of 10")).to_be_visible()
    with alice.expect_download() as download:
        alice.get_by_role("button", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        subjects = [row["Subject"] for row in csv.DictReader(file)]
    assert subjects == [f"KEY_{number}" for number in range(49, 39, -1)]
    alice.reload()
    expect(alice.get_by_label("Action")).to_have_value("secret.reveal")
    expect(alice.get_by_text(f"1{TO}10 of 10")).to_be_visible()


@pytest.mark.usefixtures("entries")
@pytest.mark.exhaustive
def test_leaving_the_search_field_does_not_replace_what_is_clicked(alice: Page) -> None:
    alice.goto(ACTIVITY)
    alice.get_by_label("Search activity").fill("key_4")
    expect(alice.get_by_text(f"1{TO}10 of 10")).to_be_visible()
    alice.get_by_role("button", name="CSV").hover()
    alice.mouse.down()
    alice.wait_for_load_state("networkidle")
    with alice.expect_download():
        alice.mouse.up()


@pytest.mark.usefixtures("entries")
@pytest.mark.exhaustive
def test_more_filters(alice: Page) -> None:
    alice.goto(ACTIVITY)
    alice.get_by_text("More filters").click()
    alice.get_by_label("Person", exact=True).fill("mia@example.org")
    alice.keyboard.press("Tab")
    expect(alice.get_by_text(f"1{TO}1 of 1")).to_be_visible()
    expect(alice.get_by_label("Variable", exact=True)).to_be_focused()
    alice.get_by_label("To (").fill("2001-01-01T00:00")
    alice.keyboard.press("Tab")
    expect(alice.get_by_text("No records to display")).to_be_visible()
    alice.get_by_role("link", name="Clear the search").click()
    expect(alice.get_by_text("of 61")).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("entries")
def test_an_operator_sees_all_activity(world: World, open_page: Callable[..., Page]) -> None:
    olga = open_page(user=world.person("olga"))
    olga.goto("/")
    olga.get_by_text("olga@example.org").first.click()
    olga.get_by_role("link", name="All activity").click()
    expect(olga.get_by_role("heading", name="All activity")).to_be_visible()
    olga.get_by_role("link", name="OTHER").click()
    expect(olga.get_by_text(f"1{TO}1 of 1")).to_be_visible()
    expect(olga.get_by_role("listitem").filter(has_text="changed the secret")).to_be_visible()


def test_local_times(world: World, open_page: Callable[..., Page]) -> None:
    with time_machine.travel("2026-05-04T12:30:59Z", tick=False):
        _record("bob@example.org", Action.SECRET_CHANGED, "NOON")
    with time_machine.travel("2026-05-04T20:00:00Z", tick=False):
        _record("bob@example.org", Action.SECRET_CHANGED, "EVENING")
    alice = open_page(user=world.person("alice"), zone="Asia/Tokyo")
    alice.goto(ACTIVITY)
    noon = alice.get_by_text("21:30:59", exact=True)
    title = "May 4, 2026, 21:30:59 (2026-05-04 12:30:59 UTC)"
    expect(noon).to_have_attribute("title", title)
    expect(alice.get_by_text("May 5, 05:00:00")).to_be_visible()  # the list is of a day in UTC
    expect(alice.get_by_role("heading", name="May 4, 2026")).to_have_count(1)
    alice.reload()  # now the server knows the browser's time zone
    expect(alice.get_by_role("heading", name="May 5, 2026")).to_be_visible()
    expect(alice.get_by_text("05:00:00", exact=True)).to_be_visible()
    expect(alice.get_by_text("Days in Asia/Tokyo.")).to_be_visible()
    alice.get_by_text("More filters").click()
    for found, since in ((0, "2026-05-04T21:31"), (1, "2026-05-04T21:30")):
        alice.get_by_label("From (Asia/Tokyo)").fill(since)
        alice.keyboard.press("Tab")
        expect(alice.get_by_role("link", name="NOON")).to_have_count(found)
    alice.reload()  # the address carries the zone
    expect(alice.get_by_label("From (Asia/Tokyo)")).to_have_value("2026-05-04T21:30")
    expect(alice.get_by_role("link", name="NOON")).to_be_visible()


def test_times_without_javascript(world: World, open_page: Callable[..., Page]) -> None:
    with time_machine.travel("2026-05-04T12:30:59Z", tick=False):
        _record("bob@example.org", Action.SECRET_CHANGED, "NOON")
    alice = open_page(user=world.person("alice"), javascript=False, zone="Asia/Tokyo")
    alice.goto(f"{ACTIVITY}?since=2026-05-04T12:30")
    expect(alice.get_by_text("2026-05-04 12:30:59Z")).to_be_visible()
    expect(alice.get_by_label("From (UTC)")).to_have_value("2026-05-04T12:30")
