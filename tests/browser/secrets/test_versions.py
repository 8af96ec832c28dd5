"""The versions of a secret in Chromium: listed after loading, compared, revealed, restored."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from secrets_app.models import Secret
from tests.browser.steps import LIST, follow, set_secrets, wait_for_reconcile
from tests.factories import secret_row, stored_values
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def secret(world: World) -> Secret:
    """Return a secret with three versions."""
    for value in ("the first value", "the second value", "the third value"):
        set_secrets(world, {"API_KEY": value}, world.dev)
    return secret_row(world, "API_KEY", world.dev)


def test_it_works(alice: Page, world: World, secret: Secret) -> None:
    page = alice
    page.goto(f"{LIST}{secret.pk}/")
    versions = page.get_by_role("region", name="Versions", exact=True)
    expect(versions.get_by_text("3 of 100 kept by the parameter store")).to_be_visible()
    versions.get_by_role("checkbox", name="Compare version 1").check()
    versions.get_by_role("checkbox", name="Compare version 3").check()
    versions.get_by_role("button", name="Compare two versions").click()
    comparison = page.get_by_role("region", name="Versions 1 and 3")
    expect(comparison.get_by_text("different")).to_be_visible()
    expect(page.get_by_text("the first value")).to_have_count(0)
    comparison.get_by_role("button", name="Reveal 1").click()
    expect(page.get_by_role("heading", name="Value of version 1")).to_be_visible()
    expect(page.get_by_text("the first value")).to_be_visible()
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("Version 1 of API_KEY is restored, as version 4.")).to_be_visible()
    expect(page.get_by_text("alice@example.org restored version 1")).to_be_visible()
    assert stored_values(world, "API_KEY", world.dev)[0] == "the first value"


def test_in_the_list(alice: Page, world: World, secret: Secret) -> None:
    """Two secrets at once: each with its own versions, under IDs of their own."""
    set_secrets(world, {"OTHER": "one"})
    alice.goto(LIST)
    wait_for_reconcile(alice)
    for key in ("OTHER", "API_KEY"):
        alice.get_by_role("link", name=key, exact=True).click()
        expect(alice.get_by_text(f"secret('{key}')")).to_be_visible()
    expect(alice.get_by_role("region", name="Versions")).to_have_count(2)
    ids = alice.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
    assert len(ids) == len({*ids})
    assert alice.url.endswith(LIST)
    alice.get_by_role("button", name="Restore version 1").focus()
    alice.keyboard.press("Escape")
    expect(alice.get_by_role("region", name="Versions")).to_have_count(1)
    expect(alice.get_by_role("link", name="API_KEY", exact=True)).to_be_focused()
    alice.keyboard.press("Enter")
    expect(alice.get_by_role("button", name="Restore version 1")).to_be_visible()
    alice.get_by_role("checkbox", name="Compare version 3").check()
    alice.get_by_role("checkbox", name="Compare version 2").check()
    alice.get_by_role("button", name="Compare two versions").click()
    expect(alice.get_by_role("region", name="Versions 2 and 3")).to_be_visible()


@pytest.mark.exhaustive
def test_keyboard(alice: Page, world: World, secret: Secret) -> None:
    page = alice
    page.goto(f"{LIST}{secret.pk}/")
    page.get_by_role("checkbox", name="Compare version 2").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Restore version 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 2 of API_KEY is restored")).to_be_visible()
    assert stored_values(world, "API_KEY", world.dev)[0] == "the second value"


@pytest.mark.exhaustive
def test_without_javascript(
    open_page: Callable[..., Page], world: World, secret: Secret, complaints: Any
) -> None:
    complaints.expect("422")
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(f"{LIST}{secret.pk}/")
    follow(page.get_by_role("link", name="Show the versions"))
    page.get_by_role("checkbox", name="Compare version 1").check()
    page.get_by_role("button", name="Compare two versions").click()
    expect(page.get_by_text("Choose exactly two versions to compare.")).to_be_visible()
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("Version 1 of API_KEY is restored, as version 4.")).to_be_visible()
