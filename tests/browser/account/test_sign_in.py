"""Sign in with a code, a passkey, or single sign-on; manage sessions."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import follow
from tests.console.auth.test_second_factor import code_of
from tests.fixtures.people import PASSWORD, World
from tests.fixtures.provider import Provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

INDEX = "/accounts/second-factor/"


@pytest.fixture
def bob(world: World, open_page: Callable[..., Page], live_server: Any) -> Page:
    """Return a page where bob signed in with a password."""
    world.person("bob")
    page = open_page()
    page.goto(localhost_url(live_server, "/"))
    sign_in(page)
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()
    return page


def localhost_url(server: Any, path: str) -> str:
    """Return a URL by host name, because passkeys can't be bound to an IP address."""
    return str(server.url.replace("127.0.0.1", "localhost")) + path


def sign_in(page: Page) -> None:
    """Sign in with a password."""
    page.get_by_label("Email").fill("bob@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    """Sign out with the menu."""
    page.locator("summary", has_text="bob@example.org").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def open_menu_item(page: Page, item: str) -> None:
    """Open a page from the user menu."""
    page.locator("summary", has_text="bob@example.org").click()
    follow(page.get_by_role("link", name=item))
    expect(page.get_by_role("heading", name=item, exact=True)).to_be_visible()


def set_up_app(page: Page) -> str:
    """Open the page that adds an authenticator app, and return its secret."""
    follow(page.get_by_role("link", name="Set up app"))
    expect(page.get_by_label("Authenticator code")).to_be_visible()
    return page.locator(".steps code").inner_text()


def add_authenticator(page: Page, **more: Any) -> None:
    """Give the browser a virtual authenticator that stores passkeys."""
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


def add_passkey(page: Page, *, passwordless: bool) -> None:
    """Add a passkey on the second factor page."""
    open_menu_item(page, "Second factor")
    follow(page.get_by_role("link", name="Add passkey"))
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("Passwordless").set_checked(passwordless)
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("My laptop")).to_be_visible()


@pytest.mark.usefixtures("clock")
def test_it_works(bob: Page) -> None:
    open_menu_item(bob, "Second factor")
    expect(bob.get_by_role("link", name="Set up app")).to_be_visible()
    assert accessibility_problems(bob) == []
    secret = set_up_app(bob)
    assert accessibility_problems(bob) == []
    bob.get_by_label("Authenticator code").fill(code_of(secret))
    bob.get_by_role("button", name="Set up").click()
    expect(bob.get_by_text("You have no recovery codes.")).to_be_visible()
    assert accessibility_problems(bob) == []
    follow(bob.get_by_role("link", name="Recovery codes"))
    expect(bob.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert accessibility_problems(bob) == []
    follow(bob.get_by_role("button", name="Generate new codes"))
    expect(bob.locator(".codes li")).to_have_count(10)
    codes = bob.locator(".codes li").all_inner_texts()
    assert accessibility_problems(bob) == []
    sign_out(bob)
    assert accessibility_problems(bob) == []
    sign_in(bob)
    expect(bob.get_by_role("heading", name="Second factor")).to_be_visible()
    assert accessibility_problems(bob) == []
    bob.get_by_label("Code", exact=True).fill("000000")
    bob.get_by_role("button", name="Sign in", exact=True).click()
    expect(bob.get_by_text("This code is incorrect")).to_be_visible()
    assert accessibility_problems(bob) == []
    bob.get_by_label("Code", exact=True).fill(code_of(secret))
    bob.get_by_role("button", name="Sign in", exact=True).click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()
    sign_out(bob)
    sign_in(bob)
    bob.get_by_label("Code", exact=True).fill(codes[0].strip())
    bob.get_by_role("button", name="Sign in", exact=True).click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()
    open_menu_item(bob, "Second factor")
    expect(bob.get_by_text("You have 9 left.")).to_be_visible()
    follow(bob.get_by_role("link", name="Remove app"))
    expect(bob.get_by_role("button", name="Remove app")).to_be_visible()
    assert accessibility_problems(bob) == []
    bob.get_by_role("button", name="Remove app").click()
    expect(bob.get_by_role("link", name="Set up app")).to_be_visible()


@pytest.mark.exhaustive
def test_a_passkey_as_second_factor(bob: Page) -> None:
    add_authenticator(bob)
    add_passkey(bob, passwordless=False)
    assert accessibility_problems(bob) == []
    sign_out(bob)
    sign_in(bob)
    bob.get_by_role("button", name="Use a passkey").click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()
    open_menu_item(bob, "Second factor")
    follow(bob.get_by_role("link", name="Rename"))
    expect(bob.get_by_role("button", name="Rename")).to_be_visible()
    assert accessibility_problems(bob) == []
    bob.get_by_label("Name").fill("Old laptop")
    bob.get_by_role("button", name="Rename").click()
    expect(bob.get_by_text("Old laptop")).to_be_visible()
    follow(bob.get_by_role("link", name="Remove Old laptop"))
    expect(bob.get_by_role("button", name="Remove passkey")).to_be_visible()
    assert accessibility_problems(bob) == []
    bob.get_by_role("button", name="Remove passkey").click()
    expect(bob.get_by_text("Old laptop")).to_have_count(0)


def test_a_passkey_without_a_password(bob: Page) -> None:
    add_authenticator(bob)
    add_passkey(bob, passwordless=True)
    expect(bob.get_by_text("Without password")).to_be_visible()
    sign_out(bob)
    bob.get_by_role("button", name="Sign in with a passkey").click()
    expect(bob.get_by_role("heading", name="Apps")).to_be_visible()


@pytest.mark.exhaustive
def test_an_authenticator_that_refuses(bob: Page) -> None:
    add_authenticator(bob, isUserVerified=False)
    open_menu_item(bob, "Second factor")
    follow(bob.get_by_role("link", name="Add passkey"))
    bob.get_by_label("Passwordless").check()
    bob.get_by_role("button", name="Add passkey").click()
    expect(bob.get_by_text("The passkey could not be added.")).to_be_visible()
    assert accessibility_problems(bob) == []


@pytest.mark.exhaustive
def test_confirming_with_a_passkey(bob: Page) -> None:
    add_authenticator(bob)
    add_passkey(bob, passwordless=False)
    bob.goto(re.sub(r"/accounts/.*", "/accounts/reauthenticate/?next=/accounts/sessions/", bob.url))
    assert accessibility_problems(bob) == []
    follow(bob.get_by_role("link", name="Use a passkey"))
    expect(bob.get_by_role("button", name="Use a passkey")).to_be_visible()
    assert accessibility_problems(bob) == []
    bob.get_by_role("button", name="Use a passkey").click()
    expect(bob.get_by_role("heading", name="Sessions")).to_be_visible()


@pytest.mark.exhaustive
def test_ending_sessions(bob: Page, open_page: Callable[..., Page], live_server: Any) -> None:
    other = open_page()
    other.goto(localhost_url(live_server, "/"))
    sign_in(other)
    expect(other.get_by_role("heading", name="Apps")).to_be_visible()
    open_menu_item(bob, "Sessions")
    expect(bob.get_by_role("row")).to_have_count(3)
    assert accessibility_problems(bob) == []
    bob.get_by_role("button", name="End all other sessions").click()
    expect(bob.get_by_text("1 session ended.")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    bob.get_by_role("button", name="Sign out everywhere").click()
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("clock")
def test_too_many_attempts(world: World, page: Page, complaints: Any) -> None:
    complaints.expect("429")
    world.person("bob")
    for _ in range(6):
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill("bob@example.org")
        page.get_by_label("Password").fill("a guess")
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("clock")
def test_without_javascript_only_the_code_is_offered(
    world: World, open_page: Callable[..., Page], live_server: Any
) -> None:
    world.person("bob")
    page = open_page(javascript=False)
    page.goto(localhost_url(live_server, "/"))
    sign_in(page)
    expect(page.get_by_role("heading", name="Apps")).to_be_visible()
    open_menu_item(page, "Second factor")
    page.get_by_label("Authenticator code").fill(code_of(set_up_app(page)))
    follow(page.get_by_role("button", name="Set up"))
    sign_out(page)
    sign_in(page)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    expect(page.get_by_label("Code", exact=True)).to_be_visible()


@pytest.mark.exhaustive
def test_single_sign_on(
    world: World, open_page: Callable[..., Page], single_sign_on: Provider, complaints: Any
) -> None:
    complaints.expect("403|picocss|favicon")
    world.person("bob")
    single_sign_on.set_user("bob", email="bob@example.org", email_verified=True)
    page = open_page()
    page.route(
        "https://**", lambda route: route.abort()
    )  # the provider's pages request a stylesheet
    page.goto("/accounts/sessions/")
    assert accessibility_problems(page) == []
    page.get_by_role("link", name="Sign in with Example").click()
    page.locator("input[name=sub]").fill("bob")
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
    assert accessibility_problems(page) == []
    sign_out(page)
    page.get_by_role("link", name="Sign in with Example").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("Sign-in at the provider was canceled")).to_be_visible()
    assert accessibility_problems(page) == []


def test_without_passwords(
    open_page: Callable[..., Page], single_sign_on: Provider, settings: Any
) -> None:
    """Before the first account, too: it may come from the provider."""
    settings.PASSWORD_SIGN_IN = False
    page = open_page()
    page.goto("/accounts/login/")
    expect(page.get_by_role("link", name="Sign in with Example")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)
    assert accessibility_problems(page) == []
