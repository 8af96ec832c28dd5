"""The list and the edit mode stay usable with a thousand secrets."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from secrets_app.models import EmbeddedParameter, Revalidation
from secrets_app.sync import reconciling
from tests.browser.steps import (
    LIST,
    MANAGE,
    SHARED,
    expect_saved,
    row,
    save_all,
    stored_value,
    value_of,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MAX_NODES = 2500  # on a page of a hundred rows


@pytest.fixture
def app_with_a_thousand(world: World) -> World:
    """Put a thousand secrets into the store, and reconcile."""
    now = timezone.now()
    EmbeddedParameter.objects.bulk_create(
        EmbeddedParameter(path=f"{SHARED}/KEY_{number:04}", version=1, modified=now)
        for number in range(1000)
    )
    Revalidation.objects.create(app=world.app, started_at=now)
    reconciling.reconcile_now(world.app)
    return world


def test_it_works(app_with_a_thousand: World, open_page: Callable[..., Page]) -> None:
    alice = open_page(user=app_with_a_thousand.person("alice"))
    alice.goto(LIST)
    expect(alice.get_by_text("of 1,000")).to_be_visible()
    alice.get_by_label("Rows per page").select_option("100")
    expect(alice.locator("tbody tr")).to_have_count(100)
    assert alice.evaluate("document.querySelectorAll('*').length") < MAX_NODES
    alice.get_by_role("link", name="Last page").click()
    expect(alice.get_by_text("Page 10 of 10")).to_be_visible()
    alice.get_by_label("Search variables").fill("KEY_0777")
    expect(alice.locator("tbody tr")).to_have_count(1)
    alice.get_by_role("link", name="Variable", exact=True).click()
    expect(alice.locator("th[aria-sort]")).to_have_text("Variable")


@pytest.mark.exhaustive
def test_saving_one_of_them(app_with_a_thousand: World, open_page: Callable[..., Page]) -> None:
    alice = open_page(user=app_with_a_thousand.person("alice"))
    posted: list[str] = []
    alice.on("request", lambda request: posted.append(request.post_data or "-"))
    alice.goto(f"{MANAGE}?per_page=100")
    expect(row(alice, "KEY_0099")).to_be_visible()
    alice.get_by_label("Search variables").fill("KEY_0999")
    expect(alice.locator("#rows .edit-row")).to_have_count(1)
    value_of(row(alice, "KEY_0999")).press_sequentially("typed")
    save_all(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/KEY_0999") == "typed"
    saves = [body for body in posted if "typed" in body]
    assert len(saves) == 1
    assert len(saves[0]) < 300  # only the changed row
