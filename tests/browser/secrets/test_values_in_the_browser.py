"""Values are on screen only while they are needed, and kept nowhere else (guarantees 5, 6)."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Dialog, Error, Page, expect

from tests.browser.steps import (
    LIST,
    MANAGE,
    PEM,
    SHARED,
    browser_storage,
    expect_saved,
    fill_new,
    row,
    save_all,
    save_with_notes,
    set_secrets,
    stored_value,
    value_of,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARK = "MIIE vQ="  # a part of PEM
ATTRIBUTES = (
    "[...document.querySelectorAll('*')].flatMap((it) => [...it.attributes]).map((it) => it.value)"
)


def test_it_works(alice: Page, world: World) -> None:
    set_secrets(world, {"TLS_KEY": PEM})
    alice.clock.install()
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.goto(LIST)
    line = alice.locator("tbody tr").first
    line.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(alice.get_by_label("Value of TLS_KEY", exact=True)).to_be_visible()
    assert alice.get_by_label("Value of TLS_KEY", exact=True).text_content() == PEM
    assert MARK not in browser_storage(alice)
    assert alice.evaluate(ATTRIBUTES) != []
    assert not [it for it in alice.evaluate(ATTRIBUTES) if MARK in it]

    line.get_by_role("button", name="Copy the value of TLS_KEY").click()
    expect(line.get_by_role("button", name="Copied")).to_be_visible()
    assert alice.evaluate("navigator.clipboard.readText()") == PEM

    alice.clock.fast_forward(31_000)
    expect(line).to_contain_text("***")
    assert MARK not in alice.content()


def test_a_revealed_value_is_hidden_after_leaving_the_page(alice: Page, world: World) -> None:
    set_secrets(world, {"TLS_KEY": PEM})
    alice.goto(LIST)
    alice.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(alice.get_by_label("Value of TLS_KEY", exact=True)).to_be_visible()
    alice.goto("/")
    alice.go_back()
    expect(alice.get_by_role("button", name="Reveal TLS_KEY")).to_be_visible()
    assert MARK not in alice.content()
    assert MARK not in browser_storage(alice)


def test_a_typed_value_is_gone_after_leaving_the_page(alice: Page, world: World) -> None:
    set_secrets(world, {"TLS_KEY": "x"})
    dialogs: list[str] = []

    def accept(dialog: Dialog) -> None:
        dialogs.append(dialog.type)
        dialog.accept()

    alice.on("dialog", accept)
    alice.goto(MANAGE)
    value_of(row(alice, "TLS_KEY")).press_sequentially("a key: ")
    value_of(row(alice, "TLS_KEY")).fill(PEM)
    assert MARK not in browser_storage(alice)
    alice.goto("/")
    assert dialogs == ["beforeunload"]
    alice.go_back()
    expect(row(alice, "TLS_KEY")).to_be_visible()
    assert value_of(row(alice, "TLS_KEY")).input_value() == ""
    assert MARK not in browser_storage(alice)


def test_revealing_in_edit_mode(alice: Page, world: World) -> None:
    set_secrets(world, {"TLS_KEY": PEM, "OTHER": "other"})
    alice.clock.install()
    alice.goto(MANAGE)
    line = row(alice, "TLS_KEY")
    line.get_by_role("button", name="Show the value").click()
    expect(value_of(line)).to_have_value(PEM)
    expect(alice.get_by_text("unsaved change")).to_have_count(0)  # revealing is no change
    value_of(line).fill(PEM + "more\n")
    expect(alice.get_by_text("1 unsaved change")).to_be_visible()
    other = row(alice, "OTHER")
    other.get_by_role("button", name="Show the value").click()
    expect(value_of(other)).to_have_value("other")
    alice.clock.fast_forward(31_000)
    expect(value_of(other)).to_have_value("")  # hidden after 30 seconds; typed values stay
    save_with_notes(alice)
    expect_saved(alice, 1)
    assert stored_value(f"{SHARED}/TLS_KEY") == PEM + "more\n"
    assert stored_value(f"{SHARED}/OTHER") == "other"


@pytest.mark.parametrize("javascript", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_values_are_saved_byte_for_byte(
    world: World, open_page: Callable[..., Page], javascript: bool
) -> None:
    values = {
        "PEM_KEY": PEM,
        "SPACES": "  a value \n",
        "LINE_FIRST": "\n\nafter two lines\n\n",
        "SIGNS": """<b>&amp;"'%20+{ä}\\n$(x) \u202e🎉""",
        "FULL": "é" * 2048,
    }
    alice = open_page(user=world.person("alice"), javascript=javascript)
    alice.goto(f"{MANAGE}?new={len(values)}")
    for number, (key, value) in enumerate(values.items()):
        fill_new(alice, number, key, value, "All branches")
    if javascript:
        save_with_notes(alice)
    else:
        alice.get_by_label("Keep line breaks at the ends of values").check()
        save_all(alice)
    expect_saved(alice, len(values))
    assert {key: stored_value(f"{SHARED}/{key}") for key in values} == values
    for key, value in values.items():
        alice.get_by_role("button", name=f"Reveal {key}").click()
        label = alice.get_by_label(f"Value of {key}", exact=True)
        shown = label if javascript else alice.locator("output")
        expect(shown).to_be_visible()
        assert shown.text_content() == value
        if not javascript:
            alice.go_back()


def test_a_denied_reveal_says_why(
    world: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("403")
    set_secrets(world, {"TLS_KEY": PEM}, world.dev)
    bob = open_page(user=world.person("bob"))
    bob.goto(LIST)
    world.dev.protected = True
    world.dev.save()
    bob.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(bob.get_by_role("alert")).to_contain_text(
        "does not allow revealing values on the branch"
    )
    assert MARK not in bob.content()


def test_without_javascript_the_value_is_not_cached(
    world: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("ERR_CACHE_MISS")
    set_secrets(world, {"TLS_KEY": PEM})
    alice = open_page(user=world.person("alice"), javascript=False)
    alice.goto(LIST)
    alice.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(alice.locator("output")).to_contain_text(MARK)
    alice.goto("/")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):  # the browser doesn't repeat the POST
        alice.go_back()
    alice.wait_for_url(
        "chrome-error://chromewebdata/"
    )  # the browser's error page follows a moment later
    assert MARK not in alice.content()
