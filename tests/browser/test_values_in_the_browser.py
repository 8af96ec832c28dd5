"""Values are on screen only while they are needed, and nowhere else (guarantees 5, 6)."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Dialog, Error, Page, expect

from tests.browser.steps import (
    LIST,
    MANAGE,
    PEM,
    SHARED,
    expect_saved,
    fill_new,
    give,
    kept_by,
    row,
    save_all,
    stored,
    value_of,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARK = "MIIE vQ="  # of PEM
ATTRIBUTES = (
    "[...document.querySelectorAll('*')].flatMap((it) => [...it.attributes]).map((it) => it.value)"
)


def test_it_works(alice: Page, world: World) -> None:
    give(world, {"TLS_KEY": PEM})
    alice.clock.install()
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.goto(LIST)
    line = alice.locator("tbody tr").first
    line.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(alice.get_by_label("Value of TLS_KEY", exact=True)).to_be_visible()
    assert alice.get_by_label("Value of TLS_KEY", exact=True).text_content() == PEM
    assert MARK not in kept_by(alice)
    assert alice.evaluate(ATTRIBUTES) != []
    assert not [it for it in alice.evaluate(ATTRIBUTES) if MARK in it]

    line.get_by_role("button", name="Copy the value of TLS_KEY").click()
    expect(line.get_by_role("button", name="Copied")).to_be_visible()
    assert alice.evaluate("navigator.clipboard.readText()") == PEM

    alice.clock.fast_forward(31_000)
    expect(line).to_contain_text("***")
    assert MARK not in alice.content()


def test_hidden_once_the_page_is_left(alice: Page, world: World) -> None:
    give(world, {"TLS_KEY": PEM})
    alice.goto(LIST)
    alice.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(alice.get_by_label("Value of TLS_KEY", exact=True)).to_be_visible()
    alice.goto("/")
    alice.go_back()
    expect(alice.get_by_role("button", name="Reveal TLS_KEY")).to_be_visible()
    assert MARK not in alice.content()
    assert MARK not in kept_by(alice)


def test_a_typed_value_is_gone_once_the_page_is_left(alice: Page, world: World) -> None:
    give(world, {"TLS_KEY": "x"})
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    alice.on("dialog", leave)
    alice.goto(MANAGE)
    value_of(row(alice, "TLS_KEY")).press_sequentially("a key: ")
    value_of(row(alice, "TLS_KEY")).fill(PEM)
    assert MARK not in kept_by(alice)
    alice.goto("/")
    assert asked == ["beforeunload"]
    alice.go_back()
    expect(row(alice, "TLS_KEY")).to_be_visible()
    assert value_of(row(alice, "TLS_KEY")).input_value() == ""
    assert MARK not in kept_by(alice)


def test_the_eye_in_the_edit_mode(alice: Page, world: World) -> None:
    give(world, {"TLS_KEY": PEM, "OTHER": "other"})
    alice.clock.install()
    alice.goto(MANAGE)
    line = row(alice, "TLS_KEY")
    line.get_by_role("button", name="Show the value").click()
    expect(value_of(line)).to_have_value(PEM)
    expect(alice.get_by_text("unsaved change")).to_have_count(0)  # looking is no change
    value_of(line).fill(PEM + "more\n")
    expect(alice.get_by_text("1 unsaved change")).to_be_visible()
    other = row(alice, "OTHER")
    other.get_by_role("button", name="Show the value").click()
    expect(value_of(other)).to_have_value("other")
    alice.clock.fast_forward(31_000)
    expect(value_of(other)).to_have_value("")  # hidden by itself; what was typed stays
    save_all(alice)
    expect_saved(alice, 1)
    assert stored(f"{SHARED}/TLS_KEY") == PEM + "more\n"
    assert stored(f"{SHARED}/OTHER") == "other"


@pytest.mark.parametrize("javascript", [True, False])
def test_values_go_in_byte_for_byte(
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
    save_all(alice)
    expect_saved(alice, len(values))
    assert {key: stored(f"{SHARED}/{key}") for key in values} == values
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
    give(world, {"TLS_KEY": PEM}, world.dev)
    bob = open_page(user=world.person("bob"))
    bob.goto(LIST)
    world.dev.protected = True
    world.dev.save()
    bob.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(bob.get_by_role("alert")).to_contain_text("does not allow this on the branch dev")
    assert MARK not in bob.content()


def test_without_javascript_it_is_gone_too(
    world: World, open_page: Callable[..., Page], complaints: Any
) -> None:
    complaints.expect("ERR_CACHE_MISS")
    give(world, {"TLS_KEY": PEM})
    alice = open_page(user=world.person("alice"), javascript=False)
    alice.goto(LIST)
    alice.get_by_role("button", name="Reveal TLS_KEY").click()
    expect(alice.locator("output")).to_contain_text(MARK)
    alice.goto("/")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):  # the browser would have to post again
        alice.go_back()
    alice.wait_for_url("chrome-error://chromewebdata/")  # the browser's own page comes a bit later
    assert MARK not in alice.content()
