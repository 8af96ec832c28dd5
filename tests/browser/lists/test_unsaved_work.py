"""Unsaved work survives searching, long saves, conflicts, and a store or network that is down."""

import re
import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, Route, expect

from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.writes.commands import DeleteSecret
from secrets_app.writes.save import save
from tests.browser.steps import (
    LIST,
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
    wait_until,
)
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MANY = 120
BATCH = 10
ADD_MANY = """(many) => {
  const type = (field, text) => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  for (let number = 0; number < many; number += 1) {
    document.getElementById("add").click();
    const row = document.getElementById("new").lastElementChild;
    type(row.querySelector("input"), `MANY_${number}`);
    type(row.querySelector("textarea"), `value ${number}`);
  }
}"""


def test_it_works(alice: Page, world: World) -> None:
    """Typed values survive searching and paging."""
    set_secrets(world, {f"KEY_{number:02}": "old" for number in range(40)})
    alice.goto(MANAGE)
    value_of(row(alice, "KEY_03")).fill("three")
    alice.locator("#add").click()
    fill_new(alice, 0, "BRAND_NEW", "new", "main")
    alice.get_by_role("link", name="Next page").click()
    expect(alice.get_by_text(re.compile("16.30 of 40"))).to_be_visible()
    row(alice, "KEY_20").get_by_role("button", name="Remove").click()
    alice.get_by_label("Search variables").fill("KEY_3")
    expect(row(alice, "KEY_39")).to_be_visible()
    value_of(row(alice, "KEY_39")).fill("thirty-nine")
    alice.get_by_label("Search variables").fill("nothing like it")
    expect(alice.get_by_text("No records to display")).to_be_visible()
    expect(alice.get_by_text("4 unsaved changes")).to_be_visible()
    expect(value_of(row(alice, "KEY_03"))).to_have_value("three")
    save_all(alice)
    expect(alice.get_by_text("3 secrets saved, KEY_20 removed.")).to_be_visible()
    assert (stored_value(f"{SHARED}/KEY_03"), stored_value(f"{SHARED}/KEY_39")) == (
        "three",
        "thirty-nine",
    )
    assert stored_value("/amplify/d1shop/main/BRAND_NEW") == "new"
    assert not Secret.objects.filter(key="KEY_20").exists()


@pytest.mark.exhaustive
def test_many_rows_are_saved_in_batches_that_can_be_stopped(alice: Page, world: World) -> None:
    sent: list[list[str]] = []
    third, go_on = threading.Event(), []

    def watch(route: Route) -> None:
        names = parse_qs(route.request.post_data or "", keep_blank_values=True)
        sent.append([name for name in names if name.endswith("-key")])
        if len(sent) == 3 and not third.is_set():  # hold the third batch until Stop was pressed
            third.set()
            go_on.append(route)
        else:
            route.continue_()

    alice.goto(MANAGE)
    alice.route(f"**{MANAGE}", watch)
    alice.evaluate(ADD_MANY, MANY - 1)  # besides the blank row that an empty list starts with
    fill_new(alice, 0, "MANY_LAST", "value", "main")
    expect(alice.get_by_text(f"{MANY} unsaved changes")).to_be_visible()
    save_all(alice)
    expect(alice.get_by_role("progressbar")).to_have_attribute("value", "20")
    expect(alice.get_by_text(f"Saved 20 of {MANY}")).to_be_visible()
    alice.get_by_role("button", name="Stop").click()
    wait_until(alice, lambda: go_on)
    go_on[0].continue_()
    expect(alice.get_by_role("alert")).to_contain_text(f"Stopped. Saved 30 of {MANY} changes.")
    expect(alice.get_by_text("90 unsaved changes")).to_be_visible()
    assert Secret.objects.count() == 30
    save_all(alice)
    alice.wait_for_url(f"**{LIST}?saved=*", timeout=60_000)
    expect_saved(alice, MANY)
    assert [len(batch) for batch in sent] == [BATCH] * 12
    assert len({name for batch in sent for name in batch}) == MANY
    assert Secret.objects.count() == MANY
    assert stored_value(f"{SHARED}/MANY_7") == "value 7"


@pytest.mark.exhaustive
def test_a_store_that_refuses_writes(
    faulty: Faulty,
    console_on_ssm: object,
    world: World,
    open_page: Callable[..., Page],
    complaints: Any,
) -> None:
    complaints.expect("50[23]|422")
    set_secrets(world, {"ONE": "first"})
    alice = open_page(user=world.person("alice"))
    alice.goto(MANAGE)
    expect(alice.get_by_text("Checked against the parameter store")).to_be_visible()
    value_of(row(alice, "ONE")).fill("second")
    alice.locator("#add").click()
    fill_new(alice, 0, "TWO", "typed", "All branches")
    for fault, operation, words in (
        (Fault.ACCESS_DENIED, "GetParameters", "denied access to Branchkeep"),
        (Fault.LIMIT, "PutParameter", "has reached one of its limits"),
    ):
        faulty.always(fault, on=operation)
        save_all(alice)
        expect(alice.get_by_text(words).first).to_be_visible()
        expect(value_of(row(alice, "ONE"))).to_have_value("second")
        expect(alice.get_by_text("2 unsaved changes")).to_be_visible()
        faulty.heal()
    save_all(alice)
    expect_saved(alice, 2)
    assert (stored_value(f"{SHARED}/ONE"), stored_value(f"{SHARED}/TWO")) == ("second", "typed")


def test_the_list_without_the_store(
    faulty: Faulty,
    console_on_ssm: object,
    world: World,
    open_page: Callable[..., Page],
    complaints: Any,
) -> None:
    complaints.expect("503")
    set_secrets(world, {"ONE": "first"})
    faulty.always(Fault.ACCESS_DENIED)
    alice = open_page(user=world.person("alice"))
    alice.goto(LIST)
    expect(alice.get_by_text("Store unreachable.")).to_be_visible()
    expect(alice.get_by_role("link", name="ONE", exact=True)).to_be_visible()
    alice.get_by_role("button", name="Reveal ONE").click()
    expect(alice.get_by_role("alert")).to_contain_text("denied access to Branchkeep")


def test_losing_the_network_and_the_session(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("ERR_INTERNET_DISCONNECTED|403|401")
    set_secrets(world, {"ONE": "first"})
    alice.goto(MANAGE)
    value_of(row(alice, "ONE")).fill("second")
    alice.context.set_offline(True)
    save_all(alice)
    expect(alice.get_by_role("alert")).to_contain_text("Can't reach Branchkeep")
    alice.context.set_offline(False)

    alice.context.clear_cookies()
    save_all(alice)
    expect(alice.get_by_role("alert")).to_contain_text("You are signed out.")
    other = alice.context.new_page()
    other.goto("/")
    other.get_by_label("Email").fill("alice@example.org")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_role("heading", name="All apps")).to_be_visible()

    expect(value_of(row(alice, "ONE"))).to_have_value("second")
    save_all(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/ONE") == "second"


def test_reconciling_keeps_typed_values(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    set_secrets(world, {"MINE": "old", "THEIRS": "old", "GONE": "old"})
    store = parameter_store()
    alice.route("**/revalidate/**", lambda route: type_then_continue(route, alice), times=1)
    alice.goto(MANAGE)
    set_secrets(world, {"MINE": "by mia", "THEIRS": "by mia"}, by="mia")
    store.remove([f"{SHARED}/GONE"])
    expect(alice.get_by_text("This secret was changed after you opened this page.")).to_be_visible()
    expect(value_of(row(alice, "MINE"))).to_have_value("typed")
    expect(row(alice, "GONE")).to_contain_text("Removed outside")
    save_all(alice)
    conflict = row(alice, "MINE").get_by_text(re.compile("mia@example.org changed this secret"))
    expect(conflict).to_be_visible()
    alice.get_by_role("button", name="Overwrite").click()
    expect_saved(alice, 1)
    assert (stored_value(f"{SHARED}/MINE"), stored_value(f"{SHARED}/THEIRS")) == ("typed", "by mia")


def type_then_continue(route: Route, page: Page) -> None:
    """Type a value while the reconcile request waits."""
    page.locator("textarea").nth(1).fill("typed")
    route.continue_()


@pytest.mark.exhaustive
def test_changing_a_secret_that_was_removed(alice: Page, world: World, complaints: Any) -> None:
    complaints.expect("422")
    set_secrets(world, {"ONE": "first"})
    alice.goto(MANAGE)
    expect(alice.get_by_text("Checked against the parameter store")).to_be_visible()
    value_of(row(alice, "ONE")).fill("still wanted")
    other = alice.context.new_page()
    other.goto(MANAGE)
    row(other, "ONE").get_by_role("button", name="Remove").click()
    save_all(other)
    expect(other.get_by_text("No records to display")).to_be_visible()
    save_all(alice)
    expect(alice.get_by_text("This secret has been removed.")).to_be_visible()
    alice.get_by_role("button", name="Add again").click()
    save_all(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/ONE") == "still wanted"


@pytest.mark.exhaustive
def test_a_conflict_without_javascript(
    world: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("422")
    set_secrets(world, {"ONE": "first"})
    alice = open_page(user=world.person("alice"), javascript=False)
    alice.goto(MANAGE)
    set_secrets(world, {"ONE": "by mia"}, by="mia")
    value_of(row(alice, "ONE")).fill("by alice")
    save_all(alice)
    expect(alice.get_by_text(re.compile("mia@example.org changed this secret"))).to_be_visible()
    assert value_of(row(alice, "ONE")).input_value() == ""
    assert stored_value(f"{SHARED}/ONE") == "by mia"
    value_of(row(alice, "ONE")).fill("by alice")  # the page has the new version now
    save_all(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/ONE") == "by alice"


def test_overwrite_applies_only_to_the_value_that_was_shown(
    alice: Page, world: World, complaints: Any
) -> None:
    complaints.expect("422")
    alice.goto(MANAGE)
    wait_for_reconcile(alice)
    fill_new(alice, 0, "ONE", "by alice", "All branches")
    set_secrets(world, {"ONE": "elsewhere"})
    save_all(alice)
    expect(alice.get_by_text("alice@example.org added this secret")).to_be_visible()
    save(
        actor=world.actor("alice"),
        app_id=world.app.app_id,
        commands=[DeleteSecret("1", world.app.secrets.get(key="ONE").pk, expected_version=1)],
        change_set=uuid.uuid4(),
    )
    set_secrets(world, {"ONE": "by mia"}, by="mia")
    alice.get_by_role("button", name="Overwrite").click()
    expect(alice.get_by_text("mia@example.org added this secret")).to_be_visible()
    assert stored_value(f"{SHARED}/ONE") == "by mia"
    alice.get_by_role("button", name="Overwrite").click()
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/ONE") == "by alice"


def test_the_edit_mode_sorts(alice: Page, world: World) -> None:
    set_secrets(world, {"ALPHA": "a", "ZEBRA": "z"})
    alice.goto(MANAGE)
    expect(alice.locator("#rows .edit-row .key").first).to_have_text("ALPHA")
    alice.get_by_label("Sort by").select_option(label="Variable (Z to A)")
    expect(alice.locator("#rows .edit-row .key").first).to_have_text("ZEBRA")
