"""A reconcile response that arrives after the user has moved on."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from secrets_app.models import Revalidation
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from tests.browser.steps import LIST, MANAGE, SHARED, set_secrets, wait_until
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("url", [LIST, pytest.param(MANAGE, marks=pytest.mark.exhaustive)])
def test_a_late_response_does_not_undo_a_search(
    world: World, open_page: Callable[..., Page], url: str
) -> None:
    set_secrets(world, {"FIRST": "1", "SECOND": "2"})
    alice = open_page(user=world.person("alice"))
    held: list[Any] = []
    alice.route("**/revalidate/**", lambda route: held.append(route))
    alice.goto(url)
    rows = alice.locator("tbody tr, #rows .edit-row")
    expect(rows).to_have_count(2)
    alice.get_by_label("Search variables").fill("SECOND")
    expect(rows).to_have_count(1)
    path = f"{SHARED}/SECOND_FROM_OUTSIDE"
    parameter_store().put(path, SecretValue("x"), overwrite=False)
    Revalidation.objects.all().delete()
    set_secrets(world, {"THIRD": "3"})  # so that the response contains the whole list
    wait_until(alice, lambda: held)
    held[0].continue_()
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("SECOND_FROM_OUTSIDE")
