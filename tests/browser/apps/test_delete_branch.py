"""Deleting a branch with many values shows how far it is, and can be stopped."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import HeldPosts, set_secrets, tab_to
from tests.factories import set_variable
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def url(world: World) -> str:
    """Return the page for dev, which has 25 secrets and a variable."""
    set_secrets(world, {f"KEY_{number:02}": "x" for number in range(25)}, world.dev)
    set_variable(world, "API_URL", "https://example.org", world.dev)
    return f"/apps/d1shop/settings/branches/{world.dev.pk}/delete/"


def test_it_works(world: World, alice: Page, url: str) -> None:
    alice.goto(url)
    posts = HeldPosts(alice, "**/delete/")
    alice.get_by_label("All 26 values").check()
    alice.get_by_role("button", name="Delete branch").click()
    post = posts.next()
    expect(alice.get_by_text("Deleting. Keep this page open.")).to_be_visible()
    expect(alice.get_by_role("button", name="Delete branch")).to_be_disabled()
    for done in (10, 20, 25):
        post.continue_()
        expect(alice.get_by_text(f"Removed {done} of 26 values.")).to_be_visible()
        bar = alice.get_by_role("progressbar", name="Removed values")
        expect(bar).to_have_attribute("value", str(done))
        post = posts.next()
    post.continue_()
    expect(alice.get_by_text("Deleted the branch dev.")).to_be_visible()
    assert not world.dev.secrets.exists()
    world.dev.refresh_from_db()
    assert world.dev.deleted_at is not None


@pytest.mark.exhaustive
def test_stop(world: World, alice: Page, url: str) -> None:
    alice.goto(url)
    posts = HeldPosts(alice, "**/delete/")
    alice.get_by_label("All 26 values").check()
    alice.get_by_role("button", name="Delete branch").click()
    posts.next().continue_()
    posts.next()  # never arrives
    alice.get_by_role("link", name="Stop").click()
    expect(alice.get_by_label("All 16 values")).to_be_visible()
    world.dev.refresh_from_db()
    assert world.dev.deleted_at is None


def test_keyboard_alone(world: World, alice: Page, url: str) -> None:
    alice.goto(url)
    expect(alice.get_by_label("All 26 values")).to_be_checked()
    alice.get_by_label("API_URL").focus()
    tab_to(alice, alice.get_by_role("button", name="Delete branch"))
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("Deleted the branch dev.")).to_be_visible()


@pytest.mark.exhaustive
def test_without_javascript(world: World, open_page: Callable[..., Page], url: str) -> None:
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(url)
    page.get_by_label("KEY_03").uncheck()
    page.get_by_role("button", name="Delete branch").click()
    expect(page.get_by_text("1 of its secrets stay in the parameter store")).to_be_visible()
