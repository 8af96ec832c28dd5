"""With AUDIT_LOG=stdout, each audit row is a JSON line for a log collector (guarantee 11)."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from console.access.actors import Actor
from console.audit import chain, forwarding
from console.audit.events import (
    Action,
    Outcome,
    Target,
    attempt,
    attempt_all,
    conclude,
    conclude_all,
)
from console.lib.paths import BASE_DIR
from console.models import AuditEvent, AuditOutcome
from tests.console.audit.test_log_injection import HARMFUL, HOSTILE
from tests.factories import set_secret
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db(transaction=True)
BOB = Actor("web", "bob@example.org", 7, address="203.0.113.7", agent="Lynx/2.9", request_id="r")


@pytest.fixture
def forwarded_lines(
    settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that gives the lines a server process wrote to standard output."""
    settings.AUDIT_LOG = "stdout"
    written: list[str] = []
    monkeypatch.setattr(forwarding.output, "serving", True)

    def forwarded_lines() -> list[dict[str, Any]]:
        written.append(capsys.readouterr().out)
        text = "".join(written)
        assert not HARMFUL.search(text), repr(text)
        assert text.isascii()
        return [json.loads(line) for line in text.splitlines()]

    return forwarded_lines


def test_it_works(forwarded_lines: Callable[[], list[dict[str, Any]]]) -> None:
    event = attempt(BOB, Action.SECRET_REVEALED, Target("d1shop", "main", "KEY"), version_before=2)
    conclude(event.pk, Outcome.SUCCEEDED, version_after=2, detail="told")
    outcome = AuditOutcome.objects.get()
    assert forwarded_lines() == [
        {
            "type": "attempt",
            "id": event.pk,
            "at": event.at.isoformat(timespec="microseconds"),
            "action": "secret.reveal",
            "actor_kind": "web",
            "actor_id": 7,
            "actor": "bob@example.org",
            "app_id": "d1shop",
            "branch": "main",
            "subject": "KEY",
            "version_before": 2,
            "address": "203.0.113.7",
            "agent": "Lynx/2.9",
            "request_id": "r",
            "mark": event.mark,
        },
        {
            "type": "outcome",
            "id": outcome.pk,
            "event_id": event.pk,
            "at": outcome.at.isoformat(timespec="microseconds"),
            "outcome": "succeeded",
            "version_after": 2,
            "detail": "told",
            "mark": outcome.mark,
        },
    ]


def test_concurrent_writers(forwarded_lines: Callable[[], list[dict[str, Any]]]) -> None:
    events = attempt_all(BOB, [(Action.SIGN_IN, Target(), None)] * 3, change_set=None)
    conclude_all((event.pk, Outcome.DENIED, None, "") for event in events)
    assert [line["type"] for line in forwarded_lines()] == ["attempt"] * 3 + ["outcome"] * 3


def test_off_by_default(forwarded_lines: Callable[[], list[dict[str, Any]]], settings: Any) -> None:
    settings.AUDIT_LOG = ""
    attempt(BOB, Action.SIGN_IN)
    chain.append_links()
    assert forwarded_lines() == []


def test_rolled_back_rows_are_not_forwarded(
    forwarded_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    with transaction.atomic():
        attempt(BOB, Action.SIGN_IN)
        transaction.set_rollback(True)
    assert forwarded_lines() == []


def test_head_of_the_chain_is_forwarded(
    forwarded_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    attempt(BOB, Action.SIGN_IN)
    chain.append_links()
    assert forwarded_lines()[-1]["type"] == "seal"
    assert forwarded_lines()[-1]["head"] == str(chain.head())


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_control_characters_in_names(
    forwarded_lines: Callable[[], list[dict[str, Any]]], hostile: str
) -> None:
    kept = hostile.replace("\0", "\N{REPLACEMENT CHARACTER}")
    actor = Actor("web", kept, agent=kept)
    attempt(actor, Action.SECRET_CHANGED, Target("d1shop", kept, hostile))
    [line] = forwarded_lines()
    assert [line[name] for name in ("actor", "agent", "branch", "subject")] == [kept] * 4


def test_line_fits_the_atomic_pipe_size(
    forwarded_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    long = "\N{PILE OF POO}"
    actor = Actor("web", long * 254, agent=long * 200)
    attempt(actor, Action.SECRET_CHANGED, Target("d1shop", long * 255, long * 1011))
    [line] = forwarded_lines()
    assert len(json.dumps(line)) < 4096
    assert line["cut"] is True
    assert line["mark"] == AuditEvent.objects.get().mark  # which identifies the whole row


def test_reveal_does_not_forward_the_value(
    forwarded_lines: Callable[[], list[dict[str, Any]]],
    world: World,
    client_for: Callable[[str], Client],
) -> None:
    secret = set_secret(world, "API_KEY", "canary-in-the-coal-mine", world.dev)
    response = client_for("alice").post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert "canary-in-the-coal-mine" in response.text
    assert "canary" not in json.dumps(forwarded_lines())
    assert [line.get("action") for line in forwarded_lines() if line["type"] == "attempt"] == [
        "secret.create",
        "session.sign_in",
        "secret.reveal",
    ]


def test_closed_stream_fails_nothing(
    forwarded_lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Gone())
        event = attempt(BOB, Action.SIGN_IN)
        conclude(event.pk, Outcome.SUCCEEDED)
    assert event.outcomes.count() == 1


def test_commands_do_not_forward(
    forwarded_lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding.output, "serving", False)
    beside = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", beside)
        attempt(BOB, Action.SIGN_IN)
    assert forwarded_lines() == []
    assert json.loads(beside.getvalue())["type"] == "attempt"


@pytest.mark.parametrize(("value", "started"), [("stdout", True), ("syslog", False)])
def test_invalid_setting(value: str, started: bool) -> None:
    environment = os.environ | {"AUDIT_LOG": value}
    script = (
        "import console.wsgi; from console.audit.forwarding import output; print(output.serving)"
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | {"DJANGO_SETTINGS_MODULE": "console.settings"},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.stdout == "True\n") is started
    assert started or "AUDIT_LOG is “syslog”. Set it to “stdout”, or unset it." in process.stderr
