"""While the background checks a large app, the list shows progress, then what changed."""

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from secrets_app.models import Revalidation, Secret
from secrets_app.store import parameter_store
from secrets_app.sync import reconciling, turns
from tests.browser.steps import LIST, MANAGE, set_secrets, wait_for_reconcile
from tests.factories import secret_paths, stored_values, write_outside
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def hold(world: World, listed: int) -> None:
    """Look as if another process reconciled the app."""
    held = {"held_until": timezone.now() + turns.DURATION, "listed": listed, "expected": 60_000}
    Revalidation.objects.filter(app=world.app).update(**held)


@pytest.mark.parametrize("address", [LIST, pytest.param(MANAGE, marks=pytest.mark.exhaustive)])
def test_it_works(open_page: Any, address: str) -> None:
    world = World()
    set_secrets(world, {"API_KEY": "first"})
    reconciling.reconcile_now(world.app)
    hold(world, 12_350)
    page = open_page(user=world.person("alice"))
    page.goto(address)
    expect(page.locator("#freshness")).to_contain_text("12,350 of about 60,000 parameters")
    hold(world, 59_000)
    expect(page.locator("#freshness")).to_contain_text("59,000 of about 60,000 parameters")
    write_outside(secret_paths(world, "NEW_KEY")[0])
    Revalidation.objects.update(held_until=None)
    reconciling.reconcile_now(world.app)
    expect(page.get_by_text("NEW_KEY").first).to_be_visible()
    wait_for_reconcile(page)
    expect(page.locator("#freshness")).to_contain_text("Checked against the parameter store")


def test_without_javascript(open_page: Any) -> None:
    world = World()
    set_secrets(world, {"API_KEY": "first"})
    reconciling.reconcile_now(world.app)
    hold(world, 12_350)
    page = open_page(user=world.person("alice"), javascript=False)
    page.goto(LIST)
    expect(page.locator("#freshness")).to_contain_text("12,350 of about 60,000 parameters")
    Revalidation.objects.update(held_until=None)
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#freshness")).to_contain_text("Checked against the parameter store")


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_one_button_for_all_mirrors(open_page: Any, javascript: bool) -> None:
    world = World()
    set_secrets(world, {"API_KEY": "first", "OTHER_KEY": "first"}, world.dev)
    parameter_store().remove(secret_paths(world, "API_KEY", world.dev)[1:])
    Secret.objects.filter(key="API_KEY").update(
        mirror_version=0, mirror_of=0, mirror_due_at=timezone.now()
    )
    page = open_page(user=world.person("bob"), javascript=javascript)
    page.goto(LIST)
    page.get_by_role("button", name="Write it now").click()
    expect(page.get_by_text("Mirrors written: 1.")).to_be_visible()
    expect(page.get_by_role("button", name="Write it now")).to_have_count(0)
    assert stored_values(world, "API_KEY", world.dev) == ("first", "first")
