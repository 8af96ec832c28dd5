"""Set up, create an app, and add, change, reveal and remove secrets in the browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.auth.bootstrap import link_path
from console.models import App
from secrets_app.store import parameter_store
from tests.browser.steps import (
    LIST,
    MANAGE,
    PEM,
    SHARED,
    expect_saved,
    fill_new,
    follow,
    save_with_notes,
    set_secrets,
    stored_value,
    tab_to,
    wait_for_reconcile,
)
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def set_up(page: Page) -> None:
    """Create the first operator from the set-up link."""
    page.goto(link_path())
    page.get_by_label("Email").fill("ann@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Confirm password").fill(PASSWORD)
    page.get_by_label("Add a sample app").uncheck()
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/")


def create_app(page: Page) -> App:
    """Create an app with the branch main."""
    follow(page.get_by_role("link", name="Create app").first)
    page.get_by_label("Name").fill("Shop")
    follow(page.get_by_role("button", name="Create app"))
    follow(page.get_by_role("link", name="Add branch").first)
    page.get_by_label("Name").fill("main")
    page.locator("main button[type=submit]").click()
    expect(page.get_by_text("Saved the branch main.")).to_be_visible()
    return App.objects.get()


def test_it_works(page: Page) -> None:
    set_up(page)
    app = create_app(page)

    page.get_by_role("link", name="Secrets", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Secret management")
    expect(page.get_by_text("No records to display")).to_be_visible()
    follow(page.get_by_role("link", name="Manage secrets").first)
    fill_new(page, 0, "API_KEY", "for all", "All branches")
    page.get_by_text("Add new").click()
    fill_new(page, 1, "API_KEY", PEM, "main")
    save_with_notes(page)

    expect_saved(page, 2)
    expect(page.locator("tbody tr")).to_have_count(2)
    shared = f"/amplify/shared/{app.app_id}/API_KEY"
    assert stored_value(shared) == "for all"
    assert stored_value(f"/amplify/{app.app_id}/main/API_KEY") == PEM

    first = page.locator("tbody tr").first
    first.get_by_role("button", name="Reveal API_KEY").click()
    expect(first).to_contain_text("for all")
    first.get_by_role("button", name=re.compile("Hide")).click()
    expect(first).not_to_contain_text("for all")

    page.get_by_role("link", name="API_KEY").first.click()
    expect(page.get_by_text(shared)).to_be_visible()

    page.get_by_role("link", name="Activity", exact=True).click()
    expect(page.locator("#entries").get_by_text("revealed the secret").first).to_be_visible()
    assert "for all" not in page.content()


ONE = f"{SHARED}/ONE"


@pytest.fixture
def app_with_one(world: World) -> World:
    """Add the secret ONE for All branches."""
    set_secrets(world, {"ONE": "first"})
    return world


def test_changing_and_removing(app_with_one: Any, open_page: Any) -> None:
    page = open_page(user=app_with_one.person("alice"))
    page.goto(MANAGE)
    page.get_by_label("Value", exact=True).first.fill("second")
    page.get_by_role("button", name="Save").click()
    expect_saved(page, 1)
    assert stored_value(ONE) == "second"
    page.goto(MANAGE)
    page.locator("#rows").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No records to display")).to_be_visible()
    assert parameter_store().current([ONE]) == {}


@pytest.mark.parametrize(
    ("button", "left"),
    [
        pytest.param("Keep their value", "by mia", marks=pytest.mark.exhaustive),
        ("Overwrite", "by alice"),
    ],
)
def test_a_conflict(
    app_with_one: Any, open_page: Any, complaints: Any, button: str, left: str
) -> None:
    complaints.expect("422")
    alice, mia = (open_page(user=app_with_one.person(name)) for name in ("alice", "mia"))
    for page in (alice, mia):
        page.goto(MANAGE)
        wait_for_reconcile(page)
    for page, value in ((mia, "by mia"), (alice, "by alice")):
        page.get_by_label("Value", exact=True).first.fill(value)
        page.get_by_role("button", name="Save").click()
        if page is mia:
            expect_saved(page, 1)
    expect(alice.get_by_text(re.compile("mia@example.org changed this secret"))).to_be_visible()
    assert alice.get_by_label("Value", exact=True).first.input_value() == "by alice"
    assert stored_value(ONE) == "by mia"
    alice.get_by_role("button", name=button).click()
    if button == "Overwrite":
        expect_saved(alice, 1)
    else:
        expect(alice.get_by_label("Value", exact=True).first).to_have_value("")
    assert stored_value(ONE) == left


def test_an_invalid_row_stays_in_the_form(
    app_with_one: Any, open_page: Any, complaints: Any
) -> None:
    complaints.expect("422")
    page = open_page(user=app_with_one.person("alice"))
    page.goto(MANAGE)
    page.get_by_text("Add new").click()
    fill_new(page, 0, "BAD KEY", "precious", "All branches")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile("Use only letters"))).to_be_visible()
    row = page.locator("#new .edit-row")
    assert row.get_by_label("Value", exact=True).input_value() == "precious"
    row.get_by_label("Variable").fill("GOOD_KEY")
    page.get_by_role("button", name="Save").click()
    expect_saved(page, 1)


def test_leaving_with_unsaved_work_asks_first(app_with_one: Any, open_page: Any) -> None:
    page = open_page(user=app_with_one.person("alice"))
    page.goto(MANAGE)
    page.get_by_label("Value", exact=True).first.fill("typed")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Stay").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Value", exact=True).first).to_have_value("typed")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url("**/hosting/secrets/")
    assert stored_value(ONE) == "first"


def test_with_the_keyboard(app_with_one: World, open_page: Any) -> None:
    page = open_page(user=app_with_one.person("alice"))
    page.goto(LIST)
    tab_to(page, page.get_by_role("button", name="Reveal ONE"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Value of ONE", exact=True)).to_have_text("first")
    page.reload()
    tab_to(page, page.get_by_role("link", name="Manage secrets"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{MANAGE}")
    tab_to(page, page.get_by_label("Value", exact=True).first)
    page.keyboard.type("by keyboard")
    tab_to(page, page.get_by_role("link", name="Add new"))
    page.keyboard.press("Enter")  # moves the focus to the new row
    page.keyboard.type("TWO")
    page.keyboard.press("Tab")
    page.keyboard.type("line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("next")
    tab_to(page, page.locator("#new").get_by_label("Branch"))
    page.keyboard.type("main")
    tab_to(page, page.get_by_role("button", name="Save", exact=True))
    page.keyboard.press("Enter")
    expect_saved(page, 2)
    assert stored_value(ONE) == "by keyboard"
    assert stored_value("/amplify/d1shop/main/TWO") == "line\nnext"


def test_it_works_without_javascript(app_with_one: Any, open_page: Any, complaints: Any) -> None:
    complaints.expect("422")
    page = open_page(user=app_with_one.person("alice"), javascript=False)
    page.goto(MANAGE)
    follow(page.locator("#add"))
    fill_new(page, 0, "TWO", PEM, "main")
    fill_new(page, 1, "BAD KEY", "x", "All branches")
    page.locator("#rows textarea").fill("changed")
    page.get_by_label("Keep line breaks at the ends of values").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile("Saved 2 of 3"))).to_be_visible()
    expect(page.get_by_text(re.compile("Use only letters"))).to_be_visible()
    assert stored_value(ONE) == "changed"
    assert stored_value("/amplify/d1shop/main/TWO") == PEM
    page.goto("/apps/d1shop/hosting/secrets/")
    page.get_by_role("button", name="Reveal ONE").click()
    expect(page.locator("output.value")).to_have_text("changed")
    page.goto(MANAGE)
    page.locator("#rows").get_by_label("Remove").first.check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("ONE removed.")).to_be_visible()
    assert parameter_store().current([ONE]) == {}
