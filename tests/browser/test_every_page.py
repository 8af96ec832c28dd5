"""Every page is accessible (WCAG 2.2 AA) in light and dark, and fits in 320 px.

Each test also fails on a console error or a breach of the CSP (tests/fixtures/chromium.py).
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Page, expect

from console.auth.bootstrap import link_path
from console.catalog.notes import set_note
from console.members import suspension
from console.members.suspension import Proof
from console.models import AuditEvent, Branch, Member, PreviewRule, User
from envvars_app.models import MapVersion, SyncedScope
from secrets_app.models import Secret
from tests.browser.accessibility import ALL_RULES, AXE, accessibility_problems, violations
from tests.browser.steps import (
    LIST,
    MANAGE,
    PEM,
    follow,
    row,
    save_all,
    set_secrets,
    wait_for_reconcile,
)
from tests.console.access.routes import (
    TOKEN,
    account_link,
    difference,
    invitation,
)
from tests.factories import (
    change_variable,
    delete_secret,
    reconcile_now,
    remove_variable,
    set_role,
    set_variable,
    variable_row,
    without_table,
    write_outside,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

APP = "/apps/d1shop/"
BIN = f"{APP}hosting/secrets/bin/"
MEMBERS = f"{APP}settings/members/"
VARIABLES = f"{APP}hosting/environment-variables/"
# The admin's links change color slowly. axe would measure a color on the way
FADE = "Promise.allSettled(document.getAnimations().map((fade) => fade.finished)).then(() => 0)"
LONG = "A_VERY_LONG_NAME_" * 12
LONG_ENVIRONMENT = "environment-" * 8
LONG_BRANCH = "feature/" + "eine-sehr-lange-verzweigung-" * 8
PAGES = (
    "/",
    "/search/?q=a&app=d1shop",
    "/apps/new/",
    APP,
    f"{APP}compare/",
    f"{APP}compare/?show=missing&q=nothing",
    f"{APP}compare/copy/",
    f"{APP}compare/PREVIEW/",
    f"{APP}compare/code/",
    f"{APP}activity/",
    f"{APP}activity/?person=nobody&since=2026-01-01T00:00",
    f"{APP}hosting/deployments/",
    f"{APP}hosting/secrets/import/",
    f"{APP}hosting/self-managed/",
    f"{APP}settings/general/",
    f"{APP}settings/branches/",
    f"{APP}settings/branches/add/",
    f"{APP}settings/branches/BRANCH/",
    f"{APP}settings/branches/BRANCH/delete/",
    f"{APP}settings/previews/",
    f"{APP}settings/hosting-project/",
    f"{APP}settings/notifications/",
    MEMBERS,
    f"{MEMBERS}invite/",
    f"{MEMBERS}group/",
    f"{MEMBERS}decision/",
    f"{MEMBERS}decision/?who=USER&act=WRITE&where=BRANCH",
    f"{MEMBERS}left/",
    f"{MEMBERS}MEMBER/",
    f"{MEMBERS}MEMBER/remove/",
    f"{MEMBERS}people/USER/known/",
    "/people/USER/known/",
    f"/invitations/{TOKEN}/",
    LIST,
    f"{APP}changes/CHANGES/",
    f"{LIST}SECRET/",
    f"{LIST}SECRET/versions/",
    f"{LIST}SECRET/edit/",
    f"{LIST}SECRET/why/",
    f"{LIST}SECRET/note/",
    f"{LIST}SECRET/type/",
    f"{LIST}copy/",
    f"{LIST}drift/",
    f"{LIST}unknown/",
    f"{LIST}gen1/?environment={LONG_ENVIRONMENT}",
    MANAGE,
    VARIABLES,
    f"{VARIABLES}manage/",
    f"{VARIABLES}bulk/",
    f"{VARIABLES}bulk/?scope=BRANCH&format=json",
    f"{VARIABLES}copy/",
    f"{VARIABLES}download/?branch=BRANCH",
    f"{APP}warnings/",
    BIN,
    f"{BIN}?delete=variable-REMOVED",
    f"{VARIABLES}amplify/",
    f"{VARIABLES}amplify/maps/MAP/",
    f"{VARIABLES}VARIABLE/",
    f"{VARIABLES}VARIABLE/edit/",
    f"{VARIABLES}VARIABLE/why/",
    f"{VARIABLES}REMOVED/",
    f"{VARIABLES}VARIABLE/move/",
    "/accounts/confirm/",
    "/accounts/password/change/",
    "/accounts/sessions/",
    "/accounts/preferences/",
    "/accounts/logout/",
)
# Pages above in another state
VARIANTS = (
    "/search/?q=nothing",
    f"{APP}?q=nothing",
    f"{APP}settings/hosting-project/?name=@acme/web-shop",
    f"{LIST}?branch=BRANCH",
    f"{LIST}?q=nothing",
    f"{LIST}SECRET/why/?on=BRANCH",
    f"{LIST}SECRET/edit/?on=",
    f"{LIST}drift/?show=ignored",
    f"{MANAGE}?new=2",
    f"{VARIABLES}?branch=BRANCH",
    f"{VARIABLES}?q=nothing",
    f"{VARIABLES}manage/?new=2",
    f"{BIN}?q=nothing",
)
# Wide windows show in dark what narrow ones don't; all pages are looked at in dark at 320 px
WIDE = (APP, f"{APP}activity/", LIST, MANAGE, f"{VARIABLES}manage/")
ADMIN = (
    "/activity/?q=a",
    "/operation/doctor/",
    "/operation/orphans/",
    "/operation/store/",
    "/admin/",
    "/admin/console/user/",
    "/admin/console/user/add/",
    "/admin/console/user/USER/change/",
    "/admin/console/user/USER/password/",
    "/admin/console/member/add/",
    "/admin/auth/group/",
    "/admin/auth/group/add/",
    "/admin/console/app/",
    "/admin/console/auditevent/?q=alice",
    "/admin/secrets_app/secret/",
    "/admin/secrets_app/secret/SECRET/change/",
    "/admin/secrets_app/secret/SECRET/history/",
    "/admin/password_change/",
)


@pytest.fixture
def full_app(world: World) -> World:
    """Add secrets, variables, members and groups in every state, some with very long names."""
    long = Branch.objects.create(app=world.app, name=LONG_BRANCH)
    set_secrets(world, {LONG: PEM, "SHORT": "s"})
    set_secrets(world, {LONG: PEM}, long)
    alice, note = world.actor("alice"), "A note\n" + "with_a_very_long_word" * 20
    for key in (LONG, "BEHIND", "API_TOKEN"):
        set_note(actor=alice, app_id="d1shop", key=key, note=note, labels="l" * 40, base=0)
    PreviewRule.objects.create(app=world.app, position=1, pattern="feature/*", source=world.dev)
    set_secrets(world, {"REMOVED": "r"}, long)
    delete_secret(world, "REMOVED", long)
    set_secrets(world, {"API_KEY": "k", "GONE": "g", "BEHIND": "b"}, world.main)
    Secret.objects.filter(key="BEHIND").update(mirror_version=0, mirror_of=0)
    Secret.objects.filter(key="GONE").update(version=0, mirror_version=0, gone_at="2026-01-01T00Z")
    Branch.objects.create(app=world.app, name="old", deleted_at="2026-01-01T00:00Z")
    for key, value in {LONG: PEM * 3, "TOKEN": "t", "_BUILD_TIMEOUT": "30", "EMPTY": ""}.items():
        set_variable(world, key, value)
        set_variable(world, key, value, long)
    change_variable(world, variable_row(world, "TOKEN"), "changed ", key="API_TOKEN", by="mia")
    remove_variable(world, set_variable(world, "GONE", "\nlast\r"), by="mia")
    set_variable(world, "not-a-name", "a\rb")
    set_variable(world, "PLACEHOLDER", "changeme", long)
    write_outside("/amplify/d1shop/unknown/API_KEY")
    for name in ("AMPLIFY_mailer_API_KEY", "AMPLIFY_sender_API_KEY", "AMPLIFY_x_TOKEN"):
        write_outside(f"/amplify/d1shop/{LONG_ENVIRONMENT}/{name}{LONG[:200]}")
    write_outside(f"/amplify/d1shop/{LONG}-sandbox-0123456789/{LONG}")
    reconcile_now(world)
    _members(world)
    difference(world)
    shared = SyncedScope.objects.get(branch=None)
    shared.variables.create(key="API_TOKEN", held=LONG, state="conflict")
    return world


def _members(world: World) -> None:
    for name in ("bob", "mia"):
        world.person(name)
    for name in ("Web team", f"{LONG[:140]}"):
        group = Group.objects.create(name=name)
        group.user_set.set([world.person("charlie"), world.person("oscar")])
    row = Member.objects.create(app=world.app, group=Group.objects.earliest("pk"), role="developer")
    Member.objects.filter(pk=row.pk).update(patterns=f"{LONG_BRANCH}\nrelease/*")
    invitation(world)
    set_secrets(world, {"LEFT": "behind"}, world.dev, by="bob")
    Member.objects.filter(user=world.person("bob")).delete()


def _change_set() -> object:
    events = AuditEvent.objects.filter(subject="API_KEY").exclude(change_set=None)
    return events.latest("pk").change_set


def _urls(world: World, pages: tuple[str, ...]) -> Iterator[str]:
    ids = {
        "SECRET": Secret.objects.get(key="BEHIND").pk,
        "BRANCH": world.main.pk,
        "PREVIEW": world.app.branches.get(name=LONG_BRANCH).pk,
        "USER": world.person("alice").pk,
        "MEMBER": Member.objects.get(user=world.person("mia")).pk,
        "VARIABLE": world.app.variables.get(key="API_TOKEN", branch=None).pk,
        "CHANGES": AuditEvent.objects.filter(subject="API_KEY")
        .exclude(change_set=None)[0]
        .change_set,
        "MAP": MapVersion.objects.get().pk,
        "REMOVED": world.app.variables.get(key="GONE").pk,
    }
    for page in pages:
        for name, pk in ids.items():
            page = page.replace(name, str(pk))
        yield page


@pytest.mark.parametrize(
    "pages",
    [PAGES[::2], PAGES[1::2], pytest.param(VARIANTS, marks=pytest.mark.exhaustive)],
    ids=["one half", "other half", "variants"],
)
def test_it_works(
    full_app: World, open_page: Callable[..., Page], pages: tuple[str, ...], settings: Any
) -> None:
    settings.MAIL = True  # otherwise there are no notifications to choose
    alice = open_page(user=full_app.person("alice"))
    User.objects.filter(email="alice@example.org").update(is_superuser=True)
    problems = []
    for url in _urls(full_app, pages):
        answer = alice.goto(url)
        assert answer is not None
        assert answer.status == 200, url
        problems += accessibility_problems(alice)
        if url in WIDE:
            alice.emulate_media(color_scheme="dark")
            problems += violations(alice, "in dark", ["color-contrast"])
            alice.emulate_media(color_scheme="light")  # for the next page
    assert problems == []


def test_signed_out_pages(open_page: Callable[..., Page], db: None) -> None:
    page = open_page()
    for url in ("/accounts/login/", "/accounts/signup/", link_path()):
        page.goto(url)
        assert accessibility_problems(page) == []


def test_an_invitation(world: World, open_page: Callable[..., Page], complaints: Any) -> None:
    complaints.expect("422")
    alice, page = open_page(user=world.person("alice")), open_page()
    alice.goto(f"{MEMBERS}invite/")
    alice.get_by_label("Email address").fill(f"{'long' * 15}@example.org")
    alice.get_by_role("button", name="Invite", exact=True).click()
    expect(alice.get_by_role("heading", name="Invited")).to_be_visible()
    assert accessibility_problems(alice) == []
    page.goto(alice.locator("code.value").inner_text())
    assert accessibility_problems(page) == []
    for field in page.get_by_label("Password").all():
        field.fill("short")
    page.get_by_role("button", name="Join").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    assert accessibility_problems(page) == []


@pytest.mark.exhaustive
def test_the_admin_site(full_app: World, open_page: Callable[..., Page], complaints: Any) -> None:
    urls = [*_urls(full_app, ADMIN)]
    olga = open_page(user=full_app.person("olga"), width=320, height=640)
    for url in urls:
        answer = olga.goto(url)
        assert answer is not None
        assert answer.status == 200, url
        assert olga.evaluate("document.documentElement.scrollWidth") <= 320, url
    assert complaints.unexpected() == []
    complaints.expect("Applying inline style|style-src-elem inline")  # axe adds style elements
    olga.set_viewport_size({"width": 1440, "height": 900})
    problems = []
    for url in urls:
        olga.goto(url)
        olga.evaluate(AXE)
        problems += violations(olga, "in light", ALL_RULES)
        olga.emulate_media(color_scheme="dark")
        olga.evaluate(FADE)
        problems += violations(olga, "in dark", ["color-contrast"])
        olga.emulate_media(color_scheme="light")  # for the next page
    assert problems == []


@pytest.mark.exhaustive
def test_one_time_links_and_suspended_people(world: World, open_page: Callable[..., Page]) -> None:
    account_link(world)
    set_role(world, "mia", "owner")
    for name in ("alice", "vera"):
        suspension.suspend(world.person(name), reason="a test", proof=Proof.PASSWORD)
    alice, mia, olga, page = (
        open_page(user=world.person(it)) for it in ("alice", "mia", "olga", "bob")
    )
    for user, url in ((alice, "/"), (mia, MEMBERS), (page, f"/accounts/link/{TOKEN}/")):
        user.goto(url)
        assert accessibility_problems(user) == []
    olga.goto(f"/admin/console/user/{world.person('vera').pk}/password/")
    olga.get_by_role("button", name="Make the link").click()
    expect(olga.locator("code").first).to_contain_text("/accounts/link/")
    olga.evaluate(AXE)
    assert violations(olga, "in light", ALL_RULES) == []
    mia.get_by_role("button", name="Confirm alice@example.org").click()
    expect(mia.get_by_text("Confirmed alice@example.org")).to_be_visible()


def test_error_pages(full_app: World, open_page: Callable[..., Page], complaints: Any) -> None:
    complaints.expect("status of (40[0-9]|422|50[0-9])")
    alice = open_page(user=full_app.person("alice"))
    vera = open_page(user=full_app.person("vera"))
    statuses = []

    def open_and_check(page: Page, url: str) -> None:
        answer = page.goto(url)
        assert answer is not None
        statuses.append(answer.status)
        assert accessibility_problems(page) == []

    open_and_check(alice, "/nowhere/")
    open_and_check(vera, f"{APP}settings/general/")
    with without_table("secrets_app_secret"):
        open_and_check(alice, LIST)
    assert statuses == [404, 403, 500]
    for url in (f"{APP}settings/branches/add/", "/apps/d1shop/settings/general/"):
        alice.goto(url)
        alice.get_by_label("Name").evaluate("(field) => { field.required = false; }")
        alice.get_by_label("Name").fill("")
        alice.locator("main button[type=submit]").click()
        expect(alice.locator("[aria-invalid=true]").first).to_be_visible()
        assert accessibility_problems(alice) == []


def test_edit_mode_with_conflicts_and_errors(
    full_app: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("422")
    alice = open_page(user=full_app.person("alice"))
    alice.goto(f"{MANAGE}?new=1")
    wait_for_reconcile(alice)
    set_secrets(full_app, {"SHORT": "by mia"}, by="mia")
    row(alice, "SHORT").get_by_label("Value", exact=True).fill("by alice")
    row(alice, "API_KEY", "main").get_by_role("button", name="Remove").click()
    alice.locator("#new").get_by_label("Variable").fill("BAD KEY")
    alice.locator("#new").get_by_label("Value", exact=True).fill("x" * 5000)
    save_all(alice)
    expect(alice.get_by_role("button", name="Overwrite")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.get_by_role("link", name="Cancel").click()
    expect(alice.get_by_role("dialog")).to_be_visible()
    assert accessibility_problems(alice) == []


def test_accessibility_problems_are_found(page: Page) -> None:
    page.set_content(
        """<title>x</title><main><h1>x</h1><img src="data:,"><input>
        <p style="color: #999; width: 400px">hard to read</p>
        <button style="all: unset; font-size: 8px">a</button
        ><button style="all: unset; font-size: 8px">b</button>"""
    )
    problems = "\n".join(accessibility_problems(page))
    for word in ("image-alt", "label", "color-contrast", "sideways", "target-size"):
        assert word in problems


@pytest.mark.exhaustive
def test_previews_of_bulk_edit(
    full_app: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("422")
    alice = open_page(user=full_app.person("alice"))
    alice.goto(f"{VARIABLES}bulk/")
    text = alice.get_by_label("Variables as .env")
    text.fill("A='open")
    alice.get_by_role("button", name="Preview changes").click()
    expect(alice.get_by_text("is never closed")).to_be_visible()
    assert accessibility_problems(alice) == []
    text.fill(f"AWS_X=1\nAPI_TOKEN=\n{LONG}='{'y' * 3000}'\nEMPTY=\nNEW=' x '\n")
    alice.get_by_role("button", name="Preview changes").click()
    expect(alice.get_by_role("button", name="Apply")).to_be_visible()
    alice.locator("summary", has_text="unchanged").click()
    expect(alice.locator("details[open]", has_text="unchanged")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.get_by_role("button", name="Apply").click()
    expect(alice.get_by_text("The rest are below.")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.goto(f"{VARIABLES}copy/")
    alice.get_by_label("All 3").check()
    follow(alice.get_by_role("button", name="Preview changes"))
    alice.locator("summary", has_text="Branches (3)").click()
    expect(alice.locator("details[open]", has_text="Branches (3)")).to_be_visible()
    assert accessibility_problems(alice) == []
