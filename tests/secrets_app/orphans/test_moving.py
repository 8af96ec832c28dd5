"""Orphans are moved after a preview or at once, in parts, and for good only after a question."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from secrets_app.models import BinEntry, Secret
from secrets_app.pages import unknown as pages
from secrets_app.sync.unknown_removal import CHANGED
from tests.factories import (
    audit_rows,
    messages_of,
    reconcile_now,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access
from tests.secrets_app.orphans.test_orphans import (
    MOVE,
    ROOT,
    URL,
    all_paths,
    found,
    leave_some,
    words,
)


def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    """It names what would happen, and changes nothing."""
    leave_some(world)
    alice, chosen = client_for("alice"), [it for group in found(world) for it in group.orphans]
    write_outside(f"{ROOT}/old/THREE")
    reconcile_now(world)
    events = len(audit_rows(world))
    fields = {"move": [it.token for it in chosen], "preview": "on"}
    page = alice.post(MOVE, fields)
    assert page.status_code == 200
    assert "Nothing is changed yet." in page.text
    assert words(page).count("moves to the recycle bin, for 30 days") == 3
    assert CHANGED in page.text
    assert len(audit_rows(world)) == events
    assert len(all_paths(world)) == 4
    moved = alice.post(MOVE, {"all": page.context["going"]}, follow=True)
    assert messages_of(moved) == ["3 parameters moved to the recycle bin."]
    assert all_paths(world) == [f"{ROOT}/old/THREE"]


def test_preview_all(world: World, client_for: Callable[[str], Client]) -> None:
    leave_some(world)
    alice = client_for("alice")
    sent = {"all": alice.get(URL).context["all"], "preview": "on"}
    assert words(alice.post(MOVE, sent)).count("moves to the recycle bin") == 4


def test_boxes_of_a_form_are_within_the_limit(
    world: World,
    client_for: Callable[[str], Client],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    """Each group is a form of its own, and all of a group are one field."""
    assert pages.SHOWN < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS / 2
    monkeypatch.setattr(pages, "SHOWN", 1)
    leave_some(world)
    page = client_for("alice").get(URL)
    forms = re.findall(r'form="(move-[^"]+)" name="move"', page.text)
    assert len(forms) == len({*forms}) == 2
    assert "The first 1 of 2." in words(page)


def test_nothing_selected(world: World, client_for: Callable[[str], Client]) -> None:
    leave_some(world)
    response = client_for("alice").post(MOVE, {"preview": "on"}, follow=True)
    assert messages_of(response) == [pages.NOTHING]


def test_changed_since_it_was_listed(world: World, client_for: Callable[[str], Client]) -> None:
    leave_some(world)
    tokens = "\n".join(group.tokens for group in found(world))
    secret = Secret.objects.get(key="ONE")
    write_outside(all_paths(world)[0])
    write_outside(f"{ROOT}/old/FOUR")
    page = client_for("alice").post(MOVE, {"all": tokens})
    assert page.status_code == 422
    assert "Moved 1 of 4 parameters. 2 were not tried." in words(page)
    assert CHANGED in page.text
    assert Secret.objects.filter(pk=secret.pk).exists()
    page = client_for("alice").post(MOVE, {"all": page.context["going"]})
    assert page.status_code == 422
    assert "Moved 1 of 2 parameters." in words(page)
    assert {it.rpartition("/")[2] for it in all_paths(world)} == {"ONE", "FOUR"}


def test_in_parts(
    world: World, client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        write_outside(f"{ROOT}/old/KEY_{number:02}")
    reconcile_now(world)
    alice, header = client_for("alice"), {"HX-Request": "true"}
    [group] = found(world)
    sent = {"all": group.tokens, "change_set": alice.get(URL).context["change_set"]}
    for done in (10, 20):
        page = alice.post(MOVE, sent, headers=header)
        assert f"Moved {done} of 25 parameters." in page.text
        assert 'hx-trigger="load, submit"' in page.text
        left = re.search('name="all" value="([^"]+)"', page.text)
        assert left
        sent |= {"all": left[1], "done": str(done)}
    last = alice.post(MOVE, sent, headers=header)
    assert last["HX-Redirect"] == URL
    assert found(world) == []
    assert len({*BinEntry.objects.values_list("change_set", flat=True)}) == 1


def test_without_scripts(
    world: World, client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PATIENCE", pages.PATIENCE * 0)
    for number in range(12):
        write_outside(f"{ROOT}/old/KEY_{number:02}")
    reconcile_now(world)
    page = client_for("alice").post(MOVE, {"all": found(world)[0].tokens})
    assert "Moved 10 of 12 parameters." in page.text
    assert "Continue" in page.text


def test_no_recycle_bin(world: World, client_for: Callable[[str], Client], settings: Any) -> None:
    """It asks before anything is removed for good."""
    settings.BIN_DAYS = 0
    leave_some(world)
    alice = client_for("alice")
    for number in (2, 2):
        page = alice.post(MOVE, {"all": "\n".join(group.tokens for group in found(world))})
        assert page.status_code == 422
        assert f"Remove {number} for good" in words(page)
        left = page.context["going"]
        done = alice.post(MOVE, {"all": left, "without_copy": "on"}, follow=True)
        assert messages_of(done)[-1] == f"{number} parameters removed."
    assert found(world) == []


def test_for_good_only_what_cannot_be_kept(
    world: World, client_for: Callable[[str], Client], interrupted: InterruptedStore
) -> None:
    """Undo brings the others back."""
    write_outside(f"{ROOT}/old/A")
    write_outside(f"{ROOT}/old/B")
    reconcile_now(world)
    for _ in range(2):  # of both, and then of the first
        interrupted.before("read", deny_access)
    alice = client_for("alice")
    sent = {"all": found(world)[0].tokens, "without_copy": "on"}
    removed = alice.post(MOVE, sent, follow=True)
    assert messages_of(removed) == ["2 parameters removed."]
    assert [entry.key for entry in BinEntry.objects.filter(state="kept")] == ["B"]
    assert found(world) == []
    alice.post(next(iter(removed.context["messages"])).extra_tags)
    assert all_paths(world) == [f"{ROOT}/old/B"]
