"""Members in the browser: invite, limit to branches, check access, and offboard."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Locator, Page, expect

from console.models import Branch, Member
from secrets_app.reveal import reveal
from tests.browser.steps import MANAGE, follow, set_secrets
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MEMBERS = "/apps/d1shop/settings/members/"


@pytest.fixture(autouse=True)
def _reset_rate_limits(db: None) -> None:
    """Clear the rate limits, since each test starts with the same row ids."""
    cache.clear()


def invite(page: Page, email: str, role: str, patterns: str = "") -> str:
    """Invite a person from the members page, and return the link."""
    page.goto(MEMBERS)
    follow(page.get_by_role("link", name="Invite", exact=True))
    page.get_by_label("Email address").fill(email)
    page.get_by_role("radio", name=role).check()
    page.get_by_label("Limit to branches").fill(patterns)
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_role("heading", name="Invited")).to_be_visible()
    return page.locator("code.value").inner_text()


def member_row(page: Page, name: str) -> Locator:
    """Return a member's row of the list."""
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_it_works(
    world: World, open_page: Callable[..., Page], complaints: Any, javascript: bool
) -> None:
    """A new user is invited to feature branches, joins, and can write only there."""
    complaints.expect("status of (404|422)")
    Branch.objects.create(app=world.app, name="feature/login")
    alice = open_page(user=world.person("alice"), javascript=javascript)
    link = invite(alice, "nora@example.org", "Developer", "feature/*")
    nora = open_page(javascript=javascript)
    nora.goto(link)
    expect(nora.get_by_text("developer on feature/*")).to_be_visible()
    for password in ("123456789012", PASSWORD):
        nora.get_by_label("Password", exact=True).fill(password)
        nora.get_by_label("Confirm password").fill(password)
        follow(nora.get_by_role("button", name="Join"))
    expect(nora.get_by_text("You are now a member of Shop.")).to_be_visible()
    nora.goto(f"{MANAGE}?new=1")
    branches = nora.locator("#new").get_by_label("Branch").first.locator("option")
    assert branches.all_inner_texts() == ["feature/login"]
    alice.goto(MEMBERS)
    expect(member_row(alice, "nora@example.org")).to_contain_text("feature/*")
    answer = open_page(javascript=javascript).goto(link)
    assert answer is not None
    assert answer.status == 404


@pytest.mark.exhaustive
def test_an_invited_user_with_an_account(world: World, open_page: Callable[..., Page]) -> None:
    """charlie has an account; another user is signed in to the browser."""
    world.person("charlie")
    link = invite(open_page(user=world.person("alice")), "charlie@example.org", "Viewer")
    page = open_page(user=world.person("bob"))
    page.goto(link)
    follow(page.get_by_role("main").get_by_role("button", name="Sign out"))
    follow(page.get_by_role("link", name="Sign in"))
    page.get_by_label("Email").fill("charlie@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    follow(page.get_by_role("main").get_by_role("button", name="Sign in", exact=True))
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("You are now a member of Shop.")).to_be_visible()
    assert Member.objects.get(user=world.person("charlie")).role == "viewer"


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_offboarding(
    world: World, open_page: Callable[..., Page], tmp_path: Path, javascript: bool
) -> None:
    """bob loses access; the secrets bob knows are listed, exported and marked as rotated."""
    set_secrets(world, {"SEEN": "1", "OTHER": "2"}, world.dev)
    set_secrets(world, {"WROTE": "3"}, world.dev, by="bob")
    seen = world.app.secrets.get(key="SEEN")
    reveal(actor=world.actor("bob"), app_id="d1shop", pk=seen.pk)
    bob = open_page(user=world.person("bob"), javascript=javascript)
    bob.goto("/")
    expect(bob.get_by_role("link", name="Shop")).to_be_visible()
    alice = open_page(user=world.person("alice"), javascript=javascript)
    alice.goto(MEMBERS)
    alice.get_by_role("link", name="Remove bob@example.org").click()
    expect(alice.get_by_text("2 secrets")).to_be_visible()
    alice.get_by_role("button", name="Remove", exact=True).click()
    expect(alice.get_by_role("button", name="Mark as rotated")).to_be_visible()
    bob.reload()
    expect(bob.get_by_role("link", name="Shop")).to_have_count(0)
    with alice.expect_download() as download:
        alice.get_by_role("button", name="Export as CSV").click()
    download.value.save_as(tmp_path / "known.csv")
    rows = list(csv.reader((tmp_path / "known.csv").read_text("utf-8-sig").splitlines()))
    assert [row[2] for row in rows[1:]] == ["SEEN", "WROTE"]
    alice.get_by_label("Mark SEEN on dev as rotated").check()
    alice.get_by_role("button", name="Mark as rotated").click()
    expect(alice.get_by_text("1 marked as rotated.")).to_be_visible()
    expect(alice.get_by_text("Marked as rotated by alice@example.org")).to_be_visible()
    alice.goto(f"{MEMBERS}left/")
    expect(member_row(alice, "bob@example.org").get_by_role("cell").last).to_have_text("1")


@pytest.mark.exhaustive
def test_an_operator_disables_a_user(world: World, open_page: Callable[..., Page]) -> None:
    """bob is signed out at once; olga finds the secrets bob knows."""
    set_secrets(world, {"WROTE": "3"}, world.dev, by="bob")
    bob, olga = open_page(user=world.person("bob")), open_page(user=world.person("olga"))
    bob.goto("/")
    olga.goto("/admin/console/user/")
    olga.get_by_role("row", name="bob@example.org").get_by_role("checkbox").check()
    olga.get_by_label("Action:").select_option(label="Disable and sign out everywhere")
    follow(olga.get_by_role("button", name="Go"))
    follow(olga.get_by_role("button", name="Disable and sign out everywhere"))
    olga.get_by_role("link", name="View revealed and written secrets").click()
    expect(olga.get_by_role("rowheader", name="WROTE")).to_be_visible()
    bob.reload()
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()


def test_check_access(world: World, open_page: Callable[..., Page]) -> None:
    alice = open_page(user=world.person("alice"))
    world.person("bob")
    alice.goto(MEMBERS)
    alice.get_by_role("link", name="Check access").click()
    alice.get_by_label("Member").select_option(label="bob@example.org")
    alice.get_by_label("Action").select_option(label="reveal secrets")
    alice.get_by_label("Branch").select_option(label="main")
    alice.get_by_role("button", name="Check").click()
    answer = alice.get_by_role("region", name="bob@example.org can't reveal secrets on main.")
    expect(answer.get_by_text("No", exact=True)).to_be_visible()
    expect(answer.get_by_text("main is protected")).to_be_visible()


def test_with_the_keyboard(world: World, open_page: Callable[..., Page]) -> None:
    """The role can be reached and changed without a mouse."""
    alice = open_page(user=world.person("alice"))
    world.person("bob")
    alice.goto(MEMBERS)
    alice.get_by_role("link", name="Edit bob@example.org").press("Enter")
    alice.get_by_role("radio", name="Developer").focus()
    alice.keyboard.press("ArrowDown")
    expect(alice.locator("input[value=maintainer]")).to_be_checked()
    alice.keyboard.press("Tab")
    alice.keyboard.type("dev")
    alice.keyboard.press("Tab")  # Cancel
    alice.keyboard.press("Tab")
    alice.keyboard.press("Enter")
    expect(alice.get_by_text("Saved the role of bob@example.org.")).to_be_visible()
    member = Member.objects.get(user=world.person("bob"))
    assert (member.role, member.patterns) == ("maintainer", "dev")
