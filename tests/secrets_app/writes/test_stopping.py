"""A process that is asked to stop in a long save ends after the current row, and answers."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from console.lib import stopping
from console.models import Branch
from secrets_app.store.errors import Unreachable
from tests.factories import (
    audit_rows,
    create_command,
    leased_secrets,
    reconciled_secret,
    save_secrets,
    secret_versions,
    set_secret,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    stopping.reset()


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end this process as usual, even if it was started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_it_works(world: World, interrupted: InterruptedStore) -> None:
    interrupted.after("put", lambda: interrupted.before("put", stopping.request_stop))
    outcomes = save_secrets(world, *(create_command(key) for key in "ABCD"))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "saved", "not_tried", "not_tried"]
    assert {outcome.message for outcome in outcomes[2:]} == {
        "Skipped because Branchkeep is stopping. Save again in a minute."
    }
    assert secret_versions(world) == {("", "A"): 1, ("", "B"): 1}
    assert [(entry.key, entry.outcome) for entry in audit_rows(world)] == [
        ("A", "succeeded"), ("B", "succeeded"), ("C", "failed"), ("D", "failed"),
    ]  # fmt: skip
    assert leased_secrets() == 0


def test_edit_mode_keeps_the_rest(
    world: World, interrupted: InterruptedStore, client_for: Any
) -> None:
    fields = {}
    for number, key in enumerate("AB", start=1):
        fields |= {f"new-{number}-key": key, f"new-{number}-value": "x", f"new-{number}-branch": ""}
    interrupted.after("put", stopping.request_stop)
    url = reverse("secrets_manage", args=[world.app.app_id])
    page = client_for("alice").post(url, fields)
    assert page.status_code == 422
    assert "Saved 1 of 2 changes." in page.text
    assert 'value="B"' in page.text
    assert "Branchkeep is stopping" in page.text


def test_deleting_a_branch(world: World, interrupted: InterruptedStore, client_for: Any) -> None:
    rows = [set_secret(world, key, branch=world.dev) for key in "AB"]
    interrupted.after("remove", stopping.request_stop)
    interrupted.before("list", lambda: pytest.fail("A stopping process doesn't reconcile."))
    url = reverse("branch_delete", args=[world.app.app_id, world.dev.pk])
    page = client_for("alice").post(url, {"remove": [f"{row.pk}:1" for row in rows]})
    assert page.status_code == 422
    assert "Branchkeep is stopping" in page.text
    assert secret_versions(world) == {("dev", "B"): 1}
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_finishes_its_step(
    world: World, interrupted: InterruptedStore, number: signal.Signals
) -> None:
    reconciled_secret(world, "OTHER")
    interrupted.before("put", lambda: os.kill(os.getpid(), number))
    with stopping.finishing_current_step():
        saved, rest = save_secrets(world, create_command("A"), create_command("B"))
    assert (saved.outcome, rest.outcome) == ("saved", "not_tried")
    assert not stopping.is_stopping()  # in the next command of this process


def test_a_second_signal_ends_the_command() -> None:
    with stopping.finishing_current_step():
        os.kill(os.getpid(), signal.SIGINT)
        assert stopping.is_stopping()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_an_ignored_signal_stays_ignored() -> None:
    """As in a command that a shell runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stopping.finishing_current_step():
        os.kill(os.getpid(), signal.SIGINT)
        assert not stopping.is_stopping()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_the_server_still_does_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    try:
        stopping.stop_first(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stopping.is_stopping()
    assert seen == [signal.SIGTERM]


def test_an_unreachable_store_is_named_first(world: World, interrupted: InterruptedStore) -> None:
    def fail() -> None:
        stopping.request_stop()
        raise Unreachable

    interrupted.before("put", fail)
    outcomes = save_secrets(world, create_command("A"), create_command("B"))
    assert [outcome.outcome for outcome in outcomes] == ["failed", "not_tried"]
    assert outcomes[1].message == "Skipped because an earlier row failed. Save again."
