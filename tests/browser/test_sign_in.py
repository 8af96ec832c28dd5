"""Signing in as people do: with a code, with a passkey, with neither; and seeing one's sessions."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.auth.session_backend import SessionStore
from console.models import Session
from tests.browser.steps import LIST, MANAGE, give, row, value_of, wait_for_check
from tests.browser.test_every_page import Judge
from tests.console.auth.test_second_factor import code_of
from tests.fixtures.people import PASSWORD, World
from tests.fixtures.provider import Provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

INDEX = "/accounts/second-factor/"


@pytest.fixture
def bob(world: World, open_page: Callable[..., Page], live_server: Any) -> Page:
    """Return a page of bob's, signed in with his password at a name that passkeys work for."""
    world.person("bob")
    page = open_page()
    page.goto(at(live_server, "/"))
    sign_in(page)
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()
    return page


def at(server: Any, path: str) -> str:
    """Return an address by name: no passkey is made for the number of a machine."""
    return str(server.url.replace("127.0.0.1", "localhost")) + path


def sign_in(page: Page) -> None:
    """Fill the sign-in page."""
    page.get_by_label("Email").fill("bob@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    """Sign out by the menu."""
    page.locator("summary", has_text="bob@example.org").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def menu(page: Page, item: str) -> None:
    """Go to a page by the menu."""
    page.locator("summary", has_text="bob@example.org").click()
    page.get_by_role("link", name=item).click()


def device(page: Page, **more: Any) -> Any:
    """Put a device into the browser that keeps passkeys, and return how to talk to it."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options | more})
    return cdp


def add_passkey(page: Page, *, passwordless: bool) -> None:
    """Add a passkey by the pages."""
    menu(page, "Second factor")
    page.get_by_role("link", name="Add passkey").click()
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("Passwordless").set_checked(passwordless)
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("My laptop")).to_be_visible()


@pytest.mark.usefixtures("clock")
def test_it_works(bob: Page) -> None:
    judge = Judge()
    menu(bob, "Second factor")
    judge.look(bob)
    bob.get_by_role("link", name="Set up app").click()
    secret = bob.locator(".steps code").inner_text()
    judge.look(bob)
    bob.get_by_label("Authenticator code").fill(code_of(secret))
    bob.get_by_role("button", name="Set up").click()
    expect(bob.get_by_text("You have no recovery codes.")).to_be_visible()
    judge.look(bob)
    bob.get_by_role("link", name="Recovery codes").click()
    judge.look(bob)
    bob.get_by_role("button", name="Generate new codes").click()
    codes = bob.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    judge.look(bob)
    sign_out(bob)
    judge.look(bob)
    sign_in(bob)
    expect(bob.get_by_role("heading", name="Second factor")).to_be_visible()
    judge.look(bob)
    bob.get_by_label("Code", exact=True).fill("000000")
    bob.get_by_role("button", name="Sign in", exact=True).click()
    expect(bob.get_by_text("This code is incorrect")).to_be_visible()
    judge.look(bob)
    bob.get_by_label("Code", exact=True).fill(code_of(secret))
    bob.get_by_role("button", name="Sign in", exact=True).click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()
    sign_out(bob)
    sign_in(bob)
    bob.get_by_label("Code", exact=True).fill(codes[0].strip())
    bob.get_by_role("button", name="Sign in", exact=True).click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()
    menu(bob, "Second factor")
    expect(bob.get_by_text("You have 9 left.")).to_be_visible()
    bob.get_by_role("link", name="Remove app").click()
    judge.look(bob)
    bob.get_by_role("button", name="Remove app").click()
    expect(bob.get_by_role("link", name="Set up app")).to_be_visible()
    assert judge.wrong == []


def test_a_passkey_as_second_factor(bob: Page) -> None:
    device(bob)
    add_passkey(bob, passwordless=False)
    judge = Judge()
    judge.look(bob)
    sign_out(bob)
    sign_in(bob)
    bob.get_by_role("button", name="Use a passkey").click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()
    menu(bob, "Second factor")
    bob.get_by_role("link", name="Rename").click()
    judge.look(bob)
    bob.get_by_label("Name").fill("Old laptop")
    bob.get_by_role("button", name="Rename").click()
    expect(bob.get_by_text("Old laptop")).to_be_visible()
    bob.get_by_role("link", name="Remove Old laptop").click()
    judge.look(bob)
    bob.get_by_role("button", name="Remove passkey").click()
    expect(bob.get_by_text("Old laptop")).to_have_count(0)
    assert judge.wrong == []


def test_a_passkey_without_a_password(bob: Page) -> None:
    device(bob)
    add_passkey(bob, passwordless=True)
    expect(bob.get_by_text("Without password")).to_be_visible()
    sign_out(bob)
    bob.get_by_role("button", name="Sign in with a passkey").click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()


def test_a_device_that_says_no(bob: Page) -> None:
    device(bob, isUserVerified=False)
    menu(bob, "Second factor")
    bob.get_by_role("link", name="Add passkey").click()
    bob.get_by_label("Passwordless").check()
    bob.get_by_role("button", name="Add passkey").click()
    expect(bob.get_by_text("The passkey could not be added.")).to_be_visible()
    judge = Judge()
    judge.look(bob)
    assert judge.wrong == []


def test_confirming_with_a_passkey(bob: Page) -> None:
    device(bob)
    add_passkey(bob, passwordless=False)
    bob.goto(re.sub(r"/accounts/.*", "/accounts/reauthenticate/?next=/accounts/sessions/", bob.url))
    judge = Judge()
    judge.look(bob)
    bob.get_by_role("link", name="Use a passkey").click()
    judge.look(bob)
    bob.get_by_role("button", name="Use a passkey").click()
    expect(bob.get_by_role("heading", name="Sessions")).to_be_visible()
    assert judge.wrong == []


def test_ones_sessions(bob: Page, open_page: Callable[..., Page], live_server: Any) -> None:
    other, judge = open_page(), Judge()
    other.goto(at(live_server, "/"))
    sign_in(other)
    menu(bob, "Sessions")
    expect(bob.get_by_role("row")).to_have_count(3)
    judge.look(bob)
    bob.get_by_role("button", name="End all other sessions").click()
    expect(bob.get_by_text("1 session ended.")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    bob.get_by_role("button", name="Sign out everywhere").click()
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()
    assert judge.wrong == []


@pytest.mark.usefixtures("clock")
def test_too_many_tries(world: World, page: Page, complaints: Any) -> None:
    complaints.expect("429")
    world.person("bob")
    for _ in range(6):
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill("bob@example.org")
        page.get_by_label("Password").fill("a guess")
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()


@pytest.mark.usefixtures("clock")
def test_without_javascript_there_is_the_code(
    world: World, open_page: Callable[..., Page], live_server: Any
) -> None:
    world.person("bob")
    page = open_page(javascript=False)
    page.goto(at(live_server, "/"))
    sign_in(page)
    menu(page, "Second factor")
    page.get_by_role("link", name="Set up app").click()
    page.get_by_label("Authenticator code").fill(code_of(page.locator(".steps code").inner_text()))
    page.get_by_role("button", name="Set up").click()
    sign_out(page)
    sign_in(page)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    expect(page.get_by_label("Code", exact=True)).to_be_visible()


def test_a_protected_value(world: World, open_page: Callable[..., Page], complaints: Any) -> None:
    complaints.expect("403")
    give(world, {"KEY": "the value"}, world.main)
    mia, judge = open_page(user=world.person("mia")), Judge()
    forget()
    mia.goto(LIST)
    wait_for_check(mia)
    mia.get_by_role("button", name="Reveal KEY").click()
    expect(mia.get_by_text("This value is protected.")).to_be_visible()
    judge.look(mia)
    mia.get_by_role("link", name="Confirm your identity").click()
    judge.look(mia)
    confirm(mia)
    expect(mia.get_by_role("heading", name="Secret management")).to_be_visible()
    mia.get_by_role("button", name="Reveal KEY").click()
    expect(mia.get_by_text("the value", exact=True)).to_be_visible()
    assert judge.wrong == []


def test_a_protected_value_in_the_edit_mode(
    world: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("403")
    give(world, {"KEY": "the value", "OTHER": "o"}, world.main)
    mia = open_page(user=world.person("mia"))
    forget()
    mia.goto(MANAGE)
    wait_for_check(mia)
    value_of(row(mia, "OTHER", "main")).fill("typed, not saved")
    secret = row(mia, "KEY", "main")
    secret.get_by_role("button", name="Show the value").click()
    with mia.context.expect_page() as opened:
        secret.get_by_role("link", name="Confirm your identity").click()
    confirm(opened.value)
    expect(opened.value.get_by_role("button", name="Reveal")).to_be_visible()
    secret.get_by_role("button", name="Show the value").click()
    expect(value_of(secret)).to_have_value("the value")
    expect(value_of(row(mia, "OTHER", "main"))).to_have_value("typed, not saved")


def confirm(page: Page) -> None:
    """Type the password once more."""
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def forget() -> None:
    """Let every sign-in be an hour ago."""
    for kept in Session.objects.all():
        session = SessionStore(kept.session_key)
        session["confirmed_at"] -= 3600
        session.save()


def test_single_sign_on(
    world: World, open_page: Callable[..., Page], single_sign_on: Provider, complaints: Any
) -> None:
    complaints.expect("403|picocss|favicon")
    world.person("bob")
    single_sign_on.knows("bob", email="bob@example.org", email_verified=True)
    page, judge = open_page(), Judge()
    page.route("https://**", lambda route: route.abort())  # the provider's pages ask for a style
    page.goto("/accounts/sessions/")
    judge.look(page)
    page.get_by_role("link", name="Sign in with Example").click()
    page.locator("input[name=sub]").fill("bob")
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    judge.look(page)
    sign_out(page)
    page.get_by_role("link", name="Sign in with Example").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("Sign-in at the provider was canceled")).to_be_visible()
    judge.look(page)
    assert judge.wrong == []


def test_without_passwords(
    open_page: Callable[..., Page], single_sign_on: Provider, settings: Any
) -> None:
    settings.PASSWORD_SIGN_IN = False
    page, judge = open_page(), Judge()
    page.goto("/accounts/login/")
    expect(page.get_by_role("link", name="Sign in with Example")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)
    judge.look(page)
    assert judge.wrong == []
