"""The menu of a row: copy a value in several forms, override, remove, and go to its pages."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console.models import AuditEvent
from secrets_app.models import Secret
from tests.browser.steps import LIST, PEM, browser_storage, set_secrets, wait_for_reconcile
from tests.factories import set_variable
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
VARIABLES = "/apps/d1shop/hosting/environment-variables/"


def open_menu(page: Page, key: str, branch: str) -> Locator:
    """Open the menu of a row, and return it."""
    name = f"More actions for {key} on {branch}"
    page.get_by_label(name).click()
    menu = page.locator(".row-menu[open] .menu-items")
    expect(menu).to_be_visible()
    return menu


def copied(page: Page, item: str, words: str, key: str = "TLS_KEY", branch: str = "main") -> str:
    """Choose an item of a row's menu, and return what it copied."""
    open_menu(page, key, branch).get_by_role("button", name=item).click()
    toast = page.locator("#toasts .toast", has_text=f"Copied {words}")
    expect(toast).to_be_visible()
    toast.get_by_role("link", name="Close").click()
    expect(toast).to_have_count(0)
    return str(page.evaluate("navigator.clipboard.readText()"))


def reveals() -> int:
    return AuditEvent.objects.filter(action="secret.reveal").count()


def test_it_works(alice: Page, world: World) -> None:
    set_secrets(world, {"TLS_KEY": PEM}, world.main)
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.goto(LIST)
    wait_for_reconcile(alice)
    assert copied(alice, "Code", "the code for TLS_KEY") == "secret('TLS_KEY')"
    assert copied(alice, "Parameter path", "the parameter path").startswith("/amplify/d1shop/main-")
    command = "manage.py secret get TLS_KEY --app d1shop --branch main"
    assert copied(alice, "CLI command", "the command") == command
    assert reveals() == 0
    assert copied(alice, "Value", "the value of TLS_KEY.") == PEM
    assert reveals() == 1
    assert copied(alice, "Line of .env", "the .env line") == f"TLS_KEY='{PEM}'"
    assert reveals() == 2
    expect(alice.locator("tbody .dots")).to_be_visible()
    assert "MIIE vQ=" not in alice.content() + browser_storage(alice)


@pytest.mark.exhaustive
def test_a_variable(alice: Page, world: World) -> None:
    set_variable(world, "API_URL", "https://example.org/a b\n")
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.goto(VARIABLES)
    on = {"key": "API_URL", "branch": "All branches"}
    assert copied(alice, "Code", "the code for", **on) == "process.env.API_URL"
    assert copied(alice, "Value", "the value of", **on) == "https://example.org/a b\n"
    line = "API_URL='https://example.org/a b\n'"
    assert copied(alice, "Line of .env", "the .env line", **on) == line
    menu = open_menu(alice, "API_URL", "All branches")
    expect(menu.get_by_role("button", name="Parameter path")).to_have_count(0)
    menu.get_by_role("link", name="Note and labels").click()
    expect(alice.get_by_label("Labels")).to_be_visible()


@pytest.mark.exhaustive
def test_with_the_keyboard(alice: Page, world: World) -> None:
    set_secrets(world, {"TLS_KEY": PEM})
    alice.goto(LIST)
    wait_for_reconcile(alice)
    link = alice.get_by_label("More actions for TLS_KEY on All branches")
    link.focus()
    alice.keyboard.press("Enter")
    menu = alice.locator(".row-menu[open]")
    expect(menu.locator("summary")).to_be_focused()
    alice.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    alice.keyboard.press("Enter")
    for _ in range(6):
        alice.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="Override on a branch")).to_be_focused()
    alice.keyboard.press("Enter")
    expect(alice.locator(".editing-row.override select")).to_be_focused()
    alice.keyboard.press("Escape")

    open_menu(alice, "TLS_KEY", "All branches").get_by_role("button", name="Remove").click()
    expect(alice.get_by_text("TLS_KEY removed.")).to_be_visible()
    expect(alice.get_by_text("No records to display")).to_be_visible()
    alice.get_by_role("button", name="Undo").click()
    expect(alice.get_by_role("link", name="TLS_KEY", exact=True)).to_be_visible()


@pytest.mark.exhaustive
def test_a_removal_that_asks(alice: Page, world: World, settings: Any, complaints: Any) -> None:
    complaints.expect("422")
    settings.BIN_DAYS = 0
    set_secrets(world, {"TLS_KEY": PEM})
    alice.goto(LIST)
    wait_for_reconcile(alice)
    open_menu(alice, "TLS_KEY", "All branches").get_by_role("button", name="Remove").click()
    form = alice.get_by_role("form", name="Edit TLS_KEY on All branches")
    expect(form.locator(".note")).to_be_visible()
    assert Secret.objects.filter(key="TLS_KEY", version=1).exists()


def test_without_permission(open_page: Callable[..., Page], world: World) -> None:
    set_secrets(world, {"TLS_KEY": PEM}, world.main)
    vera = open_page(user=world.person("vera"))
    vera.goto(LIST)
    wait_for_reconcile(vera)
    menu = open_menu(vera, "TLS_KEY", "main")
    expect(menu.get_by_role("button")).to_have_text(
        ["Code secret('KEY')", "CLI command", "Parameter path"]
    )
    expect(menu.get_by_role("link")).to_have_text(["Why this value?", "History", "Note and labels"])
