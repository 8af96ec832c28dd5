"""Generate fills a value's field with a random value, in lists and in edit mode."""

from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from secrets_app.models import Secret
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import (
    LIST,
    MANAGE,
    browser_storage,
    expect_saved,
    row,
    save_all,
    set_secrets,
    stored_value,
    value_of,
    wait_for_reconcile,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PATH = "/amplify/shared/d1shop/SESSION_KEY"
# Of 62 characters, 8 would come up more often than the others if bytes were only divided
DRAW = """async () => {
  const { random } = await import("/static/js/manage/generate.js");
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return random(200000, digits);
}"""


def test_it_works(alice: Page, world: World) -> None:
    alice.goto(LIST)
    wait_for_reconcile(alice)
    alice.get_by_label("Variable", exact=True).fill("SESSION_KEY")
    form = alice.locator("#quick-add")
    form.get_by_role("button", name="Generate").click()
    expect(form.get_by_text("Generated 32 characters, 190 bits.")).to_be_visible()
    value = form.get_by_label("Value", exact=True)
    expect(value).to_be_focused()
    first = value.input_value()
    assert (len(first), first.isalnum()) == (32, True)
    assert accessibility_problems(alice) == []

    form.get_by_label("Length").fill("64")
    form.get_by_label("Characters").select_option("Hexadecimal")
    expect(form.get_by_text("Generated 64 characters, 256 bits.")).to_be_visible()
    second = value.input_value()
    assert (len(second), set(second) <= set("0123456789abcdef")) == (64, True)
    assert second not in browser_storage(alice)
    value.focus()
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("link", name="SESSION_KEY", exact=True)).to_be_visible()
    assert stored_value(PATH) == second
    assert second not in alice.content()


@pytest.mark.exhaustive
def test_in_place_and_in_edit_mode(alice: Page, world: World) -> None:
    set_secrets(world, {"SESSION_KEY": "old", "OTHER": "old"})
    alice.goto(LIST)
    wait_for_reconcile(alice)
    alice.get_by_role("link", name="Edit SESSION_KEY").click()
    form = alice.get_by_role("form", name="Edit SESSION_KEY on All branches")
    own = form.locator(".edit-row").first
    own.get_by_role("button", name="Generate").click()
    expect(own.get_by_text("Generated 32 characters")).to_be_visible()
    value = value_of(own).input_value()
    own.get_by_label("Length").fill("4")  # too short
    own.get_by_label("Length").press("Tab")
    expect(own.get_by_text("Generated 8 characters")).to_be_visible()
    assert value_of(own).input_value() not in value
    value = value_of(own).input_value()
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    assert stored_value(PATH) == value

    alice.goto(MANAGE)
    wait_for_reconcile(alice)
    line = row(alice, "OTHER")
    line.get_by_role("button", name="Generate").click()
    expect(line.get_by_text("Generated 32 characters")).to_be_visible()
    save_all(alice)
    expect_saved(alice, 1)
    assert Secret.objects.get(key="OTHER").version == 2


def test_each_character_is_as_likely(alice: Page) -> None:
    alice.goto(LIST)
    expect(alice.get_by_role("heading", name="Secret management")).to_be_visible()
    counts = Counter(str(alice.evaluate(DRAW)))
    assert len(counts) == 62
    mean = 200_000 / 62
    chi_squared = sum((count - mean) ** 2 / mean for count in counts.values())
    assert chi_squared < 140  # of 61 degrees of freedom; by chance once in 10 million draws


@pytest.mark.exhaustive
def test_without_scripts(open_page: Callable[..., Page], world: World) -> None:
    bob = open_page(user=world.person("bob"), javascript=False)
    bob.goto(LIST)
    expect(bob.get_by_label("Variable", exact=True)).to_be_visible()
    expect(bob.get_by_role("button", name="Generate")).to_have_count(0)
