"""Confirm one's identity in place: in a dialog, and without scripts in the form itself."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from console.auth.session_backend import SessionStore
from console.models import Invitation, Session
from tests.browser.accessibility import accessibility_problems
from tests.browser.account.test_sign_in import (
    add_authenticator,
    add_passkey,
    localhost_url,
    sign_in,
)
from tests.browser.steps import LIST, MANAGE, row, set_secrets, value_of, wait_for_reconcile
from tests.console.auth.test_second_factor import code_of
from tests.factories import set_role
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

INVITE = "/apps/d1shop/settings/members/invite/"
AGAIN = "Your identity is confirmed. Press the button again to show the value."


def age_confirmations() -> None:
    """Make every sign-in an hour old."""
    for kept in Session.objects.all():
        session = SessionStore(kept.session_key)
        session["confirmed_at"] -= 3600
        session.save()


@pytest.fixture
def alice(world: World, open_page: Callable[..., Page]) -> Page:
    """Return a page where the owner signed in an hour ago."""
    page = open_page(user=world.person("alice"))
    age_confirmations()
    return page


def dialog(page: Page) -> Locator:
    """Return the dialog that asks."""
    return page.get_by_role("dialog", name="Confirm your identity")


def confirm(place: Page | Locator, password: str = PASSWORD) -> None:
    """Confirm with the password."""
    place.get_by_label("Password").fill(password)
    place.get_by_role("button", name="Confirm").click()


def fill_invitation(page: Page) -> None:
    """Open the form, and fill it."""
    page.goto(INVITE)
    page.get_by_label("Email").fill("new@example.org")
    page.get_by_label("Developer").check()
    page.get_by_role("button", name="Invite").click()


def test_it_works(alice: Page) -> None:
    fill_invitation(alice)
    expect(dialog(alice).get_by_label("Password")).to_be_focused()
    assert accessibility_problems(alice) == []
    confirm(dialog(alice), "a guess")
    expect(dialog(alice).get_by_text("Incorrect password")).to_be_visible()
    assert accessibility_problems(alice) == []
    assert not Invitation.objects.exists()
    confirm(dialog(alice))
    expect(alice.get_by_role("heading", name="Invited")).to_be_visible()
    assert Invitation.objects.get().role == "developer"


def test_cancel(alice: Page) -> None:
    fill_invitation(alice)
    expect(dialog(alice)).to_be_visible()
    alice.keyboard.press("Escape")
    expect(dialog(alice)).to_have_count(0)
    expect(alice.get_by_label("Email")).to_have_value("new@example.org")
    expect(alice.get_by_role("button", name="Invite")).to_be_focused()
    alice.get_by_role("button", name="Invite").click()
    dialog(alice).get_by_role("link", name="Cancel").click()
    expect(dialog(alice)).to_have_count(0)
    assert not Invitation.objects.exists()


def test_recent_sign_in(world: World, open_page: Callable[..., Page]) -> None:
    page = open_page(user=world.person("alice"))
    fill_invitation(page)
    expect(page.get_by_role("heading", name="Invited")).to_be_visible()


@pytest.mark.exhaustive
def test_form_that_asks_at_times(alice: Page, world: World, complaints: Any) -> None:
    """Only the server knows that this lifts a protection: the form comes back, and asks."""
    complaints.expect("403")
    alice.goto(f"/apps/d1shop/settings/branches/{world.main.pk}/")
    alice.get_by_label("Protected").uncheck()
    alice.get_by_role("button", name="Save").click()
    expect(dialog(alice)).to_be_visible()
    assert accessibility_problems(alice) == []
    expect(alice.get_by_label("Protected")).not_to_be_checked()
    confirm(dialog(alice))
    expect(alice.get_by_text("Saved the branch main.")).to_be_visible()
    world.main.refresh_from_db()
    assert not world.main.protected


@pytest.mark.exhaustive
def test_without_scripts(world: World, open_page: Callable[..., Page], complaints: Any) -> None:
    complaints.expect("403")
    page = open_page(user=world.person("alice"), javascript=False)
    age_confirmations()
    fill_invitation(page)
    expect(page.get_by_role("heading", name="Confirm your identity")).to_be_visible()
    page.get_by_label("Your password").fill("a guess")
    page.get_by_role("button", name="Confirm and continue").click()
    expect(page.get_by_text("Incorrect password")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value("new@example.org")
    expect(page.get_by_label("Developer")).to_be_checked()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm and continue").click()
    expect(page.get_by_role("heading", name="Invited")).to_be_visible()
    assert Invitation.objects.get().role == "developer"


@pytest.mark.exhaustive
def test_export(alice: Page, world: World) -> None:
    set_secrets(world, {"KEY": "v"})
    alice.goto("/apps/d1shop/activity/")
    alice.get_by_role("button", name="CSV").click()
    with alice.expect_download() as download:
        confirm(dialog(alice))
    assert download.value.suggested_filename.endswith(".csv")


@pytest.mark.exhaustive
def test_admin(world: World, open_page: Callable[..., Page]) -> None:
    olga = open_page(user=world.person("olga"))
    age_confirmations()
    olga.goto(f"/admin/console/user/{world.person('bob').pk}/change/")
    olga.get_by_label("First name").fill("Bob")
    olga.get_by_role("button", name="Save", exact=True).click()
    confirm(dialog(olga))
    expect(olga.get_by_text("was changed successfully")).to_be_visible()
    assert world.person("bob").first_name == "Bob"


@pytest.mark.exhaustive
def test_admin_without_scripts(
    world: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("403")
    olga = open_page(user=world.person("olga"), javascript=False)
    age_confirmations()
    olga.goto(f"/admin/console/user/{world.person('bob').pk}/change/")
    olga.get_by_label("First name").fill("Bob")
    olga.get_by_role("button", name="Save", exact=True).click()
    expect(olga.get_by_label("First name")).to_have_value("Bob")
    assert world.person("bob").first_name == ""
    olga.get_by_label("Your password").fill(PASSWORD)
    olga.get_by_role("button", name="Confirm and continue").click()
    expect(olga.get_by_text("was changed successfully")).to_be_visible()
    assert world.person("bob").first_name == "Bob"


@pytest.fixture
def bob(world: World, open_page: Callable[..., Page], live_server: Any) -> Page:
    """Return a page where bob, an owner, signed in with a password, by the host's name."""
    set_role(world, "bob", "owner")
    page = open_page()
    page.goto(localhost_url(live_server, "/"))
    sign_in(page)
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()
    return page


@pytest.mark.exhaustive
def test_passkey(bob: Page, live_server: Any) -> None:
    add_authenticator(bob)
    add_passkey(bob, passwordless=False)
    age_confirmations()
    bob.goto(localhost_url(live_server, INVITE))
    bob.get_by_label("Email").fill("new@example.org")
    bob.get_by_role("button", name="Invite").click()
    dialog(bob).get_by_role("link", name="Use a passkey").click()
    dialog(bob).get_by_role("button", name="Use a passkey").click()
    expect(bob.get_by_role("heading", name="Invited")).to_be_visible()


@pytest.mark.usefixtures("clock")
def test_code(bob: Page, live_server: Any) -> None:
    bob.goto(localhost_url(live_server, "/accounts/second-factor/app/add/"))
    secret = bob.locator(".steps code").inner_text()
    bob.get_by_label("Authenticator code").fill(code_of(secret))
    bob.get_by_role("button", name="Set up").click()
    expect(bob.get_by_text("You have no recovery codes.")).to_be_visible()
    age_confirmations()
    bob.goto(localhost_url(live_server, INVITE))
    bob.get_by_label("Email").fill("new@example.org")
    bob.get_by_role("button", name="Invite").click()
    dialog(bob).get_by_role("link", name="Use a code").click()
    dialog(bob).get_by_label("Code").fill(code_of(secret))
    dialog(bob).get_by_role("button", name="Confirm").click()
    expect(bob.get_by_role("heading", name="Invited")).to_be_visible()


@pytest.fixture
def mia(world: World, open_page: Callable[..., Page]) -> Page:
    """Return a page where the maintainer signed in an hour ago; two secrets are on main."""
    set_secrets(world, {"KEY": "the value", "OTHER": "o"}, world.main)
    page = open_page(user=world.person("mia"))
    age_confirmations()
    return page


def test_reveal_needs_its_own_press(mia: Page, complaints: Any) -> None:
    complaints.expect("403")
    mia.goto(LIST)
    wait_for_reconcile(mia)
    mia.get_by_role("button", name="Reveal KEY").click()
    expect(dialog(mia)).to_be_visible()
    assert accessibility_problems(mia) == []
    confirm(dialog(mia))
    expect(mia.get_by_text(AGAIN)).to_be_visible()
    expect(mia.get_by_role("button", name="Reveal KEY")).to_be_focused()
    assert accessibility_problems(mia) == []
    mia.keyboard.press("Enter")
    expect(mia.get_by_text("the value", exact=True)).to_be_visible()


@pytest.mark.exhaustive
def test_copying_needs_its_own_press(mia: Page, complaints: Any) -> None:
    complaints.expect("403")
    mia.context.grant_permissions(["clipboard-read", "clipboard-write"])
    mia.goto(LIST)
    wait_for_reconcile(mia)
    mia.get_by_label("More actions for KEY on main").click()
    mia.get_by_role("button", name="Value", exact=True).click()
    confirm(dialog(mia))
    expect(mia.get_by_text("Your identity is confirmed. Copy it again.")).to_be_visible()
    mia.get_by_label("More actions for KEY on main").click()
    mia.get_by_role("button", name="Value", exact=True).click()
    expect(mia.get_by_text("Copied the value of KEY.")).to_be_visible()
    assert mia.evaluate("navigator.clipboard.readText()") == "the value"


@pytest.mark.exhaustive
def test_reveal_in_edit_mode(mia: Page, complaints: Any) -> None:
    complaints.expect("403")
    mia.goto(MANAGE)
    wait_for_reconcile(mia)
    value_of(row(mia, "OTHER", "main")).fill("typed, not saved")
    secret = row(mia, "KEY", "main")
    secret.get_by_role("button", name="Show the value").click()
    confirm(dialog(mia))
    expect(secret.get_by_text(AGAIN)).to_be_visible()
    secret.get_by_role("button", name="Show the value").click()
    expect(value_of(secret)).to_have_value("the value")
    expect(value_of(row(mia, "OTHER", "main"))).to_have_value("typed, not saved")


@pytest.mark.exhaustive
def test_reveal_on_its_page(mia: Page) -> None:
    mia.goto(LIST)
    wait_for_reconcile(mia)
    mia.goto(mia.get_by_role("link", name="KEY", exact=True).evaluate("(link) => link.href"))
    mia.get_by_role("button", name="Reveal").click()
    confirm(dialog(mia))
    expect(mia.get_by_text(AGAIN)).to_be_visible()
    expect(mia.get_by_text("the value", exact=True)).to_have_count(0)
    mia.get_by_role("button", name="Reveal").click()
    expect(mia.get_by_text("the value", exact=True)).to_be_visible()
