"""An earlier save may still arrive: the page says until when, and saves by itself then."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from secrets_app.models import Secret
from tests.browser.steps import (
    MANAGE,
    SHARED,
    expect_saved,
    fill_new,
    row,
    save_all,
    set_secrets,
    stored_value,
    value_of,
    wait_for_reconcile,
)
from tests.factories import audit_rows
from tests.fixtures.chromium import Complaints
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, lose_response

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def lease_ends_in(seconds: int) -> None:
    Secret.objects.exclude(claim=None).update(
        claimed_until=timezone.now() + timedelta(seconds=seconds)
    )


def test_it_works(
    alice: Page, world: World, interrupted: InterruptedStore, complaints: Complaints
) -> None:
    complaints.expect("422")
    set_secrets(world, {"API_KEY": "old", "OTHER": "old"})
    alice.goto(MANAGE)
    wait_for_reconcile(alice)
    interrupted.after("put", lose_response)
    value_of(row(alice, "API_KEY")).fill("first try")
    save_all(alice)
    expect(
        row(alice, "API_KEY").get_by_text("the outcome of this change is unknown")
    ).to_be_visible()
    value_of(row(alice, "API_KEY")).fill("second try")
    value_of(row(alice, "OTHER")).fill("new")
    lease_ends_in(4)
    save_all(alice)
    held = row(alice, "API_KEY").locator(".note.held")
    expect(held).to_contain_text("the response to your last save was lost")
    expect(held).to_contain_text(re.compile(r"it saves your change in \d seconds?\."))
    expect(
        alice.get_by_text("Saved 1 of 2 changes. The rest wait for an earlier save.")
    ).to_be_visible()
    expect(value_of(row(alice, "API_KEY"))).to_have_value("second try")
    expect_saved(alice, 2)  # without a click
    assert stored_value(f"{SHARED}/API_KEY") == "second try"
    assert audit_rows(world, "found.") == []


@pytest.mark.exhaustive
def test_not_waiting(
    alice: Page, world: World, interrupted: InterruptedStore, complaints: Complaints
) -> None:
    complaints.expect("422")
    alice.goto(MANAGE)
    interrupted.after("put", lose_response)
    fill_new(alice, 0, "API_KEY", "first try", "All branches")
    save_all(alice)
    expect(alice.get_by_text("the outcome of this change is unknown")).to_be_visible()
    save_all(alice)
    held = alice.locator(".note.held")
    expect(held).to_contain_text("The secret is held until")
    held.get_by_role("button", name="Don't wait").click()
    expect(held).to_have_count(0)
    value_of(alice.locator("#new .edit-row")).fill("second try")
    save_all(alice)
    expect(held).to_contain_text("The secret is held until")
    lease_ends_in(0)
    save_all(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "second try"


@pytest.mark.exhaustive
def test_without_javascript(
    world: World,
    open_page: Callable[..., Page],
    interrupted: InterruptedStore,
    complaints: Complaints,
) -> None:
    complaints.expect("422")
    set_secrets(world, {"API_KEY": "old"})
    alice = open_page(user=world.person("alice"), javascript=False)
    interrupted.after("put", lose_response)
    for sentence in ("the outcome of this change is unknown", "Save again after that."):
        alice.goto(MANAGE)
        value_of(row(alice, "API_KEY")).fill("value 7")
        save_all(alice)
        expect(row(alice, "API_KEY").get_by_text(sentence)).to_be_visible()
        assert "value 7" not in alice.content()
    lease_ends_in(0)
    value_of(row(alice, "API_KEY")).fill("typed again")
    save_all(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/API_KEY") == "typed again"


@pytest.mark.exhaustive
def test_the_list_and_the_page_of_a_secret(
    alice: Page, world: World, interrupted: InterruptedStore, complaints: Complaints
) -> None:
    complaints.expect("422")
    alice.goto(MANAGE)
    interrupted.after("put", lose_response)
    fill_new(alice, 0, "API_KEY", "first try", "All branches")
    save_all(alice)
    expect(alice.get_by_text("the outcome of this change is unknown")).to_be_visible()
    row_id = Secret.objects.get(key="API_KEY").pk
    alice.evaluate("document.querySelector('#new').replaceChildren()")  # leave without asking
    alice.goto(MANAGE.replace("manage/", ""))
    expect(alice.get_by_text("Outcome unknown")).to_be_visible()
    expect(alice.get_by_text("outside Branchkeep")).to_have_count(0)
    alice.goto(MANAGE.replace("manage/", f"{row_id}/"))
    expect(alice.get_by_text("its outcome is settled after")).to_be_visible()
