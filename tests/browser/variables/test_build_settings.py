"""Build settings in the browser: edit, resolve a conflict, insert commands, and accessibility."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from console.models import Branch
from envvars_app.build_settings import save
from envvars_app.buildspec import DEFAULT
from envvars_app.models import BuildSpec, BuildSpecVersion, Variable
from tests.browser.accessibility import accessibility_problems
from tests.browser.steps import follow
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = "/apps/d1shop/hosting/build-settings/"
LONG_BRANCH = "feature/" + "eine-sehr-lange-verzweigung-" * 8
LONG_LINE = "        - echo " + "a-very-long-command-without-a-space" * 6 + "\n"


@pytest.fixture
def app_with_versions(world: World) -> World:
    """Add versions, a warning, an override, and variables with long names."""
    Branch.objects.create(app=world.app, name=LONG_BRANCH)
    for key in ("API_URL", "NEXT_PUBLIC_A", "STRIPE_SECRET_KEY", "A_VERY_LONG_NAME_" * 9):
        Variable.objects.create(app=world.app, key=key, value="v", changed_at=timezone.now())
    warned = DEFAULT.replace("        - npm run build\n", LONG_LINE + "        - npm run build\n")
    texts = ((None, DEFAULT, 0), (None, f"{warned}fronted: {{}}\n", 1), (world.dev.pk, DEFAULT, 0))
    for branch_id, text, base in texts:
        actor = world.actor("alice")
        save(actor=actor, app_id="d1shop", branch_id=branch_id, text=text, base=base)
    return world


def replace_in_editor(page: Page, old: str, new: str) -> None:
    """Replace a part of the specification in the text field."""
    field = page.get_by_label("amplify.yml")
    field.fill(field.input_value().replace(old, new))


def press(page: Page, name: str) -> None:
    """Press a button, and wait until the page that answers has loaded."""
    follow(page.get_by_role("button", name=name, exact=True))


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_it_works(world: World, open_page: Callable[..., Page], javascript: bool) -> None:
    alice = open_page(user=world.person("alice"), javascript=javascript)
    alice.goto("/apps/d1shop/")
    alice.get_by_role("link", name="Build settings").click()
    expect(alice.get_by_text("not saved yet")).to_be_visible()
    follow(alice.get_by_role("link", name="Edit", exact=True))
    replace_in_editor(alice, "npm run build", "npm run site")
    press(alice, "Save")
    expect(alice.get_by_text("Saved the build settings as version 1.")).to_be_visible()
    expect(alice.locator("#L12")).to_have_text("        - npm run site")
    assert BuildSpec.objects.get().text == DEFAULT.replace("npm run build", "npm run site")
    alice.get_by_label("Branch").select_option("dev")
    if not javascript:
        press(alice, "Show")
    expect(alice.get_by_text("inherits version")).to_be_visible()
    with alice.expect_download() as download:
        alice.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "amplify.yml"


@pytest.mark.exhaustive
def test_an_error_links_to_its_line(
    world: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("422")
    alice = open_page(user=world.person("alice"))
    alice.goto(f"{PAGE}edit/")
    replace_in_editor(alice, "npm run build", "echo Key: value")
    press(alice, "Save")
    alice.get_by_role("link", name="Line 12").click()
    selected = "(field) => field.value.slice(field.selectionStart, field.selectionEnd)"
    field = alice.get_by_label("amplify.yml")
    expect(field).to_be_focused()
    assert field.evaluate(selected) == "        - echo Key: value"
    expect(alice.get_by_text("Line 12, column 1.")).to_be_visible()
    replace_in_editor(alice, "echo Key: value", "echo ok")
    press(alice, "Save")
    expect(alice.get_by_text("Saved the build settings")).to_be_visible()


def test_leaving_with_unsaved_work(world: World, open_page: Callable[..., Page]) -> None:
    alice = open_page(user=world.person("alice"))
    dialogs: list[str] = []
    alice.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.dismiss()))
    alice.goto(f"{PAGE}edit/")
    alice.get_by_label("amplify.yml").press_sequentially("# mine\n")
    alice.get_by_role("link", name="Activity").click()
    expect(alice.get_by_label("amplify.yml")).to_have_value(f"# mine\n{DEFAULT}")
    assert dialogs == ["beforeunload"]
    alice.get_by_label("amplify.yml").fill(DEFAULT)  # unchanged again: nothing to lose
    alice.get_by_role("link", name="Activity").click()
    expect(alice.get_by_role("heading", name="Activity")).to_be_visible()
    assert dialogs == ["beforeunload"]


@pytest.mark.exhaustive
def test_a_conflict(world: World, open_page: Callable[..., Page], complaints: Any) -> None:
    complaints.expect("422")
    alice, mia = (open_page(user=world.person(name)) for name in ("alice", "mia"))
    alice.goto(f"{PAGE}edit/")
    mia.goto(f"{PAGE}edit/")
    replace_in_editor(mia, "npm run build", "npm run theirs")
    press(mia, "Save")
    expect(mia.get_by_text("Saved the build settings")).to_be_visible()
    replace_in_editor(alice, "npm run build", "npm run mine")
    press(alice, "Save")
    expect(alice.get_by_text("mia@example.org changed these build settings")).to_be_visible()
    expect(alice.locator("del")).to_have_text("        - npm run theirs")
    expect(alice.locator("ins")).to_have_text("        - npm run mine")
    press(alice, "Save")
    expect(alice.get_by_text("version 2.", exact=False).first).to_be_visible()
    alice.get_by_role("link", name="Version 1").click()
    press(alice, "Restore this version")
    expect(alice.get_by_text("Restored the build settings as version 3.")).to_be_visible()
    assert "npm run theirs" in BuildSpec.objects.get().text


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
@pytest.mark.exhaustive
def test_versions_are_paginated(
    world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    actor = world.actor("alice")
    for base in range(26):
        text = f"{DEFAULT}# {base + 1}\n"
        save(actor=actor, app_id="d1shop", branch_id=None, text=text, base=base)
    alice = open_page(user=world.person("alice"), javascript=javascript)
    alice.goto(PAGE)
    expect(alice.get_by_role("link", name="Version 26", exact=True)).to_be_visible()
    alice.get_by_role("link", name="Next page").click()
    expect(alice).to_have_url(re.compile("page=2"))
    expect(alice.get_by_role("heading", name="Build settings")).to_have_count(1)
    alice.get_by_role("link", name="Version 1", exact=True).click()
    expect(alice.locator("#L21")).to_have_text("# 1")


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_inserting_commands_with_the_keyboard(
    app_with_versions: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    alice = open_page(user=app_with_versions.person("alice"), javascript=javascript)
    alice.goto(f"{PAGE}pipe/?branch={app_with_versions.dev.pk}")
    alice.get_by_label("API_URL").focus()
    alice.keyboard.press("Space")
    alice.get_by_label("Also include variables starting with").focus()
    alice.keyboard.type("NEXT_")
    alice.keyboard.press("Tab")
    alice.keyboard.type("Server")  # selects the first option that starts so
    alice.keyboard.press("Tab")
    alice.keyboard.press("Enter")
    line = "env | grep -e ^API_URL= -e ^NEXT_ >> .env.production"
    expect(alice.locator("ins")).to_have_text(f"        - {line}")
    press(alice, "Insert into the build phase")
    expect(
        alice.get_by_text("Inserted the lines into the build phase as version 2.")
    ).to_be_visible()
    expect(alice.locator("#L12")).to_have_text(f"        - {line}")


@pytest.mark.exhaustive
def test_accessibility(
    app_with_versions: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("422")
    first = BuildSpecVersion.objects.filter(version=1, build_spec__branch=None).get()
    pages = (
        "",
        f"?branch={app_with_versions.dev.pk}",
        "edit/",
        "remove/",
        f"versions/{first.pk}/",
        "pipe/",
    )
    alice = open_page(user=app_with_versions.person("alice"))
    for page in pages:
        answer = alice.goto(f"{PAGE}{page}")
        assert answer is not None
        assert answer.status == 200, page
        assert accessibility_problems(alice) == []
    alice.get_by_label("STRIPE_SECRET_KEY").check()
    alice.get_by_label("A_VERY_LONG_NAME").check()
    alice.get_by_label("File", exact=True).select_option("android-build-config")
    press(alice, "Preview lines")
    expect(alice.locator("#lines ins").first).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.get_by_label("Folder").fill("../x")
    press(alice, "Preview lines")
    expect(alice.locator("[aria-invalid=true]")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.goto(f"{PAGE}edit/")
    replace_in_editor(alice, "backend:", "backend: 5")
    press(alice, "Save")
    expect(alice.get_by_role("alert")).to_be_visible()
    assert accessibility_problems(alice) == []
    alice.goto(f"{PAGE}edit/")
    save(
        actor=app_with_versions.actor("mia"), app_id="d1shop", branch_id=None, text=DEFAULT, base=2
    )
    replace_in_editor(alice, "version: 1", "version: 1.0")
    press(alice, "Save")
    expect(alice.get_by_role("heading", name="Changes from their version to yours")).to_be_visible()
    assert accessibility_problems(alice) == []


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_choosing_the_file_that_can_hold_the_values(
    world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    for key, value in (("ACCENT", "#fff"), ("PRICE", "a$$b"), ("PLAIN", "x")):
        Variable.objects.create(app=world.app, key=key, value=value, changed_at=timezone.now())
    alice = open_page(user=world.person("alice"), javascript=javascript)
    alice.goto(f"{PAGE}pipe/")
    expect(alice.get_by_label("File", exact=True)).to_have_value("env-quoted")
    alice.get_by_label("File", exact=True).select_option("env")
    for name in ("ACCENT", "PRICE", "PLAIN"):
        alice.get_by_label(name, exact=True).check()
    press(alice, "Preview lines")
    expect(alice.locator("#lines .alert.bad li")).to_have_count(2)
    if javascript:
        assert accessibility_problems(alice) == []
    alice.get_by_role("button", name="Use “.env, values in quotes”").focus()
    alice.keyboard.press("Enter")
    expect(alice.get_by_label("File", exact=True)).to_have_value("env-quoted")
    expect(alice.locator("#lines .alert.bad")).to_have_count(0)
    expect(alice.locator("#lines .alert.warn li")).to_contain_text("PRICE")
    press(alice, "Use “.env for Vite or Create React App, values in quotes”")
    expect(alice.get_by_label("File", exact=True)).to_have_value("env-expanded")
    press(alice, "Insert into the build phase")
    expect(alice.get_by_text("Inserted the lines into the build phase")).to_be_visible()
