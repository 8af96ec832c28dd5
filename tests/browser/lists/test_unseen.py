"""Typing values in edit mode: Enter saves, and what can't be seen is said before Save."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console.lib.text.invisible import describe_invisible, without_invisible
from console.lib.text.remarks import Remarks
from console.models import Branch
from envvars_app.formats.validation import REMARKS as VALUES
from secrets_app.models import Secret
from secrets_app.store.limits import REMARKS as SECRETS
from tests.browser.steps import (
    LIST,
    MANAGE,
    SHARED,
    follow,
    row,
    save_all,
    stored_value,
    value_of,
)
from tests.console.lib import test_environments as environments
from tests.factories import set_secret, set_variable, variable_values
from tests.fixtures.chromium import Complaints
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

VARIABLES = "/apps/d1shop/hosting/environment-variables/"
NAMED_BY = """async (cases) => {
  const { hostRule } = await import("/static/js/manage/hosts.js");
  const { hosts } = JSON.parse(document.querySelector("[data-unseen]").dataset.unseen);
  return cases.map(([key, value]) => hostRule(hosts)(key, value));
}"""


@pytest.fixture
def alice(world: World, open_page: Callable[..., Page]) -> Page:
    """Return a page signed in as the owner."""
    return open_page(user=world.person("alice"))


def new_row(page: Page, key: str = "KEY") -> Locator:
    """Return the first new row, with a key."""
    new = page.locator("#new .edit-row").first
    new.get_by_label("Variable").fill(key)
    return new


@pytest.mark.parametrize(
    "url", [MANAGE, pytest.param(f"{VARIABLES}manage/", marks=pytest.mark.exhaustive)]
)
def test_it_works(world: World, alice: Page, url: str) -> None:
    """Enter saves."""
    alice.goto(url)
    value_of(new_row(alice)).fill("token")
    alice.keyboard.press("Enter")
    expect(
        alice.get_by_text("1 secret saved." if url == MANAGE else "1 variable saved.")
    ).to_be_visible()
    stored = stored_value(f"{SHARED}/KEY") if url == MANAGE else variable_values(world)["", "KEY"]
    assert stored == "token"


def test_shift_and_enter_add_a_line(alice: Page) -> None:
    alice.goto(MANAGE)
    value_of(new_row(alice)).fill("one")
    alice.keyboard.press("Shift+Enter")
    alice.keyboard.type("two")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("1 secret saved.")).to_be_visible()
    assert stored_value(f"{SHARED}/KEY") == "one\ntwo"


def test_enter_that_ends_a_composition_does_not_save(alice: Page) -> None:
    alice.goto(MANAGE)
    field = value_of(new_row(alice))
    field.fill("変換")
    field.dispatch_event(
        "keydown", {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True}
    )
    expect(alice.get_by_text("1 unsaved change")).to_be_visible()
    expect(alice.get_by_role("button", name="Save", exact=True)).to_be_visible()
    assert not Secret.objects.exists()


@pytest.mark.parametrize(
    "url", [MANAGE, pytest.param(f"{VARIABLES}manage/", marks=pytest.mark.exhaustive)]
)
def test_what_can_not_be_seen_is_said_before_save(alice: Page, url: str) -> None:
    alice.goto(url)
    new = new_row(alice)
    for value, cleaned in (
        ("tok_abc123\n", "tok_abc123"),
        (" tok_abc123 \n", "tok_abc123"),
        ("abc\u200b123", "abc123"),
        ("\ufefftok_abc123", "tok_abc123"),
        ("abc\u00a0123", "abc 123"),
        ("a\u2028b\U000e0041", "ab"),
    ):
        value_of(new).fill(value)
        expect(new.get_by_text(describe_invisible(value))).to_be_visible()
        new.get_by_role("button", name="Remove it").click()
        expect(value_of(new)).to_have_value(cleaned)
        expect(new.locator(".note")).to_have_count(0)


@pytest.mark.parametrize(
    ("url", "said"),
    [(MANAGE, SECRETS), pytest.param(f"{VARIABLES}manage/", VALUES, marks=pytest.mark.exhaustive)],
)
def test_nothing_to_remove(alice: Page, url: str, said: Remarks) -> None:
    """The server says the same after saving (tests/console/lib/test_remarks.py)."""
    alice.goto(url)
    new = new_row(alice)
    for value in ("a\tb", "changeme", " TODO", "€" * 1_300, "€" * 5_000, "your-key\u200b"):
        value_of(new).fill(value)
        if sentence := said.describe(value):
            expect(new.locator(".note.unseen p")).to_have_text(sentence)
        else:
            expect(new.locator(".note")).to_have_count(0)
        removable = int(without_invisible(value) != value)
        expect(new.get_by_role("button", name="Remove it")).to_have_count(removable)


def test_hosts_of_other_environments(world: World, alice: Page) -> None:
    """Only for production's own values (tests/console/environment/test_typed_values.py)."""
    for name in environments.OTHERS:
        Branch.objects.get_or_create(app=world.app, name=name)
    set_secret(world, "DATABASE_URL", "x", world.main)
    alice.goto(MANAGE)
    cases = [*environments.FOUND, *((key, value, "") for key, value in environments.GOOD)]
    assert alice.evaluate(NAMED_BY, cases) == [name for _, _, name in cases]
    stored, said = alice.get_by_role("group", name="DATABASE_URL, main"), alice.locator(".unseen p")
    value_of(stored).fill("postgres://shop-dev.rds.example.com/shop")
    expect(said).to_have_text("The value has a host that names dev.")
    value_of(stored).fill("")
    expect(said).to_have_count(0)
    alice.goto(f"{VARIABLES}manage/")
    new = new_row(alice, "API_URL")
    value_of(new).fill("https://dev.example.com")
    for scope, number in (("dev", 0), ("main", 1), ("All branches", 0)):
        new.get_by_label("Branch").select_option(label=scope)
        expect(said).to_have_count(number)


@pytest.mark.parametrize("branch", ["dev", None])
def test_saving_right_after_typing(alice: Page, branch: str | None) -> None:
    """Nothing may move the button away while it is pressed."""
    alice.goto(MANAGE)
    new = new_row(alice)
    value_of(new).press_sequentially("token ")
    if branch:
        new.get_by_label("Branch").select_option(label=branch)
    button = alice.get_by_role("button", name="Save", exact=True)
    button.hover()
    alice.mouse.down()
    alice.wait_for_timeout(150)  # as a finger does
    alice.mouse.up()
    expect(alice.get_by_text("Saved. The value ends with a space.")).to_be_visible()


def test_after_saving(alice: Page) -> None:
    alice.goto(MANAGE)
    new = new_row(alice)
    value_of(new).fill("token\n")
    save_all(alice)
    expect(alice.get_by_text("Saved. The value ends with a line break.")).to_be_visible()
    assert stored_value(f"{SHARED}/KEY") == "token\n"


@pytest.mark.exhaustive
def test_beside_a_revealed_value(world: World, alice: Page) -> None:
    set_secret(world, "KEY", "token ")
    alice.goto(LIST)
    alice.get_by_role("button", name="Reveal KEY").click()
    expect(alice.get_by_text("The value ends with a space.")).to_be_visible()
    alice.get_by_role("button", name="Hide KEY").click()
    expect(alice.get_by_text("The value ends with a space.")).to_have_count(0)
    alice.goto(MANAGE)
    row(alice, "KEY").get_by_role("button", name="Show the value").click()
    expect(row(alice, "KEY").get_by_text("The value ends with a space.")).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("url", "manage"),
    [
        (LIST, "Manage secrets"),
        (VARIABLES, "Manage variables"),
    ],
)
@pytest.mark.parametrize("javascript", [True, False])
def test_the_filter_stays(
    world: World, open_page: Callable[..., Page], url: str, manage: str, javascript: bool
) -> None:
    for branch in (None, world.dev):
        set_secret(world, "KEY", branch=branch)
        set_variable(world, "KEY", branch=branch)
    page = open_page(user=world.person("alice"), javascript=javascript)
    if javascript:
        page.goto(url)
        with page.expect_response(lambda response: "branch=" in response.url):
            page.get_by_role("search").get_by_label("Branch").select_option(label="dev")
        expect(page.get_by_text("What dev gets")).to_be_visible()
    else:
        page.goto(f"{url}?branch={world.dev.pk}")
    page.get_by_role("link", name=manage).first.click()
    expect(page.locator("#search-branch")).to_have_value(str(world.dev.pk))
    page.get_by_role("link", name="Cancel").click()
    expect(page.locator("#search-branch")).to_have_value(str(world.dev.pk))
    follow(page.get_by_role("link", name=manage).first)
    page.get_by_role("group", name="KEY, dev").get_by_label("Value", exact=True).fill("new")
    save_all(page)
    expect(page.get_by_text("saved.")).to_be_visible()
    expect(page.locator("#search-branch")).to_have_value(str(world.dev.pk))


@pytest.mark.exhaustive
def test_a_new_override_starts_without_a_branch(
    world: World, alice: Page, complaints: Complaints
) -> None:
    complaints.expect("422")
    set_variable(world, "KEY", "of all")
    set_variable(world, "KEY", "of dev", world.dev)
    alice.goto(f"{VARIABLES}manage/")
    base = alice.get_by_role("group", name="KEY, All branches", exact=True)
    base.get_by_text("Actions").click()
    base.get_by_role("button", name="Add variable override").click()
    override = alice.get_by_role("group", name="New override")
    expect(override.get_by_label("Branch")).to_have_value("?")
    taken: Any = override.get_by_label("Branch").locator("option", has_text="dev")
    expect(taken).to_be_disabled()
    save_all(alice)
    expect(override.get_by_text("Choose a branch for this override.")).to_be_visible()
    override.get_by_label("Branch").select_option(label="main")
    save_all(alice)
    expect(alice.get_by_text("1 variable saved.")).to_be_visible()
    assert variable_values(world)["main", "KEY"] == "of all"
