"""The clicks that daily tasks take, counted: at most two, for secrets and for variables.

Adding and overriding are counted in test_quick_add.py, test_edit_in_place.py and
test_variables_in_place.py, importing in test_import.py, and "which branches lack it" in
test_compare.py.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from console.models import Branch
from tests.browser.steps import clicks, count_clicks, follow, set_secrets, wait_for_reconcile
from tests.factories import connect, deploy, look, set_variable, stored_values
from tests.factories.variables import change_variable
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
APP = "/apps/d1shop"
KEY = "API_KEY"


@dataclass
class Kind:
    """Secrets or variables: their list, and how to write and read the value of KEY."""

    noun: str
    list: str
    set: Callable[[World, str, Branch | None], object]
    value: Callable[[World, Branch | None], str | None]


def _set_secret(world: World, value: str, branch: Branch | None) -> None:
    set_secrets(world, {KEY: value}, branch)


def _secret_value(world: World, branch: Branch | None) -> str | None:
    return stored_values(world, KEY, branch)[0]


def _set_variable(world: World, value: str, branch: Branch | None) -> None:
    row = world.app.variables.filter(key=KEY, branch=branch, removed_at=None).first()
    if row:
        change_variable(world, row, value)
    else:
        set_variable(world, KEY, value, branch)


def _variable_value(world: World, branch: Branch | None) -> str | None:
    row = world.app.variables.filter(key=KEY, branch=branch, removed_at=None).first()
    return row.value if row else None


KINDS = [
    Kind("secret", f"{APP}/hosting/secrets/", _set_secret, _secret_value),
    Kind("variable", f"{APP}/hosting/environment-variables/", _set_variable, _variable_value),
]


@pytest.fixture(
    params=[KINDS[0], pytest.param(KINDS[1], marks=pytest.mark.exhaustive)],
    ids=lambda kind: kind.noun,
)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Return secrets, then variables."""
    found: Kind = request.param
    return found


@pytest.fixture
def page(alice: Page) -> Page:
    """Return a page that counts the clicks."""
    count_clicks(alice)
    return alice


def test_remove_with_undo(page: Page, world: World, kind: Kind) -> None:
    """Two to remove, and one to take that back."""
    kind.set(world, "old", None)
    page.goto(kind.list)
    wait_for_reconcile(page)
    page.get_by_label(f"More actions for {KEY} on All branches").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text(f"{KEY} removed.")).to_be_visible()
    expect(page.get_by_role("link", name="Recycle bin 1", exact=True)).to_be_visible()
    assert clicks(page) == 2
    assert kind.value(world, None) is None
    follow(page.locator("#toasts").get_by_role("button", name="Undo"))
    expect(page.get_by_text(f"Undid the change of {KEY}.")).to_be_visible()
    assert kind.value(world, None) == "old"
    assert clicks(page) == 3


def test_roll_back_one(page: Page, world: World, kind: Kind) -> None:
    """From the list: a key leads to its versions, each with Restore. A secret's are in the list."""
    for value in ("one", "two"):
        kind.set(world, value, None)
    page.goto(f"{kind.list}?q=API")
    wait_for_reconcile(page)
    page.get_by_role("link", name=KEY, exact=True).click()
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.locator("#toasts").get_by_text(re.compile("[Rr]estored"))).to_be_visible()
    if kind.noun == "secret":
        expect(page).to_have_url(re.compile(r"/hosting/secrets/\?q=API$"))
    assert clicks(page) == 2
    assert kind.value(world, None) == "one"


def test_roll_back_a_batch(page: Page, world: World) -> None:
    """The same for both kinds: the activity has change sets of either."""
    set_secrets(world, {"A": "old", "B": "old"})
    set_secrets(world, {"A": "new", "B": "new"})
    page.goto(f"{APP}/activity/")
    page.get_by_role("link", name="2 changes on All branches").first.click()
    page.get_by_role("button", name="Undo 2 changes").click()
    expect(page.get_by_text("Undid 2 changes.")).to_be_visible()
    assert clicks(page) == 2
    assert stored_values(world, "A")[0] == stored_values(world, "B")[0] == "old"


def test_clean_up_a_branch(page: Page, world: World) -> None:
    """Its secrets and variables go to the recycle bin with it, however many there are."""
    set_secrets(world, {f"KEY_{number}": "x" for number in range(5)}, world.dev)
    set_variable(world, "API_URL", "https://example.org", world.dev)
    page.goto(f"{APP}/settings/branches/")
    page.get_by_role("link", name="Delete dev").click()
    page.get_by_role("button", name="Delete branch").click()
    expect(page.get_by_text("Deleted the branch dev.")).to_be_visible()
    assert clicks(page) == 2
    assert not world.dev.secrets.exists()
    assert not world.dev.variables.filter(removed_at=None).exists()


@pytest.mark.usefixtures("console_on_amplify")
def test_rotate_and_redeploy(page: Page, world: World, kind: Kind, amplify: AmplifyServer) -> None:
    """One to rotate, with Enter; the message offers the redeployment that it takes."""
    connect(world, amplify)
    deploy(world, amplify, "main")
    look(world)
    kind.set(world, "old", world.main)
    page.goto(kind.list)
    wait_for_reconcile(page)
    page.get_by_role("link", name=f"Edit {KEY} on main").click()
    form = page.get_by_role("form", name=f"Edit {KEY} on main")
    form.get_by_label("Value").first.fill("new")
    page.keyboard.press("Enter")
    redeploy = page.locator("#toasts").get_by_role("button", name="Redeploy main")
    redeploy.click()
    expect(page.get_by_text("Started deployment 2 of main.")).to_be_visible()
    assert clicks(page) == 2
    assert kind.value(world, world.main) == "new"
