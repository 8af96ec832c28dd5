"""The first row of the list of secrets adds one: a click, then Enter (guarantee 5)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console.models import AuditEvent
from tests.browser.steps import (
    LIST,
    SHARED,
    browser_storage,
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


def quick_add(page: Page) -> Locator:
    """Return the quick-add row."""
    return page.get_by_role("form", name="Add a secret")


def open_list(page: Page, query: str = "") -> None:
    count_clicks(page)
    page.goto(LIST + query)
    wait_for_reconcile(page)


def test_it_works(alice: Page, world: World) -> None:
    open_list(alice)
    quick_add(alice).get_by_label("Variable").click()
    alice.keyboard.type("API_KEY")
    alice.keyboard.press("Tab")
    alice.keyboard.type("CANARY-1")
    alice.keyboard.press("Enter")
    expect_saved(alice, 1)
    expect(alice.locator("tbody tr")).to_contain_text("API_KEY")
    assert clicks(alice) == 1
    assert stored_value(f"{SHARED}/API_KEY") == "CANARY-1"

    key = quick_add(alice).get_by_label("Variable")
    expect(key).to_be_focused()
    expect(key).to_have_value("")
    alice.keyboard.type("NEXT")  # without a click
    alice.keyboard.press("Enter")  # moves on to the value
    alice.keyboard.type("CANARY-2")
    alice.keyboard.press("Enter")
    expect(alice.locator("tbody tr")).to_have_count(2)
    assert clicks(alice) == 1
    assert stored_value(f"{SHARED}/NEXT") == "CANARY-2"
    assert AuditEvent.objects.filter(subject="NEXT").count() == 1


def test_the_value_stays_nowhere(alice: Page, world: World) -> None:
    open_list(alice)
    quick_add(alice).get_by_label("Variable").fill("API_KEY")
    quick_add(alice).get_by_label("Value", exact=True).press_sequentially("CANARY")
    alice.keyboard.press("Enter")
    expect_saved(alice, 1)
    fields = "[...document.querySelectorAll('input, textarea')].map((it) => it.value).join()"
    assert "CANARY" not in alice.evaluate(fields) + alice.content() + browser_storage(alice)
    quick_add(alice).get_by_label("Value", exact=True).focus()
    alice.keyboard.press("Control+z")
    assert "CANARY" not in alice.evaluate(fields)
    alice.goto("/")
    alice.go_back()
    assert "CANARY" not in alice.evaluate(fields) + alice.content() + browser_storage(alice)


def test_the_branch_follows_the_filter(alice: Page, world: World) -> None:
    open_list(alice, f"?branch={world.dev.pk}")
    branch = quick_add(alice).get_by_label("Branch")
    expect(branch).to_have_value(str(world.dev.pk))
    alice.locator("#search-branch").select_option(label="main")
    expect(branch).to_have_value(str(world.main.pk))


def test_what_cannot_be_seen(alice: Page, world: World) -> None:
    open_list(alice)
    quick_add(alice).get_by_label("Variable").fill("API_KEY")
    quick_add(alice).get_by_label("Value", exact=True).fill("tok_abc123\n")
    expect(quick_add(alice)).to_contain_text("The value ends with a line break.")
    quick_add(alice).get_by_role("button", name="Remove it").click()
    alice.keyboard.press("Enter")
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "tok_abc123"


def test_a_refused_key_keeps_what_was_typed(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    open_list(alice)
    quick_add(alice).get_by_label("Variable").fill("BAD KEY")
    quick_add(alice).get_by_label("Value", exact=True).fill("precious")
    alice.keyboard.press("Enter")
    expect(quick_add(alice)).to_contain_text("Use only letters")
    expect(quick_add(alice).get_by_label("Variable")).to_be_focused()
    expect(quick_add(alice).get_by_label("Value", exact=True)).to_have_value("precious")
    quick_add(alice).get_by_label("Variable").fill("GOOD_KEY")
    quick_add(alice).get_by_role("button", name="Add").click()
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/GOOD_KEY") == "precious"


@pytest.mark.parametrize(
    ("button", "left"),
    [
        pytest.param("Keep their value", "theirs", marks=pytest.mark.exhaustive),
        ("Overwrite", "mine"),
    ],
)
def test_a_key_that_exists(
    alice: Page, world: World, complaints: Any, button: str, left: str
) -> None:
    complaints.expect("422")
    set_secrets(world, {"API_KEY": "theirs"}, by="mia")
    open_list(alice)
    quick_add(alice).get_by_label("Variable").fill("API_KEY")
    quick_add(alice).get_by_label("Value", exact=True).fill("mine")
    alice.keyboard.press("Enter")
    expect(quick_add(alice)).to_contain_text("mia@example.org")
    expect(quick_add(alice).get_by_label("Value", exact=True)).to_have_value("mine")
    assert stored_value(f"{SHARED}/API_KEY") == "theirs"
    quick_add(alice).get_by_role("button", name=button).click()
    expect(quick_add(alice).get_by_label("Variable")).to_be_focused()
    expect(quick_add(alice).get_by_label("Variable")).to_have_value("")
    assert stored_value(f"{SHARED}/API_KEY") == left


def test_signed_out_in_the_meantime(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("403")
    open_list(alice)
    quick_add(alice).get_by_label("Variable").fill("API_KEY")
    quick_add(alice).get_by_label("Value", exact=True).fill("precious")
    alice.context.clear_cookies()
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("You are signed out.")).to_be_visible()
    expect(quick_add(alice).get_by_label("Value", exact=True)).to_have_value("precious")
    assert "precious" not in alice.url


def test_in_quick_succession(alice: Page, world: World) -> None:
    open_list(alice)
    quick_add(alice).get_by_label("Variable").focus()
    for number in range(5):
        expect(quick_add(alice).get_by_label("Variable")).to_be_focused()
        expect(quick_add(alice).get_by_label("Variable")).to_have_value("")
        alice.keyboard.type(f"KEY_{number}")
        alice.keyboard.press("Enter")
        alice.keyboard.type(f"value {number}")
        alice.keyboard.press("Enter")
        alice.keyboard.press("Enter")  # twice, by mistake
        expect(quick_add(alice).get_by_label("Value", exact=True)).to_have_value("")
    expect(alice.locator("tbody tr")).to_have_count(5)
    expect(alice.get_by_text("1 secret saved.")).to_have_count(1)
    for number in range(5):
        assert stored_value(f"{SHARED}/KEY_{number}") == f"value {number}"
    assert AuditEvent.objects.filter(subject__startswith="KEY_").count() == 5


def test_escape_clears_it(alice: Page, world: World) -> None:
    open_list(alice)
    quick_add(alice).get_by_label("Variable").fill("API_KEY")
    quick_add(alice).get_by_label("Value", exact=True).fill("precious")
    alice.keyboard.press("Escape")
    expect(quick_add(alice).get_by_label("Variable")).to_be_focused()
    expect(quick_add(alice).get_by_label("Value", exact=True)).to_have_value("")


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page], complaints: Any) -> None:
    complaints.expect("422")
    alice = open_page(user=world.person("alice"), javascript=False)
    alice.goto(LIST)
    for key in ("BAD KEY", "API_KEY"):
        new = quick_add(alice) if key == "BAD KEY" else alice.locator("#new .edit-row")
        new.get_by_label("Variable").fill(key)
        new.get_by_label("Value", exact=True).fill("precious")
        follow(alice.get_by_role("button", name=re.compile("^(Add|Save)$")))
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "precious"


def test_a_viewer_has_none(world: World, open_page: Callable[..., Page]) -> None:
    vera = open_page(user=world.person("vera"))
    vera.goto(LIST)
    expect(quick_add(vera)).to_have_count(0)
