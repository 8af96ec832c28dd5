"""The Overview is checked after it has loaded, without moving the focus, and fits every width."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from secrets_app.models import Revalidation
from tests.browser.accessibility import accessibility_problems
from tests.browser.apps.test_import import PASTE
from tests.browser.steps import follow
from tests.factories import reconcile_now, secret_paths, set_secret, set_variable, write_outside
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

URL = "/apps/d1shop/"


@pytest.fixture
def changed_outside(world: World) -> World:
    """Change a secret outside Branchkeep, which the next check finds."""
    set_secret(world, "DATABASE_URL", "value", world.main)
    set_variable(world, "API_URL", "https://example.org", world.dev)
    reconcile_now(world)
    write_outside(secret_paths(world, "DATABASE_URL", world.main)[0])
    Revalidation.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    return world


def test_it_works(changed_outside: World, open_page: Callable[..., Page]) -> None:
    alice = open_page(user=changed_outside.person("alice"))
    with alice.expect_response("**/check/?of=store") as checked:
        alice.goto(URL)
        alice.get_by_role("link", name="dev", exact=True).focus()
    assert checked.value.status == 200
    expect(alice.get_by_text("DATABASE_URL on main was changed outside")).to_be_visible()
    expect(alice.get_by_role("link", name="dev", exact=True)).to_be_focused()
    expect(alice.get_by_role("heading", name="Needs attention (3)")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.get_by_role("link", name="Review change").click()
    expect(alice.get_by_role("heading", name="Drift")).to_be_visible()
    expect(alice.get_by_role("button", name="Take theirs: DATABASE_URL on main")).to_be_visible()


@pytest.mark.exhaustive
def test_without_javascript(changed_outside: World, open_page: Callable[..., Page]) -> None:
    alice = open_page(user=changed_outside.person("alice"), javascript=False)
    alice.goto(URL)
    expect(alice.get_by_text("was changed outside")).to_have_count(0)
    alice.get_by_role("button", name="Check now").click()
    expect(alice.get_by_text("was changed outside")).to_be_visible()


def test_first_secret(world: World, open_page: Callable[..., Page]) -> None:
    alice = open_page(user=world.person("alice"))
    alice.goto(URL)
    alice.get_by_role("link", name="Add one secret").click()
    expect(alice.locator("#add-key")).to_be_focused()
    alice.wait_for_load_state()  # Enter adds once the scripts have run
    alice.keyboard.type("API_KEY")
    alice.keyboard.press("Tab")
    alice.keyboard.type("value")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("1 secret saved")).to_be_visible()
    alice.get_by_role("link", name="Overview", exact=True).click()
    follow(alice.get_by_role("link", name="API_KEY added for All branches"))
    expect(alice.get_by_role("button", name="Undo")).to_be_visible()
    follow(alice.get_by_role("link", name="Overview", exact=True))
    alice.evaluate(PASTE, ["main", "STRIPE_KEY=hunter-2-hunter\n"])
    expect(alice.get_by_role("heading", name="Import", exact=True)).to_be_visible()
    alice.goto(URL)
    alice.get_by_role("button", name="hide this list").click()
    expect(alice.get_by_role("heading", name="Get started")).to_have_count(0)
    expect(alice.get_by_text("Everything is in order.")).to_be_visible()
