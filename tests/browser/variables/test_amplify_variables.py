"""Variables of a connected app in the browser: pushed after Save, and a conflict decided."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from console.access.policy import find_app
from console.amplify.service import service
from console.amplify.snapshots import read_snapshot
from console.models import Connection
from envvars_app.amplify_sync.pulling import take_in
from tests.browser.steps import HeldPosts, save_all
from tests.factories import set_variable, variable_values
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/apps/d1shop/hosting/environment-variables/"


@pytest.fixture
def connected(world: World, amplify: AmplifyServer, console_on_amplify: object) -> AmplifyServer:
    """Return Amplify with the world's app, which is connected and was read."""
    amplify.add_app("d1shop", "Shop")
    for name in ("main", "dev"):
        amplify.add_branch("d1shop", name)
    Connection.objects.create(app=world.app, connected_at=timezone.now(), connected_by="olga")
    pull(world)
    return amplify


def pull(world: World) -> None:
    """Read the app as a refresh does."""
    access = find_app(world.actor("alice"), world.app.app_id)
    take_in(access, read_snapshot(service(), world.app.app_id))


def test_it_works(world: World, alice: Page, connected: AmplifyServer) -> None:
    alice.goto(f"{LIST}manage/")
    new = alice.locator("#new .edit-row").first
    new.get_by_label("Variable").fill("API_URL")
    new.get_by_label("Value", exact=True).fill("https://example.org")
    save_all(alice)
    expect(alice.get_by_text("Compared with")).to_be_visible()
    expect(alice.get_by_text("Pending")).to_have_count(0)
    assert connected.variables("d1shop") == {"API_URL": "https://example.org"}


def test_adding_in_the_list(world: World, alice: Page, connected: AmplifyServer) -> None:
    alice.goto(LIST)
    expect(alice.get_by_text("Compared with")).to_be_visible()
    form = alice.get_by_role("form", name="Add a variable")
    form.get_by_label("Variable", exact=True).fill("API_URL")
    form.get_by_label("Value", exact=True).fill("ours")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("1 variable saved.")).to_be_visible()
    expect(alice.get_by_text("Compared with")).to_be_visible()
    expect(alice.get_by_text("Pending")).to_have_count(0)
    assert connected.variables("d1shop") == {"API_URL": "ours"}


@pytest.mark.exhaustive
def test_two_pushes_at_once(world: World, alice: Page, connected: AmplifyServer) -> None:
    """The second one's answer updates the list, although the first one's came in between."""
    set_variable(world, "FIRST", "ours")
    pushes = HeldPosts(alice, "**/push/*")
    alice.goto(LIST)
    first = pushes.next()
    form = alice.get_by_role("form", name="Add a variable")
    form.get_by_label("Variable", exact=True).fill("API_URL")
    form.get_by_label("Value", exact=True).fill("ours")
    alice.keyboard.press("Enter")
    second = pushes.next()
    with alice.expect_response("**/push/*"):
        first.continue_()
    with alice.expect_response("**/push/*"):
        second.continue_()
    expect(alice.get_by_text("Compared with")).to_be_visible()
    expect(alice.get_by_text("Pending")).to_have_count(0)
    assert connected.variables("d1shop") == {"FIRST": "ours", "API_URL": "ours"}


def test_a_conflict_is_decided_with_the_keyboard(
    world: World, alice: Page, connected: AmplifyServer
) -> None:
    set_variable(world, "API_URL", "ours")
    connected.set_variable("d1shop", "API_URL", "theirs")
    pull(world)
    alice.goto(LIST)
    alice.get_by_role("link", name="Conflict with Amplify").press("Enter")
    alice.get_by_role("button", name="Use Amplify's API_URL").press("Enter")
    expect(alice.get_by_text("Branchkeep now has Amplify's value.")).to_be_visible()
    assert variable_values(world) == {("", "API_URL"): "theirs"}


@pytest.mark.exhaustive
def test_amplify_does_not_answer(world: World, alice: Page, connected: AmplifyServer) -> None:
    connected.always("throttled")
    set_variable(world, "API_URL", "ours")
    alice.goto(LIST)
    expect(alice.get_by_text("Amplify is receiving too many requests")).to_be_visible()
    expect(alice.get_by_text("Pending")).to_be_visible()


@pytest.mark.exhaustive
def test_without_javascript(
    world: World, open_page: Callable[..., Page], connected: AmplifyServer
) -> None:
    page = open_page(user=world.person("alice"), javascript=False)
    set_variable(world, "API_URL", "ours")
    page.goto(LIST)
    page.get_by_role("button", name="Push now").click()
    expect(page.get_by_text("1 change has reached Amplify.")).to_be_visible()
    assert connected.variables("d1shop") == {"API_URL": "ours"}
